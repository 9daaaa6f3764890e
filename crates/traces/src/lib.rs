//! Distributed traces: requests take up the trace that their caller is in, calls to other hosts pass it on, and a
//! collector is sent what took how long.
//!
//! This crate knows OpenTelemetry, and is the only one that does. It must not know routes, what is asked of other
//! hosts, or what is logged: its spans are apart from those of the log, and have a target of their own, [`TARGET`].
//!
//! All of it is behind the feature `otlp`. Without that, the functions here are there and do nothing, so that callers
//! need not care. A newcomer starts at `traced.rs`; `export.rs` has the way to the collector.

#[cfg(feature = "otlp")]
mod export;
#[cfg(feature = "otlp")]
mod traced;
#[cfg(not(feature = "otlp"))]
mod untraced;

#[cfg(feature = "otlp")]
pub use export::Exporter;
#[cfg(feature = "otlp")]
pub use traced::{answered, request_span, send};
#[cfg(not(feature = "otlp"))]
pub use untraced::{Exporter, answered, request_span, send};

use thiserror::Error;

/// Whether this build traces anything at all.
pub const IS_BUILT_IN: bool = cfg!(feature = "otlp");

/// The target of all spans of this crate. The log leaves them out; the exporter takes nothing else.
pub const TARGET: &str = "callboard_traces";

/// Traces cannot be exported as the environment says.
#[derive(Debug, Error)]
pub enum ExporterError {
    /// The protocol is another one.
    #[error("{variable} is {value:?}; traces are sent as {PROTOCOL} alone, to port 4318 of most collectors")]
    Protocol {
        /// The variable that says so.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// One of the other variables cannot be understood.
    #[error("the exporter of traces cannot be set up; see the variables that begin with OTEL_EXPORTER_OTLP")]
    SetUp(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Whether the environment asks for traces to be exported: it names a collector, or the exporter, and does not turn
/// them off.
pub fn are_asked_for(variable: impl Fn(&str) -> Option<String>) -> bool {
    let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
    if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return false;
    }
    match variable("OTEL_TRACES_EXPORTER") {
        Some(exporter) => exporter == "otlp",
        None => [ENDPOINT, TRACES_ENDPOINT].into_iter().any(|name| variable(name).is_some()),
    }
}

/// The only protocol there is.
const PROTOCOL: &str = "http/protobuf";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_exported_where_a_collector_is_named() {
        let cases: [(&[(&str, &str)], bool); 8] = [
            (&[], false),
            (&[(ENDPOINT, "")], false),
            (&[(ENDPOINT, "http://collector:4318")], true),
            (&[(TRACES_ENDPOINT, "http://collector:4318/v1/traces")], true),
            (&[("OTEL_TRACES_EXPORTER", "otlp")], true),
            (&[("OTEL_TRACES_EXPORTER", "none"), (ENDPOINT, "http://collector:4318")], false),
            (&[("OTEL_SDK_DISABLED", "TRUE"), (ENDPOINT, "http://collector:4318")], false),
            (&[("OTEL_SDK_DISABLED", "false"), (ENDPOINT, "http://collector:4318")], true),
        ];
        for (variables, expected) in cases {
            let variable = |name: &str| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(are_asked_for(variable), expected, "{variables:?}");
        }
    }
}
