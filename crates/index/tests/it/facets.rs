//! Facets.

use callboard_index::{Facet, FacetQuery, Predicate};
use serde_json::json;

use crate::{entity, index_of};

fn facets(names: &[&str], predicate: Option<Predicate>) -> Vec<String> {
    let index = index_of(&[
        entity(
            "Component",
            "a",
            &json!({ "metadata": { "tags": ["java", "Web"] }, "spec": { "lifecycle": "production", "n": [1, "1", 2.0, null], "flag": true } }),
        ),
        entity(
            "Component",
            "b",
            &json!({ "metadata": { "tags": ["Java"] }, "spec": { "lifecycle": "Production", "n": null } }),
        ),
        entity("API", "c", &json!({ "spec": { "lifecycle": "production", "long": "x".repeat(201) } })),
    ]);
    let facets = names.iter().map(|&name| name.to_owned()).collect();
    let answer = index.facets(&FacetQuery { facets, predicate, restriction: None });
    let print = |Facet { name, values }: &Facet| {
        let values: Vec<String> =
            values.iter().map(|found| format!("{}={}", found.value, found.count)).collect();
        format!("{name}: {}", values.join(" "))
    };
    answer.iter().map(print).collect()
}

#[test]
fn spellings_count_apart_and_come_in_byte_order() {
    assert_eq!(
        facets(&["kind", "spec.lifecycle", "metadata.tags"], None),
        [
            "kind: API=1 Component=2",
            "spec.lifecycle: Production=1 production=2",
            "metadata.tags: Java=1 Web=1 java=1",
        ]
    );
}

#[test]
fn values_are_text_and_absent_ones_do_not_count() {
    assert_eq!(
        facets(&["spec.n", "spec.flag", "spec.long", "spec", "nope", ""], None),
        ["spec.n: 1=1 2=1", "spec.flag: true=1", "spec.long: ", "spec: ", "nope: ", ": ",]
    );
}

#[test]
fn names_are_repeated_as_requested() {
    assert_eq!(
        facets(&["Kind", "kind", "kind", "metadata.tags.JAVA"], None),
        ["Kind: API=1 Component=2", "kind: API=1 Component=2", "metadata.tags.JAVA: true=2",]
    );
}

#[test]
fn predicates_narrow_the_counts() {
    let production = || Predicate::equals("spec.lifecycle", "PRODUCTION");
    assert_eq!(
        facets(&["spec.lifecycle"], Some(production())),
        ["spec.lifecycle: Production=1 production=2"]
    );
    let component = production().and(Predicate::equals("kind", "component"));
    assert_eq!(
        facets(&["spec.lifecycle", "kind"], Some(component)),
        ["spec.lifecycle: Production=1 production=1", "kind: Component=2"]
    );
    assert_eq!(facets(&["kind"], Some(Predicate::nothing())), ["kind: "]);
}

#[test]
fn a_restriction_holds_in_addition() {
    let index = index_of(&[entity("API", "a", &json!({})), entity("User", "b", &json!({}))]);
    let query = FacetQuery {
        facets: vec!["kind".to_owned()],
        predicate: Some(Predicate::exists("kind")),
        restriction: Some(Predicate::equals("kind", "user")),
    };
    let values = &index.facets(&query)[0].values;
    assert_eq!((values.len(), values[0].value.as_str()), (1, "User"));
}
