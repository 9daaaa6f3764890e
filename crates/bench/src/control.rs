//! The provider of the server that is measured: it emits made-up descriptors when it is told to, over HTTP. The
//! requests are those that the other catalog's measured servers take, so that one client serves both.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use callboard_model::{Entity, EntityRef, EnvelopeError, LocationKey};
use callboard_sdk::{
    DeferredEntity, EntityMutation, EntityProvider, Module, ModuleConfig, ModuleError, ProviderConnection,
    ProviderError, Registry,
};
use callboard_synthetic::Descriptors;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

/// The section of the configuration that has the port in it.
const SECTION: &str = "catalog.providers.bench";

/// Adds the provider to a server whose configuration has the section, and lets `file` locations be registered.
pub(crate) struct BenchModule;

#[derive(Debug, Deserialize)]
struct Settings {
    port: u16,
}

impl Module for BenchModule {
    fn name(&self) -> &'static str {
        "bench"
    }

    fn register(&self, registry: &mut Registry, config: &ModuleConfig) -> Result<(), ModuleError> {
        registry.set_allowed_location_types(vec!["url".to_owned(), "file".to_owned()]);
        if let Some(Settings { port }) = config.optional_section(SECTION)? {
            registry.add_provider(Arc::new(BenchProvider { port }));
        }
        Ok(())
    }
}

struct BenchProvider {
    port: u16,
}

#[async_trait]
impl EntityProvider for BenchProvider {
    fn name(&self) -> &'static str {
        "synthetic"
    }

    async fn connect(&self, connection: Arc<dyn ProviderConnection>) -> Result<(), ProviderError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await?;
        let router = Router::new().route("/synth/mutate", post(mutate)).with_state(connection);
        // It goes with the process.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(())
    }
}

/// What is to be emitted.
#[derive(Debug, Deserialize)]
struct Mutation {
    /// `full`, or `delta`.
    #[serde(rename = "type")]
    scope: String,
    /// The size of the whole set.
    n: usize,
    #[serde(default)]
    rev: usize,
    /// A delta has the descriptors from this number on …
    #[serde(default)]
    from: usize,
    /// … to the one before this.
    to: Option<usize>,
}

/// What it took.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Mutated {
    generate_ms: u64,
    apply_ms: u64,
}

impl Mutated {
    /// Making up the descriptors, which is not what is to be measured.
    pub(crate) fn generating(&self) -> Duration {
        Duration::from_millis(self.generate_ms)
    }

    /// Until the catalog had taken them.
    pub(crate) fn applying(&self) -> Duration {
        Duration::from_millis(self.apply_ms)
    }
}

async fn mutate(
    State(connection): State<Arc<dyn ProviderConnection>>,
    Query(asked): Query<Mutation>,
) -> Result<Json<Mutated>, (StatusCode, String)> {
    let failed = |message: String| (StatusCode::INTERNAL_SERVER_ERROR, message);
    let start = Instant::now();
    let set = Descriptors { size: asked.n, revision: asked.rev };
    let is_full = asked.scope == "full";
    let numbers = if is_full { 0..asked.n } else { asked.from..asked.to.unwrap_or(asked.n) };
    let entities = numbers.map(|number| deferred(set, number)).collect::<Result<Vec<_>, _>>();
    let entities = entities.map_err(|error| failed(error.to_string()))?;
    let mutation = if is_full {
        EntityMutation::Full(entities)
    } else {
        EntityMutation::Delta { added: entities, removed: Vec::<EntityRef>::new() }
    };
    let generated = start.elapsed();
    connection.apply_mutation(mutation).await.map_err(|error| failed(format!("{error:?}")))?;
    Ok(Json(Mutated {
        generate_ms: milliseconds(generated),
        apply_ms: milliseconds(start.elapsed().saturating_sub(generated)),
    }))
}

fn deferred(set: Descriptors, number: usize) -> Result<DeferredEntity, EnvelopeError> {
    let entity = Entity::from_value(set.descriptor(number))?;
    Ok(DeferredEntity { entity, location_key: Some(LocationKey::new("synthetic")) })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
