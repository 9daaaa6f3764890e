use std::sync::Arc;

use callboard_permissions::{ConditionError, Conditions, RuleSet};
use callboard_sdk::{PermissionRule, RuleParameterError};
use rstest::rstest;
use serde_json::{Value, json};

/// Holds for what has a stage; gives a broken query when asked to.
struct OnStage;

impl PermissionRule for OnStage {
    fn name(&self) -> &'static str {
        "ON_STAGE"
    }

    fn description(&self) -> &'static str {
        "Allow what is on a stage"
    }

    fn parameters_schema(&self) -> Value {
        json!({ "type": "object" })
    }

    fn query(&self, parameters: &Value) -> Result<Value, RuleParameterError> {
        match parameters["stage"].as_str() {
            None => Ok(json!({ "spec.stage": { "$exists": true } })),
            Some("broken") => Ok(json!(["nonsense"])),
            Some(_) => Err(RuleParameterError::of("stage", "there is one stage")),
        }
    }
}

fn query(rules: &RuleSet, rule: &str, params: impl Into<Value>) -> Result<Value, ConditionError> {
    let conditions = Conditions::parse(&json!({ "rule": rule, "params": params.into() })).unwrap();
    rules.predicate(&conditions).map(|predicate| predicate.to_json())
}

#[rstest]
#[case("HAS_ANNOTATION", json!({ "annotation": "A/b" }), json!({ "metadata.annotations.A/b": { "$exists": true } }))]
#[case("HAS_LABEL", json!({ "label": "l", "value": "V" }), json!({ "metadata.labels.l": "V" }))]
#[case("HAS_METADATA", json!({ "key": "tags", "value": "java" }), json!({ "metadata.tags": "java" }))]
#[case("HAS_SPEC", json!({ "key": "type", "more": 5 }), json!({ "spec.type": { "$exists": true } }))]
#[case("IS_ENTITY_KIND", json!({ "kinds": ["API"] }), json!({ "kind": { "$in": ["API"] } }))]
#[case("IS_ENTITY_OWNER", json!({ "claims": [] }), json!({ "relations.ownedBy": { "$in": [] } }))]
fn what_rules_ask_for(#[case] rule: &str, #[case] params: Value, #[case] expected: Value) {
    assert_eq!(query(&RuleSet::default(), rule, params).unwrap(), expected);
}

#[rstest]
#[case("HAS_LABEL", json!({}), "label: required, expected a text")]
#[case("HAS_LABEL", json!({ "label": 5, "value": [] }), "label: expected a text; value: expected a text")]
#[case("IS_ENTITY_KIND", json!({ "kinds": "API" }), "kinds: expected a list of texts")]
#[case("IS_ENTITY_OWNER", json!({ "claims": ["a", 5] }), "claims: expected a list of texts")]
fn wrong_parameters(#[case] rule: &str, #[case] params: Value, #[case] expected: &str) {
    match query(&RuleSet::default(), rule, params) {
        Err(ConditionError::Parameters { source, .. }) => assert_eq!(source.to_string(), expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_of_extensions() {
    let rules = RuleSet::with(&[Arc::new(OnStage) as Arc<dyn PermissionRule>]).unwrap();
    assert_eq!(rules.iter().last().unwrap().name(), "ON_STAGE");
    assert_eq!(query(&rules, "ON_STAGE", json!({})).unwrap(), json!({ "spec.stage": { "$exists": true } }));
    let message = |stage: &str| query(&rules, "ON_STAGE", json!({ "stage": stage })).unwrap_err().to_string();
    assert_eq!(message("broken"), "the permission rule ON_STAGE gave no valid query");
    assert_eq!(message("other"), "Parameters to rule are invalid");
    let twice = [Arc::new(OnStage) as Arc<dyn PermissionRule>, Arc::new(OnStage)];
    let error = RuleSet::with(&twice).unwrap_err();
    assert_eq!(error.to_string(), "there are two permission rules with the name ON_STAGE");
}

#[test]
fn unknown_rules() {
    let of_another_type = json!({ "rule": "HAS_SPEC", "resourceType": "task", "params": { "key": "a" } });
    let cases = [
        (
            json!({ "rule": "NOPE" }),
            "Permission rule 'NOPE' does not exist for resource type 'catalog-entity'",
        ),
        (of_another_type, "Permission rule 'HAS_SPEC' does not exist for resource type 'task'"),
    ];
    for (conditions, expected) in cases {
        let conditions = Conditions::parse(&json!({ "not": conditions })).unwrap();
        assert_eq!(RuleSet::default().predicate(&conditions).unwrap_err().to_string(), expected);
    }
}
