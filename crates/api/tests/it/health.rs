use axum::body::Body;
use axum::http::{HeaderValue, Request};
use std::time::Duration;

use crate::server::{Answer, ServerBuilder, send};

fn request(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

const LIVENESS: &str = "/.backstage/health/v1/liveness";
const READINESS: &str = "/.backstage/health/v1/readiness";

#[tokio::test]
async fn from_start_to_end() {
    let brief = |answer: &Answer| (answer.status.as_u16(), answer.text());
    let ok = (200, r#"{"status":"ok"}"#.to_owned());

    let early = ServerBuilder::empty().options(|options| options.startup_pause = Duration::ZERO);
    let early = early.without_start().await;
    assert_eq!(brief(&send(&early, request(LIVENESS)).await), ok);
    let waiting = (503, r#"{"message":"Backend has not started yet","status":"error"}"#.to_owned());
    assert_eq!(brief(&send(&early, request(READINESS)).await), waiting);
    let too_early = send(&early, request("/api/catalog/entities")).await;
    assert_eq!(too_early.brief(), "503 ServiceUnavailableError: Service has not started up yet");

    let mut lifecycle = None;
    let builder = ServerBuilder::empty().options(|options| {
        options.health_headers.insert("x-probe", HeaderValue::from_static("1"));
        lifecycle = Some(options.lifecycle.clone());
    });
    let server = builder.start().await;
    let ready = server.send(request(READINESS)).await;
    assert_eq!((brief(&ready), ready.header("x-probe")), (ok.clone(), Some("1")));
    let lifecycle = lifecycle.unwrap();
    lifecycle.leave();
    let stopping = (503, r#"{"message":"Backend is shutting down","status":"error"}"#.to_owned());
    assert_eq!(brief(&server.send(request(READINESS)).await), stopping);
    assert_eq!(brief(&server.send(request(LIVENESS)).await), ok);
    assert_eq!(server.get("/entities").await.status, 200);
    lifecycle.shut_down();
    let too_late = server.get("/entities").await;
    assert_eq!(too_late.brief(), "503 ServiceUnavailableError: Service is shutting down");
}
