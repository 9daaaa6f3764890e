//! Traces, if the environment asks for them and the build has them.

use anyhow::Result;
use callboard_traces::{Exporter, IS_BUILT_IN};
use tokio::runtime::Handle;

use crate::logging::TracesLayer;

/// The way of traces to their collector.
pub(crate) struct Traces {
    are_asked_for: bool,
    exporter: Option<Exporter>,
}

impl Traces {
    /// As the `OTEL_…` variables of the process say.
    ///
    /// # Errors
    ///
    /// They ask for something that there is not.
    pub(crate) fn from_environment(runtime: &Handle) -> Result<Self> {
        let are_asked_for = callboard_traces::are_asked_for(|name| std::env::var(name).ok());
        let exporter = if are_asked_for && IS_BUILT_IN {
            Exporter::from_environment(callboard_auth::backend_client()?, runtime.clone())?
        } else {
            None
        };
        Ok(Self { are_asked_for, exporter })
    }

    /// What picks them up.
    pub(crate) fn layer(&self) -> Option<TracesLayer> {
        self.exporter.as_ref().map(|exporter| Box::new(exporter.layer()) as TracesLayer)
    }

    /// Says in the log what becomes of traces, once there is one.
    pub(crate) fn announce(&self) {
        if self.exporter.is_some() {
            tracing::info!("traces are sent to the collector that the environment names");
        } else if self.are_asked_for {
            tracing::warn!(
                "the environment asks for traces, and this binary has none: build it with `--features otlp`"
            );
        }
    }

    /// Sends what is left. Not to be called from a task.
    pub(crate) fn shut_down(self) {
        if let Some(exporter) = self.exporter {
            exporter.shut_down();
        }
    }
}
