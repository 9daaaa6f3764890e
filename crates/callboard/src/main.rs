//! The stock binary: the library with nothing added.

use std::process::ExitCode;

// The index is many small long-lived allocations beside short-lived ones of requests; the system's allocator
// keeps far more memory for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    callboard::run(|catalog| catalog)
}
