//! `APP_CONFIG_*`.

use rstest::rstest;
use serde_json::{Value, json};

use crate::project::Project;

#[rstest]
#[case::text("APP_CONFIG_app_title", "My Title", json!({ "app": { "title": "My Title" } }))]
#[case::number("APP_CONFIG_backend_listen_port", "80", json!({ "backend": { "listen": { "port": 80 } } }))]
#[case::boolean("APP_CONFIG_a", "true", json!({ "a": true }))]
#[case::quoted("APP_CONFIG_a", "\"true\"", json!({ "a": "true" }))]
#[case::object("APP_CONFIG_a", "{\"b\": [1]}", json!({ "a": { "b": [1] } }))]
#[case::hyphen("APP_CONFIG_a-b_c", "1", json!({ "a-b": { "c": 1 } }))]
#[case::empty("APP_CONFIG_a", "", json!({}))]
#[case::no_substitution("APP_CONFIG_a", "${X}", json!({ "a": "${X}" }))]
fn give_values(#[case] name: &str, #[case] value: &str, #[case] expected: Value) {
    assert_eq!(Project::with_main("").environment([(name, value)]).value(), expected);
}

#[test]
fn lie_over_all_files() {
    let project =
        Project::new(&[("app-config.yaml", "a: {b: 1, c: 1}"), ("app-config.local.yaml", "a: {b: 2}")])
            .environment([("APP_CONFIG_a_b", "3")]);
    assert_eq!(project.value(), json!({ "a": { "b": 3, "c": 1 } }));
}

#[rstest]
#[case::digit(&[("APP_CONFIG_1a", "x")], "environment variable APP_CONFIG_1a: 1a: \"1a\" in the name of the variable is not a configuration key")]
#[case::no_key(&[("APP_CONFIG_", "x")], "environment variable APP_CONFIG_: \"\": \"\" in the name of the variable is not a configuration key")]
#[case::null(&[("APP_CONFIG_a", "null")], "environment variable APP_CONFIG_a: a: null is not allowed here; leave the variable out")]
#[case::below_a_scalar(&[("APP_CONFIG_a", "1"), ("APP_CONFIG_a_b", "2")], "environment variable APP_CONFIG_a_b: a.b: another variable gives a plain value where \"b\" needs an object")]
#[case::twice(&[("APP_CONFIG_a", "{\"b\": 1}"), ("APP_CONFIG_a_b", "2")], "environment variable APP_CONFIG_a_b: a.b: another variable gives a value for this key already")]
fn name_keys(#[case] variables: &[(&str, &str)], #[case] expected: &str) {
    let mut padded = [("HOME", "/"); 2];
    padded[..variables.len()].copy_from_slice(variables);
    assert_eq!(Project::with_main("").environment(padded).error(), expected);
}
