use std::sync::Arc;

use callboard_index::Predicate;
use callboard_store::{
    ChangeSequence, ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate, ProviderMutation,
    ProviderName, StitchCommit, StitchOutcome,
};
use callboard_store_sqlite::SqliteStore;
use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::catalog::imported_claim;
use crate::settings::{EngineSettings, NodeRole};
use crate::stitching::assemble::assemble;
use crate::stitching::hand_off::Block;
use crate::{EngineBuilder, RunningEngine};

/// A node that only serves: the test puts entities together itself.
async fn serving(store: &Arc<dyn Store>) -> RunningEngine {
    let settings = EngineSettings { role: NodeRole::Read, ..EngineSettings::default() };
    EngineBuilder::new(Arc::clone(store)).settings(settings).build().unwrap().start().await.unwrap()
}

/// Puts a component into the store, and gives its final form before it is written to `see`.
async fn put(store: &dyn Store, name: &str, see: impl FnOnce(&StitchCommit)) -> ChangeSequence {
    let now = Timestamp::now();
    let later = now + SignedDuration::from_hours(1);
    let document = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": name },
        "spec": { "type": "service", "lifecycle": "production", "owner": "crew" },
    });
    let claim = imported_claim(document.to_string().as_bytes(), None).unwrap();
    let added = ProviderMutation::Delta { added: vec![claim], removed: Vec::new() };
    store.apply_mutation(&ProviderName::new("test"), added, now).await.unwrap();
    let due = store.claim_due(1, now, later, later).await.unwrap().remove(0);
    let commit = ProcessingCommit {
        entity_ref: due.entity_ref,
        uid: due.uid,
        document_hash: due.document.hash,
        outcome: ProcessingOutcome::Succeeded {
            processed: due.document.json,
            relations: Vec::new(),
            children: Vec::new(),
            refresh_keys: Vec::new(),
            result_hash: due.document.hash,
        },
        cache: ProcessorCacheUpdate::Keep,
        next_due: later,
    };
    store.commit_processed(vec![commit], now).await.unwrap();
    let input = store.claim_stitches(1, now, later).await.unwrap().remove(0);
    let outcome = assemble(&input).outcome;
    let commit = StitchCommit { entity_ref: input.entity_ref, uid: input.uid, ticket: input.ticket, outcome };
    see(&commit);
    store.commit_stitched(vec![commit], now).await.unwrap().sequence
}

#[tokio::test]
async fn an_index_with_wrong_terms_is_found_and_filled_anew() {
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open_in_memory().await.unwrap());
    let engine = serving(&store).await;
    let catalog = engine.catalog();
    let head = put(&*store, "right", |_| {}).await;
    assert!(catalog.wait_for(head, CATCH_UP).await);
    assert_eq!(catalog.examine().await.unwrap().violations, []);
    assert_eq!(catalog.repair().await.unwrap(), []);

    let head = put(&*store, "wrong", |commit| {
        let StitchOutcome::Changed { body, .. } = &commit.outcome else { panic!("{commit:?}") };
        let mut entity: Value = serde_json::from_slice(body).unwrap();
        entity["spec"]["type"] = json!("website");
        let body = Bytes::from_owner(Arc::clone(body));
        let uid = commit.uid.to_string();
        let wrong = IndexedEntity::new(commit.entity_ref.clone(), &uid, body, &entity).unwrap();
        // Beyond the place that it will get: the log is not read for it any more.
        let last = ChangeSequence(head.0 + 100);
        catalog.core.hand_off.put(Block { after: head, last, entities: vec![wrong] });
    })
    .await;
    assert!(catalog.wait_for(head, CATCH_UP).await);
    let websites = || catalog.index().read().count(Some(&Predicate::equals("spec.type", "website")));
    assert_eq!(websites(), 1);
    let found = catalog.examine().await.unwrap().violations;
    let details: Vec<&str> = found.iter().map(|violation| violation.detail.as_str()).collect();
    assert_eq!(
        details,
        [
            "component:default/wrong cannot be found by spec.type=service",
            "component:default/wrong is kept with spec.type=website, which it does not have",
            "component:default/wrong is kept without spec.type=service",
        ]
    );
    assert!(found.iter().all(|violation| violation.invariant == "index"));

    let repairs = catalog.repair().await.unwrap();
    assert_eq!(repairs, [Repair { invariant: "index", action: "filled the index anew", times: 1 }]);
    assert_eq!(catalog.examine().await.unwrap().violations, []);
    assert_eq!(websites(), 0);
    assert_eq!(catalog.index().read().len(), 2);
    engine.shutdown().await;
}

#[test]
fn a_hash_is_that_of_the_entity_without_its_etag() {
    let mut entity = json!({ "kind": "Component", "metadata": { "name": "a" } });
    let mut hash = [0; 20];
    let plain = callboard_model::content_hash(&entity);
    hash.copy_from_slice(
        &(0..20).map(|i| u8::from_str_radix(&plain[2 * i..2 * i + 2], 16).unwrap()).collect::<Vec<_>>(),
    );
    assert!(is_hash_of(&hash, entity.clone()), "an etag of its own would be in it");
    entity["metadata"]["etag"] = json!(plain);
    assert!(is_hash_of(&hash, entity.clone()));
    entity["metadata"]["etag"] = json!("another");
    assert!(!is_hash_of(&hash, entity.clone()));
    entity["metadata"]["etag"] = json!(plain);
    entity["metadata"]["name"] = json!("b");
    assert!(!is_hash_of(&hash, entity));
}
