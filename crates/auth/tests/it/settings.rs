use callboard_auth::ExternalAccess;
use rstest::rstest;
use serde_json::{Value, json};

fn with_token(token: &str) -> Value {
    json!({ "type": "static", "options": { "token": token, "subject": "ci" } })
}

fn restricted(restrictions: &Value) -> Value {
    let mut entry = with_token("long-enough");
    entry["accessRestrictions"] = restrictions.clone();
    entry
}

#[rstest]
#[case(json!(7), "[0]: expected an object")]
#[case(json!({}), "[0].type: expected a text, and it is not there")]
#[case(json!({ "type": "magic" }), "[0].type: expected static, legacy or jwks, not \"magic\"")]
#[case(json!({ "type": "static" }), "[0].options: expected an object, and it is not there")]
#[case(with_token("short"), "[0].options.token: expected at least 8 characters")]
#[case(with_token("white space"), "[0].options.token: expected a text without white space")]
#[case(with_token(""), "[0].options.token: expected a text that is not empty")]
#[case(
    json!({ "type": "static", "options": { "token": "long-enough" } }),
    "[0].options.subject: expected a text, and it is not there"
)]
#[case(
    json!({ "type": "static", "options": { "token": "long-enough", "subject": "a b" } }),
    "[0].options.subject: expected a text without white space"
)]
#[case(
    json!({ "type": "legacy", "options": { "secret": "???", "subject": "old" } }),
    "[0].options.secret: expected base64"
)]
#[case(
    json!({ "type": "jwks", "options": { "url": "ci" } }),
    "[0].options.url: expected a URL that begins with http:// or https://"
)]
#[case(
    json!({ "type": "jwks", "options": { "url": "https://ci", "algorithm": "none" } }),
    "[0].options.algorithm: expected algorithms such as RS256 or ES256, not \"none\""
)]
#[case(
    json!({ "type": "jwks", "options": { "url": "https://ci", "algorithm": "ES256 HS256" } }),
    "[0].options.algorithm: expected algorithms such as RS256 or ES256, not \"HS256\""
)]
#[case(
    json!({ "type": "jwks", "options": { "url": "https://ci", "issuer": [7] } }),
    "[0].options.issuer: expected a list of texts"
)]
#[case(restricted(&json!({})), "[0].accessRestrictions: expected a list")]
#[case(restricted(&json!([{}])), "[0].accessRestrictions[0].plugin: expected a text, and it is not there")]
#[case(
    restricted(&json!([{ "plugin": "catalog" }, { "plugin": "catalog" }])),
    "[0].accessRestrictions[1].plugin: catalog is restricted twice; put both in one entry"
)]
#[case(
    restricted(&json!([{ "plugin": "catalog", "permission": [] }])),
    "[0].accessRestrictions[0].permission: expected at least one word"
)]
#[case(
    restricted(&json!([{ "plugin": "catalog", "permissionAttribute": { "action": "write" } }])),
    "[0].accessRestrictions[0].permissionAttribute.action: expected create, read, update or delete, not \"write\""
)]
#[case(
    restricted(&json!([{ "plugin": "catalog", "permissionAttribute": { "verb": "read" } }])),
    "[0].accessRestrictions[0].permissionAttribute.verb: the only attribute is action"
)]
fn mistakes(#[case] entry: Value, #[case] expected: &str) {
    assert_eq!(ExternalAccess::parse(&[entry]).unwrap_err().to_string(), expected);
}

#[test]
fn one_token_is_one_caller() {
    let error = ExternalAccess::parse(&[with_token("long-enough"), with_token("long-enough")]).unwrap_err();
    assert_eq!(error.to_string(), "[1].options.token: another entry has the same token");
}

#[test]
fn shared_keys() {
    let mut access = ExternalAccess::default();
    assert!(access.is_empty());
    assert!(access.add_shared_key("c2VjcmV0").is_ok());
    assert!(!access.is_empty());
    assert_eq!(access.add_shared_key("???").unwrap_err().to_string(), "secret: expected base64");
}
