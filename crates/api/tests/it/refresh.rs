use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn schedules_and_says_nothing() {
    let server = Server::theatre().await;
    let answer = server.post("/refresh", &json!({ "entityRef": "Component:Default/Lights" })).await;
    assert_eq!(answer.snapshot(), "200 no content type\n");
}

#[tokio::test]
async fn refused() {
    let server = Server::theatre().await;
    let cases = [
        (json!({ "entityRef": "user:default/eve" }), "404 NotFoundError: Entity user:default/eve not found"),
        (json!({ "entityRef": "ada" }), "404 NotFoundError: Entity ada not found"),
        (json!({ "entityRef": "" }), "404 NotFoundError: Entity  not found"),
        (json!({}), "400 InputError: request/body must have required property 'entityRef'"),
        (
            json!({ "entityRef": "a", "x": 1 }),
            "400 InputError: request/body must NOT have additional properties",
        ),
        (json!({ "entityRef": "a", "authorizationToken": "x" }), "401 AuthenticationError: Illegal token"),
    ];
    for (body, expected) in cases {
        assert_eq!(server.post("/refresh", &body).await.brief(), expected, "{body}");
    }
}
