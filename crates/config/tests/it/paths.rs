//! Names of places.

use callboard_config::{Config, ConfigPath, Step};
use rstest::rstest;
use serde_json::json;

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

#[rstest]
#[case::root("", vec![])]
#[case::keys("backend.baseUrl", vec![key("backend"), key("baseUrl")])]
#[case::indexes("catalog.rules[2].allow[0]", vec![key("catalog"), key("rules"), Step::Index(2), key("allow"), Step::Index(0)])]
#[case::index_of_index("a[1][2]", vec![key("a"), Step::Index(1), Step::Index(2)])]
#[case::key_with_dots(r#"allow[0]."spec.type""#, vec![key("allow"), Step::Index(0), key("spec.type")])]
#[case::key_with_quotes(r#""a\"b".c"#, vec![key("a\"b"), key("c")])]
#[case::root_index("[0]", vec![Step::Index(0)])]
#[case::empty_key(r#""".a"#, vec![key(""), key("a")])]
fn reads_and_shows(#[case] text: &str, #[case] steps: Vec<Step>) {
    let path = ConfigPath::from(text);
    assert_eq!(path.steps(), steps);
    assert_eq!(path.to_string(), text);
}

#[test]
fn values_are_found_by_path() {
    let config = Config::from_value(&json!({ "a": [{ "b.c": 1 }], "d": { "e": null } }));
    assert_eq!(config.get(r#"a[0]."b.c""#), Some(&json!(1)));
    assert_eq!(config.get("a[1]"), None);
    assert_eq!(config.get("a.b"), None);
    assert_eq!(config.get("d"), Some(&json!({})));
}
