//! Collecting what is counted and timed, and showing it in the text format of Prometheus.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper bounds of what histograms count, in seconds: from a lookup in memory to a slow host.
const BUCKETS: [f64; 16] =
    [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0];

/// How often what was timed is put into its histogram, so that it does not pile up while nobody asks.
const UPKEEP: Duration = Duration::from_secs(5);

/// What was collected in this process; the same for all servers in it.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Begins to collect. Nothing if the program around has a collector of its own already.
    pub(crate) fn collect() -> Option<Self> {
        static COLLECTOR: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
        COLLECTOR.get_or_init(install).clone().map(Self)
    }

    /// All of it, with how the process is doing at this moment.
    pub(crate) fn render(&self) -> String {
        metrics_process::Collector::default().collect();
        self.0.render()
    }

    /// Keeps histograms small, for ever.
    pub(crate) async fn keep_up(self) {
        let mut interval = tokio::time::interval(UPKEEP);
        loop {
            interval.tick().await;
            self.0.run_upkeep();
        }
    }
}

fn install() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)
        .and_then(PrometheusBuilder::install_recorder);
    match builder {
        Ok(handle) => {
            metrics_process::Collector::default().describe();
            callboard_api::describe_metrics();
            callboard_engine::describe_metrics();
            Some(handle)
        }
        Err(error) => {
            tracing::warn!(%error, "metrics are collected by somebody else");
            None
        }
    }
}
