//! For tests of extensions, and of whole catalog servers. It waits for states instead of sleeping.
//!
//! | to test | there is |
//! | --- | --- |
//! | one processor | [`ProcessorRun`]: runs its hooks on an entity or a location, and says what came out |
//! | a provider, a module, anything in a catalog | [`TestCatalog`]: a whole server inside of the test, with a database in memory, [a clock](FakeClock) that can be put ahead, and its log |
//! | what reads URLs | [`FakeFiles`], without a network; or [`Upstream`], a server whose files change and fail |
//! | a whole program | [`ServerProcess`]: runs it as a process that can be stopped and killed |
//! | what needs PostgreSQL | [`PostgresServer`], thrown away afterwards |
//! | what takes a while | [`until`] |
//!
//! A policy, a parser or a placeholder is a function: call it.
//!
//! It is for tests only, and says what went wrong by panicking. It needs nothing but the faces of the crates that its
//! users see: the server's library and its traits, the command line, the HTTP API. A newcomer starts with `catalog.rs`.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test ends where something goes wrong")]

mod catalog;
mod clock;
mod comparison;
mod files;
mod log;
mod own_runtime;
mod postgres;
mod process;
mod processor_run;
mod upstream;
mod wait;

pub use catalog::{TestCatalog, TestCatalogBuilder};
pub use clock::FakeClock;
pub use comparison::comparable;
pub use files::FakeFiles;
pub use postgres::{PostgresServer, fill_disk, free_disk, measure_database, postgres_database};
pub use process::{ProcessUsage, ServerProcess, StoppingProcess, free_port};
pub use processor_run::{ProcessorOutcome, ProcessorRun};
pub use reqwest::Method;
pub use upstream::Upstream;
pub use wait::until;
