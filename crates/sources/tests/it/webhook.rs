//! Processors that are programs of their own.

use std::time::Duration;

use callboard_sdk::model::{Entity, LocationRef};
use callboard_sdk::{
    Emission, Emit, Hooks, ProcessContext, Processor, ProcessorCache, ReadError, ReadOptions, ReadResponse,
    SearchResponse, UrlReader, async_trait,
};
use callboard_sources::{ProxyUse, WebhookProcessor, WebhookSettings};
use serde_json::{Map, Value, json};
use wiremock::matchers::{body_partial_json, header_exists, method};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn entity() -> Entity {
    Entity::from_value(json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": { "name": "lights", "namespace": "stage" },
        "spec": { "type": "service" },
    }))
    .unwrap()
}

fn processor(server: &MockServer, change: impl FnOnce(&mut WebhookSettings)) -> WebhookProcessor {
    let url = format!("{}/hook", server.uri()).parse().unwrap();
    let mut settings = WebhookSettings::new("outside", url, Hooks::ALL);
    settings.backoff = Duration::from_millis(1);
    settings.proxies = ProxyUse::Never;
    change(&mut settings);
    WebhookProcessor::new(settings).unwrap()
}

async fn answering(response: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(response).mount(&server).await;
    server
}

/// The programs that are called read by themselves.
struct NobodyReads;

#[async_trait]
impl UrlReader for NobodyReads {
    async fn read(&self, url: &str, _options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        Err(ReadError::NotAllowed(url.to_owned()))
    }

    async fn search(&self, url: &str, _options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        Err(ReadError::NotAllowed(url.to_owned()))
    }

    fn resolve(&self, target: &str, _base: &str) -> Result<String, ReadError> {
        Err(ReadError::NotAllowed(target.to_owned()))
    }
}

/// What post-processing comes to: the entity or the error, what is emitted, and what is remembered.
async fn post_process(
    processor: &WebhookProcessor,
    cache: Map<String, Value>,
) -> (Result<Entity, String>, Vec<Emission>, Map<String, Value>) {
    let (emit, cache) = (Emit::default(), ProcessorCache::new(cache));
    let location = LocationRef::parse("url:https://host/a.yaml").unwrap();
    let context = ProcessContext { emit: &emit, reader: &NobodyReads, cache: &cache };
    let result = processor.post_process(entity(), &location, context).await;
    (result.map_err(|error| error.to_string()), emit.take(), cache.into_state())
}

async fn error_of(processor: &WebhookProcessor) -> String {
    post_process(processor, Map::new()).await.0.unwrap_err()
}

#[tokio::test]
async fn an_answer_changes_the_entity_and_emits() {
    let mut changed = entity().into_value();
    changed["spec"]["lifecycle"] = json!("production");
    let server = answering(ResponseTemplate::new(200).set_body_json(json!({
        "entity": changed,
        "emit": {
            "relations": [
                { "type": "ownedBy", "target": "group:crew" },
                { "source": "group:crew", "type": "ownerOf", "target": "component:stage/lights" },
            ],
            "entities": [entity().into_value()],
            "locations": [{ "type": "url", "target": "https://host/b.yaml" }],
            "refreshKeys": ["ticket:7"],
            "errors": ["a word", { "name": "InputError", "message": "another" }],
        },
    })))
    .await;
    let (result, emissions, remembered) = post_process(&processor(&server, |_| {}), Map::new()).await;
    assert_eq!(result.unwrap().spec().unwrap()["lifecycle"], "production");
    assert!(remembered.is_empty());
    let relation = |emission: &Emission| match emission {
        Emission::Relation(relation) => {
            Some(format!("{} {}", relation.source.to_entity_ref(), relation.target.to_entity_ref()))
        }
        _ => None,
    };
    let relations: Vec<String> = emissions.iter().filter_map(relation).collect();
    assert_eq!(
        relations,
        ["component:stage/lights group:stage/crew", "group:stage/crew component:stage/lights",]
    );
    assert_eq!(emissions.len(), 7);
    let request: Value = serde_json::from_slice(&server.received_requests().await.unwrap()[0].body).unwrap();
    assert_eq!(
        request,
        json!({
            "hook": "postProcess",
            "entity": entity().into_value(),
            "location": "url:https://host/a.yaml",
        })
    );
}

#[tokio::test]
async fn other_kinds_are_passed_over_and_kinds_are_recognised() {
    let server = answering(ResponseTemplate::new(200).set_body_json(json!({ "valid": true }))).await;
    let others = processor(&server, |settings| settings.kinds = vec!["Device".to_owned()]);
    assert_eq!(others.validate_kind(&entity()).await, Ok(false));
    assert_eq!(post_process(&others, Map::new()).await.0.unwrap(), entity());
    assert!(server.received_requests().await.unwrap().is_empty());
    let own = processor(&server, |settings| settings.kinds = vec!["component".to_owned()]);
    assert_eq!(own.validate_kind(&entity()).await, Ok(true));
}

