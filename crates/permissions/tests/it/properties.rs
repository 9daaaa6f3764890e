//! For any entities and conditions, three ways of judging an entity agree: the index's sets, its look at a single entity,
//! and what the rules mean, read off the entity itself.

use callboard_index::{EntityQuery, Predicate};
use callboard_permissions::{Conditions, RuleSet};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::catalog::{index_of, ref_of};

const WORDS: [&str; 4] = ["a", "B", "team-a", "java"];

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(&WORDS[..]).prop_map(str::to_owned)
}

/// In another letter case now and then.
fn spelled() -> impl Strategy<Value = String> {
    (word(), any::<bool>()).prop_map(|(word, shout)| if shout { word.to_uppercase() } else { word })
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        spelled().prop_map(Value::from),
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(spelled(), 0..3).prop_map(Value::from),
        // Too long to be searched for.
        Just(Value::from("x".repeat(201))),
    ]
}

fn members() -> impl Strategy<Value = Value> {
    let members =
        prop::collection::btree_map(prop::sample::select(&["a", "java", "owner"][..]), value(), 0..3);
    members.prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn texts() -> impl Strategy<Value = Value> {
    let members = prop::collection::btree_map(prop::sample::select(&["a", "java"][..]), spelled(), 0..2);
    members.prop_map(|members| {
        members.into_iter().map(|(name, text)| (name.to_owned(), Value::from(text))).collect()
    })
}

fn entity() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(&["Component", "API", "Group"][..]);
    let owners = prop::collection::vec(spelled(), 0..3);
    (kind, texts(), texts(), prop::option::of(value()), members(), owners).prop_map(
        |(kind, labels, annotations, title, spec, owners)| {
            let relation = |owner: String| json!({ "type": "ownedBy", "targetRef": format!("group:default/{owner}") });
            let mut metadata = json!({ "labels": labels, "annotations": annotations });
            if let Some(title) = title {
                metadata["title"] = title;
            }
            let relations: Vec<Value> = owners.into_iter().map(relation).collect();
            json!({ "apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec, "relations": relations })
        },
    )
}

fn entities() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec(entity(), 1..6).prop_map(|mut entities| {
        for (number, entity) in entities.iter_mut().enumerate() {
            entity["metadata"]["name"] = json!(format!("e{number}"));
        }
        entities
    })
}

fn rule() -> impl Strategy<Value = Value> {
    let with_value = |rule: &'static str, key: &'static str, names: &'static [&'static str]| {
        (prop::sample::select(names), prop::option::of(spelled())).prop_map(move |(name, value)| {
            let mut params = json!({ key: name });
            if let Some(value) = value {
                params["value"] = json!(value);
            }
            json!({ "rule": rule, "params": params })
        })
    };
    let kinds = prop::collection::vec(prop::sample::select(&["component", "API", "x"][..]), 0..3);
    let claims = prop::collection::vec(spelled(), 0..3);
    prop_oneof![
        with_value("HAS_ANNOTATION", "annotation", &["a", "JAVA", "none"]),
        with_value("HAS_LABEL", "label", &["A", "java", "none"]),
        with_value("HAS_METADATA", "key", &["title", "Name", "labels.a", "labels"]),
        with_value("HAS_SPEC", "key", &["a", "Owner", "java", "a.java"]),
        kinds.prop_map(|kinds| json!({ "rule": "IS_ENTITY_KIND", "params": { "kinds": kinds } })),
        claims.prop_map(|names| {
            let claims: Vec<String> = names.iter().map(|name| format!("Group:default/{name}")).collect();
            json!({ "rule": "IS_ENTITY_OWNER", "params": { "claims": claims } })
        }),
    ]
}

fn conditions() -> impl Strategy<Value = Value> {
    rule().prop_recursive(3, 12, 3, |inner| {
        let list = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            list().prop_map(|parts| json!({ "allOf": parts })),
            list().prop_map(|parts| json!({ "anyOf": parts })),
            inner.clone().prop_map(|part| json!({ "not": part })),
        ]
    })
}

