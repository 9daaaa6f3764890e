//! The `backend` section, except for its database.

use std::time::Duration;

use callboard_config::sections::{BackendSection, Https, Listen};
use callboard_config::{Config, ConfigDuration};
use rstest::rstest;
use serde_json::{Value, json};

fn read(backend: Value) -> Result<BackendSection, String> {
    Config::from_value(&json!({ "backend": backend })).backend().map_err(|error| error.to_string())
}

fn read_one(key: &str, value: &Value) -> Result<BackendSection, String> {
    read(json!({ key: value }))
}

#[test]
fn all_may_be_left_out() {
    let backend = Config::from_value(&json!({})).backend().expect("a section");
    insta::assert_debug_snapshot!(backend);
}

#[rstest]
#[case::absent(json!(null), None, 7007)]
#[case::port(json!("8080"), None, 8080)]
#[case::number(json!(8080), None, 8080)]
#[case::colon_port(json!(":7007"), None, 7007)]
#[case::host_and_port(json!("0.0.0.0:80"), Some("0.0.0.0"), 80)]
#[case::address_v6(json!("[::1]:80"), Some("::1"), 80)]
#[case::object(json!({ "host": "127.0.0.1", "port": 80 }), Some("127.0.0.1"), 80)]
#[case::port_as_text(json!({ "port": "80" }), None, 80)]
#[case::only_host(json!({ "host": "localhost" }), Some("localhost"), 7007)]
#[case::empty_host(json!({ "host": "" }), None, 7007)]
fn listen(#[case] value: Value, #[case] host: Option<&str>, #[case] port: u16) {
    let listen = read_one("listen", &value).expect("a section").listen;
    assert_eq!(listen, Listen { host: host.map(str::to_owned), port });
}

#[test]
fn everything_at_once() {
    let backend = read(json!({
        "baseUrl": "https://catalog.example.com",
        "auth": {
            "dangerouslyDisableDefaultAuthPolicy": "true",
            "externalAccess": [{ "type": "static", "options": { "token": "hush-hush", "subject": "ci" } }],
            "keys": [{ "secret": "hush" }],
            "pluginKeyStore": { "type": "database" },
        },
        "reading": { "allow": [{ "host": "*.example.com:1-65535", "paths": ["/a"] }, { "host": "localhost" }] },
        "cors": {
            "origin": "http://localhost:3000",
            "methods": "GET, POST",
            "allowedHeaders": ["X-A"],
            "credentials": true,
            "maxAge": "60",
        },
        "csp": { "connect-src": ["'self'"], "upgrade-insecure-requests": false },
        "workingDirectory": "/var/tmp",
        "lifecycle": { "serverShutdownDelay": { "seconds": 20 } },
        "rateLimit": {
            "window": 1000,
            "incomingRequestLimit": 100,
            "plugin": { "catalog": { "window": "PT1S", "incomingRequestLimit": 7 } },
        },
        "https": { "certificate": { "cert": "CERT", "key": "hush" } },
        "health": { "headers": { "x-upstream": "catalog" } },
        "trustProxy": "loopback",
        "cache": { "store": "memory" },
    }))
    .expect("a section");
    let shown = format!("{backend:#?}");
    assert!(!shown.contains("hush"), "{shown}");
    insta::assert_snapshot!(shown);
    assert_eq!(backend.auth.keys[0].secret.expose(), "hush");
    let Some(Https::Given(certificate)) = &backend.https else { panic!("expected a certificate") };
    assert_eq!(certificate.key.expose(), "hush");
}

#[test]
fn switches_stand_for_objects() {
    let on = read(json!({ "rateLimit": true, "https": true })).expect("a section");
    let limit = on.rate_limit.expect("a limit");
    assert_eq!(limit.limit.window, ConfigDuration::new(Duration::from_mins(1)));
    assert!(limit.global);
    assert_eq!(on.https, Some(Https::Generated));
    let off = read(json!({ "rateLimit": false, "https": false })).expect("a section");
    assert_eq!((off.rate_limit, off.https), (None, None));
}

#[rstest]
#[case::base_url("baseUrl", json!("localhost:7007"), "backend.baseUrl: expected a URL that begins with http:// or https://")]
#[case::listen_word("listen", json!("here"), r#"backend.listen: expected an address such as ":7007", "host:port" or { host, port }, found the text "here""#)]
#[case::listen_bare_v6("listen", json!("::1:80"), r#"backend.listen: expected an address such as ":7007", "host:port" or { host, port }, found the text "::1:80""#)]
#[case::listen_port("listen", json!({ "port": 70000 }), "backend.listen.port: expected a whole number that is in range here, found the number 70000")]
#[case::listen_port_word("listen", json!({ "port": "http" }), r#"backend.listen.port: expected a whole number, found the text "http""#)]
#[case::listen_host("listen", json!({ "host": false }), "backend.listen.host: expected a text, found false")]
#[case::reading_host("reading", json!({ "allow": [{ "paths": [] }] }), "backend.reading.allow[0].host: required, but not given")]
#[case::reading_url("reading", json!({ "allow": [{ "host": "https://a.b" }] }), "backend.reading.allow[0].host: expected a host, and this is a URL or a path")]
#[case::reading_wildcard("reading", json!({ "allow": [{ "host": "a.*.b" }] }), "backend.reading.allow[0].host: a wildcard can only stand at the beginning, as in *.example.com")]
#[case::cors_origin("cors", json!({ "origin": { "a": 1 } }), "backend.cors.origin: expected a text or a list of texts, found an object")]
#[case::csp("csp", json!({ "default-src": true }), "backend.csp.default-src: expected a list of sources, or false, found true")]
#[case::certificate("https", json!({ "certificate": { "cert": "x" } }), "backend.https.certificate.key: required, but not given")]
#[case::secret_number("auth", json!({ "keys": [{ "secret": 12345 }] }), "backend.auth.keys[0].secret: expected a text (put it in quotes if it looks like a number), found a number")]
#[case::rate_limit("rateLimit", json!({ "plugin": { "catalog": { "incomingRequestLimit": -1 } } }), "backend.rateLimit.plugin.catalog.incomingRequestLimit: expected a whole number that is in range here, found the number -1")]
fn refuses(#[case] key: &str, #[case] value: Value, #[case] expected: &str) {
    assert_eq!(read_one(key, &value).map(|_| ()), Err(expected.to_owned()));
}
