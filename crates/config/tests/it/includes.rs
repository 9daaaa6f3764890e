//! `${VARIABLE}`, `$env`, `$file` and `$include`.

use rstest::rstest;
use serde_json::{Value, json};

use crate::project::Project;

fn project(main: &str) -> Project {
    Project::new(&[
        ("app-config.yaml", main),
        ("secret.txt", "hush\n\n"),
        ("data.json", "{\"a\": {\"b\": {\"c\": 42}}, \"t\": \"${HOST}\"}"),
        ("data.yaml", "key: 7\nnested: {$file: secret.txt}\n"),
        ("dir/data.yml", "up: {$file: ../secret.txt}\nbeside: {$include: more.yaml#x}\n"),
        ("dir/more.yaml", "x: {y: \"${HOST}\"}\n"),
        ("top.yaml", "$include: data.yaml\n"),
        ("circle.yaml", "a: {$include: other.yaml}\n"),
        ("other.yaml", "b: {$include: circle.yaml}\n"),
        ("self.yaml", "a: 1\nb: {$include: \"self.yaml#a\"}\n"),
        ("broken.yaml", "a: [\n"),
        ("broken.json", "{\n  \"a\": \n}"),
    ])
    .environment([("HOST", "example.com"), ("PADDED", "  x "), ("FILE", "data"), ("PART", "key")])
}

#[rstest]
#[case::variable("a: http://${HOST}/", json!({ "a": "http://example.com/" }))]
#[case::unset_variable("a: x${NONE}\nb: 1", json!({ "b": 1 }))]
#[case::unset_in_a_list("a: [1, \"${NONE}\", 2]", json!({ "a": [1, 2] }))]
#[case::escaped("a: $${HOST}", json!({ "a": "${HOST}" }))]
#[case::fallback("a: ${NONE:-b}", json!({ "a": "b" }))]
#[case::not_in_keys("${HOST}: 1", json!({ "${HOST}": 1 }))]
#[case::trimmed("a: ${PADDED}", json!({ "a": "x" }))]
#[case::env("a: {$env: HOST}", json!({ "a": "example.com" }))]
#[case::env_unset("a: {$env: NONE}\nb: 1", json!({ "b": 1 }))]
#[case::env_with_a_variable_in_its_name("a: {$env: \"HO${NONE:-ST}\"}", json!({ "a": "example.com" }))]
#[case::file("a: {$file: secret.txt}", json!({ "a": "hush" }))]
#[case::file_is_text("a: {$file: data.json}", json!({ "a": "{\"a\": {\"b\": {\"c\": 42}}, \"t\": \"${HOST}\"}" }))]
#[case::include_json("a: {$include: data.json#a.b}", json!({ "a": { "c": 42 } }))]
#[case::include_scalar("a: {$include: data.json#a.b.c}", json!({ "a": 42 }))]
#[case::include_text("a: {$include: data.json#t}", json!({ "a": "example.com" }))]
#[case::include_all("a: {$include: data.yaml}", json!({ "a": { "key": 7, "nested": "hush" } }))]
#[case::include_empty_part("a: {$include: \"data.yaml#\"}", json!({ "a": { "key": 7, "nested": "hush" } }))]
#[case::include_missing_leaf("a: {$include: data.yaml#none}\nb: 1", json!({ "b": 1 }))]
#[case::include_elsewhere("a: {$include: dir/data.yml}", json!({ "a": { "up": "hush", "beside": { "y": "example.com" } } }))]
#[case::include_by_variable("a: {$include: \"${FILE}.yaml#${PART}\"}", json!({ "a": 7 }))]
#[case::include_of_an_include("a: {$include: top.yaml#}", json!({ "a": { "key": 7, "nested": "hush" } }))]
#[case::include_part_of_the_same_file("a: {$include: self.yaml}", json!({ "a": { "a": 1, "b": 1 } }))]
#[case::at_the_root("$include: data.yaml", json!({ "key": 7, "nested": "hush" }))]
#[case::other_dollar_keys("a: {$schema: x}", json!({ "a": { "$schema": "x" } }))]
fn are_filled_in(#[case] main: &str, #[case] expected: Value) {
    assert_eq!(project(main).value(), expected);
}