/// What conditions mean for an entity.
fn holds(entity: &Value, conditions: &Value) -> bool {
    let parts = |name: &str| conditions[name].as_array();
    if let Some(parts) = parts("allOf") {
        return parts.iter().all(|part| holds(entity, part));
    }
    if let Some(parts) = parts("anyOf") {
        return parts.iter().any(|part| holds(entity, part));
    }
    if let Some(part) = conditions.get("not") {
        return !holds(entity, part);
    }
    let params = &conditions["params"];
    let lower = |value: &Value| value.as_str().unwrap().to_lowercase();
    let any_of =
        |name: &str, found: &str| params[name].as_array().unwrap().iter().any(|one| lower(one) == found);
    match conditions["rule"].as_str().unwrap() {
        "HAS_ANNOTATION" => has(&entity["metadata"]["annotations"], &lower(&params["annotation"]), params),
        "HAS_LABEL" => has(&entity["metadata"]["labels"], &lower(&params["label"]), params),
        "HAS_METADATA" => has(&entity["metadata"], &lower(&params["key"]), params),
        "HAS_SPEC" => has(&entity["spec"], &lower(&params["key"]), params),
        "IS_ENTITY_KIND" => any_of("kinds", &lower(&entity["kind"])),
        _ => entity["relations"]
            .as_array()
            .unwrap()
            .iter()
            .any(|relation| any_of("claims", &lower(&relation["targetRef"]))),
    }
}

/// Whether an object has something at a path, and the value if one is asked for.
fn has(object: &Value, path: &str, params: &Value) -> bool {
    let mut values = Vec::new();
    values_at(object, path, &mut values);
    match params.get("value").and_then(Value::as_str) {
        None => !values.is_empty(),
        Some(wanted) => values.iter().any(|value| value.as_deref() == Some(&*wanted.to_lowercase())),
    }
}

/// All values at a path, in lower case; none for `null` and for what is too long. A text in a list is also a path of its
/// own, that leads to `true`.
fn values_at(value: &Value, path: &str, values: &mut Vec<Option<String>>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.to_lowercase();
                if path == name {
                    scalars(member, values);
                } else if let Some(rest) = path.strip_prefix(&format!("{name}.")) {
                    values_at(member, rest, values);
                }
            }
        }
        Value::Array(items) => {
            let is_item = |item: &Value| item.as_str().is_some_and(|text| text.to_lowercase() == path);
            if items.iter().any(is_item) {
                values.push(Some("true".to_owned()));
            }
        }
        _ => {}
    }
}

fn scalars(value: &Value, values: &mut Vec<Option<String>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| scalars(item, values)),
        Value::Object(_) => {}
        Value::Null => values.push(None),
        Value::String(text) => values.push((text.len() <= 200).then(|| text.to_lowercase())),
        other => values.push(Some(other.to_string())),
    }
}

proptest! {
    #[test]
    fn lists_and_single_entities_are_judged_alike(entities in entities(), conditions in conditions()) {
        let index = index_of(&entities);
        let index = index.read();
        let parsed = Conditions::parse(&conditions).unwrap();
        let predicate: Predicate = RuleSet::default().predicate(&parsed).unwrap();
        let query = EntityQuery { restriction: Some(predicate.clone()), limit: 100, ..EntityQuery::default() };
        let page = index.page(&query);
        let mut expected = 0;
        for entity in &entities {
            let entity_ref = ref_of(entity);
            let meant = holds(entity, &conditions);
            expected += u64::from(meant);
            prop_assert_eq!(index.entity_matches(entity_ref.as_str(), &predicate), Some(meant), "{}", entity);
            let is_listed = page.items.iter().any(|hit| hit.entity_ref == entity_ref);
            prop_assert_eq!(is_listed, meant, "{}", entity);
        }
        prop_assert_eq!(page.total_items, expected);
    }
}
