//! Events from outside, by configuration.

use serde_json::json;

#[tokio::test]
async fn topics_and_their_secrets_are_configured() {
    let mut server = crate::server(json!({
        "events": { "http": { "topics": ["open", "signed"] } },
        "callboard": { "eventSignatures": [{ "topic": "signed", "secret": "s3cret-s3cret", "header": "x-signature", "prefix": "" }] },
    }));
    server.start().await;
    let publish = async |topic: &str, signature: &str| {
        let body = json!({ "zen": "calm" });
        let request = server.post(&format!("/../events/http/{topic}"), &body);
        request.header("x-signature", signature).send().await.expect("an answer").status().as_u16()
    };
    // The HMAC-SHA256 of {"zen":"calm"}.
    let signature = "94e90533887ec55a2147442f6eb23c316c760076b0bb832279cf918817c49a77";
    assert_eq!(publish("open", "").await, 202);
    assert_eq!(publish("signed", "").await, 403);
    assert_eq!(publish("signed", signature).await, 202);
    assert_eq!(publish("other", signature).await, 404);
    let log = server.log();
    assert!(log.contains("everyone who reaches the server can publish") && !log.contains("s3cret"), "{log}");
    assert!(server.stop().await.success());
}
