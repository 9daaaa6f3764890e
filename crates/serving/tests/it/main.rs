//! Servers on real sockets, and clients of all kinds.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the lints' exception for tests does not cover their helper functions"
)]

mod ending;
mod limits;
mod protocols;
mod server;
