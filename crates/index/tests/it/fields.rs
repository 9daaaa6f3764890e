//! Field projection.

use callboard_index::FieldSelection;
use rstest::rstest;
use serde_json::{Value, json};

fn sample() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Component",
        "metadata": {
            "name": "cart", "namespace": "default", "tags": ["java", "public"],
            "annotations": { "acme.test/slug": "acme/cart", "acme": { "test/slug": "inner" }, "we\"ird.k\\ey": 1 },
            "links": [{ "url": "u" }],
        },
        "spec": { "a": { "b": 2 }, "a.b": 1, "none": null, "x.y": { "z": 3 }, "x": "scalar", "": { "e": 1 } },
        "relations": [{ "type": "ownedBy", "targetRef": "group:default/a" }],
    })
}

fn project(lists: &[&str]) -> Value {
    let lists: Vec<String> = lists.iter().map(|&list| list.to_owned()).collect();
    let selection = FieldSelection::parse(&lists).unwrap().unwrap();
    let projected = selection.project(&sample());
    let text = selection.project_bytes(sample().to_string().as_bytes()).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), projected.to_string(), "text and value give the same");
    projected
}

#[rstest]
#[case("kind", json!({ "kind": "Component" }))]
#[case("metadata.name,kind", json!({ "metadata": { "name": "cart" }, "kind": "Component" }))]
#[case(" kind , metadata.name ,kind,,", json!({ "kind": "Component", "metadata": { "name": "cart" } }))]
#[case("metadata.annotations.acme.test/slug", json!({ "metadata": { "annotations": { "acme": { "test/slug": "inner" } } } }))]
#[case("metadata.annotations.we\"ird.k\\ey", json!({ "metadata": { "annotations": { "we\"ird.k\\ey": 1 } } }))]
#[case("spec.a.b", json!({ "spec": { "a": { "b": 2 } } }))]
#[case("spec.x.y.z", json!({}))]
#[case("spec.none", json!({ "spec": { "none": null } }))]
#[case("spec..e", json!({ "spec": { "": { "e": 1 } } }))]
#[case("metadata.tags", json!({ "metadata": { "tags": ["java", "public"] } }))]
#[case("metadata.tags.0", json!({}))]
#[case("relations.type", json!({}))]
#[case("metadata.links.url", json!({}))]
#[case("kind.length", json!({}))]
#[case("nope,metadata.nope,nope.deep,Kind,__proto__,constructor", json!({}))]
#[case(".", json!({}))]
#[case("metadata.", json!({}))]
#[case(".kind", json!({}))]
#[case("metadata..name", json!({}))]
fn paths(#[case] list: &str, #[case] expected: Value) {
    assert_eq!(project(&[list]).to_string(), expected.to_string());
}

#[rstest]
#[case("metadata,metadata.name")]
#[case("metadata.name,metadata")]
fn overlapping_paths_give_the_larger_part(#[case] list: &str) {
    assert_eq!(project(&[list]), json!({ "metadata": sample()["metadata"] }));
}

#[test]
fn lists_may_be_repeated() {
    assert_eq!(
        project(&["spec.none,kind", "apiVersion"]),
        json!({ "spec": { "none": null }, "kind": "Component", "apiVersion": "v1" })
    );
}

#[test]
fn nothing_means_everything() {
    assert_eq!(FieldSelection::parse(&[]), Ok(None));
    assert_eq!(FieldSelection::parse(&[",".to_owned(), " ".to_owned()]), Ok(None));
}

#[test]
fn arrays_have_no_fields() {
    let error = FieldSelection::parse(&["kind,metadata.tags[0]".to_owned()]).unwrap_err();
    assert_eq!(error.to_string(), "Invalid field \"metadata.tags[0]\", array type fields are not supported");
}

#[test]
fn text_is_copied_as_it_is() {
    let selection = FieldSelection::parse(&["a,b.c".to_owned()]).unwrap().unwrap();
    let body = br#" { "b" : { "c" : [ 1.0 , "\u00e9" ] , "d" : 2 } , "a" : 1e21 } "#;
    let text = selection.project_bytes(body).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), r#"{"a":1e21,"b":{"c":[ 1.0 , "\u00e9" ]}}"#);
    assert!(selection.project_bytes(b"not json").is_err());
}
