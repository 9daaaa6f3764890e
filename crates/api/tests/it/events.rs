//! Events that come in over HTTP.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use axum::http::Request;
use callboard_api::{EventIngress, HeaderTokenValidator, SignatureValidator};
use callboard_sdk::{Event, EventSubscriber, IngressRequest, IngressValidator as _, SubscriberError};
use serde_json::json;
use tokio::sync::mpsc;

use crate::server::{Answer, Server, ServerBuilder};

/// The signature of `{"zen":"calm"}` with the secret `it's a secret`.
const SIGNATURE: &str = "sha256=17e1c5bf4edc3d8f1d2dcc0cfdcfd732b89127a62fde23d4407403be9a74a098";

struct Keeper(Vec<String>, mpsc::Sender<Event>);

#[async_trait]
impl EventSubscriber for Keeper {
    fn id(&self) -> &'static str {
        "keeper"
    }

    fn topics(&self) -> &[String] {
        &self.0
    }

    async fn on_event(&self, event: &Event) -> Result<(), SubscriberError> {
        Ok(self.1.send(event.clone()).await?)
    }
}

async fn server() -> (Server, mpsc::Receiver<Event>) {
    let (sender, events) = mpsc::channel(8);
    let topics = vec!["open".to_owned(), "signed".to_owned()];
    let keeper = Arc::new(Keeper(topics.clone(), sender));
    let validator = Arc::new(SignatureValidator::new("signed", "it's a secret"));
    let server = ServerBuilder::empty()
        .registry(|registry| registry.event_subscribers.push(keeper))
        .options(|options| options.event_ingress = EventIngress { topics, validators: vec![validator] })
        .start()
        .await;
    (server, events)
}

async fn publish(server: &Server, topic: &str, signature: Option<&str>, body: &str) -> Answer {
    let mut request = Request::post(format!("/api/events/http/{topic}")).header("x-kind", "push");
    if let Some(signature) = signature {
        request = request.header("x-hub-signature-256", signature);
    }
    let request =
        request.header("authorization", "Bearer of-no-concern").header("content-type", "application/json");
    server.send(request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn an_event_reaches_its_subscribers() {
    let (server, mut events) = server().await;
    let answer = publish(&server, "open", None, r#"{"zen":"calm"}"#).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({ "status": "accepted" })));
    let event = events.recv().await.unwrap();
    assert_eq!((event.topic.as_str(), &event.payload), ("open", &json!({ "zen": "calm" })));
    assert_eq!(event.metadata["x-kind"], "push");
    assert!(!event.metadata.contains_key("authorization"));
}

#[tokio::test]
async fn an_event_of_a_signed_topic_needs_its_signature() {
    let (server, mut events) = server().await;
    let body = r#"{"zen":"calm"}"#;
    for bad in [None, Some(""), Some("sha256="), Some("sha256=00"), Some("sha256=zz"), Some("sha1=ab")] {
        assert_eq!(publish(&server, "signed", bad, body).await.status, 403, "{bad:?}");
    }
    assert_eq!(publish(&server, "signed", Some(SIGNATURE), r#"{"zen":"gone"}"#).await.status, 403);
    assert_eq!(publish(&server, "signed", Some(SIGNATURE), body).await.status, 202);
    assert_eq!(events.recv().await.unwrap().payload, json!({ "zen": "calm" }));
    assert!(events.try_recv().is_err());
}

#[tokio::test]
async fn other_topics_and_bodies_are_refused() {
    let (server, _events) = server().await;
    assert_eq!(
        publish(&server, "other", None, "{}").await.brief(),
        "404 NotFoundError: No events of topic 'other' are taken"
    );
    let brief = publish(&server, "open", None, "{").await.brief();
    assert!(brief.starts_with("400 InputError: Malformed JSON"), "{brief}");
}

#[test]
fn a_token_in_a_header_is_compared_as_a_whole() {
    let validator = HeaderTokenValidator::new("gitlab", "it's a secret", "X-Gitlab-Token");
    let passes = |headers: &[(&str, &str)]| {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        validator.validate(&IngressRequest { topic: "gitlab", headers: &headers, body: b"{}" }).is_ok()
    };
    assert!(passes(&[("x-gitlab-token", "it's a secret")]));
    for headers in [
        &[][..],
        &[("x-gitlab-token", "it's a secre")],
        &[("x-gitlab-token", "")],
        &[("x-other", "it's a secret")],
    ] {
        assert!(!passes(headers), "{headers:?}");
    }
}
