//! The way to a collector, by OTLP: protobuf over HTTP.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::Client;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use crate::{ExporterError, PROTOCOL, TARGET};

/// The name of the service, unless `OTEL_SERVICE_NAME` says another one.
const SERVICE: &str = "callboard";
/// Answers of collectors are a few bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Sends spans to a collector, in batches, from a thread of its own.
#[derive(Debug)]
pub struct Exporter {
    provider: SdkTracerProvider,
}

impl Exporter {
    /// Exports as the `OTEL_…` variables of the process say, by calls of `client` on `runtime`. The caller has found
    /// out that they [ask for it](crate::are_asked_for).
    ///
    /// # Errors
    ///
    /// The environment asks for something that there is not.
    pub fn from_environment(client: Client, runtime: Handle) -> Result<Option<Self>, ExporterError> {
        for variable in ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"] {
            match std::env::var(variable) {
                Ok(value) if !value.is_empty() && value != PROTOCOL => {
                    return Err(ExporterError::Protocol { variable, value });
                }
                _ => {}
            }
        }
        let client = CollectorClient { client, runtime, is_failing: AtomicBool::new(false) };
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter = exporter.map_err(|error| ExporterError::SetUp(error.into()))?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none_or(|name| name.is_empty()) {
            resource = resource.with_service_name(SERVICE);
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Some(Self { provider }))
    }

    /// What picks the spans up; a layer of the process's subscriber.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(TARGET, LevelFilter::INFO))
    }

    /// Sends what is left, and ends. The runtime has to be there still. It waits for the collector, so it must not be
    /// called from a task.
    pub fn shut_down(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last traces may not have arrived at the collector");
        }
    }
}

/// Calls the collector. The thread that waits for the answers has no runtime.
struct CollectorClient {
    client: Client,
    runtime: Handle,
    is_failing: AtomicBool,
}

impl fmt::Debug for CollectorClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CollectorClient").finish_non_exhaustive()
    }
}

impl CollectorClient {
    /// Tells of the first failure, and of the first success after it.
    fn note(&self, failure: Option<&str>) {
        let was_failing = self.is_failing.swap(failure.is_some(), Ordering::Relaxed);
        match failure {
            Some(reason) if !was_failing => tracing::warn!(reason, "traces cannot be sent to the collector"),
            None if was_failing => tracing::info!("traces are sent to the collector again"),
            _ => {}
        }
    }
}

#[async_trait]
impl HttpClient for CollectorClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let answer = self.runtime.spawn(exchange(self.client.clone(), request)).await;
        let answer = answer.map_err(HttpError::from).flatten();
        match &answer {
            Ok(answer) if answer.status().is_success() => self.note(None),
            Ok(answer) => self.note(Some(answer.status().as_str())),
            Err(error) => self.note(Some(&error.to_string())),
        }
        answer
    }
}

async fn exchange(client: Client, request: reqwest::Request) -> Result<Response<Bytes>, HttpError> {
    let mut answer = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let mut response = Response::builder().status(answer.status());
    if let Some(headers) = response.headers_mut() {
        headers.extend(answer.headers().clone());
    }
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(format!("the collector's answer is larger than {MAX_BYTES} bytes").into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(response.body(Bytes::from(body))?)
}
