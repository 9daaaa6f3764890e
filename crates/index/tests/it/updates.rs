//! Changing the index.

use callboard_index::{Change, EntityQuery, Index, OrderField, Predicate};
use serde_json::json;

use crate::{entity, index_of, names, upsert};

fn count(index: &Index, field: &str, value: &str) -> u64 {
    index.count(Some(&Predicate::equals(field, value)))
}

#[test]
fn an_upsert_replaces_the_entity_with_its_ref() {
    let mut index =
        index_of(&[entity("API", "a", &json!({ "metadata": { "uid": "1", "title": "Old", "etag": "e1" } }))]);
    let changed = entity("api", "A", &json!({ "metadata": { "uid": "2", "title": "New", "etag": "e2" } }));
    index.apply([upsert(&changed)]);
    assert_eq!(index.len(), 1);
    assert_eq!((count(&index, "metadata.title", "old"), count(&index, "metadata.title", "new")), (0, 1));
    assert!(index.by_uid("1").is_none());
    let hit = index.by_uid("2").unwrap();
    assert_eq!(hit.body, changed.to_string());
    assert_eq!(index.by_ref("api:default/a"), Some(hit));
}

#[test]
fn refs_and_uids_are_compared_as_they_are() {
    let index = index_of(&[entity("API", "a", &json!({ "metadata": { "uid": "Ab" } }))]);
    assert!(index.by_ref("api:default/a").is_some());
    assert!(index.by_ref("API:default/a").is_none());
    assert!(index.by_ref("api:a").is_none());
    assert!(index.by_uid("Ab").is_some());
    assert!(index.by_uid("ab").is_none());
}

#[test]
fn many_refs_are_answered_in_order() {
    let index = index_of(&[entity("API", "a", &json!({})), entity("User", "b", &json!({}))]);
    let refs = ["user:default/b", "nope", "api:default/a", "user:default/b"].map(str::to_owned);
    let found = |predicate: Option<&Predicate>| -> Vec<Option<String>> {
        index
            .by_refs(&refs, predicate)
            .into_iter()
            .map(|hit| hit.map(|hit| hit.entity_ref.name().to_owned()))
            .collect()
    };
    assert_eq!(found(None), [Some("b".into()), None, Some("a".into()), Some("b".into())]);
    assert_eq!(found(Some(&Predicate::equals("kind", "API"))), [None, None, Some("a".into()), None]);
    assert_eq!(index.entity_matches("nope", &Predicate::exists("kind").negated()), None);
}

#[test]
fn a_slot_is_used_again() {
    let mut index = index_of(&[entity("API", "a", &json!({})), entity("API", "b", &json!({}))]);
    let gone = index.by_ref("api:default/a").unwrap().entity_ref;
    index.apply([
        Change::Remove(gone.clone()),
        Change::Remove(gone),
        upsert(&entity("User", "c", &json!({ "metadata": { "tags": ["x"] } }))),
    ]);
    assert_eq!(index.len(), 2);
    assert_eq!((count(&index, "kind", "api"), count(&index, "kind", "user")), (1, 1));
    let page =
        index.page(&EntityQuery { order: vec![OrderField::desc("metadata.name")], ..EntityQuery::default() });
    assert_eq!(names(&page.items), ["c", "b"]);
}

#[test]
fn memory_is_accounted_for() {
    let index = index_of(&[
        entity("API", "a", &json!({ "metadata": { "tags": ["x"] } })),
        entity("API", "b", &json!({})),
    ]);
    let usage = index.memory_usage();
    assert_eq!((usage.entities, usage.keys, usage.terms, usage.entity_terms), (2, 6, 7, 10));
    assert!(usage.body_bytes > 100 && usage.total_bytes() > usage.body_bytes);
}
