//! Log lines, for people or for machines, on standard error; and how errors look that end the program.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use callboard_config::{ConfigError, Problem};
use clap::{Args, ValueEnum};
use tracing::Subscriber;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, registry};

use crate::log_fields::Fields;

/// What picks traces up, beside the lines.
pub(crate) type TracesLayer = Box<dyn Layer<Registry> + Send + Sync>;

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct LogArguments {
    /// How log lines look
    #[arg(long = "log-format", global = true, value_enum, default_value_t, env = "CALLBOARD_LOG_FORMAT")]
    format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or filters such as `callboard_engine=debug`
    #[arg(long = "log", global = true, default_value = "info", env = "CALLBOARD_LOG")]
    filter: String,
}

/// Starts logging. What `traces` picks up is not logged.
pub(crate) fn start(log: &LogArguments, traces: Option<TracesLayer>) -> Result<()> {
    let LogArguments { format, filter: written } = log;
    let filter =
        EnvFilter::try_new(written).with_context(|| format!("--log {written} is not a log filter"))?;
    match traces {
        // A filter for all costs less than one of the lines.
        None => match without_spans(written) {
            Some(targets) => registry().with(lines(*format)).with(targets).init(),
            None => registry().with(lines(*format)).with(filter).init(),
        },
        Some(traces) => {
            let filter = filter.and(filter_fn(|metadata| metadata.target() != callboard_traces::TARGET));
            registry().with(traces).with(lines(*format).with_filter(filter)).init();
        }
    }
    Ok(())
}

/// The same filter, if it is about levels and targets alone. The one that knows spans looks each of them up, several times for
/// every request.
fn without_spans(written: &str) -> Option<Targets> {
    let directives = written.split(',').map(str::trim).filter(|directive| !directive.is_empty());
    let directives = directives.collect::<Vec<_>>().join(",");
    if directives.is_empty() || directives.contains('[') { None } else { directives.parse().ok() }
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let lines = fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            lines.fmt_fields(Fields::default()).with_ansi(colour).with_target(false).boxed()
        }
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    }
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

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn filters_without_spans_are_told_apart() {
        let cases: [(&str, Option<[bool; 3]>); 7] = [
            ("info", Some([true, false, false])),
            ("warn,callboard_api=debug,", Some([false, true, false])),
            ("callboard_engine", Some([false, false, true])),
            ("off", Some([false; 3])),
            ("", None),
            ("info,[request]=debug", None),
            ("callboard_api[{status}]=debug", None),
        ];
        let lines = [
            ("tokio", Level::INFO),
            ("callboard_api::layers", Level::DEBUG),
            ("callboard_engine", Level::TRACE),
        ];
        for (written, expected) in cases {
            EnvFilter::try_new(written).unwrap();
            let targets = without_spans(written);
            let are_logged =
                targets.map(|targets| lines.map(|(target, level)| targets.would_enable(target, &level)));
            assert_eq!(are_logged, expected, "{written}");
        }
    }
}
