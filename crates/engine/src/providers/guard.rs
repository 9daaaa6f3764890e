//! Keeps a source that fails from taking its entities away.

use callboard_sdk::{RemovalGuards, RemovalRefused};
use callboard_store::{BucketShare, ProviderName, RefusedRemoval, StoreError};

use super::{config_locations, location_store};
use crate::core::Core;
use crate::events::CatalogEvent;

/// The guards of a provider: its own, or those of all. What is built in has none but its own: it removes what
/// somebody took out of the configuration, or unregistered.
pub(crate) fn guards_of(core: &Core, provider: &str) -> RemovalGuards {
    let settings = &core.settings;
    match settings.provider_guards.get(provider) {
        Some(own) => *own,
        None if [config_locations::NAME, location_store::NAME].contains(&provider) => {
            RemovalGuards::default()
        }
        None => settings.removal_guards,
    }
}

/// Looks at a change that is about to remove `share`. One that is refused is written down, until somebody confirms
/// it or a later one passes.
pub(crate) async fn check(
    core: &Core,
    provider: &ProviderName,
    guards: &RemovalGuards,
    share: BucketShare,
    is_empty: bool,
) -> Result<Result<(), RemovalRefused>, StoreError> {
    let checked = guards.check(share.part, share.total, is_empty);
    let confirmed = core.store.settle_refusal(provider, core.clock.now()).await?;
    let Err(refused) = checked else { return Ok(Ok(())) };
    if confirmed {
        tracing::info!(
            provider = %provider,
            removed = refused.removed,
            total = refused.total,
            "a removal that was confirmed is let pass"
        );
        return Ok(Ok(()));
    }
    let at = core.clock.now();
    let RemovalRefused { removed, total } = refused;
    core.store
        .record_refusal(RefusedRemoval {
            provider: provider.clone(),
            at,
            removed,
            total,
            confirmed_until: None,
        })
        .await?;
    tracing::warn!(provider = %provider, removed, total, "{refused}");
    metrics::counter!("catalog_removals_refused_total", "provider" => provider.as_str().to_owned())
        .increment(1);
    core.events.publish(CatalogEvent::RemovalRefused {
        provider: provider.as_str().to_owned(),
        removed,
        total,
        at,
    });
    Ok(Err(refused))
}
