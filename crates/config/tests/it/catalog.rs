//! The `catalog` section.

use std::path::Path;
use std::time::Duration;

use callboard_config::sections::{
    AllowedKind, CatalogRule, CatalogSection, LocationConflictStrategy, OrphanStrategy, ProcessingInterval,
    ScmEvents,
};
use callboard_config::{Config, ConfigDuration};
use rstest::rstest;
use serde_json::{Value, json};

use crate::project::Project;

fn read(catalog: Value) -> Result<CatalogSection, String> {
    Config::from_value(&json!({ "catalog": catalog })).catalog(&[]).map_err(|error| error.to_string())
}

fn read_one(key: &str, value: &Value) -> Result<CatalogSection, String> {
    read(json!({ key: value }))
}

#[test]
fn all_may_be_left_out() {
    let catalog = Config::from_value(&json!({})).catalog(&[]).expect("a section");
    assert_eq!(catalog, CatalogSection::default());
    insta::assert_debug_snapshot!(catalog);
}

#[rstest]
#[case::not_given(json!(null), ProcessingInterval::Default, Some((100, 150)))]
#[case::off(json!(false), ProcessingInterval::Off, None)]
#[case::off_as_text(json!("false"), ProcessingInterval::Off, None)]
#[case::object(json!({ "seconds": 2 }), ProcessingInterval::Every(Duration::from_secs(2)), Some((2, 3)))]
#[case::text(json!("30m"), ProcessingInterval::Every(Duration::from_secs(1800)), Some((1800, 2700)))]
#[case::iso(json!("PT1H"), ProcessingInterval::Every(Duration::from_secs(3600)), Some((3600, 5400)))]
#[case::at_least_a_second(json!("10ms"), ProcessingInterval::Every(Duration::from_millis(10)), Some((1, 1)))]
fn processing_interval(
    #[case] value: Value,
    #[case] expected: ProcessingInterval,
    #[case] range: Option<(u64, u64)>,
) {
    let interval = read_one("processingInterval", &value).expect("a section").processing_interval;
    assert_eq!(interval, expected);
    let seconds = interval.range().map(|range| (range.start().as_secs(), range.end().as_secs()));
    assert_eq!(seconds, range);
}

#[test]
fn rules_take_kinds_and_kinds_with_types() {
    let catalog = read(json!({ "rules": [
        { "allow": ["Component", { "kind": "Resource", "spec.type": "database" }] },
        { "allow": ["Template"], "locations": [{ "type": "url", "pattern": "https://github.com/**" }] },
        { "allow": ["User"], "locations": [] },
    ] }))
    .expect("a section");
    let rules = catalog.rules.expect("rules");
    let database = AllowedKind { kind: "Resource".to_owned(), spec_type: Some("database".to_owned()) };
    assert_eq!(rules[0].allow, [AllowedKind::of_kind("Component"), database]);
    assert_eq!(rules[0].locations, None);
    let matchers = rules[1].locations.as_ref().expect("locations");
    assert_eq!(matchers[0].pattern.as_deref(), Some("https://github.com/**"));
    assert_eq!(rules[2].locations, Some(Vec::new()));
}

#[test]
fn rules_of_locations_are_added_to_the_general_ones() {
    let catalog = read(json!({ "locations": [
        { "type": "file", "target": "../org/./users.yaml", "rules": [{ "allow": ["User", "Group"] }] },
        { "type": "url", "target": "https://a/../b", "rules": [{ "allow": ["System"] }] },
        { "type": "url", "target": "https://c" },
    ] }))
    .expect("a section");
    let rules = catalog.effective_rules(Path::new("/srv/app"));
    assert_eq!(rules[..1], CatalogRule::defaults());
    let exact: Vec<_> = rules[1..]
        .iter()
        .map(|rule| rule.locations.as_ref().expect("locations")[0].exact.clone().expect("exact"))
        .collect();
    assert_eq!(exact, ["/srv/org/users.yaml", "https://a/../b"]);
    assert_eq!(rules[1].allow, ["User", "Group"].map(AllowedKind::of_kind));
}

#[test]
fn no_rules_allow_nothing() {
    let catalog = read(json!({ "rules": [] })).expect("a section");
    assert!(catalog.effective_rules(Path::new("/")).is_empty());
}

#[rstest]
#[case::absent(json!(null), ScmEvents::default())]
#[case::off(json!(false), ScmEvents::default())]
#[case::on(json!(true), ScmEvents { refresh: true, unregister: true, move_locations: true })]
#[case::some(json!({ "move": false }), ScmEvents { refresh: true, unregister: true, move_locations: false })]
#[case::empty(json!({}), ScmEvents { refresh: true, unregister: true, move_locations: true })]
fn scm_events(#[case] value: Value, #[case] expected: ScmEvents) {
    assert_eq!(read_one("scmEvents", &value).expect("a section").scm_events, expected);
}

#[test]
fn smaller_settings() {
    let catalog = read(json!({
        "readonly": "yes",
        "orphanStrategy": "keep",
        "orphanProviderStrategy": "keep",
        "stitchingStrategy": { "pollingInterval": "5s" },
        "defaultLocationConflictStrategy": "refresh",
        "providerOptions": { "github": { "disabled": true } },
        "processorOptions": { "mine": { "priority": "5" }, "other": {} },
        "disableDefaultProcessors": true,
        "providers": { "github": { "token": "hush" } },
    }))
    .expect("a section");
    assert!(catalog.readonly && catalog.disable_default_processors);
    assert_eq!(catalog.orphan_strategy, OrphanStrategy::Keep);
    assert_eq!(catalog.orphan_provider_strategy, OrphanStrategy::Keep);
    assert_eq!(catalog.stitching_strategy.polling_interval, ConfigDuration::new(Duration::from_secs(5)));
    assert_eq!(catalog.stitching_strategy.stitch_timeout, ConfigDuration::new(Duration::from_mins(1)));
    assert_eq!(catalog.default_location_conflict_strategy, LocationConflictStrategy::Refresh);
    assert!(catalog.provider_options["github"].disabled);
    assert_eq!(catalog.processor_options["mine"].priority, Some(5));
    assert_eq!(catalog.processor_options["other"].priority, None);
    assert_eq!(catalog.providers.value()["github"]["token"], "hush");
}

