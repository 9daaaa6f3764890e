//! For tests of a whole catalog server: the server as a process that can be stopped and killed, an upstream whose
//! files change, fail and count how often they were read, and a PostgreSQL server that is thrown away afterwards.
//!
//! It is for tests only, and says what went wrong by panicking. It knows the server from outside: its command
//! line, its configuration and its HTTP API.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test ends where something goes wrong")]

mod postgres;
mod process;
mod upstream;
mod wait;

pub use postgres::{PostgresServer, measure_database, postgres_database};
pub use process::{ProcessUsage, ServerProcess, StoppingProcess, free_port};
pub use upstream::Upstream;
pub use wait::until;
