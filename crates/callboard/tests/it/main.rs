//! The binary, as its users run it.

mod crash;
mod serve;

use callboard_testkit::ServerProcess;
use serde_json::Value;

/// A server of the binary under test.
fn server(config: Value) -> ServerProcess {
    ServerProcess::new(env!("CARGO_BIN_EXE_callboard"), config)
}
