//! What each kind demands of the spec.

use callboard_model::{
    KindDefinition, KindRegistry, KindValidation, ObjectRule, RelationField, Rule, Unlisted,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::fixtures::{document, entity, minimal_spec};

const CLASSIC_KINDS: [&str; 8] =
    ["API", "Component", "Resource", "Group", "Location", "User", "System", "Domain"];

fn all_kinds() -> KindRegistry {
    KindRegistry::scaffolder().definitions().fold(KindRegistry::catalog(), KindRegistry::with)
}

#[rstest]
#[case("Component", &["type", "lifecycle", "owner"])]
#[case("API", &["type", "lifecycle", "owner", "definition"])]
#[case("Resource", &["type", "owner"])]
#[case("System", &["owner"])]
#[case("Domain", &["owner"])]
#[case("Group", &["type", "children"])]
#[case("User", &["memberOf"])]
#[case("Location", &[])]
#[case("Template", &["type", "steps"])]
fn required_fields(#[case] kind: &str, #[case] required: &[&str]) {
    let kinds = all_kinds();
    assert_eq!(kinds.validate(&entity(kind, &json!({}))).unwrap(), KindValidation::Valid);
    for field in required {
        let error = kinds.validate(&entity(kind, &json!({ *field: "<none>" }))).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("TypeError: /spec must have required property '{field}' - missingProperty: {field}")
        );
    }
}

#[rstest]
#[case("Component", &["type", "lifecycle", "owner", "system", "subcomponentOf"])]
#[case("API", &["type", "lifecycle", "owner", "system", "definition"])]
#[case("Resource", &["type", "owner", "system"])]
#[case("System", &["owner", "domain", "type"])]
#[case("Domain", &["owner", "subdomainOf", "type"])]
#[case("Group", &["type", "parent"])]
#[case("Location", &["type", "target"])]
#[case("Template", &["type", "owner", "lifecycle"])]
fn fields_that_hold_a_text(#[case] kind: &str, #[case] fields: &[&str]) {
    let check = |value: Value, field: &str| all_kinds().validate(&entity(kind, &json!({ field: value })));
    for field in fields {
        assert_eq!(check(json!("x"), field), Ok(KindValidation::Valid));
        for wrong in [json!(1), json!(null), json!(["a"]), json!({ "a": 1 })] {
            assert_eq!(
                check(wrong, field).unwrap_err().message,
                format!("/spec/{field} must be string - type: string")
            );
        }
        assert_eq!(
            check(json!(""), field).unwrap_err().message,
            format!("/spec/{field} must NOT have fewer than 1 characters - limit: 1")
        );
    }
}

#[rstest]
#[case("Component", &["providesApis", "consumesApis", "dependsOn"])]
#[case("Resource", &["dependsOn"])]
#[case("Group", &["children", "members"])]
#[case("User", &["memberOf"])]
#[case("Location", &["targets"])]
fn fields_that_hold_a_list(#[case] kind: &str, #[case] fields: &[&str]) {
    let check = |value: Value, field: &str| all_kinds().validate(&entity(kind, &json!({ field: value })));
    for field in fields {
        assert_eq!(check(json!([]), field), Ok(KindValidation::Valid));
        assert_eq!(check(json!(["component:a", "b"]), field), Ok(KindValidation::Valid));
        for wrong in [json!("a"), json!(null), json!({})] {
            assert_eq!(
                check(wrong, field).unwrap_err().message,
                format!("/spec/{field} must be array - type: array")
            );
        }
        assert_eq!(
            check(json!(["a", 1]), field).unwrap_err().message,
            format!("/spec/{field}/1 must be string - type: string")
        );
        assert_eq!(
            check(json!([""]), field).unwrap_err().message,
            format!("/spec/{field}/0 must NOT have fewer than 1 characters - limit: 1")
        );
    }
}

