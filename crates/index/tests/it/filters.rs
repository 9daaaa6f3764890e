//! The `filter` parameter.

use callboard_index::parse_filters;
use rstest::rstest;
use serde_json::{Value, json};

fn translated(filters: &[&str]) -> Value {
    let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
    parse_filters(&filters).unwrap().map_or(Value::Null, |predicate| predicate.to_json())
}

#[rstest]
#[case(&["kind=component,metadata.namespace=default"], json!({ "$all": [{ "kind": "component" }, { "metadata.namespace": "default" }] }))]
#[case(&["kind=component,kind=api"], json!({ "kind": { "$in": ["component", "api"] } }))]
#[case(&["kind=component", "kind=api"], json!({ "$any": [{ "kind": "component" }, { "kind": "api" }] }))]
#[case(&["kind=component,kind"], json!({ "kind": "component" }))]
#[case(&["kind,kind=component"], json!({ "kind": "component" }))]
#[case(&["metadata.tags.java"], json!({ "metadata.tags.java": { "$exists": true } }))]
#[case(&["metadata.title="], json!({ "metadata.title": "" }))]
#[case(&["spec.note=a=b"], json!({ "spec.note": "a=b" }))]
#[case(&[" kind = user , metadata.namespace = ops "], json!({ "$all": [{ "kind": "user" }, { "metadata.namespace": "ops" }] }))]
// Grouped by the key as typed.
#[case(&["kind=a,KIND=b"], json!({ "$all": [{ "kind": "a" }, { "KIND": "b" }] }))]
#[case(&["a=1,b=2,a=3"], json!({ "$all": [{ "a": { "$in": ["1", "3"] } }, { "b": "2" }] }))]
#[case(&["", "kind=domain"], json!({ "kind": "domain" }))]
#[case(&[",,"], Value::Null)]
#[case(&[], Value::Null)]
#[case(&["a", "b,c"], json!({ "$any": [{ "a": { "$exists": true } }, { "$all": [{ "b": { "$exists": true } }, { "c": { "$exists": true } }] }] }))]
fn translates(#[case] filters: &[&str], #[case] expected: Value) {
    assert_eq!(translated(filters), expected);
}

#[rstest]
#[case("=foo", "=foo")]
#[case(" =x", "=x")]
#[case("kind=component,=x", "=x")]
fn a_key_is_needed(#[case] filter: &str, #[case] statement: &str) {
    let error = parse_filters(&[filter.to_owned()]).unwrap_err();
    let expected = format!(
        "Invalid filter, '{statement}' is not a valid statement (expected a string on the form a=b or a= or a)"
    );
    assert_eq!(error.to_string(), expected);
}
