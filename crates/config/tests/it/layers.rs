//! Files laid over one another.

use callboard_config::{ConfigError, Origin};
use rstest::rstest;
use serde_json::json;

use crate::project::Project;

#[test]
fn objects_merge_and_all_else_is_replaced() {
    let project = Project::new(&[
        ("a.yaml", "backend:\n  listen: {host: a, port: 1}\n  list: [1, 2]\n  scalar: x\n  object: {a: 1}\n"),
        (
            "b.yaml",
            "backend:\n  listen: {port: 2}\n  list: [3]\n  scalar: {now: object}\n  object: text\nnew: 1\n",
        ),
    ]);
    let config = project.load_files(&["a.yaml", "b.yaml"]).expect("a configuration");
    let expected = json!({
        "backend": { "listen": { "host": "a", "port": 2 }, "list": [3], "scalar": { "now": "object" }, "object": "text" },
        "new": 1,
    });
    assert_eq!(config.get(""), Some(&expected));
}

#[rstest]
#[case::removes("a: {b: 1, c: 2}", "a: {b: null}", json!({ "a": { "c": 2 } }))]
#[case::removes_an_object("a: {b: 1}\nc: 1", "a:", json!({ "c": 1 }))]
#[case::of_nothing("c: 1", "a: {b: null}", json!({ "c": 1, "a": {} }))]
#[case::in_a_list("c: 1", "a: [null, {b: null}]", json!({ "c": 1, "a": [null, {}] }))]
fn null_removes(#[case] below: &str, #[case] above: &str, #[case] expected: serde_json::Value) {
    let project = Project::new(&[("app-config.yaml", below), ("app-config.local.yaml", above)]);
    assert_eq!(project.value(), expected);
}

#[test]
fn what_was_removed_does_not_come_back() {
    let project = Project::new(&[("1.yaml", "a: {x: 1}"), ("2.yaml", "a: null"), ("3.yaml", "a: {y: 2}")]);
    let config = project.load_files(&["1.yaml", "2.yaml", "3.yaml"]).expect("a configuration");
    assert_eq!(config.get("a"), Some(&json!({ "y": 2 })));
}

#[test]
fn default_files_are_read_in_order() {
    let project = Project::new(&[
        ("app-config.yaml", "a: main\nb: main\nc: main\nd: main\n"),
        ("app-config.production.yaml", "b: stage\nc: stage\nd: stage\n"),
        ("app-config.local.yaml", "c: local\nd: local\n"),
        ("app-config.production.local.yaml", "d: stage local\n"),
    ]);
    let expected = json!({ "a": "main", "b": "main", "c": "local", "d": "local" });
    assert_eq!(project.value(), expected);
    let staged = project.environment([("BACKSTAGE_ENV", "production")]);
    let expected = json!({ "a": "main", "b": "stage", "c": "local", "d": "stage local" });
    assert_eq!(staged.value(), expected);
}

#[test]
fn named_files_replace_the_default_ones() {
    let project = Project::new(&[
        ("app-config.yaml", "a: 1"),
        ("app-config.local.yaml", "b: 1"),
        ("other.yaml", "c: 1"),
    ]);
    let config = project.load_files(&["other.yaml"]).expect("a configuration");
    assert_eq!(config.get(""), Some(&json!({ "c": 1 })));
}

#[test]
fn an_empty_file_changes_nothing() {
    let project = Project::new(&[("app-config.yaml", "a: 1"), ("app-config.local.yaml", "# nothing yet\n")]);
    assert_eq!(project.value(), json!({ "a": 1 }));
}

#[test]
fn a_json_file_is_a_configuration_file() {
    let project = Project::new(&[("a.json", "{\n\t\"a\": {\"b\": 1}\n}")]);
    let config = project.load_files(&["a.json"]).expect("a configuration");
    assert_eq!(config.get("a.b"), Some(&json!(1)));
}

#[test]
fn each_value_knows_its_origin() {
    let project = Project::new(&[
        ("app-config.yaml", "backend:\n  baseUrl: x\n  listen:\n    port: 1\n"),
        ("app-config.local.yaml", "backend:\n  listen:\n    host: h\n    port: 2\n"),
    ])
    .environment([("APP_CONFIG_backend_baseUrl", "y")]);
    let config = project.load().expect("a configuration");
    let shown = |path: &str| config.origin(path).map(|origin| project.relative(&origin.to_string()));
    assert_eq!(shown("backend.listen.port").as_deref(), Some("app-config.local.yaml:4"));
    assert_eq!(shown("backend.listen").as_deref(), Some("app-config.yaml:4"));
    assert_eq!(shown("backend.baseUrl").as_deref(), Some("environment variable APP_CONFIG_backend_baseUrl"));
    assert_eq!(shown("backend.none"), None);
    let Some(Origin::File { line, column, .. }) = config.origin("backend.listen.host") else {
        panic!("expected a file")
    };
    assert_eq!((line, column), (3, 11));
}

#[test]
fn no_file_at_all_is_an_error_of_its_own() {
    let project = Project::new(&[]);
    let error = project.load().expect_err("an error");
    assert!(matches!(&error, ConfigError::NoFile { directory } if directory == project.path()));
    assert!(error.to_string().starts_with("no configuration: there is no app-config.yaml in "));
}

#[test]
fn a_named_file_must_be_there() {
    let project = Project::new(&[]);
    let error = project.load_files(&["none.yaml"]).expect_err("an error");
    assert!(matches!(&error, ConfigError::Read { .. }));
    assert_eq!(project.relative(&error.to_string()), "cannot read the configuration file none.yaml");
}

#[rstest]
#[case::broken("a:\n  b: [1\n", "app-config.yaml:3: not YAML: ")]
#[case::duplicate("a: 1\nb: 2\na: 3\n", "app-config.yaml:3: not YAML: duplicate key \"a\"")]
#[case::list("- a\n", "app-config.yaml:1: expected an object at the root of the file")]
#[case::two_documents(
    "a: 1\n---\nb: 2\n",
    "app-config.yaml:2: a configuration file holds one document, and here "
)]
fn broken_files_are_refused(#[case] text: &str, #[case] beginning: &str) {
    let error = Project::with_main(text).error();
    assert!(error.starts_with(beginning), "{error}");
}
