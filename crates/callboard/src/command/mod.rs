//! The command line. One file a command.

mod serve;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::Callboard;
use crate::logging::{self, LogFormat};

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

/// Runs the command line of the `callboard` binary, with a server that `extend` adds to: the whole `main` of a
/// binary of your own. The process ends with what this returns.
///
/// ```no_run
/// use std::process::ExitCode;
/// use callboard::sdk::{Module, ModuleConfig, ModuleError, Registry};
///
/// struct Frobs;
///
/// impl Module for Frobs {
///     fn name(&self) -> &str {
///         "frobs"
///     }
///
///     fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
///         // registry.add_provider(…), with what config.section("catalog.providers.frobs")? says
///         Ok(())
///     }
/// }
///
/// fn main() -> ExitCode {
///     callboard::run(|catalog| catalog.add_module(Frobs))
/// }
/// ```
pub fn run(extend: impl FnOnce(Callboard) -> Callboard) -> ExitCode {
    match run_command(Arguments::parse(), extend) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run_command(arguments: Arguments, extend: impl FnOnce(Callboard) -> Callboard) -> Result<()> {
    logging::start(arguments.log_format, &arguments.log)?;
    match arguments.command {
        Command::Serve(arguments) => serve::run(arguments, extend),
    }
}
