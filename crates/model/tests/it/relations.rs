//! The relations of each kind, and the order of lists in the spec.

use callboard_model::{Entity, KindRegistry, Relation, sort_relation_lists};
use rstest::rstest;
use serde_json::{Value, json};

use crate::fixtures::{document, entity};

/// One line per relation: `source type target`, refs in lower case.
fn lines(relations: &[Relation]) -> Vec<String> {
    relations
        .iter()
        .map(|relation| {
            let (source, target) = (relation.source.to_entity_ref(), relation.target.to_entity_ref());
            format!("{source} {} {target}", relation.relation_type)
        })
        .collect()
}

#[rstest]
#[case("Component", "owner", "ownedBy", "ownerOf", "group")]
#[case("API", "owner", "ownedBy", "ownerOf", "group")]
#[case("Resource", "owner", "ownedBy", "ownerOf", "group")]
#[case("System", "owner", "ownedBy", "ownerOf", "group")]
#[case("Domain", "owner", "ownedBy", "ownerOf", "group")]
#[case("Template", "owner", "ownedBy", "ownerOf", "group")]
#[case("Component", "system", "partOf", "hasPart", "system")]
#[case("API", "system", "partOf", "hasPart", "system")]
#[case("Resource", "system", "partOf", "hasPart", "system")]
#[case("Component", "subcomponentOf", "partOf", "hasPart", "component")]
#[case("Component", "providesApis", "providesApi", "apiProvidedBy", "api")]
#[case("Component", "consumesApis", "consumesApi", "apiConsumedBy", "api")]
#[case("Component", "dependsOn", "dependsOn", "dependencyOf", "")]
#[case("Resource", "dependsOn", "dependsOn", "dependencyOf", "")]
#[case("Component", "dependencyOf", "dependencyOf", "dependsOn", "")]
#[case("Resource", "dependencyOf", "dependencyOf", "dependsOn", "")]
#[case("System", "domain", "partOf", "hasPart", "domain")]
#[case("Domain", "subdomainOf", "partOf", "hasPart", "domain")]
#[case("User", "memberOf", "memberOf", "hasMember", "group")]
#[case("Group", "parent", "childOf", "parentOf", "group")]
#[case("Group", "children", "parentOf", "childOf", "group")]
#[case("Group", "members", "hasMember", "memberOf", "user")]
fn a_field_gives_both_directions(
    #[case] kind: &str,
    #[case] field: &str,
    #[case] outgoing: &str,
    #[case] incoming: &str,
    #[case] default_kind: &str,
) {
    let kinds = KindRegistry::scaffolder().definitions().fold(KindRegistry::catalog(), KindRegistry::with);
    let relations_for = |value: Value| {
        let mut bare = entity(kind, &json!({ "owner": "<none>" }));
        bare.set_metadata("namespace", json!("Own")).unwrap();
        bare.spec_mut().unwrap().insert(field.to_owned(), value);
        kinds.relations(&bare)
    };
    let own_ref = format!("{}:own/x", kind.to_lowercase());

    for value in [json!("Any:there/T"), json!(["Any:there/T"])] {
        assert_eq!(
            lines(&relations_for(value).unwrap()),
            [format!("{own_ref} {outgoing} any:there/t"), format!("any:there/t {incoming} {own_ref}")]
        );
    }
    let short = relations_for(json!("t"));
    if default_kind.is_empty() {
        assert_eq!(
            short.unwrap_err().to_string(),
            r#"Error: Entity reference "t" had missing or empty kind (e.g. did not start with "component:" or similar)"#
        );
    } else {
        assert_eq!(lines(&short.unwrap())[0], format!("{own_ref} {outgoing} {default_kind}:own/t"));
    }
}

#[test]
fn refs_keep_their_case_and_the_fields_their_order() {
    let component = entity(
        "Component",
        &json!({ "system": "Sys", "owner": "User:Ada", "dependsOn": ["Resource:DB", "component:x"], "providesApis": ["a", "a"] }),
    );
    let relations = KindRegistry::catalog().relations(&component).unwrap();
    assert_eq!(relations[0].target.kind, "User");
    assert_eq!(relations[0].target.name, "Ada");
    assert_eq!(relations[1].source, relations[0].target);
    assert_eq!(relations[1].target.kind, "Component");
    let outgoing: Vec<String> = lines(&relations).into_iter().step_by(2).collect();
    assert_eq!(
        outgoing,
        [
            "component:default/x ownedBy user:default/ada",
            "component:default/x providesApi api:default/a",
            "component:default/x providesApi api:default/a",
            "component:default/x dependsOn resource:default/db",
            "component:default/x dependsOn component:default/x",
            "component:default/x partOf system:default/sys",
        ]
    );
}

