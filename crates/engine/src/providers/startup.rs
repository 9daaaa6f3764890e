//! Connecting providers, and seeing off those that are gone.

use std::collections::HashSet;
use std::sync::Arc;

use callboard_sdk::{EntityProvider, Task, TaskScheduler as _};
use callboard_store::{ProviderMutation, ProviderName, StoreError};
use futures::FutureExt as _;
use std::panic::AssertUnwindSafe;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::config_locations::{self, ConfigLocationProvider};
use super::connection::Connection;
use super::location_store::{self, LocationStoreProvider};
use crate::core::Core;
use crate::outage::Outage;
use crate::processing::reads::Lane;

/// The names of the built-in ones.
pub(crate) const BUILT_IN: [&str; 2] = [config_locations::NAME, location_store::NAME];

/// All providers that are not disabled.
pub(crate) fn enabled(core: &Arc<Core>, others: &[Arc<dyn EntityProvider>]) -> Vec<Arc<dyn EntityProvider>> {
    let built_in: [Arc<dyn EntityProvider>; 2] = [
        Arc::new(ConfigLocationProvider::new(&core.settings)),
        Arc::new(LocationStoreProvider::new(Arc::clone(core))),
    ];
    let is_enabled = |provider: &dyn EntityProvider| {
        !core.settings.disabled_providers.iter().any(|name| name == provider.name())
    };
    others.iter().cloned().chain(built_in).filter(|provider| is_enabled(&**provider)).collect()
}

/// Connects all providers at the same time, and waits for them, but not for ever: what takes long goes on as a
/// task of `tasks`. One that fails is logged, and does not keep the others from working.
pub(crate) async fn connect(
    core: &Arc<Core>,
    providers: &[Arc<dyn EntityProvider>],
    tasks: &TaskTracker,
    stopping: &CancellationToken,
    aborting: &CancellationToken,
) {
    let connecting = providers.iter().map(|provider| {
        let provider = Arc::clone(provider);
        let name = ProviderName::new(provider.name());
        let connection = Connection::new(Arc::clone(core), name);
        // What others have may be old when the database is back; the configuration is not.
        let waits = provider.name() == config_locations::NAME;
        let connection =
            Arc::new(if waits { connection.waiting_until(stopping.clone()) } else { connection });
        let (core, aborting) = (Arc::clone(core), aborting.clone());
        tasks.spawn(async move {
            let connect =
                AssertUnwindSafe(provider.connect(Arc::<Connection>::clone(&connection))).catch_unwind();
            let name = provider.name();
            match aborting.run_until_cancelled(connect).await {
                Some(Ok(Ok(()))) => {
                    tracing::debug!(provider = name, "connected");
                    schedule(&core, Arc::clone(&provider), connection);
                }
                Some(Ok(Err(error))) => {
                    tracing::error!(provider = name, error, "the provider could not connect");
                }
                Some(Err(_)) => tracing::error!(provider = name, "the provider panicked while it connected"),
                None => {}
            }
        })
    });
    let connected = futures::future::join_all(connecting);
    if tokio::time::timeout(core.settings.processing.connect_timeout, connected).await.is_err() {
        tracing::warn!("some providers take long to connect; the start goes on without them");
    }
}

/// Has a provider refresh from time to time, if it wants to.
fn schedule(core: &Core, provider: Arc<dyn EntityProvider>, connection: Arc<Connection>) {
    let Some(own) = provider.schedule() else { return };
    let name = provider.name().to_owned();
    let schedule = core.settings.provider_schedules.get(&name).cloned().unwrap_or(own);
    let task = Task::new(format!("{name}:refresh"), schedule, move || {
        let (provider, connection) = (Arc::clone(&provider), Arc::clone(&connection));
        // Nobody waits for it, so its reads are not in the way of those that somebody waits for.
        Lane::Routine.run(async move { provider.refresh(&*connection).await })
    });
    if let Err(error) = core.scheduler.schedule(task) {
        tracing::error!(provider = name, "the provider cannot be refreshed by its schedule: {error}");
    }
}

/// Takes away the entities of providers that are no longer there.
pub(crate) async fn evict(core: &Core, providers: &[Arc<dyn EntityProvider>]) -> Result<(), StoreError> {
    let large = core.incremental.iter().map(ProviderName::as_str);
    let present: HashSet<&str> = providers.iter().map(|provider| provider.name()).chain(large).collect();
    for name in core.store.providers().await? {
        let is_disabled = core.settings.disabled_providers.iter().any(|disabled| disabled == name.as_str());
        if present.contains(name.as_str()) && !is_disabled {
            continue;
        }
        let mut outage = Outage::for_a_while(&core.database);
        let evicted = loop {
            let mutation = ProviderMutation::Full(Vec::new());
            match core.store.apply_mutation(&name, mutation, core.clock.now()).await {
                Err(error) if outage.outlasts(&error).await => {}
                result => break result,
            }
        };
        match evicted {
            Ok(report) => {
                tracing::warn!(provider = %name, deleted = report.deleted, "the provider is gone, and with it its entities");
                core.changed(&report).await;
            }
            Err(error) => tracing::error!(
                provider = %name,
                error = &error as &dyn std::error::Error,
                "could not take away the entities of a provider that is gone"
            ),
        }
    }
    Ok(())
}
