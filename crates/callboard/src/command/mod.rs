//! The command line. One file a command.

mod doctor;
mod export;
mod full_export;
mod full_export_lines;
mod full_import;
mod import;
mod location_list;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use callboard_config::{Config, ConfigSources, Environment, load};
use clap::{Parser, Subcommand};

use crate::Callboard;
use crate::logging::{self, LogArguments, print_warning};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "callboard",
    version,
    about = "A software catalog server that takes the place of the Backstage catalog backend",
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    log: LogArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves the catalog over HTTP
    Serve(serve::ServeArguments),
    /// Checks that everything stored, and the index of a running server, is as it has to be. Exits with 0 if it is, 1
    /// if not, 2 if that cannot be told
    Doctor(doctor::DoctorArguments),
    /// Writes what cannot be had again from the sources, the registered locations, as lines of JSON; on demand, what the
    /// sources said, too
    Export(export::ExportArguments),
    /// Takes over what is in an export, or registers the locations of a running Callboard or Backstage
    Import(import::ImportArguments),
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
        Ok(code) => code,
        Err(error) => {
            logging::print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run_command(arguments: Arguments, extend: impl FnOnce(Callboard) -> Callboard) -> Result<ExitCode> {
    let Arguments { log, command } = arguments;
    // The server starts it itself, with its traces.
    if !matches!(command, Command::Serve(_)) {
        logging::start(&log, None)?;
    }
    match command {
        Command::Serve(arguments) => serve::run(arguments, &log, extend).map(|()| ExitCode::SUCCESS),
        Command::Doctor(arguments) => Ok(doctor::run(&arguments)),
        Command::Export(arguments) => export::run(arguments).map(|()| ExitCode::SUCCESS),
        Command::Import(arguments) => import::run(arguments),
    }
}

/// The configuration in these files; what is probably not meant is printed.
fn load_config(files: Vec<PathBuf>) -> Result<Config> {
    let sources = ConfigSources { files, environment: Environment::of_process(), ..ConfigSources::default() };
    let config = load(&sources)?;
    for warning in config.warnings() {
        print_warning(&warning);
    }
    for dropped in config.dropped() {
        tracing::debug!(?dropped, "a value of the configuration counts as not given");
    }
    Ok(config)
}
