//! Predicate JSON: what it means, and what is refused.

use callboard_index::{Matcher, PREDICATE_DEPTH_LIMIT, Predicate, Terms};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{entity, index_of};

fn sample() -> Vec<Value> {
    vec![
        entity(
            "Component",
            "Cart",
            &json!({
                "metadata": { "title": "Shopping Cart", "tags": ["java", "public"], "links": [{ "title": "Dashboard" }] },
                "spec": { "type": "Service", "path": "a_b\\c", "note": "100% sure" },
                "relations": [{ "type": "ownedBy", "targetRef": "group:default/team-a" }],
            }),
        ),
        entity(
            "component",
            "money",
            &json!({
                "spec": {
                    "type": "library",
                    "custom": { "rank": 7, "stable": true, "beta": false, "none": null, "scores": [1, 2, 3], "pairs": [{ "a": 1, "b": 2 }, { "a": 3, "b": 4 }] },
                },
                "relations": [{ "type": "ownedBy", "targetRef": "user:default/bob" }, { "type": "dependsOn", "targetRef": "component:default/cart" }],
            }),
        ),
        entity("User", "bob", &json!({ "spec": { "long": "x".repeat(300) } })),
    ]
}

fn found(query: &Value) -> Vec<String> {
    let predicate = Predicate::parse(query).unwrap();
    assert_eq!(&predicate.to_json(), query, "is printed as it was");
    let index = index_of(&sample());
    let by_terms: Vec<String> = sample()
        .iter()
        .filter(|entity| predicate.matches(&Terms::of(entity).unwrap()))
        .map(|entity| entity["metadata"]["name"].as_str().unwrap().to_lowercase())
        .collect();
    let mut names: Vec<String> = by_terms.clone();
    names.sort();
    assert_eq!(index.count(Some(&predicate)), by_terms.len() as u64);
    names
}

#[rstest]
#[case(json!({}), &["bob", "cart", "money"])]
#[case(json!({ "kind": "component" }), &["cart", "money"])]
#[case(json!({ "KIND": "COMPONENT", "spec.TYPE": "service" }), &["cart"])]
#[case(json!({ "spec.custom.rank": 7 }), &["money"])]
#[case(json!({ "spec.custom.rank": "7" }), &["money"])]
#[case(json!({ "spec.custom.stable": true }), &["money"])]
#[case(json!({ "spec.custom.beta": false }), &["money"])]
#[case(json!({ "metadata.title": { "$exists": true } }), &["cart"])]
#[case(json!({ "metadata.title": { "$exists": false } }), &["bob", "money"])]
#[case(json!({ "spec.custom.none": { "$exists": true } }), &["money"])]
#[case(json!({ "spec.custom.none": "null" }), &[])]
#[case(json!({ "spec.long": { "$exists": true } }), &["bob"])]
#[case(json!({ "spec.long": "x".repeat(300) }), &[])]
#[case(json!({ "spec": { "$exists": true } }), &[])]
#[case(json!({ "spec.type": { "$in": ["website", "LIBRARY"] } }), &["money"])]
#[case(json!({ "spec.custom.scores": { "$in": [3, 9] } }), &["money"])]
#[case(json!({ "kind": { "$in": [] } }), &[])]
#[case(json!({ "metadata.name": { "$hasPrefix": "CA" } }), &["cart"])]
#[case(json!({ "metadata.title": { "$hasPrefix": "" } }), &["cart"])]
#[case(json!({ "spec.note": { "$hasPrefix": "100%" } }), &["cart"])]
#[case(json!({ "spec.path": { "$hasPrefix": "a_b\\" } }), &["cart"])]
#[case(json!({ "relations.ownedBy": { "$hasPrefix": "user:" } }), &["money"])]
#[case(json!({ "metadata.tags": { "$contains": "JAVA" } }), &["cart"])]
#[case(json!({ "spec.custom.scores": { "$contains": 2 } }), &["money"])]
#[case(json!({ "kind": { "$contains": "user" } }), &["bob"])]
#[case(json!({ "relations": { "$contains": { "type": "ownedBy", "targetRef": "group:default/team-a" } } }), &["cart"])]
#[case(json!({ "relations": { "$contains": { "type": "dependson" } } }), &["money"])]
#[case(json!({ "relations": { "$contains": { "type": "ownedBy", "targetRef": { "$in": ["User:default/BOB", "group:default/team-a"] } } } }), &["cart", "money"])]
#[case(json!({ "$all": [] }), &["bob", "cart", "money"])]
#[case(json!({ "$any": [] }), &[])]
#[case(json!({ "$all": [{ "kind": "component" }, { "metadata.tags": { "$contains": "public" } }] }), &["cart"])]
#[case(json!({ "$any": [{ "kind": "user" }, { "spec.type": "library" }] }), &["bob", "money"])]
#[case(json!({ "$not": { "kind": "component" } }), &["bob"])]
#[case(json!({ "$not": { "spec.type": "x" } }), &["bob", "cart", "money"])]
#[case(json!({ "$not": { "$not": { "kind": "user" } } }), &["bob"])]
#[case(json!({ "$all": [{ "kind": "component" }, { "$not": { "spec.type": "service", "metadata.title": { "$exists": true } } }] }), &["money"])]
// Different items of a list may meet the two demands.
#[case(json!({ "spec.custom.pairs.a": 1, "spec.custom.pairs.b": 4 }), &["money"])]
fn means(#[case] query: Value, #[case] expected: &[&str]) {
    assert_eq!(found(&query), expected);
}

