//! Log lines, for people or for machines, on standard error; and how errors look that end the program.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use callboard_config::{ConfigError, Problem};
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Starts logging.
pub(crate) fn start(format: LogFormat, filter: &str) -> Result<()> {
    let filter = EnvFilter::try_new(filter).with_context(|| format!("--log {filter} is not a log filter"))?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            subscriber.with_ansi(colour).with_target(false).init();
        }
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    Ok(())
}

/// Prints why the program ends, with the place in the configuration where that is the reason.
#[expect(clippy::print_stderr, reason = "the program ends with it")]
pub(crate) fn print_error(error: &anyhow::Error) {
    match error.downcast_ref::<ConfigError>() {
        Some(error) => eprintln!("{:?}", miette::Report::new(error.diagnostic())),
        None => eprintln!("error: {error:#}"),
    }
}

/// Prints something in the configuration that is probably not meant.
#[expect(clippy::print_stderr, reason = "a drawing of several lines does not fit a log line")]
pub(crate) fn print_warning(problem: &Problem) {
    eprintln!("{:?}", miette::Report::new(problem.warning_diagnostic()));
}
