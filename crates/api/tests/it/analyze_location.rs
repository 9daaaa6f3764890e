use callboard_api::ScmKind;
use serde_json::{Value, json};

use crate::server::ServerBuilder;

#[tokio::test]
async fn annotations_follow_the_integrations() {
    let builder = ServerBuilder::empty().options(|options| {
        options.integrations.insert("git.acme.test".to_owned(), ScmKind::Gitlab);
    });
    let server = builder.start().await;
    let cases = [
        ("https://github.com/acme/shop/blob/main/x.yaml", json!({ "github.com/project-slug": "acme/shop" })),
        ("https://git.acme.test/acme/group/shop", json!({ "gitlab.com/project-slug": "acme/group/shop" })),
        ("https://bitbucket.org/acme/shop", Value::Null),
        ("git@github.com:acme/shop.git", Value::Null),
    ];
    for (target, expected) in cases {
        let body = json!({ "location": { "type": "url", "target": target } });
        let answer = server.post("/analyze-location", &body).await.json();
        let metadata = &answer["generateEntities"][0]["entity"]["metadata"];
        assert_eq!(
            (metadata["name"].as_str(), &metadata["annotations"]),
            (Some("shop"), &expected),
            "{target}"
        );
    }
    let body = json!({ "location": { "type": "url", "target": "https://github.com/acme/shop" } });
    insta::assert_snapshot!("analysis", server.post("/analyze-location", &body).await.snapshot());
}

#[tokio::test]
async fn refused() {
    let server = ServerBuilder::empty().start().await;
    let cases = [
        (json!({}), "400 InputError: request/body must have required property 'location'"),
        (
            json!({ "location": { "type": "url", "target": "x", "presence": "optional" } }),
            "400 InputError: request/body/location must NOT have additional properties",
        ),
        (
            json!({ "location": { "type": "url", "target": "not a url" } }),
            "400 InputError: The given location.target is not a URL",
        ),
    ];
    for (body, expected) in cases {
        assert_eq!(server.post("/analyze-location", &body).await.brief(), expected, "{body}");
    }
}