#[rstest]
#[case(json!({ "kind": { "$in": ["component"], "$exists": false } }), json!({ "kind": { "$exists": false } }))]
#[case(json!({ "kind": { "$hasPrefix": "c", "$contains": "user" } }), json!({ "kind": { "$contains": "user" } }))]
#[case(json!({ "kind": { "$in": ["user"], "$else": 1 } }), json!({ "kind": { "$in": ["user"] } }))]
// An operator with a wrong operand is as good as none, if another one is right.
#[case(json!({ "kind": { "$exists": "yes", "$in": ["user"] } }), json!({ "kind": { "$in": ["user"] } }))]
#[case(json!({ "Relations": { "$contains": { "TYPE": "OwnedBy", "targetref": "G" } } }), json!({ "Relations": { "$contains": { "type": "OwnedBy", "targetRef": "G" } } }))]
fn the_first_operator_counts(#[case] query: Value, #[case] expected: Value) {
    assert_eq!(Predicate::parse(&query).unwrap().to_json(), expected);
}

#[test]
fn refusals() {
    let refused = [
        json!({ "$foo": 1 }),
        json!({ "kind": "a", "$foo": 1 }),
        json!({ "$all": [{ "kind": "user" }], "kind": "api" }),
        json!({ "$all": [], "$any": [] }),
        json!({ "$all": { "kind": "user" } }),
        json!({ "$not": [{ "kind": "user" }] }),
        json!({ "$not": null }),
        json!({ "$all": ["user"] }),
        json!({ "$not": "user" }),
        json!({ "$any": [5] }),
        json!("user"),
        json!(5),
        json!(null),
        json!([]),
        json!({ "kind": null }),
        json!({ "kind": ["user"] }),
        json!({ "spec": { "type": "service" } }),
        json!({ "kind": { "$eq": "user" } }),
        json!({ "kind": { "$in": [{ "a": 1 }] } }),
        json!({ "kind": { "$in": [null] } }),
        json!({ "kind": { "$exists": "yes" } }),
        json!({ "kind": { "$hasPrefix": 7 } }),
        json!({ "\nkind": "user" }),
        json!({ "metadata.links": { "$contains": { "title": "Dashboard" } } }),
        json!({ "relations": { "$contains": { "targetRef": "group:default/a" } } }),
        json!({ "relations": { "$contains": { "type": 5 } } }),
        json!({ "relations": { "$contains": { "type": "ownedBy", "foo": "x" } } }),
        json!({ "relations": { "$contains": { "type": "ownedBy", "Type": "ownedBy" } } }),
        json!({ "relations": { "$contains": { "type": "ownedBy", "targetRef": { "$in": [] } } } }),
        json!({ "relations": { "$contains": { "type": "ownedBy", "targetRef": { "$hasPrefix": "group" } } } }),
    ];
    let messages: Vec<String> =
        refused.iter().map(|query| format!("{query}\n  {}", Predicate::parse(query).unwrap_err())).collect();
    insta::assert_snapshot!(messages.join("\n"));
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!({ "kind": "user" }), |inner, _| json!({ "$not": inner }))
}

#[test]
fn depth_is_limited() {
    assert!(Predicate::parse(&nested(PREDICATE_DEPTH_LIMIT)).is_ok());
    let error = Predicate::parse(&nested(PREDICATE_DEPTH_LIMIT + 1)).unwrap_err();
    assert_eq!(error.to_string(), "Invalid query: Validation error: nested more than 100 levels deep");
    assert_eq!(error.detail(), "nested more than 100 levels deep");
}

#[test]
fn conditions_can_be_joined() {
    let kind = Predicate::equals("kind", "user");
    assert_eq!(Predicate::all_of([None, None]), None);
    assert_eq!(Predicate::all_of([None, Some(kind.clone())]), Some(kind.clone()));
    let both = Predicate::all_of([Some(kind.clone()), Some(Predicate::nothing())]).unwrap();
    assert_eq!(both, kind.and(Predicate::nothing()));
    let matcher: Matcher = both.matcher();
    assert!(!matcher.matches(&Terms::of(&entity("User", "bob", &json!({}))).unwrap()));
}
