use std::sync::Arc;

use callboard_model::{Entity, FieldFormatValidators};
use callboard_sdk::{EntityParser, Registry, UrlReader};
use callboard_store::{DueEntity, ProcessingOutcome, ProcessorCacheUpdate, Uid};
use jiff::Timestamp;
use serde_json::json;

use super::{document, process};
use crate::parser::YamlParser;
use crate::processing::chain;
use crate::processing::pipeline::Pipeline;
use crate::processing::reads::NoReader;
use crate::rules::Rules;
use crate::settings::EngineSettings;

fn pipeline() -> Pipeline {
    let settings = EngineSettings::default();
    let reader: Arc<dyn UrlReader> = Arc::new(NoReader);
    let parser: Arc<dyn EntityParser> = Arc::new(YamlParser::new(false));
    Pipeline {
        without_default_policies: false,
        chain: chain::build(&settings, &Registry::default(), &reader, &parser).unwrap(),
        policies: Vec::new(),
        policy_timeout: settings.processing.hook_timeout,
        formats: FieldFormatValidators::default(),
        rules: Rules::new(&settings.rules, &[], &settings.working_directory).unwrap(),
        parser,
        reader,
        allowed_location_types: settings.allowed_location_types,
    }
}

fn component(number: usize) -> DueEntity {
    let entity = Entity::from_value(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": format!("service-{number}"),
            "title": format!("Service {number}"),
            "description": "A service that does one thing and does it well, or so its authors say.",
            "annotations": {
                "backstage.io/managed-by-location": "url:https://host/o/r/catalog-info.yaml",
                "backstage.io/managed-by-origin-location": "url:https://host/o/r/catalog-info.yaml",
                "github.com/project-slug": format!("o/service-{number}"),
            },
            "labels": { "tier": "2" },
            "tags": ["java", "data", "grpc"],
            "links": [{ "url": "https://host/dashboard", "title": "Dashboard", "icon": "dashboard" }],
        },
        "spec": {
            "type": "service", "lifecycle": "production", "owner": "team-a", "system": "shop",
            "providesApis": ["b-api", "a-api"], "consumesApis": ["c-api"],
            "dependsOn": ["resource:db", "component:other"],
        },
    }))
    .unwrap();
    DueEntity {
        entity_ref: entity.entity_ref(),
        uid: Uid::random(),
        document: document(&entity),
        location_key: None,
        result_hash: None,
        cache: None,
        due_since: Timestamp::UNIX_EPOCH,
        urgent: false,
    }
}

#[tokio::test]
async fn the_same_again_is_unchanged_and_needs_no_commit() {
    let pipeline = pipeline();
    let due = component(1);
    let first = process(&pipeline, due.clone(), Timestamp::MAX).await;
    let ProcessingOutcome::Succeeded { result_hash, relations, children, .. } = first.commit.outcome else {
        panic!("{:?}", first.errors)
    };
    assert_eq!((relations.len(), children.len()), (14, 0));
    assert!(first.needs_commit);

    let again = DueEntity { result_hash: Some(result_hash), ..due };
    let urgent = DueEntity { urgent: true, ..again.clone() };
    let second = process(&pipeline, again, Timestamp::MAX).await;
    assert!(matches!(second.commit.outcome, ProcessingOutcome::Unchanged));
    assert!(!second.needs_commit, "routine refreshes are over with that");
    assert!(process(&pipeline, urgent, Timestamp::MAX).await.needs_commit, "urgent ones hold a lease");
}

#[tokio::test]
async fn the_same_failure_again_is_unchanged_too() {
    let pipeline = pipeline();
    let mut due = component(1);
    due.document.json = due.document.json.iter().map(u8::to_ascii_lowercase).collect();
    due.cache = Some(br#"{"ttl":1,"cache":{"p":{"k":1}}}"#.as_slice().into());
    let first = process(&pipeline, due.clone(), Timestamp::MAX).await;
    let ProcessingOutcome::Failed { result_hash, .. } = first.commit.outcome else { panic!("it fails") };
    assert_eq!(first.errors.len(), 1);
    assert!(matches!(&first.commit.cache, ProcessorCacheUpdate::Replace(_)));
    let again = DueEntity { result_hash: Some(result_hash), cache: None, ..due };
    let second = process(&pipeline, again, Timestamp::MAX).await;
    assert!(matches!(second.commit.outcome, ProcessingOutcome::Unchanged));
    assert!(!second.needs_commit);
}
