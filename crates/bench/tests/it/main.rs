//! The program, as its users call it, on small catalogs.

#![expect(
    clippy::unwrap_used,
    reason = "the lint's exception for tests does not cover their helper functions"
)]

mod commands;
mod query;
