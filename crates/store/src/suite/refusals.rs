//! Removals that were refused: what stands, and what was said about it.

use jiff::SignedDuration;

use super::scene::{Scene, claim, entity};
use crate::{BucketShare, ProviderMutation, ProviderName, RefusedRemoval, Store};

fn refusal(scene: &Scene<'_>, provider: &str) -> RefusedRemoval {
    RefusedRemoval {
        provider: ProviderName::new(provider),
        at: scene.now,
        removed: 3,
        total: 4,
        confirmed_until: None,
    }
}

/// Claims of others do not count, and neither do refs that nobody claims.
pub async fn a_share_counts_claims_of_one_bucket(store: &dyn Store) {
    let scene = Scene::new(store);
    let (one, two) = (ProviderName::new("one"), ProviderName::new("two"));
    let refs = [entity("a"), entity("b"), entity("none"), entity("b")];
    assert_eq!(store.bucket_share(&one, &refs).await.unwrap(), BucketShare::default());
    let claims = vec![claim("a", "1"), claim("b", "1"), claim("c", "1")];
    store.apply_mutation(&one, ProviderMutation::Full(claims), scene.now).await.unwrap();
    store.apply_mutation(&two, ProviderMutation::Full(vec![claim("a", "2")]), scene.now).await.unwrap();
    assert_eq!(store.bucket_share(&one, &refs).await.unwrap(), BucketShare { total: 3, part: 2 });
    assert_eq!(store.bucket_share(&two, &refs).await.unwrap(), BucketShare { total: 1, part: 1 });
    assert_eq!(store.bucket_share(&one, &[]).await.unwrap(), BucketShare { total: 3, part: 0 });
}

/// The latest of each provider.
pub async fn refusals_are_listed(store: &dyn Store) {
    let scene = Scene::new(store);
    for provider in ["two", "one", "two"] {
        store.record_refusal(refusal(&scene, provider)).await.unwrap();
    }
    assert_eq!(store.refusals().await.unwrap(), [refusal(&scene, "one"), refusal(&scene, "two")]);
}

/// And only in its time, and only once.
pub async fn a_confirmed_refusal_lets_one_change_pass(store: &dyn Store) {
    let scene = Scene::new(store);
    let (one, later) = (ProviderName::new("one"), scene.now + SignedDuration::from_secs(60));
    assert!(!store.confirm_refusal(&one, later).await.unwrap(), "nothing was refused");
    assert!(!store.settle_refusal(&one, scene.now).await.unwrap());

    store.record_refusal(refusal(&scene, "one")).await.unwrap();
    assert!(!store.settle_refusal(&one, scene.now).await.unwrap(), "nobody has confirmed it");
    assert!(store.refusals().await.unwrap().is_empty());

    store.record_refusal(refusal(&scene, "one")).await.unwrap();
    assert!(store.confirm_refusal(&one, later).await.unwrap());
    assert_eq!(store.refusals().await.unwrap()[0].confirmed_until, Some(later));
    assert!(store.settle_refusal(&one, later).await.unwrap());
    assert!(!store.settle_refusal(&one, later).await.unwrap());

    store.record_refusal(refusal(&scene, "one")).await.unwrap();
    assert!(store.confirm_refusal(&one, later).await.unwrap());
    assert!(!store.settle_refusal(&one, later + SignedDuration::from_secs(1)).await.unwrap());
}