#[test]
fn relations_as_json() {
    let user = entity("User", &json!({ "memberOf": ["a"] }));
    assert_eq!(
        serde_json::to_value(&KindRegistry::catalog().relations(&user).unwrap()[0]).unwrap(),
        json!({
            "source": { "kind": "User", "namespace": "default", "name": "x" },
            "type": "memberOf",
            "target": { "kind": "Group", "namespace": "default", "name": "a" },
        })
    );
}

#[rstest]
#[case(json!(""), 0)]
#[case(json!(null), 0)]
#[case(json!(false), 0)]
#[case(json!(0), 0)]
#[case(json!([]), 0)]
#[case(json!({ "kind": "Component", "name": "a" }), 2)]
#[case(json!([{ "kind": "k", "namespace": "n", "name": "a" }, "component:b"]), 4)]
fn unchecked_fields_may_hold_anything(#[case] value: Value, #[case] expected: usize) {
    let resource = entity("Resource", &json!({ "owner": "<none>", "dependencyOf": value }));
    assert_eq!(KindRegistry::catalog().relations(&resource).unwrap().len(), expected);
}

#[rstest]
#[case(json!([""]), "Error: Entity reference must not be empty")]
#[case(json!([null]), "Error: Entity reference must not be empty")]
#[case(json!([1]), "Error: Entity reference 1 had missing or empty kind (e.g. did not start with \"component:\" or similar)")]
#[case(json!(["k:"]), "TypeError: Entity reference \"k:\" was not on the form [<kind>:][<namespace>/]<name>")]
#[case(json!({ "kind": "k" }), "Error: Entity reference {\"kind\":\"k\"} had missing or empty name")]
#[case(json!({ "kind": "k", "namespace": "", "name": "a" }), "Error: Entity reference {\"kind\":\"k\",\"namespace\":\"\",\"name\":\"a\"} had missing or empty namespace")]
fn unreadable_refs_are_errors(#[case] value: Value, #[case] expected: &str) {
    let resource = entity("Resource", &json!({ "dependencyOf": value }));
    assert_eq!(KindRegistry::catalog().relations(&resource).unwrap_err().to_string(), expected);
}

#[rstest]
#[case("Location", "backstage.io/v1alpha1", 0)]
#[case("component", "backstage.io/v1alpha1", 0)]
#[case("Component", "acme.test/v1", 2)]
#[case("Template", "scaffolder.backstage.io/v1beta3", 2)]
#[case("Template", "scaffolder.backstage.io/v1beta2", 0)]
fn the_kind_decides_and_for_templates_the_version(
    #[case] kind: &str,
    #[case] api_version: &str,
    #[case] expected: usize,
) {
    let kinds = KindRegistry::scaffolder().definitions().fold(KindRegistry::catalog(), KindRegistry::with);
    let entity = document(json!({
        "apiVersion": api_version, "kind": kind, "metadata": { "name": "x" }, "spec": { "owner": "a" },
    }));
    assert_eq!(kinds.relations(&entity).unwrap().len(), expected);
}

#[test]
fn an_entity_without_a_spec_has_no_relations() {
    let bare = document(json!({ "apiVersion": "v", "kind": "Component", "metadata": { "name": "x" } }));
    assert_eq!(KindRegistry::catalog().relations(&bare), Ok(Vec::new()));
}

#[rstest]
#[case("providesApis")]
#[case("consumesApis")]
#[case("dependsOn")]
#[case("dependencyOf")]
#[case("memberOf")]
#[case("children")]
#[case("members")]
fn lists_of_refs_are_sorted(#[case] field: &str) {
    let sorted = |value: Value| {
        let mut entity: Entity = entity("Anything", &json!({ field: value }));
        sort_relation_lists(&mut entity);
        entity.spec().unwrap()[field].clone()
    };
    assert_eq!(
        sorted(json!(["b", "a", "B", "😀", "\u{ffff}", "b"])),
        json!(["B", "a", "b", "b", "😀", "\u{ffff}"])
    );
    for untouched in [json!(["b", "a", 1]), json!("ba"), json!(null), json!([])] {
        assert_eq!(sorted(untouched.clone()), untouched);
    }
}

#[test]
fn other_lists_are_not_sorted() {
    let mut location = entity("Location", &json!({ "targets": ["b", "a"] }));
    sort_relation_lists(&mut location);
    assert_eq!(location.spec().unwrap()["targets"], json!(["b", "a"]));

    let mut bare = document(json!({ "apiVersion": "v", "kind": "K", "metadata": { "name": "x" } }));
    sort_relation_lists(&mut bare);
    assert_eq!(bare.spec(), None);
}
