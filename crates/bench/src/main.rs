//! `callboard-bench`: measures a whole server, and prints a table.
//!
//! | command | what it measures |
//! | --- | --- |
//! | `ingest` | first ingestion of a provider's entities, beside the same rows written by plain SQL; the same again |
//! | `steady` | refreshes in which nothing changed |
//! | `delta` | how soon a change of some entities shows |
//! | `hotspot` | one group with very many members |
//! | `delete` | a location with very many entities is taken off |
//! | `soak` | whether nodes and database may be killed, paused, cut off and filled up; see `soak/mod.rs` |
//! | `query` | every route that reads, over HTTP, beside a server that does nothing but send bytes |
//!
//! The server is this same program, started as a process of its own with the arguments of `callboard`, so that
//! one command builds and measures everything. All but `soak` have another catalog do the same, if its URL is given.

#![expect(clippy::print_stdout, reason = "the table is the result")]

mod asked;
mod battery;
mod constant_server;
mod contender;
mod control;
mod database;
mod delete;
mod delta;
mod descriptor_files;
mod hotspot;
mod ingest;
mod load;
mod machine;
mod query;
mod samples;
mod seed;
mod side_by_side;
mod soak;
mod steady;
mod table;
mod tally;
mod usage;
mod yardstick;

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
    /// Measures how fast the entities of a provider are there
    Ingest(ingest::IngestArguments),
    /// Measures what refreshes cost in which nothing changed
    Steady(steady::SteadyArguments),
    /// Measures how soon a change of some entities shows
    Delta(delta::DeltaArguments),
    /// Measures one group with very many members
    Hotspot(hotspot::HotspotArguments),
    /// Measures the deletion of a location with very many entities
    Delete(delete::DeleteArguments),
    /// Measures queries over HTTP
    Query(query::QueryArguments),
    /// Disturbs nodes and database for a while, and compares what they end in with a catalog that is left alone
    Soak(soak::SoakArguments),
    /// Answers everything with the same bytes; the yardstick of `query`
    #[command(hide = true)]
    Constant(constant_server::ConstantArguments),
}

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return callboard::run(|catalog| catalog.add_module(control::BenchModule));
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
            Command::Ingest(arguments) => ingest::run(arguments).await,
            Command::Steady(arguments) => steady::run(arguments).await,
            Command::Delta(arguments) => delta::run(arguments).await,
            Command::Hotspot(arguments) => hotspot::run(arguments).await,
            Command::Delete(arguments) => delete::run(arguments).await,
            Command::Query(arguments) => query::run(arguments).await,
            Command::Soak(arguments) => soak::run(arguments).await,
            Command::Constant(arguments) => constant_server::run(arguments).await,
        }
    })
}
