//! The shape of a whole entity.

use callboard_model::{policy, validate_schema};
use rstest::rstest;
use serde_json::{Value, json};

use crate::fixtures::{document, with_metadata};

#[rstest]
#[case("uid", json!(""), "/metadata/uid must NOT have fewer than 1 characters - limit: 1")]
#[case("etag", json!(""), "/metadata/etag must NOT have fewer than 1 characters - limit: 1")]
#[case("title", json!(""), "/metadata/title must NOT have fewer than 1 characters - limit: 1")]
#[case("title", json!(1), "/metadata/title must be string - type: string")]
#[case("description", json!(1), "/metadata/description must be string - type: string")]
#[case("labels", json!([]), "/metadata/labels must be object - type: object")]
#[case("labels", json!({ "a/~b": 1 }), "/metadata/labels/a~1~0b must be string - type: string")]
#[case("annotations", json!(null), "/metadata/annotations must be object - type: object")]
#[case("annotations", json!({ "a": "", "b": null }), "/metadata/annotations/b must be string - type: string")]
#[case("tags", json!("a"), "/metadata/tags must be array - type: array")]
#[case("tags", json!(["a", 1]), "/metadata/tags/1 must be string - type: string")]
#[case("tags", json!([""]), "/metadata/tags/0 must NOT have fewer than 1 characters - limit: 1")]
#[case("links", json!({}), "/metadata/links must be array - type: array")]
#[case("links", json!([1]), "/metadata/links/0 must be object - type: object")]
#[case("links", json!([{ "title": "a" }]), "/metadata/links/0 must have required property 'url' - missingProperty: url")]
#[case("links", json!([{ "url": "u", "icon": "" }]), "/metadata/links/0/icon must NOT have fewer than 1 characters - limit: 1")]
fn metadata_fields_have_a_type(#[case] field: &str, #[case] value: Value, #[case] expected: &str) {
    let entity = with_metadata(&json!({ "name": "a", field: value }));
    let violation = validate_schema(&entity).unwrap_err();
    assert_eq!(violation.to_string(), expected);

    let without_parameter = expected.strip_suffix(&format!(" - {}", violation.parameter())).unwrap();
    assert_eq!(
        policy::check_schema(&entity).unwrap_err().to_string(),
        format!("Error: Malformed envelope, {without_parameter}")
    );
}

#[rstest]
#[case("uid", json!("e01199ab"))]
#[case("description", json!(""))]
#[case("extra", json!({ "a": [1] }))]
#[case("tags", json!([]))]
#[case("links", json!([{ "url": "u", "title": "t", "icon": "i", "type": "t", "extra": 1 }]))]
#[case("labels", json!({ "": 1 }))]
fn other_metadata_passes(#[case] field: &str, #[case] value: Value) {
    validate_schema(&with_metadata(&json!({ "name": "a", field: value }))).unwrap();
}

#[rstest]
#[case("extra", json!(1), "<root> must NOT have additional properties - additionalProperty: extra")]
#[case("spec", json!(null), "/spec must be object - type: object")]
#[case("spec", json!([]), "/spec must be object - type: object")]
#[case("relations", json!({}), "/relations must be array - type: array")]
#[case("relations", json!([{ "nope": 1 }]), "/relations/0 must have required property 'type' - missingProperty: type")]
#[case("relations", json!([{ "type": "t", "targetRef": "r", "x": 1 }]), "/relations/0 must NOT have additional properties - additionalProperty: x")]
#[case("relations", json!([{ "type": "a-b", "targetRef": "r" }]), r#"/relations/0/type must match pattern "^\w+$" - pattern: ^\w+$"#)]
#[case("relations", json!([{ "type": "t", "targetRef": "r", "target": { "kind": "k" } }]), "/relations/0/target must have required property 'namespace' - missingProperty: namespace")]
#[case("status", json!([]), "/status must be object - type: object")]
#[case("status", json!({ "items": [{ "type": 1 }] }), "/status/items/0 must have required property 'level' - missingProperty: level")]
#[case("status", json!({ "items": [{ "type": "t", "level": "nope", "message": "m" }] }), "/status/items/0/level must be equal to one of the allowed values - allowedValues: info,warning,error")]
#[case("status", json!({ "items": [{ "type": "t", "level": "info", "message": "m", "error": {} }] }), "/status/items/0/error must have required property 'name' - missingProperty: name")]
fn root_fields_have_a_type(#[case] field: &str, #[case] value: Value, #[case] expected: &str) {
    let mut entity = with_metadata(&json!({ "name": "a" }));
    entity.set_field(field, value).unwrap();
    assert_eq!(validate_schema(&entity).unwrap_err().to_string(), expected);
}

#[test]
fn catalog_fields_pass_and_a_spec_is_not_needed() {
    validate_schema(&document(json!({
        "apiVersion": "v", "kind": "K", "metadata": { "name": "a" },
        "relations": [{ "type": "ownedBy", "targetRef": "group:default/a", "target": { "kind": "k", "namespace": "n", "name": "a" } }],
        "status": { "items": [{ "type": "t", "level": "error", "message": "", "error": { "name": "E", "message": "", "more": 1 } }], "more": 1 },
    })))
    .unwrap();
}
