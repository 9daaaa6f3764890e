//! Predicates on registered locations.

use callboard_index::{LocationFields, LocationPredicate};
use rstest::rstest;
use serde_json::{Value, json};

const LOCATIONS: [(&str, &str, Option<&str>); 4] = [
    ("id-a", "https://a.test/A.yaml", Some("location:default/generated-a")),
    ("id-b", "https://a.test/x_y.yaml", Some("location:default/generated-b")),
    ("id-c", "https://a.test/xzy.yaml", None),
    ("ID-D", "https://b.test/x%25y.yaml", None),
];

fn found(query: &Value) -> Vec<&'static str> {
    let predicate = LocationPredicate::parse(query).unwrap();
    assert_eq!(&predicate.to_json(), query);
    let matching = LOCATIONS.iter().filter(|(id, target, entity_ref)| {
        predicate.matches(&LocationFields { id, location_type: "url", target, entity_ref: *entity_ref })
    });
    matching.map(|(id, ..)| *id).collect()
}

#[rstest]
#[case(json!({}), &["id-a", "id-b", "id-c", "ID-D"])]
#[case(json!({ "TYPE": "URL" }), &["id-a", "id-b", "id-c", "ID-D"])]
#[case(json!({ "type": "file" }), &[])]
#[case(json!({ "type": 5 }), &[])]
#[case(json!({ "target": "https://A.test/a.yaml" }), &["id-a"])]
#[case(json!({ "id": "ID-A" }), &["id-a"])]
#[case(json!({ "id": { "$in": ["ID-A", "id-b", "ID-D"] } }), &["id-b", "ID-D"])]
#[case(json!({ "target": { "$in": ["https://a.test/a.yaml", "nope"] } }), &["id-a"])]
#[case(json!({ "target": { "$in": [] } }), &[])]
#[case(json!({ "target": { "$hasPrefix": "HTTPS://a.test/X_" } }), &["id-b"])]
#[case(json!({ "target": { "$hasPrefix": "https://b.test/x%" } }), &["ID-D"])]
#[case(json!({ "target": { "$hasPrefix": "" } }), &["id-a", "id-b", "id-c", "ID-D"])]
#[case(json!({ "entityRef": { "$exists": true } }), &["id-a", "id-b"])]
#[case(json!({ "ENTITYREF": { "$exists": false } }), &["id-c", "ID-D"])]
#[case(json!({ "target": { "$contains": "a" } }), &[])]
#[case(json!({ "target": { "$contains": { "any": "thing" } } }), &[])]
#[case(json!({ "$all": [] }), &[])]
#[case(json!({ "$any": [] }), &[])]
#[case(json!({ "$all": [{ "type": "url" }, { "$not": { "id": "id-a" } }] }), &["id-b", "id-c", "ID-D"])]
#[case(json!({ "$any": [{ "id": "id-a" }, { "id": "id-c" }] }), &["id-a", "id-c"])]
#[case(json!({ "type": "url", "target": "https://a.test/xzy.yaml" }), &["id-c"])]
fn means(#[case] query: Value, #[case] expected: &[&str]) {
    assert_eq!(found(&query), expected);
}

#[rstest]
#[case(json!({ "foo": "x" }), "Invalid filter predicate, expected key to be 'id', 'type', 'target', or 'entityRef', got 'foo'")]
#[case(json!({ "$all": ["x"] }), "Invalid filter predicate, expected an object")]
#[case(json!({ "$nor": [] }), "Invalid query: Validation error: Invalid at \"$nor\"")]
#[case(json!({ "type": null }), "Invalid query: Validation error: Invalid at \"type\"")]
#[case(json!([]), "Invalid query: Validation error: Expected object, received array")]
fn refuses(#[case] query: Value, #[case] message: &str) {
    assert_eq!(LocationPredicate::parse(&query).unwrap_err().to_string(), message);
}
