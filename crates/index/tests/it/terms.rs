//! Search terms of entities.

use std::collections::{BTreeMap, BTreeSet};

use callboard_index::{BodyError, IndexedEntity, TERM_LENGTH_LIMIT, Terms};
use callboard_model::EntityRef;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

/// Key, value, original spelling; `∅` for none.
fn rows(entity: &Value) -> Vec<String> {
    let terms = Terms::of(entity).unwrap();
    let row = |key: &str, value: Option<&str>, original: Option<&str>| {
        format!("{key} | {} | {}", value.unwrap_or("∅"), original.unwrap_or("∅"))
    };
    terms.iter().map(|term| row(term.key(), term.value(), term.original())).collect()
}

/// The rows beyond those that every entity has.
fn rows_of_spec(spec: &Value) -> Vec<String> {
    let mut rows = rows(&json!({ "spec": spec }));
    rows.retain(|row| row != "metadata.namespace | default | default");
    rows
}

#[test]
fn a_whole_entity() {
    let entity = json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": "Shop", "namespace": "Ops", "uid": "U-1", "etag": "e",
            "annotations": { "backstage.io/view-url": "https://A.test/X" },
            "tags": ["a", "b"],
            "links": [{ "url": "https://one.test" }, { "url": "https://two.test", "title": "Two" }],
        },
        "spec": { "type": "service" },
        "relations": [{ "type": "ownedBy", "targetRef": "group:default/o" }, { "type": "ownedBy", "targetRef": "group:default/p" }],
        "status": { "items": [{ "level": "error" }] },
        "attachments": { "x": "y" },
    });
    insta::assert_snapshot!(rows(&entity).join("\n"), @r"
    apiversion | backstage.io/v1alpha1 | backstage.io/v1alpha1
    kind | component | Component
    metadata.annotations.backstage.io/view-url | https://a.test/x | https://A.test/X
    metadata.links.title | two | Two
    metadata.links.url | https://one.test | https://one.test
    metadata.links.url | https://two.test | https://two.test
    metadata.name | shop | Shop
    metadata.namespace | ops | Ops
    metadata.tags | a | a
    metadata.tags | b | b
    metadata.tags.a | true | true
    metadata.tags.b | true | true
    metadata.uid | u-1 | U-1
    relations.ownedby | group:default/o | group:default/o
    relations.ownedby | group:default/p | group:default/p
    spec.type | service | service
    ");
}

#[rstest]
#[case(json!({ "list": [1, "two", { "deep": 3 }], "flag": true, "nothing": null }),
    &["spec.flag | true | true", "spec.list | 1 | 1", "spec.list | two | two", "spec.list.deep | 3 | 3",
      "spec.list.two | true | true", "spec.nothing | ∅ | ∅"])]
#[case(json!({ "empty": "", "f": 1.0, "big": 1e21, "nested": [["deep"]], "a.b": 1, "a": { "b": 2, "c": 3 }, "obj": {}, "arr": [] }),
    &["spec.a.b | 1 | 1", "spec.a.b | 2 | 2", "spec.a.c | 3 | 3", "spec.big | 1e+21 | 1e+21", "spec.empty |  | ",
      "spec.f | 1 | 1", "spec.nested | deep | deep", "spec.nested.deep | true | true"])]
#[case(json!({ "arr": [1, "Two", { "a": "b" }, null], "nested": { "UP": { "x": "Y" } } }),
    &["spec.arr | ∅ | ∅", "spec.arr | 1 | 1", "spec.arr | two | Two", "spec.arr.a | b | b", "spec.arr.two | true | true",
      "spec.nested.up.x | y | Y"])]
// Of several spellings the first is kept, and lists are compared without regard to letter case.
#[case(json!({ "tags": ["Java", "java", "JAVA"] }), &["spec.tags | java | Java", "spec.tags.java | true | true"])]
// A key that a list item would give may be there already.
#[case(json!({ "l.a": 5, "l": ["a"] }), &["spec.l | a | a", "spec.l.a | 5 | 5"])]
#[case(json!({ "i": "İ" }), &["spec.i | i\u{307} | İ"])]
#[case(json!({ "marker": "\u{1}", "m2": "\u{1}x" }), &["spec.m2 | \u{1}x | \u{1}x"])]
#[case(json!("plain"), &["spec | plain | plain"])]
fn special_cases(#[case] spec: Value, #[case] expected: &[&str]) {
    assert_eq!(rows_of_spec(&spec), expected);
}

#[rstest]
#[case("", &["metadata.namespace | default | default"])]
#[case("x", &["metadata.namespace | x | x"])]
fn the_namespace_is_default_unless_given(#[case] namespace: &str, #[case] expected: &[&str]) {
    assert_eq!(rows(&json!({ "metadata": { "namespace": namespace } })), expected);
}

#[test]
fn long_values_exist_without_a_value() {
    // Length counts in UTF-16 units, after lower-casing.
    let longest = "😀".repeat(TERM_LENGTH_LIMIT / 2);
    let spec = json!({ "fits": longest, "long": format!("{longest}x"), "grows": "İ".repeat(101) });
    assert_eq!(
        rows_of_spec(&spec),
        [
            format!("spec.fits | {longest} | {longest}"),
            "spec.grows | ∅ | ∅".to_owned(),
            "spec.long | ∅ | ∅".to_owned()
        ]
    );
}

