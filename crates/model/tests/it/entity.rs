//! The entity document: its envelope, its accessors, its changes.

use callboard_model::{Entity, EntityError, annotation};
use rstest::rstest;
use serde_json::{Value, json};

use crate::fixtures::{document, with_metadata};

#[rstest]
#[case(json!("x"), "<root> must be object - type: object")]
#[case(json!(null), "<root> must be object - type: object")]
#[case(json!([]), "<root> must be object - type: object")]
#[case(json!({}), "<root> must have required property 'apiVersion' - missingProperty: apiVersion")]
#[case(json!({ "apiVersion": "v", "metadata": {} }), "<root> must have required property 'kind' - missingProperty: kind")]
#[case(json!({ "apiVersion": "v", "kind": "K" }), "<root> must have required property 'metadata' - missingProperty: metadata")]
#[case(json!({ "apiVersion": "", "kind": "K", "metadata": {} }), "/apiVersion must NOT have fewer than 1 characters - limit: 1")]
#[case(json!({ "apiVersion": 1, "kind": "K", "metadata": {} }), "/apiVersion must be string - type: string")]
#[case(json!({ "apiVersion": "v", "kind": "", "metadata": {} }), "/kind must NOT have fewer than 1 characters - limit: 1")]
#[case(json!({ "apiVersion": "v", "kind": "K", "metadata": "x" }), "/metadata must be object - type: object")]
#[case(json!({ "apiVersion": "v", "kind": "K", "metadata": {} }), "/metadata must have required property 'name' - missingProperty: name")]
#[case(json!({ "apiVersion": "v", "kind": "K", "metadata": { "name": 5 } }), "/metadata/name must be string - type: string")]
#[case(json!({ "apiVersion": "v", "kind": "K", "metadata": { "name": null } }), "/metadata/name must be string - type: string")]
#[case(json!({ "apiVersion": "v", "kind": "K", "metadata": { "name": "" } }), "/metadata/name must NOT have fewer than 1 characters - limit: 1")]
#[case(json!({ "apiVersion": "v", "kind": "K", "metadata": { "name": "a", "namespace": null } }), "/metadata/namespace must be string - type: string")]
#[case(json!({ "apiVersion": "v", "kind": "K", "metadata": { "name": "a", "namespace": "" } }), "/metadata/namespace must NOT have fewer than 1 characters - limit: 1")]
fn a_broken_envelope_is_no_entity(#[case] value: Value, #[case] expected: &str) {
    let error = Entity::from_value(value.clone()).unwrap_err();
    assert_eq!(error.to_string(), expected);
    assert_eq!(EntityError::from(error).to_string(), format!("TypeError: {expected}"));
    assert!(serde_json::from_value::<Entity>(value).is_err());
}

#[test]
fn the_envelope_is_all_that_is_asked() {
    let value = json!({ "apiVersion": "not a version", "kind": "a:b", "metadata": { "name": "a b", "labels": 1 }, "extra": 1 });
    let entity: Entity = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&entity).unwrap(), value);
    assert_eq!(entity.clone().into_map(), *entity.as_map());
    assert_eq!(entity.into_value(), value);
}

#[test]
fn accessors() {
    let entity = document(json!({
        "apiVersion": "v", "kind": "K",
        "metadata": { "name": "N", "namespace": "S", "uid": "u", "etag": "e", "annotations": { "a": "b", "n": 1 } },
        "spec": { "x": 1 },
    }));
    assert_eq!((entity.api_version(), entity.kind(), entity.name()), ("v", "K", "N"));
    assert_eq!((entity.namespace(), entity.uid(), entity.etag()), (Some("S"), Some("u"), Some("e")));
    assert_eq!(
        (entity.annotation("a"), entity.annotation("n"), entity.annotation("z")),
        (Some("b"), None, None)
    );
    assert_eq!(entity.spec().unwrap()["x"], 1);
    assert_eq!(entity.metadata()["name"], "N");
    assert_eq!(entity.entity_ref().as_str(), "k:s/n");
    assert_eq!(entity.compound_ref().to_entity_ref(), entity.entity_ref());
    assert_eq!(entity.compound_ref().name, "N");
}

#[test]
fn a_missing_namespace_is_the_default_one() {
    let entity = with_metadata(&json!({ "name": "Web" }));
    assert_eq!(entity.namespace(), None);
    assert_eq!(entity.entity_ref().as_str(), "component:default/web");
    assert_eq!(entity.compound_ref().namespace, "default");
}

