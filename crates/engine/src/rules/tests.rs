use std::path::Path;

use callboard_model::{Entity, LocationRef};
use serde_json::json;

use super::{AllowedKind, Rule, RuleLocation, RuleTarget, Rules};
use crate::settings::ConfigLocation;

fn entity(kind: &str, spec_type: Option<&str>) -> Entity {
    let spec = spec_type.map_or_else(|| json!({}), |spec_type| json!({ "type": spec_type }));
    let document = json!({ "apiVersion": "v1", "kind": kind, "metadata": { "name": "x" }, "spec": spec });
    Entity::from_value(document).unwrap()
}

fn at(location_type: &str, target: RuleTarget) -> Vec<RuleLocation> {
    vec![RuleLocation { location_type: location_type.to_owned(), target }]
}

fn allowed(rules: &[Rule], locations: &[ConfigLocation], entity: &Entity, origin: &str) -> bool {
    let rules = Rules::new(rules, locations, Path::new("/srv")).unwrap();
    rules.allow(entity, &LocationRef::parse(origin).unwrap())
}

#[test]
fn kinds_and_types_are_compared_in_any_case() {
    let database = Rule {
        allow: vec![AllowedKind { kind: "resource".into(), spec_type: Some("Database".into()) }],
        locations: None,
    };
    let cases = [
        (Rule::allow_kinds(["component"]), entity("Component", None), true),
        (Rule::allow_kinds(["COMPONENT"]), entity("Component", None), true),
        (Rule::allow_kinds(["Component"]), entity("API", None), false),
        (Rule::allow_kinds::<&str>([]), entity("Component", None), false),
        (database.clone(), entity("Resource", Some("database")), true),
        (database.clone(), entity("Resource", Some("cache")), false),
        (database, entity("Resource", None), false),
    ];
    for (rule, entity, expected) in cases {
        assert_eq!(allowed(std::slice::from_ref(&rule), &[], &entity, "url:x"), expected, "{rule:?}");
    }
}

#[test]
fn locations_are_matched_by_type_and_target() {
    let pattern = |text: &str| Some(at("url", RuleTarget::Pattern(text.to_owned())));
    let cases = [
        (None, "url:https://h/a", true),
        (Some(Vec::new()), "url:https://h/a", false),
        (Some(at("file", RuleTarget::Any)), "url:https://h/a", false),
        (Some(at("file", RuleTarget::Any)), "file:/any", true),
        (Some(at("url", RuleTarget::Exact("https://h/a".into()))), "url:https://h/a", true),
        (Some(at("url", RuleTarget::Exact("https://h/a".into()))), "url:https://h/A", false),
        (pattern("https://h/teams/*/info.yaml"), "url:https://h/teams/a/info.yaml", true),
        (pattern("https://h/teams/*/info.yaml"), "url:https://h/teams/a/b/info.yaml", false),
        (pattern("https://h/TEAMS/*/info.yaml"), "url:https://h/teams/.hidden/info.yaml", true),
        (pattern("**/PEOPLE/**"), "url:https://h/people/x/users.yaml", true),
        (pattern("**/PEOPLE/**"), "url:https://h/users.yaml", false),
        (pattern("https://h/{a,b}.yaml"), "url:https://h/b.yaml", true),
    ];
    for (locations, origin, expected) in cases {
        let rule = Rule { locations, ..Rule::allow_kinds(["Component"]) };
        let result = allowed(std::slice::from_ref(&rule), &[], &entity("Component", None), origin);
        assert_eq!(result, expected, "{rule:?} at {origin}");
    }
}

#[test]
fn a_location_of_the_configuration_may_allow_more_for_itself() {
    let location = ConfigLocation {
        location_type: "file".to_owned(),
        target: "./org/../org.yaml".to_owned(),
        allow: vec!["group".to_owned()],
    };
    let group = entity("Group", None);
    assert!(allowed(&[], std::slice::from_ref(&location), &group, "file:/srv/org.yaml"));
    assert!(!allowed(&[], &[location], &group, "file:/srv/other.yaml"));
}

#[test]
fn a_pattern_that_is_no_glob_is_refused_with_its_text() {
    let rule =
        Rule { locations: Some(at("url", RuleTarget::Pattern("a[".into()))), ..Rule::allow_kinds(["API"]) };
    let error = Rules::new(&[rule], &[], Path::new("/")).err().unwrap();
    insta::assert_snapshot!(error, @r#"the location pattern "a[" of a catalog rule is not a glob"#);
}