#[rstest]
#[case::rules("rules", json!({}), "catalog.rules: expected a list, found an object")]
#[case::allow("rules", json!([{ "allow": "Component" }]), r#"catalog.rules[0].allow: expected a list, found the text "Component""#)]
#[case::allow_missing("rules", json!([{}]), "catalog.rules[0].allow: required, but not given")]
#[case::allow_item("rules", json!([{ "allow": [5] }]), "catalog.rules[0].allow[0]: expected a kind such as Component, or { kind: Component, spec.type: service }, found the number 5")]
#[case::allow_kind("rules", json!([{ "allow": [{ "spec.type": "x" }] }]), "catalog.rules[0].allow[0].kind: required, but not given")]
#[case::allow_type("rules", json!([{ "allow": [{ "kind": "x", "spec.type": 1 }] }]), r#"catalog.rules[0].allow[0]."spec.type": expected a text, found the number 1"#)]
#[case::matcher_type("rules", json!([{ "allow": [], "locations": [{ "exact": "x" }] }]), "catalog.rules[0].locations[0].type: required, but not given")]
#[case::target("locations", json!([{ "type": "url" }]), "catalog.locations[0].target: required, but not given")]
#[case::empty_target("locations", json!([{ "type": "url", "target": "" }]), "catalog.locations[0].target: expected a text that is not empty, found an empty text")]
#[case::location("locations", json!(["x"]), r#"catalog.locations[0]: expected an object with "type" and "target", found the text "x""#)]
#[case::location_rule("locations", json!([{ "type": "url", "target": "x", "rules": [{ "allow": [{ "kind": "A" }] }] }]), "catalog.locations[0].rules[0].allow[0]: expected a text, found an object")]
#[case::readonly("readonly", json!("perhaps"), r#"catalog.readonly: expected true or false, found the text "perhaps""#)]
#[case::interval_true("processingInterval", json!(true), "catalog.processingInterval: expected a duration such as 30m, PT5M or { minutes: 30 }, or false, found true")]
#[case::interval_number("processingInterval", json!(30), "catalog.processingInterval: expected a duration with a unit, such as 30s, 5m or 2 hours, or false, found the number 30")]
#[case::interval_unit("processingInterval", json!({ "minute": 1 }), "catalog.processingInterval.minute: unknown unit; the units are years, months, weeks, days, hours, minutes, seconds, milliseconds")]
#[case::orphans("orphanStrategy", json!("drop"), r#"catalog.orphanStrategy: expected "keep" or "delete", found the text "drop""#)]
#[case::conflicts("defaultLocationConflictStrategy", json!("replace"), r#"catalog.defaultLocationConflictStrategy: expected "reject" or "refresh", found the text "replace""#)]
#[case::stitching("stitchingStrategy", json!("deferred"), r#"catalog.stitchingStrategy: expected an object, found the text "deferred""#)]
#[case::priority("processorOptions", json!({ "x": { "priority": 1.5 } }), "catalog.processorOptions.x.priority: expected a whole number, found the number 1.5")]
#[case::scm_events("scmEvents", json!(["refresh"]), "catalog.scmEvents: expected true, false or { refresh, unregister, move }, found a list")]
#[case::exact_and_pattern(
    "rules",
    json!([{ "allow": [], "locations": [{ "type": "url", "exact": "a", "pattern": "b" }] }]),
    r#"catalog.rules[0].locations[0]: a location cannot have both "exact" and "pattern""#
)]
#[case::moved_processors(
    "processors",
    json!({ "github": {}, "azureApi": {} }),
    "catalog.processors.github: this key was moved to integrations.github\ncatalog.processors.azureApi: this key was moved to integrations.azure"
)]
fn refuses(#[case] key: &str, #[case] value: Value, #[case] expected: &str) {
    assert_eq!(read_one(key, &value), Err(expected.to_owned()));
}

#[test]
fn a_section_that_is_none() {
    assert_eq!(read(json!("x")), Err("catalog: expected an object, found the text \"x\"".to_owned()));
}

#[test]
fn location_types_of_extensions_need_the_extension() {
    let main = "catalog:\n  locations:\n    - {type: github-org, target: a}\n    - {type: url, target: b}\n    - {type: ldap-org, target: c}\n";
    let project = Project::with_main(main);
    let config = project.load().expect("a configuration");
    let error = config.catalog(&["ldap-org"]).expect_err("an error");
    assert_eq!(
        project.relative(&error.to_string()),
        "app-config.yaml:3: catalog.locations[0].type: no installed processor reads locations of the type \"github-org\""
    );
    assert_eq!(config.catalog(&[]).expect_err("an error").problems().len(), 2);
    config.catalog(&["ldap-org", "github-org"]).expect("both are installed");

    let project = project.environment([("BACKSTAGE_CATALOG_SKIP_MISSING_PROCESSORS_CHECK", "1")]);
    project.load().expect("a configuration").catalog(&[]).expect("the check is skipped");
}
