//! `callboard-bench`: measures a whole server, and prints a table.
//!
//! | command | what it measures |
//! | --- | --- |
//! | `query` | every kind of query over HTTP, beside a server that does nothing but send bytes |
//!
//! The server is this same program, started as a process of its own with the arguments of `callboard`, so that
//! one command builds and measures everything.

#![expect(clippy::print_stdout, reason = "the table is the result")]

mod battery;
mod constant_server;
mod load;
mod machine;
mod query;
mod seed;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(name = "callboard-bench", about = "Measures a whole server, and prints a table")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures queries over HTTP
    Query(query::QueryArguments),
    /// Answers everything with the same bytes; the yardstick of `query`
    #[command(hide = true)]
    Constant(constant_server::ConstantArguments),
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return callboard::run(|catalog| catalog);
    }
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Query(arguments) => query::run(arguments).await,
            Command::Constant(arguments) => constant_server::run(arguments).await,
        }
    })
}