#[test]
fn long_keys_are_dropped() {
    let longest = "k".repeat(TERM_LENGTH_LIMIT - "spec.".len());
    let too_long = format!("{longest}k");
    assert_eq!(rows_of_spec(&json!({ &longest: 1, too_long: 2 })), [format!("spec.{longest} | 1 | 1")]);
}

#[rstest]
#[case(json!({ "metadata": { "labels": { "Tier": 1, "tier": 2 } } }), "'metadata.labels.tier'")]
#[case(json!({ "spec": { "a": { "X": 1, "x": 1 }, "B": 1, "b": null } }), "'spec.a.x', 'spec.b'")]
#[case(json!({ "relations": [{ "type": "ownedBy", "targetRef": "a" }, { "type": "OwnedBy", "targetRef": "b" }] }), "'relations.ownedby'")]
fn keys_must_not_differ_in_case_only(#[case] entity: Value, #[case] keys: &str) {
    let error = Terms::of(&entity).unwrap_err();
    assert_eq!(error.to_string(), format!("Entity has duplicate keys that vary only in casing, {keys}"));
}

#[test]
fn containers_that_differ_in_case_are_fine_while_their_members_differ() {
    assert!(Terms::of(&json!({ "spec": { "A": { "x": 1 }, "a": { "y": 2 } } })).is_ok());
}

fn entities() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(|flag| json!(flag)),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        "[aA\u{1}\"\\\\/ä\n]{0,3}".prop_map(|text| json!(text)),
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec(
                (
                    "[aAb\"]|metadata|name|namespace|uid|relations|type|targetRef|tags|status|metadata.name",
                    inner
                ),
                0..5
            )
            .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

type NaiveRow = (String, Option<String>);

/// The key and value of each part of an entity, as it spells them.
fn naive_rows(path: &str, part: &Value, rows: &mut Vec<NaiveRow>) {
    if ["attachments", "relations", "status"].contains(&path)
        || ["metadata.name", "metadata.namespace", "metadata.uid", "metadata.etag"].contains(&path)
    {
        return;
    }
    match part {
        Value::Null => rows.push((path.to_owned(), None)),
        Value::String(text) => rows.push((path.to_owned(), Some(text.clone()))),
        Value::Number(number) => rows.push((path.to_owned(), Some(callboard_model::js_number(number)))),
        Value::Bool(flag) => rows.push((path.to_owned(), Some(flag.to_string()))),
        Value::Array(items) => {
            for item in items {
                naive_rows(path, item, rows);
                let Some(text) = item.as_str() else { continue };
                let key = format!("{path}.{text}");
                if !rows.iter().any(|(known, _)| known.to_lowercase() == key.to_lowercase()) {
                    rows.push((key, Some("true".to_owned())));
                }
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                naive_rows(&inner, member, rows);
            }
        }
    }
}

type NaiveTerms = BTreeMap<(String, Option<String>), Option<String>>;

/// The terms, or the keys that the entity has twice.
fn naive_terms(entity: &Value) -> Result<NaiveTerms, BTreeSet<String>> {
    let mut rows = Vec::new();
    naive_rows("", entity, &mut rows);
    let identity = |name: &str| entity.get("metadata")?.get(name)?.as_str().map(str::to_owned);
    let mut add = |key: String, value: String| rows.push((key, Some(value)));
    if let Some(name) = identity("name") {
        add("metadata.name".to_owned(), name);
    }
    let namespace = identity("namespace").filter(|namespace| !namespace.is_empty());
    add("metadata.namespace".to_owned(), namespace.unwrap_or("default".to_owned()));
    if let Some(uid) = identity("uid") {
        add("metadata.uid".to_owned(), uid);
    }
    for relation in entity.get("relations").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(kind), Some(target)) = (relation["type"].as_str(), relation["targetRef"].as_str()) {
            add(format!("relations.{kind}"), target.to_owned());
        }
    }
    let (mut terms, mut spellings, mut twice) = (NaiveTerms::new(), BTreeMap::new(), BTreeSet::new());
    for (key, value) in rows {
        let lower = key.to_lowercase();
        if *spellings.entry(lower.clone()).or_insert(key.clone()) != key {
            twice.insert(lower.clone());
        }
        if value.as_deref() != Some("\u{1}") {
            terms.entry((lower, value.as_ref().map(|value| value.to_lowercase()))).or_insert(value);
        }
    }
    if twice.is_empty() { Ok(terms) } else { Err(twice) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn terms_equal_the_naive_ones(entity in entities()) {
        let text = entity.to_string();
        // Numbers are read as the text has them.
        let entity: Value = serde_json::from_str(&text).unwrap();
        let found = Terms::of(&entity);
        let found_in_text = IndexedEntity::read(EntityRef::new("a", "b", "c"), "uid", text.into());
        match (naive_terms(&entity), found, found_in_text) {
            (Ok(expected), Ok(found), Ok(found_in_text)) => {
                let owned = |text: Option<&str>| text.map(str::to_owned);
                let rows: Vec<_> = found
                    .iter()
                    .map(|term| ((term.key().to_owned(), owned(term.value())), owned(term.original())))
                    .collect();
                prop_assert_eq!(rows, expected.into_iter().collect::<Vec<_>>());
                prop_assert_eq!(found, found_in_text.terms);
            }
            (Err(expected), Err(found), Err(BodyError::DuplicateKeys(found_in_text))) => {
                prop_assert_eq!(&found.keys, &expected.into_iter().collect::<Vec<_>>());
                prop_assert_eq!(found, found_in_text);
            }
            (expected, found, _) => prop_assert!(false, "{expected:?}, but {found:?}"),
        }
    }
}
