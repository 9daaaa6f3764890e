//! The command line. One file a command.

mod serve;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::logging::LogFormat;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "callboard",
    version,
    about = "A software catalog server that takes the place of the Backstage catalog backend",
    max_term_width = 100
)]
pub(crate) struct Arguments {
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t, env = "CALLBOARD_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or filters such as `callboard_engine=debug`
    #[arg(long, global = true, default_value = "info", env = "CALLBOARD_LOG")]
    log: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the catalog over HTTP
    Serve(serve::ServeArguments),
}

/// Runs the command that was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<()> {
    crate::logging::start(arguments.log_format, &arguments.log)?;
    match arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
    }
}