#[tokio::test]
async fn what_did_not_change_is_taken_from_the_last_answer() {
    let server = MockServer::start().await;
    let first = json!({ "etag": "one", "emit": { "refreshKeys": ["k"] } });
    let again = Mock::given(body_partial_json(json!({ "etag": "one" })));
    again
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "notModified": true })))
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(first))
        .mount(&server)
        .await;
    let processor = processor(&server, |_| {});
    let (_, _, remembered) = post_process(&processor, Map::new()).await;
    let (result, emissions, still) = post_process(&processor, remembered.clone()).await;
    assert!(result.is_ok());
    assert!(matches!(emissions.as_slice(), [Emission::RefreshKey(key)] if key == "k"), "{emissions:?}");
    assert_eq!(still, remembered);
}

#[tokio::test]
async fn a_request_is_signed() {
    let server = MockServer::start().await;
    let signed = Mock::given(header_exists("x-callboard-signature-256"));
    signed.respond_with(ResponseTemplate::new(200).set_body_json(json!({}))).mount(&server).await;
    let processor = processor(&server, |settings| settings.secret = Some("s3cret".to_owned()));
    assert!(post_process(&processor, Map::new()).await.0.is_ok());
    let request: &Request = &server.received_requests().await.unwrap()[0];
    let signature = request.headers["x-callboard-signature-256"].to_str().unwrap().to_owned();
    // Computed by another implementation, over the very bytes that were sent.
    assert_eq!(signature, format!("sha256={SIGNATURE_OF_THE_REQUEST}"));
}

/// HMAC-SHA256 of the request of `post_process` with the key `s3cret`.
const SIGNATURE_OF_THE_REQUEST: &str = "c5c80b4549c42be5ffbddf05fafa00c76eb04c4569fccf8630d49b73aff0da84";

#[tokio::test]
async fn failures_are_tried_again_and_refusals_are_not() {
    let server = MockServer::start().await;
    let failing = Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).up_to_n_times(2);
    failing.mount(&server).await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&server)
        .await;
    assert!(post_process(&processor(&server, |_| {}), Map::new()).await.0.is_ok());
    assert_eq!(server.received_requests().await.unwrap().len(), 3);

    let refusing = answering(ResponseTemplate::new(422).set_body_string("no owner")).await;
    let error = error_of(&processor(&refusing, |_| {})).await;
    assert_eq!(error, "Error: the program answered 422 Unprocessable Entity: no owner");
    assert_eq!(refusing.received_requests().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_program_that_keeps_failing_is_left_alone() {
    let server = answering(ResponseTemplate::new(500)).await;
    let processor = processor(&server, |settings| {
        settings.attempts = 1;
        settings.failures_until_open = 2;
    });
    for _ in 0..2 {
        assert!(error_of(&processor).await.contains("500"));
    }
    let error = error_of(&processor).await;
    assert!(error.starts_with("ServiceUnavailableError: the program failed several times"), "{error}");
    assert_eq!(server.received_requests().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_program_that_recovers_is_called_again() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(500))
        .up_to_n_times(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .mount(&server)
        .await;
    let processor = processor(&server, |settings| {
        settings.attempts = 1;
        settings.failures_until_open = 1;
        settings.open_for = Duration::ZERO;
    });
    assert!(error_of(&processor).await.contains("500"));
    assert!(post_process(&processor, Map::new()).await.0.is_ok());
    assert!(post_process(&processor, Map::new()).await.0.is_ok());
}

#[tokio::test]
async fn answers_are_bounded_and_redirects_are_not_followed() {
    let large = answering(ResponseTemplate::new(200).set_body_string("x".repeat(2000))).await;
    let error = error_of(&processor(&large, |settings| settings.max_bytes = 1000)).await;
    assert_eq!(error, "Error: the program's answer is larger than 1000 bytes");
    let elsewhere = answering(ResponseTemplate::new(200).set_body_json(json!({}))).await;
    let redirect = ResponseTemplate::new(307).insert_header("location", elsewhere.uri());
    let error = error_of(&processor(&answering(redirect).await, |_| {})).await;
    assert!(error.contains("the program answered 307"), "{error}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
    let slow = answering(ResponseTemplate::new(200).set_delay(Duration::from_mins(1))).await;
    let slow = processor(&slow, |settings| {
        settings.timeout = Duration::from_millis(50);
        settings.attempts = 1;
    });
    assert_eq!(error_of(&slow).await, "Error: the program did not answer in time");
    let odd = answering(ResponseTemplate::new(200).set_body_json(json!({ "entitty": 1 }))).await;
    let error = error_of(&processor(&odd, |_| {})).await;
    assert!(error.contains("unknown field `entitty`"), "{error}");
}
