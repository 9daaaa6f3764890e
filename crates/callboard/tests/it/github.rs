//! Repositories on a GitHub, by configuration.

use std::time::Duration;

use callboard_testkit::until;
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const PATIENCE: Duration = Duration::from_mins(1);
const DESCRIPTOR: &str = "apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: { name: till }\n\
    spec: { type: service, lifecycle: production, owner: shop }\n";

async fn api() -> MockServer {
    let api = MockServer::start().await;
    let tree = json!({ "sha": "1", "tree": [
        { "path": "till/catalog-info.yaml", "type": "blob" }, { "path": "readme.md", "type": "blob" },
    ] });
    let answers = [
        ("/repos/acme/shop", ResponseTemplate::new(200).set_body_json(json!({ "default_branch": "main" }))),
        ("/repos/acme/shop/git/trees/main", ResponseTemplate::new(200).set_body_json(tree)),
        (
            "/repos/acme/shop/contents/till/catalog-info.yaml",
            ResponseTemplate::new(200).set_body_string(DESCRIPTOR),
        ),
    ];
    for (at, answer) in answers {
        let with_token = header("authorization", "Bearer hush-hush");
        Mock::given(method("GET")).and(path(at)).and(with_token).respond_with(answer).mount(&api).await;
    }
    api
}

#[tokio::test]
async fn a_repository_is_analysed_and_read() {
    let api = api().await;
    let mut server = crate::server(json!({
        "integrations": {
            "github": [{ "host": "github.acme.test", "apiBaseUrl": api.uri(), "token": "hush-hush" }],
        },
    }));
    server.start().await;
    let analyse = async || -> Value {
        let body = json!({ "location": { "type": "url", "target": "https://github.acme.test/acme/shop" } });
        let answer = server.post("/analyze-location", &body).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.json().await.expect("JSON")
    };
    let file = "https://github.acme.test/acme/shop/blob/main/till/catalog-info.yaml";
    let analysis = analyse().await;
    let existing = &analysis["existingEntityFiles"];
    assert_eq!(existing[0]["location"], json!({ "type": "url", "target": file }));
    assert_eq!(existing[0]["entity"]["metadata"]["name"], "till");
    assert_eq!(existing[0]["isRegistered"], false);
    assert_eq!(existing.as_array().map(Vec::len), Some(1));
    assert_eq!(analysis["generateEntities"], json!([]));

    let pattern = "https://github.acme.test/acme/shop/blob/main/**/catalog-info.yaml";
    let body = json!({ "type": "url", "target": pattern });
    assert_eq!(server.post("/locations", &body).send().await.expect("an answer").status(), 201);
    until("the entity", PATIENCE, async || server.json("/entities/by-name/component/default/till").await)
        .await;
    let analysis = analyse().await;
    assert_eq!(analysis["existingEntityFiles"][0]["isRegistered"], true);
    assert!(server.stop().await.success());
    assert!(!server.log().contains("hush-hush"));
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let cases = [
        ("{ host: a b }", "integrations.github[0].host: \"a b\" is not the name of a host"),
        ("{ host: x, apiBaseUrl: x }", "integrations.github[0].apiBaseUrl: expected a URL"),
        ("{ host: x, token: 7 }", "integrations.github[0]"),
    ];
    for (entry, expected) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app-config.yaml");
        let config =
            format!("backend: {{ listen: '127.0.0.1:0' }}\nintegrations:\n  github:\n    - {entry}\n");
        std::fs::write(&file, config).expect("a file");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_callboard"))
            .args(["serve", "--config"])
            .arg(&file)
            .stdin(std::process::Stdio::null())
            .output()
            .expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(expected), "{said}");
    }
}
