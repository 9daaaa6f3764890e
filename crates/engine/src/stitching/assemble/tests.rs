use callboard_model::EntityRef;
use callboard_store::{StitchInput, StitchOutcome, StitchTicket, Uid};
use serde_json::{Value, json};

use super::Assembled;

fn input(processed: Option<Value>) -> StitchInput {
    StitchInput {
        entity_ref: EntityRef::new("component", "default", "a"),
        uid: Uid::from_bytes([7; 16]),
        ticket: StitchTicket(1),
        processed: processed.map(|value| value.to_string().into_bytes().into()),
        errors: None,
        orphan: false,
        relations: vec![
            ("dependsOn".into(), EntityRef::new("resource", "default", "db")),
            ("ownedBy".into(), EntityRef::new("group", "default", "guests")),
        ],
        final_hash: None,
    }
}

fn assemble(input: &StitchInput) -> StitchOutcome {
    let Assembled { outcome, indexed } = super::assemble(input);
    assert_eq!(indexed.is_some(), matches!(outcome, StitchOutcome::Changed { .. }));
    outcome
}

fn component() -> Value {
    json!({
        "metadata": { "namespace": "default", "annotations": { "x": "y" }, "name": "a" },
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "spec": { "type": "service", "size": 1.0 },
    })
}

fn text(outcome: StitchOutcome) -> String {
    match outcome {
        StitchOutcome::Changed { body, .. } => String::from_utf8(body.to_vec()).unwrap(),
        StitchOutcome::Failed { errors } => format!("failed: {}", String::from_utf8_lossy(&errors)),
        StitchOutcome::Unchanged => "unchanged".to_owned(),
    }
}

#[test]
fn relations_uid_and_etag_are_put_where_clients_are_used_to_see_them() {
    insta::assert_snapshot!(text(assemble(&input(Some(component())))));
}

#[test]
fn orphans_and_errors_show() {
    let errors = br#"[{"name":"NotFoundError","message":"file a does not exist"}]"#;
    let input =
        StitchInput { orphan: true, errors: Some(errors.as_slice().into()), ..input(Some(component())) };
    insta::assert_snapshot!(text(assemble(&input)));
}

#[test]
fn links_that_run_scripts_are_replaced() {
    let mut entity = component();
    entity["metadata"]["annotations"] =
        json!({ "backstage.io/view-url": " javascript:alert(1)", "backstage.io/edit-url": "https://fine" });
    let outcome = text(assemble(&input(Some(entity))));
    assert!(
        outcome.contains(r#""backstage.io/view-url":"https://backstage.io/annotation-rejected"#),
        "{outcome}"
    );
    assert!(outcome.contains(r#""backstage.io/edit-url":"https://fine""#), "{outcome}");
}

#[test]
fn an_etag_of_the_author_stays_and_what_did_not_change_is_not_written() {
    let mut entity = component();
    entity["metadata"]["etag"] = json!("mine");
    entity["metadata"]["uid"] = json!("not mine");
    let StitchOutcome::Changed { body, hash } = assemble(&input(Some(entity.clone()))) else {
        panic!("changed")
    };
    let result: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(result["metadata"]["etag"], "mine");
    assert_eq!(result["metadata"]["uid"], "07070707-0707-0707-0707-070707070707");
    let again = StitchInput { final_hash: Some(hash), ..input(Some(entity)) };
    assert_eq!(text(assemble(&again)), "unchanged");
    assert_eq!(text(assemble(&input(None))), "unchanged");
}

#[test]
fn keys_that_differ_in_case_only_cannot_be_stitched() {
    let mut entity = component();
    entity["spec"] = json!({ "foo": 1, "Foo": 2 });
    insta::assert_snapshot!(text(assemble(&input(Some(entity)))));
}
