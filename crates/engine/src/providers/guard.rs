//! Keeps a source that fails from taking its entities away.

use callboard_model::EntityRef;
use callboard_sdk::{RemovalGuards, RemovalRefused};
use callboard_store::{BucketShare, ProviderMutation, ProviderName, RefusedRemoval, StoreError};

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

/// How much of a bucket a mutation removes; `None` if that is nobody's concern.
pub(crate) async fn share(
    core: &Core,
    provider: &ProviderName,
    mutation: &ProviderMutation,
) -> Result<Option<BucketShare>, StoreError> {
    match mutation {
        ProviderMutation::Full(claims) => {
            let kept: Vec<EntityRef> = claims.iter().map(|claim| claim.entity_ref.clone()).collect();
            let share = core.store.bucket_share(provider, &kept).await?;
            Ok(Some(BucketShare { part: share.total - share.part, ..share }))
        }
        // One that was named is hardly a mistake, whatever part of the bucket it is.
        ProviderMutation::Delta { removed, .. } if removed.len() <= 1 => Ok(None),
        ProviderMutation::Delta { removed, .. } => {
            Ok(Some(core.store.bucket_share(provider, removed).await?))
        }
    }
}

/// Whether the source of a mutation has nothing any more.
pub(crate) fn is_empty(mutation: &ProviderMutation) -> bool {
    matches!(mutation, ProviderMutation::Full(claims) if claims.is_empty())
}

/// Whether [`check`] would refuse a mutation. Nothing is written down.
pub(crate) async fn foresee(
    core: &Core,
    provider: &ProviderName,
    mutation: &ProviderMutation,
) -> Result<Option<RemovalRefused>, StoreError> {
    let guards = guards_of(core, provider.as_str());
    if !guards.are_on() {
        return Ok(None);
    }
    let Some(share) = share(core, provider, mutation).await? else { return Ok(None) };
    let Err(refused) = guards.check(share.part, share.total, is_empty(mutation)) else { return Ok(None) };
    let now = core.clock.now();
    let is_confirmed = core.store.refusals().await?.iter().any(|refusal| {
        refusal.provider == *provider && refusal.confirmed_until.is_some_and(|until| until >= now)
    });
    Ok(if is_confirmed { None } else { Some(refused) })
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
