use std::sync::Arc;

use callboard_auth::Principal;
use callboard_permissions::{Access, Permission, Policy, PolicyAuthority, RuleSet};
use rstest::rstest;
use serde_json::{Value, json};

use crate::catalog::{index_of, service, session};

fn entities() -> Vec<Value> {
    let component = |name: &str, owner: &str, secret: bool| {
        let labels = if secret { json!({ "confidential": "yes" }) } else { json!({}) };
        json!({
            "kind": "Component", "metadata": { "name": name, "labels": labels },
            "relations": [{ "type": "ownedBy", "targetRef": format!("group:default/{owner}") }],
        })
    };
    vec![
        component("lights", "stagehands", false),
        component("plot", "authors", true),
        component("curtain", "stagehands", true),
    ]
}

fn policy(value: &Value) -> Policy {
    Policy::parse(value, &RuleSet::default()).unwrap()
}

/// The names of what a caller may see.
async fn seen(policy: &Policy, principal: Principal) -> Vec<&'static str> {
    let index = index_of(&entities());
    let session = session(Arc::new(PolicyAuthority::new(policy.clone())), principal, &index);
    let access = session.access(Permission::ENTITY_READ).await.unwrap();
    let index = index.read();
    let names = ["lights", "plot", "curtain"].into_iter();
    names.filter(|name| access.covers(&index, &format!("component:default/{name}"))).collect()
}

fn confidential() -> Value {
    json!({ "rule": "HAS_LABEL", "params": { "label": "confidential" } })
}

/// The first rule that fits decides.
#[rstest]
#[case(json!({}), &[])]
#[case(json!({ "default": "allow" }), &["lights", "plot", "curtain"])]
#[case(json!({ "rules": [{ "who": "everyone", "may": "*" }] }), &["lights", "plot", "curtain"])]
#[case(json!({ "rules": [{ "who": "services", "may": "*" }] }), &[])]
#[case(json!({ "rules": [{ "who": ["services", "anonymous"], "may": "catalog.entity.*" }] }), &["lights", "plot", "curtain"])]
#[case(json!({ "rules": [{ "who": "anonymous", "may": "catalog.location.*" }] }), &[])]
#[case(json!({ "rules": [{ "who": "anonymous", "may": "catalog.entity.read", "where": confidential() }] }), &["plot", "curtain"])]
#[case(json!({ "default": "allow", "rules": [{ "who": "anonymous", "mayNot": "catalog.entity.read", "where": confidential() }] }), &["lights"])]
#[case(json!({ "rules": [
    { "who": "anonymous", "mayNot": "catalog.entity.read", "where": confidential() },
    { "who": "anonymous", "may": "catalog.entity.read" },
] }), &["lights"])]
#[case(json!({ "rules": [
    { "who": "anonymous", "may": "catalog.entity.read" },
    { "who": "anonymous", "mayNot": "catalog.entity.read", "where": confidential() },
] }), &["lights", "plot", "curtain"])]
#[case(json!({ "rules": [
    { "who": "anonymous", "may": "catalog.entity.read", "where": {
        "rule": "IS_ENTITY_OWNER", "params": { "claims": ["group:default/authors"] },
    } },
    { "who": "anonymous", "mayNot": "catalog.entity.read", "where": confidential() },
    { "who": "anonymous", "may": "catalog.entity.read" },
] }), &["lights", "plot"])]
// Nobody has no claims.
#[case(json!({ "rules": [{ "who": "everyone", "may": "catalog.entity.read", "where": {
    "rule": "IS_ENTITY_OWNER", "params": { "claims": ["$caller"] },
} }] }), &[])]
#[tokio::test]
async fn strangers(#[case] value: Value, #[case] expected: &[&str]) {
    assert_eq!(seen(&policy(&value), Principal::None).await, expected);
}

#[tokio::test]
async fn programs() {
    let policy = policy(&json!({ "rules": [
        { "who": "service:plugin:search", "may": "catalog.entity.read" },
        { "who": "services", "may": "catalog.entity.read", "where": confidential() },
    ] }));
    assert_eq!(seen(&policy, service("plugin:search")).await, ["lights", "plot", "curtain"]);
    assert_eq!(seen(&policy, service("ci")).await, ["plot", "curtain"]);
    assert_eq!(seen(&policy, Principal::None).await, [""; 0]);
}

#[tokio::test]
async fn permissions_without_an_entity() {
    let policy = policy(&json!({ "rules": [
        { "who": "everyone", "mayNot": "catalog.location.delete" },
        { "who": "everyone", "may": ["catalog.location.*", "catalog.entity.validate"] },
    ] }));
    let index = index_of(&[]);
    let session = session(Arc::new(PolicyAuthority::new(policy)), Principal::None, &index);
    let cases = [
        (Permission::LOCATION_READ, true),
        (Permission::LOCATION_DELETE, false),
        (Permission::ENTITY_VALIDATE, true),
        (Permission::ENTITY_READ, false),
        (Permission::INGESTION_READ, false),
    ];
    for (permission, expected) in cases {
        assert_eq!(session.is_permitted(permission).await.unwrap(), expected, "{permission:?}");
        assert_eq!(session.access(permission).await.unwrap() == Access::Everything, expected);
    }
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let value = json!({
        "default": "perhaps",
        "rule": [],
        "rules": [
            { "may": "*" },
            { "who": "root", "may": ["catalog.entity.raed", 5] },
            { "who": [], "may": "catalog.entity.read", "mayNot": "catalog.entity.read" },
            { "who": "group:default/a", "if": 5 },
            { "who": "group:admins", "may": "catalog.entity.read", "where": { "anyOf": [] } },
            { "who": "users", "may": "catalog.entity.read", "where": { "rule": "HAS_TAG" } },
            { "who": "users", "may": "catalog.entity.read", "where": { "rule": "HAS_LABEL", "params": { "label": 5 } } },
            { "who": "users", "may": "catalog.*", "where": { "rule": "IS_ENTITY_KIND", "params": { "kinds": ["$caller"] } } },
            "everyone",
        ],
    });
    let problems = Policy::parse(&value, &RuleSet::default()).unwrap_err();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(problems.join("\n"));
}

#[test]
fn there_is_a_limit_to_rules() {
    let rules = |count: usize| json!({ "rules": vec![json!({ "who": "everyone", "may": "*" }); count] });
    assert!(Policy::parse(&rules(500), &RuleSet::default()).is_ok());
    assert!(Policy::parse(&rules(501), &RuleSet::default()).is_err());
}
