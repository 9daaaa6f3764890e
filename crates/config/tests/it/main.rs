//! Tests of the configuration through its public face, a file per feature.
#![expect(clippy::expect_used, reason = "a helper that fails is a test that fails")]
#![expect(
    clippy::needless_pass_by_value,
    clippy::duration_suboptimal_units,
    reason = "tables of cases read better with plain values, all in one unit"
)]

mod backend;
mod catalog;
mod database;
mod diagnostics;
mod duration;
mod includes;
mod layers;
mod other_sections;
mod overrides;
mod paths;
mod project;
mod secrets;
mod warnings;