#[rstest]
#[case::missing_file(
    "x: 1\na:\n  b: {$file: none.txt}",
    "app-config.yaml:3: a.b: cannot read none.txt, named by $file: No such file or directory (os error 2)"
)]
#[case::missing_include(
    "a: {$include: none.yaml}",
    "app-config.yaml:1: a: cannot read none.yaml, named by $include: No such file or directory (os error 2)"
)]
#[case::unknown_format("a: {$include: secret.txt}", "app-config.yaml:1: a: $include cannot read secret.txt")]
#[case::neighbours("a: {$env: HOST, b: 1}", "app-config.yaml:1: a: $env cannot stand beside other keys")]
#[case::not_a_text("a: {$file: 5}", "app-config.yaml:1: a: $file expects a text")]
#[case::unset_name("a: {$file: \"${NONE}\"}", "app-config.yaml:1: a: $file names a variable that is not set")]
#[case::missing_branch(
    "a: {$include: data.yaml#none.more}",
    "app-config.yaml:1: a: \"none\" in data.yaml is not an object"
)]
#[case::scalar_branch(
    "a: {$include: data.yaml#key.more}",
    "app-config.yaml:1: a: \"key\" in data.yaml is not an object"
)]
#[case::circle(
    "a: {$include: circle.yaml}",
    "other.yaml:1: a.a.b: includes run in a circle: app-config.yaml -> circle.yaml -> other.yaml -> circle.yaml"
)]
#[case::circle_of_one(
    "a: {$include: app-config.yaml}",
    "app-config.yaml:1: a: includes run in a circle: app-config.yaml -> app-config.yaml"
)]
#[case::broken_json(
    "a: {$include: broken.json}",
    "broken.json:3: not JSON: expected value at line 3 column 1"
)]
fn are_refused(#[case] main: &str, #[case] expected: &str) {
    assert_eq!(project(main).error(), expected);
}

#[test]
fn a_broken_include_is_named() {
    let error = project("a: {$include: broken.yaml}").error();
    assert!(error.starts_with("broken.yaml:"), "{error}");
}

#[test]
fn depth_is_bounded() {
    let files: Vec<(String, String)> =
        (0..30).map(|n| (format!("{n}.yaml"), format!("a: {{$include: {}.yaml}}\n", n + 1))).collect();
    let mut files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("app-config.yaml", "$include: 0.yaml"));
    let error = Project::new(&files).error();
    assert!(error.ends_with("more than 16 includes inside of one another"), "{error}");
}

#[test]
fn number_is_bounded() {
    let ten = |name: &str| format!("x: [{}]\n", vec![format!("{{$include: {name}.yaml}}"); 10].join(", "));
    let project = Project::new(&[
        ("app-config.yaml", &ten("a")),
        ("a.yaml", &ten("b")),
        ("b.yaml", &ten("c")),
        ("c.yaml", &ten("d")),
        ("d.yaml", "x: 1"),
    ]);
    assert!(project.error().ends_with("more than 1000 includes"), "{}", project.error());
}

#[test]
fn included_values_come_from_the_included_file() {
    let project = project("x: 1\na: {$include: dir/data.yml}\nb: {$env: HOST}\n");
    let config = project.load().expect("a configuration");
    let shown = |path: &str| config.origin(path).map(|origin| project.relative(&origin.to_string()));
    assert_eq!(shown("a.beside.y").as_deref(), Some("dir/more.yaml:1"));
    assert_eq!(shown("a.up").as_deref(), Some("dir/data.yml:1"));
    assert_eq!(shown("b").as_deref(), Some("app-config.yaml:3"));
}

#[test]
fn dropped_values_are_remembered() {
    let project = project("a: ${NONE}\nb:\n  c: {$env: NEITHER}\n");
    let config = project.load().expect("a configuration");
    let dropped: Vec<String> = config
        .dropped()
        .iter()
        .map(|dropped| project.relative(&format!("{}: {} {}", dropped.origin, dropped.key, dropped.variable)))
        .collect();
    assert_eq!(dropped, ["app-config.yaml:1: a NONE", "app-config.yaml:3: b.c NEITHER"]);
}
