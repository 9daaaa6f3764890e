//! What the configuration says of HTTP.

use std::time::Duration;

use callboard_testkit::until;
use serde_json::json;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn keys_of_the_reference_have_their_effect() {
    let mut server = crate::server(json!({
        "backend": {
            "cors": { "origin": "http://localhost:*", "methods": ["GET", "POST"], "credentials": true },
            "csp": { "connectSrc": ["'self'", "http:"], "upgrade-insecure-requests": false },
            "referrer": { "policy": ["no-referrer", "same-origin"] },
            "health": { "headers": { "x-probe": "1" } },
            "trustProxy": "loopback",
            "rateLimit": { "global": false, "plugin": { "catalog": { "incomingRequestLimit": 1 } } },
        },
        "callboard": { "http": { "bodyLimit": 100 } },
    }));
    server.start().await;
    let answer =
        server.get("/locations").header("origin", "http://localhost:3000").send().await.expect("an answer");
    let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok());
    assert_eq!(header("access-control-allow-origin"), Some("http://localhost:3000"));
    let policy = header("content-security-policy").expect("a policy");
    assert!(policy.ends_with(";connect-src 'self' http:") && !policy.contains("upgrade"), "{policy}");
    assert_eq!(header("referrer-policy"), Some("no-referrer,same-origin"));
    // Requests of this machine do not count; those for which a proxy on it asks do.
    assert_eq!(header("x-ratelimit-limit"), None);
    let ask = async |client: &str| {
        let request = server.get("/locations").header("x-forwarded-for", client);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!(ask("192.0.2.1").await, 200);
    assert_eq!(ask("192.0.2.1").await, 429);
    let large = server.post("/entities/by-refs", &json!({ "entityRefs": ["x".repeat(100)] }));
    assert_eq!(large.send().await.expect("an answer").status(), 413);
    let health = server.root("/.backstage/health/v1/liveness").send().await.expect("an answer");
    assert_eq!(health.headers()["x-probe"], "1");
}

#[tokio::test]
async fn a_server_that_leaves_says_so_before_it_stops() {
    let mut server = crate::server(json!({
        "backend": { "lifecycle": { "serverShutdownDelay": { "seconds": 3 } } },
    }));
    server.start().await;
    let stopping = server.ask_to_stop().await;
    until("the server to say that it leaves", PATIENCE, async || {
        let answer = server.root("/.backstage/health/v1/readiness").send().await.ok()?;
        (answer.status() == 503).then_some(())
    })
    .await;
    assert_eq!(server.get("/entities").send().await.expect("an answer").status(), 200);
    assert!(stopping.ended().await.success());
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    let cases = [
        ("csp:\n    default-src: false\n", "backend.csp.default-src"),
        ("health:\n    headers: { 'a b': x }\n", "backend.health.headers.a b"),
        ("trustProxy: [here]\n", "backend.trustProxy"),
        ("rateLimit: { ipAllowList: [localhost] }\n", "backend.rateLimit.ipAllowList[0]"),
        ("cors: { origin: '[' }\n", "backend.cors.origin"),
        ("csp: {}\ncallboard:\n  metrics: { path: /api/metrics }\n", "callboard.metrics.path"),
        ("https: { certificate: { cert: x, key: y } }\n", "backend.https.certificate.cert"),
    ];
    for (text, key) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("app-config.yaml");
        std::fs::write(&file, format!("backend:\n  listen: '127.0.0.1:0'\n  {text}")).expect("a file");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_callboard"))
            .args(["serve", "--config"])
            .arg(&file)
            .stdin(std::process::Stdio::null())
            .output()
            .expect("the binary runs");
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(key) && message.contains("app-config.yaml:"), "{key}: {message}");
    }
}

#[tokio::test]
async fn tls_is_spoken_with_the_configured_certificate() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let mut server = crate::server(json!({
        "backend": { "https": { "certificate": { "cert": { "$file": "cert.pem" }, "key": { "$file": "key.pem" } } } },
    }));
    std::fs::write(server.folder().join("cert.pem"), made.cert.pem()).expect("a file");
    std::fs::write(server.folder().join("key.pem"), made.signing_key.serialize_pem()).expect("a file");
    server.spawn();
    let root = reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).expect("a certificate");
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().expect("a client");
    let url = server.api("/entity-facets?facet=kind").replace("http://127.0.0.1", "https://localhost");
    let version = until("an answer over TLS", PATIENCE, async || {
        let answer = client.get(&url).send().await.ok()?;
        (answer.status() == 200).then(|| answer.version())
    })
    .await;
    assert_eq!(version, reqwest::Version::HTTP_2);
    assert!(server.log().contains("listening on https://"), "{}", server.log());
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn running_out_of_file_descriptors_is_survived() {
    let mut server = crate::server(json!({}));
    server.limit_files(64);
    server.start().await;
    let address = server.api("").replace("http://", "").replace("/api/catalog", "");
    let mut connections = Vec::new();
    until("the server to run out of file descriptors", PATIENCE, async || {
        connections.push(tokio::net::TcpStream::connect(&address).await.ok()?);
        server.log().contains("connections cannot be accepted").then_some(())
    })
    .await;
    drop(connections);
    until("an answer", PATIENCE, async || server.json("/entity-facets?facet=kind").await).await;
    assert!(server.stop().await.success());
}