#[test]
fn locations_come_from_annotations() {
    let bare = with_metadata(&json!({ "name": "a" }));
    assert_eq!(
        bare.location().unwrap_err().to_string(),
        "InputError: Entity 'component:default/a' does not have the annotation backstage.io/managed-by-location"
    );
    assert_eq!(
        bare.origin_location().unwrap_err().to_string(),
        "InputError: Entity 'component:default/a' does not have the annotation backstage.io/managed-by-origin-location"
    );
    assert_eq!(
        bare.source_location().unwrap_err().to_string(),
        "Error: Entity 'component:default/a' is missing location"
    );

    let mut entity = bare;
    entity.set_annotation(annotation::MANAGED_BY_LOCATION, "url:a");
    entity.set_annotation(annotation::MANAGED_BY_ORIGIN_LOCATION, "nope");
    assert_eq!(entity.location().unwrap().target(), "a");
    assert_eq!(entity.source_location().unwrap().target(), "a");
    assert_eq!(&*entity.origin_location().unwrap_err().name, "TypeError");
    entity.set_annotation(annotation::SOURCE_LOCATION, "url:s");
    assert_eq!(entity.source_location().unwrap().target(), "s");
}

#[test]
fn setters_cannot_break_the_envelope() {
    let mut entity = with_metadata(&json!({ "name": "a", "namespace": "n" }));
    let before = entity.clone();
    assert_eq!(
        entity.set_field("kind", json!(1)).unwrap_err().to_string(),
        "/kind must be string - type: string"
    );
    assert_eq!(
        entity.set_field("metadata", json!({})).unwrap_err().to_string(),
        "/metadata must have required property 'name' - missingProperty: name"
    );
    assert_eq!(
        entity.set_metadata("name", json!("")).unwrap_err().to_string(),
        "/metadata/name must NOT have fewer than 1 characters - limit: 1"
    );
    assert_eq!(
        entity.set_metadata("namespace", json!(null)).unwrap_err().violation().pointer(),
        "/metadata/namespace"
    );
    for key in ["apiVersion", "kind", "metadata"] {
        assert_eq!(entity.remove_field(key), None);
    }
    assert_eq!(entity.remove_metadata("name"), None);
    assert_eq!(entity, before);

    entity.set_field("kind", json!("Resource")).unwrap();
    entity.set_field("relations", json!([])).unwrap();
    entity.set_metadata("name", json!("b")).unwrap();
    entity.set_uid("u");
    entity.set_etag("e");
    entity.spec_mut().unwrap().clear();
    assert_eq!(entity.remove_metadata("namespace"), Some(json!("n")));
    assert_eq!(entity.remove_field("nope"), None);
    assert_eq!(
        String::from_utf8(entity.to_json_bytes()).unwrap(),
        r#"{"apiVersion":"backstage.io/v1alpha1","kind":"Resource","metadata":{"name":"b","uid":"u","etag":"e"},"spec":{},"relations":[]}"#
    );
}

#[test]
fn annotations_are_set_and_removed() {
    let mut entity = with_metadata(&json!({ "name": "a", "annotations": "malformed" }));
    entity.set_annotation("k", "v");
    entity.set_annotation("l", "w");
    assert_eq!(entity.remove_annotation("k"), Some(json!("v")));
    assert_eq!(Value::Object(entity.annotations().unwrap().clone()), json!({ "l": "w" }));
}

#[rstest]
#[case(json!({ "name": "x" }), r#"{"annotations":{"a":"1","b":"2"},"name":"x"}"#)]
#[case(
    json!({ "name": "x", "annotations": { "z": "0", "b": "mine" } }),
    r#"{"annotations":{"a":"1","b":"mine","z":"0"},"name":"x"}"#
)]
#[case(json!({ "name": "x", "annotations": 5 }), r#"{"annotations":5,"name":"x"}"#)]
fn default_annotations_come_first_and_yield(#[case] metadata: Value, #[case] expected: &str) {
    let mut entity = with_metadata(&metadata);
    entity.add_default_annotations(&[("a", "1"), ("b", "2")]);
    assert_eq!(serde_json::to_string(entity.metadata()).unwrap(), expected);
    assert_eq!(entity.as_map().keys().next().unwrap(), "metadata");
}