#[rstest]
#[case("Group", json!({ "profile": 1 }), "/spec/profile must be object - type: object")]
#[case("Group", json!({ "profile": { "displayName": "" } }), "/spec/profile/displayName must NOT have fewer than 1 characters - limit: 1")]
#[case("User", json!({ "profile": { "email": 1 } }), "/spec/profile/email must be string - type: string")]
#[case("Location", json!({ "presence": "maybe" }), "/spec/presence must be equal to one of the allowed values - allowedValues: required,optional")]
#[case("Location", json!({ "presence": 1 }), "/spec/presence must be string - type: string")]
// Missing fields come before wrong ones, wrong ones in the order of the table.
#[case("Component", json!({ "type": 1, "owner": "<none>" }), "/spec must have required property 'owner' - missingProperty: owner")]
#[case("Component", json!({ "dependsOn": 1, "owner": 1, "type": "" }), "/spec/type must NOT have fewer than 1 characters - limit: 1")]
#[case("Template", json!({ "steps": [{}] }), "/spec/steps/0 must have required property 'action' - missingProperty: action")]
#[case("Template", json!({ "steps": [{ "action": "a", "if": 1 }] }), "/spec/steps/0/if must be string,boolean - type: string,boolean")]
#[case("Template", json!({ "parameters": "x" }), "/spec/parameters must be object - type: object")]
#[case("Template", json!({ "parameters": [1] }), "/spec/parameters must be object - type: object")]
#[case("Template", json!({ "parameters": { "backstage:permissions": 1 } }), "/spec/parameters/backstage:permissions must be object - type: object")]
#[case("Template", json!({ "output": { "other": 1 } }), "/spec/output/other must be string - type: string")]
#[case("Template", json!({ "output": { "links": [{ "url": "" }] } }), "/spec/output/links/0/url must NOT have fewer than 1 characters - limit: 1")]
#[case("Template", json!({ "secrets": { "schema": [] } }), "/spec/secrets/schema must be object - type: object")]
fn the_first_violation_is_reported(#[case] kind: &str, #[case] spec: Value, #[case] expected: &str) {
    let error = all_kinds().validate(&entity(kind, &spec)).unwrap_err();
    assert_eq!(error.to_string(), format!("TypeError: {expected}"));
}

#[rstest]
#[case("Group", json!({ "profile": { "displayName": "d", "email": "e", "picture": "p", "more": 1 } }))]
#[case("Component", json!({ "extra": { "a": null }, "dependencyOf": 1 }))]
#[case("Location", json!({ "presence": "optional", "targets": [] }))]
#[case("Template", json!({ "parameters": [{}], "output": { "links": [{ "if": true, "url": "u" }], "text": [], "more": "x" } }))]
#[case("Template", json!({ "parameters": { "properties": {} }, "steps": [{ "action": "a", "if": false, "input": {} }] }))]
fn unlisted_and_optional_fields_pass(#[case] kind: &str, #[case] spec: Value) {
    assert_eq!(all_kinds().validate(&entity(kind, &spec)), Ok(KindValidation::Valid));
}

#[test]
fn every_kind_needs_a_spec() {
    for kind in CLASSIC_KINDS {
        let error = all_kinds()
            .validate(&document(
                json!({ "apiVersion": "backstage.io/v1beta1", "kind": kind, "metadata": { "name": "x" } }),
            ))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "TypeError: <root> must have required property 'spec' - missingProperty: spec"
        );
    }
}

#[test]
fn both_api_versions_are_known_and_no_other() {
    for kind in CLASSIC_KINDS {
        for (api_version, expected) in [
            ("backstage.io/v1alpha1", KindValidation::Valid),
            ("backstage.io/v1beta1", KindValidation::Valid),
            ("backstage.io/v2", KindValidation::NotMine),
            ("acme.test/v1alpha1", KindValidation::NotMine),
        ] {
            let mut entity = entity(kind, &json!({}));
            entity.set_field("apiVersion", json!(api_version)).unwrap();
            assert_eq!(KindRegistry::catalog().validate(&entity), Ok(expected));
        }
    }
}

#[rstest]
#[case("component")]
#[case("Nope")]
#[case("Template")]
#[case("AiResource")]
fn other_kinds_are_left_to_others(#[case] kind: &str) {
    let entity = document(json!({
        "apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": { "name": "x" }, "spec": minimal_spec("Component"),
    }));
    assert_eq!(KindRegistry::catalog().validate(&entity), Ok(KindValidation::NotMine));
    assert_eq!(KindRegistry::default().validate(&entity), Ok(KindValidation::NotMine));
}

#[test]
fn a_kind_of_ones_own_is_one_table() {
    static MACHINE: KindDefinition = KindDefinition {
        kind: "Machine",
        api_versions: &["acme.test/v1"],
        spec: ObjectRule {
            required: &["site"],
            fields: &[("site", Rule::NonEmptyText)],
            unlisted: Unlisted::Forbidden,
        },
        relations: &[RelationField {
            field: "site",
            default_kind: Some("Site"),
            outgoing: "standsIn",
            incoming: "houses",
        }],
        relations_of_any_version: false,
    };
    let kinds = KindRegistry::catalog().with(&MACHINE);
    let machine = |spec: Value| {
        document(
            json!({ "apiVersion": "acme.test/v1", "kind": "Machine", "metadata": { "name": "m" }, "spec": spec }),
        )
    };
    let good = machine(json!({ "site": "cellar" }));
    assert_eq!(kinds.validate(&good), Ok(KindValidation::Valid));
    assert_eq!(kinds.relations(&good).unwrap()[1].relation_type, "houses");
    assert_eq!(
        kinds.validate(&machine(json!({ "site": "cellar", "x": 1 }))).unwrap_err().message,
        "/spec must NOT have additional properties - additionalProperty: x"
    );
}
