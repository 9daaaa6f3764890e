//! The stock binary: the library with nothing added.

mod command;
mod example_catalog;
mod logging;

use std::process::ExitCode;

use clap::Parser;

// The index is many small long-lived allocations beside short-lived ones of requests; the system's allocator
// keeps far more memory for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = command::Arguments::parse();
    match command::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::print_error(&error);
            ExitCode::FAILURE
        }
    }
}
