//! Keys that do nothing.

use callboard_config::Config;
use rstest::rstest;
use serde_json::{Value, json};

use crate::project::Project;

fn warnings(config: &Config) -> Vec<String> {
    let help = |help: &Option<String>| help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
    config.warnings().iter().map(|warning| format!("{warning}{}", help(&warning.help))).collect()
}

#[rstest]
#[case::misspelt(json!({ "catalog": { "rule": [] } }), r#"catalog.rule: unknown key, it has no effect (did you mean "rules"?)"#)]
#[case::case(json!({ "catalog": { "readOnly": true } }), r#"catalog.readOnly: unknown key, it has no effect (did you mean "readonly"?)"#)]
#[case::far_off(json!({ "catalog": { "colour": 1 } }), "catalog.colour: unknown key, it has no effect")]
#[case::in_a_list(json!({ "catalog": { "rules": [{ "allow": [], "location": [] }] } }), r#"catalog.rules[0].location: unknown key, it has no effect (did you mean "locations"?)"#)]
#[case::in_a_matcher(json!({ "catalog": { "rules": [{ "allow": [{ "kind": "A", "type": "b" }] }] } }), "catalog.rules[0].allow[0].type: unknown key, it has no effect")]
#[case::under_a_name(json!({ "catalog": { "processorOptions": { "X": { "priorty": 1 } } } }), r#"catalog.processorOptions.X.priorty: unknown key, it has no effect (did you mean "priority"?)"#)]
#[case::removed(json!({ "catalog": { "stitchingStrategy": { "mode": "deferred" } } }), "catalog.stitchingStrategy.mode: no longer has an effect (remove it: stitching is always deferred)")]
#[case::database(json!({ "backend": { "database": { "clinet": "pg" } } }), r#"backend.database.clinet: unknown key, it has no effect (did you mean "client"?)"#)]
#[case::plugin_database(json!({ "backend": { "database": { "plugin": { "catalog": { "conection": 1 } } } } }), r#"backend.database.plugin.catalog.conection: unknown key, it has no effect (did you mean "connection"?)"#)]
fn are_named(#[case] value: Value, #[case] expected: &str) {
    assert_eq!(warnings(&Config::from_value(&value)), [expected]);
}

#[rstest]
#[case::other_plugins(json!({ "app": { "x": 1 }, "techdocs": { "x": 1 }, "kubernetes": {} }))]
#[case::other_parts_of_backend(json!({ "backend": { "cache": {}, "csp": { "x": false } } }))]
#[case::extensions(json!({ "catalog": { "providers": { "x": { "y": 1 } }, "processors": { "z": {} }, "import": {} } }))]
#[case::other_plugins_databases(json!({ "backend": { "database": { "plugin": { "auth": { "x": 1 } } } } }))]
#[case::connection_parts(json!({ "backend": { "database": { "connection": { "anything": 1 } } } }))]
#[case::wrong_kinds(json!({ "catalog": { "rules": "x" } }))]
fn are_not_for(#[case] value: Value) {
    assert_eq!(warnings(&Config::from_value(&value)), [""; 0]);
}

#[test]
fn name_file_and_line() {
    let project = Project::with_main("catalog:\n  readonly: true\n  orphanStategy: keep\n");
    let config = project.load().expect("a configuration");
    let warning = project.relative(&warnings(&config).join("\n"));
    assert_eq!(
        warning,
        r#"app-config.yaml:3: catalog.orphanStategy: unknown key, it has no effect (did you mean "orphanStrategy"?)"#
    );
}

#[test]
fn name_values_without_their_variable() {
    let project = Project::new(&[
        (
            "app-config.yaml",
            "app: {title: \"${NONE}\"}\nbackend:\n  baseUrl: ${BASE_URL}\n  listen: ${LISTEN}\n",
        ),
        ("app-config.local.yaml", "backend: {listen: 80}\n"),
    ]);
    let config = project.load().expect("a configuration");
    let warning = project.relative(&warnings(&config).join("\n"));
    assert_eq!(
        warning,
        "app-config.yaml:3: backend.baseUrl: ignored, because the environment variable BASE_URL is not set"
    );
}
