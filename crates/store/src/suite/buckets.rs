//! What providers claim, who is in their way, and how far their entities have come.

use super::scene::{Scene, claim, entity, failure, keyed, name, text};
use crate::{BucketClaim, ProviderName, Store};

fn provider(name: &str) -> ProviderName {
    ProviderName::new(name)
}

/// `name key hash`, as claimed.
fn listed(claims: &[BucketClaim]) -> Vec<String> {
    let line = |claim: &BucketClaim| {
        let key = claim.location_key.as_ref().map_or("-", |key| key.as_str());
        format!("{} {key} {:?}", name(&claim.entity_ref), claim.hash)
    };
    claims.iter().map(line).collect()
}

/// In order of refs, with keys and hashes.
pub async fn a_bucket_lists_the_claims_of_one_provider(store: &dyn Store) {
    let scene = Scene::new(store);
    assert_eq!(store.bucket(&provider("p")).await.unwrap(), []);
    scene.full("p", &[keyed("b", "k", "1"), claim("a", "1"), claim("c", "2")]).await;
    scene.full("q", &[claim("d", "1"), claim("a", "2")]).await;
    let line = |of: crate::NewClaim| {
        listed(&[BucketClaim {
            entity_ref: of.entity_ref,
            location_key: of.location_key,
            hash: of.document.hash,
        }])
        .remove(0)
    };
    let all = [line(claim("a", "1")), line(keyed("b", "k", "1")), line(claim("c", "2"))];
    assert_eq!(listed(&store.bucket(&provider("p")).await.unwrap()), all);
    let some = [entity("c"), entity("d"), entity("a"), entity("c"), entity("none")];
    let some = store.bucket_claims(&provider("p"), &some).await.unwrap();
    assert_eq!(listed(&some), [line(claim("a", "1")), line(claim("c", "2"))]);
    assert_eq!(store.bucket_claims(&provider("none"), &[entity("a")]).await.unwrap(), []);
}

/// Not one's own key, and not one that nobody claims with any more.
pub async fn a_key_is_a_rivals_while_another_source_claims_with_it(store: &dyn Store) {
    let scene = Scene::new(store);
    scene.full("p", &[keyed("mine", "p", "1"), keyed("both", "k", "1"), claim("plain", "1")]).await;
    scene.full("q", &[keyed("theirs", "q", "1"), keyed("both", "k", "1"), claim("plain", "1")]).await;
    scene.delta("p", &[keyed("theirs", "p", "1")], &[]).await;
    let refs = ["theirs", "mine", "plain", "both", "none", "theirs"].map(entity);
    let rivals = async |of: &str| -> Vec<String> {
        let keys = store.rival_keys(&provider(of), &refs).await.unwrap();
        keys.iter().map(|(held, key)| format!("{} {key}", name(held))).collect()
    };
    assert_eq!(rivals("p").await, ["both k", "theirs q"]);
    assert_eq!(rivals("q").await, ["both k", "mine p"]);
    assert_eq!(rivals("new").await, ["both k", "mine p", "theirs q"]);
    scene.delta("q", &[], &["theirs"]).await;
    assert_eq!(rivals("p").await, ["both k"]);
}

/// From the claim to the final entity.
pub async fn progress_is_of_what_waits_or_failed(store: &dyn Store) {
    let mut scene = Scene::new(store);
    let progress = async || -> Vec<String> {
        let refs = ["b", "a", "none", "a"].map(entity);
        let line = |found: crate::EntityProgress| {
            let errors = text(found.errors.as_ref()).unwrap_or_else(|| "-".to_owned());
            format!("{} {} {errors}", name(&found.entity_ref), found.is_pending)
        };
        store.progress(&refs).await.unwrap().into_iter().map(line).collect()
    };
    assert_eq!(progress().await, [""; 0]);
    scene.full("p", &[claim("a", "1"), claim("b", "1"), claim("c", "1")]).await;
    assert_eq!(progress().await, ["a true -", "b true -"], "not processed");
    let due = scene.take().await;
    assert_eq!(progress().await, ["a true -", "b true -"], "being processed");
    let commits = due.iter().map(|due| {
        let outcome = match name(&due.entity_ref).as_str() {
            "b" => failure("[]"),
            other => super::scene::Output::of(other).outcome(),
        };
        scene.commit_of(due, outcome)
    });
    scene.commit(commits.collect()).await;
    assert!(progress().await.contains(&"a true -".to_owned()), "not stitched");
    scene.stitch().await;
    assert_eq!(progress().await, ["b false []"]);
    scene.full("p", &[claim("a", "1")]).await;
    assert_eq!(progress().await, [""; 0]);
}
