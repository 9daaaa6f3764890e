//! Random entities, changes and queries. Few different words, so that they meet often.

use callboard_index::{
    Direction, EntityQuery, FacetQuery, FullText, ListQuery, OrderField, Predicate, Scalar, TotalItems,
};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

pub(crate) const FIELDS: [&str; 14] = [
    "kind",
    "metadata.name",
    "Metadata.Title",
    "metadata.namespace",
    "metadata.uid",
    "metadata.tags",
    "metadata.tags.a",
    "spec.type",
    "SPEC.Type",
    "spec.list",
    "spec.note",
    "relations.ownedBy",
    "relations.dependson",
    "nope",
];
const WORDS: [&str; 12] =
    ["a", "A", "ab", "AB", "Ab", "b", "bÄ", "ä%", "a_b", "group:default/a", "Group:default/B", ""];

/// One of 24 entities at random points of its life: gone, or with some content.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Upsert { number: usize, entity: Value },
    Remove { number: usize },
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..24_usize, entity_parts()).prop_map(|(number, parts)| Step::Upsert { number, entity: entity(number, &parts) }),
        1 => (0..24_usize).prop_map(|number| Step::Remove { number }),
    ];
    prop::collection::vec(step, 0..80)
}

fn entity_parts() -> impl Strategy<Value = Value> {
    let word = select(&WORDS[..]);
    let scalar = prop_oneof![
        6 => word.clone().prop_map(|word| json!(word)),
        1 => Just(json!(null)),
        1 => (0..3_i32).prop_map(|number| json!(number)),
        1 => any::<bool>().prop_map(|flag| json!(flag)),
        1 => Just(json!("x".repeat(201))),
    ];
    let list = prop::collection::vec(scalar.clone(), 0..4);
    let relation = (select(&["ownedBy", "dependsOn"][..]), word.clone())
        .prop_map(|(kind, target)| json!({ "type": kind, "targetRef": target }));
    (
        (0..4_u32, prop::option::of(select(&["default", "Ops", "b"][..])), prop::option::of(scalar.clone())),
        (prop::collection::vec(word, 0..4), list, prop::option::of(scalar.clone()), prop::option::of(scalar)),
        prop::collection::vec(relation, 0..4),
    )
        .prop_map(|((generation, namespace, title), (tags, list, kind_of, note), relations)| {
            json!({
                "generation": generation, "namespace": namespace, "title": title, "tags": tags, "list": list,
                "type": kind_of, "note": note, "relations": relations,
            })
        })
}

fn entity(number: usize, parts: &Value) -> Value {
    let kind = ["Component", "component", "API", "User"][number % 4];
    // Uids change now and then, and their order is not that of the names.
    let uid = format!("{}-{}", (number * 7) % 24, parts["generation"]);
    let mut entity = json!({
        "kind": kind,
        "metadata": { "name": format!("Name-{number}"), "uid": uid, "tags": parts["tags"] },
        "spec": { "list": parts["list"] },
        "relations": parts["relations"],
    });
    for (section, key) in
        [("metadata", "namespace"), ("metadata", "title"), ("spec", "type"), ("spec", "note")]
    {
        // An absent member and one that is null are different things, so null stands for absent half of the time.
        if !parts[key].is_null() || (key != "namespace" && number.is_multiple_of(2)) {
            entity[section][key] = parts[key].clone();
        }
    }
    entity
}

pub(crate) fn predicate() -> impl Strategy<Value = Predicate> {
    let scalar = prop_oneof![
        5 => select(&WORDS[..]).prop_map(Scalar::from),
        1 => any::<bool>().prop_map(Scalar::from),
        2 => select(&["component", "USER", "name-3", "default", "true", "1"][..]).prop_map(Scalar::from),
    ];
    let field = select(&FIELDS[..]);
    let leaf = prop_oneof![
        2 => (field.clone(), scalar.clone()).prop_map(|(field, value)| Predicate::equals(field, value)),
        1 => field.clone().prop_map(Predicate::exists),
        1 => (field.clone(), prop::collection::vec(scalar, 0..4)).prop_map(|(field, values)| Predicate::is_in(field, values)),
        1 => (field, select(&["", "a", "A", "name-1", "group:"][..])).prop_map(|(field, prefix)| Predicate::has_prefix(field, prefix)),
        1 => Just(Predicate::Fields(Vec::new())),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Any),
            inner.prop_map(Predicate::negated),
        ]
    })
}

fn order_field() -> impl Strategy<Value = OrderField> {
    (select(&FIELDS[..]), select(&[Direction::Asc, Direction::Desc][..]))
        .prop_map(|(field, direction)| OrderField { field: field.to_owned(), direction })
}

fn full_text() -> impl Strategy<Value = FullText> {
    let fields = prop::option::of(prop::collection::vec(select(&FIELDS[..]).prop_map(str::to_owned), 0..3));
    (select(&[" ", "a", "AB", "1", "_", "%", "default", "-"][..]), fields)
        .prop_map(|(term, fields)| FullText { term: term.to_owned(), fields })
}

pub(crate) fn entity_query() -> impl Strategy<Value = EntityQuery> {
    let total = select(&[TotalItems::Include, TotalItems::Include, TotalItems::Exclude][..]);
    (
        (prop::option::of(predicate()), prop::option::weighted(0.2, predicate())),
        (prop::collection::vec(order_field(), 0..3), prop::option::weighted(0.4, full_text())),
        (select(&[1, 2, 3, 5, 100, 0][..]), select(&[0, 0, 0, 1, 4, 50][..]), total),
    )
        .prop_map(|((predicate, restriction), (order, full_text), (limit, offset, total))| EntityQuery {
            predicate,
            restriction,
            order,
            full_text,
            limit,
            offset,
            total,
            continuation: None,
        })
}

pub(crate) fn list_query() -> impl Strategy<Value = ListQuery> {
    let limit = select(&[None, Some(1), Some(2), Some(5), Some(100)][..]);
    (
        prop::option::of(predicate()),
        prop::collection::vec(order_field(), 0..4),
        limit,
        select(&[0, 0, 1, 3, 50][..]),
    )
        .prop_map(|(predicate, order, limit, offset)| ListQuery {
            predicate,
            restriction: None,
            order,
            limit,
            offset,
        })
}

pub(crate) fn facet_query() -> impl Strategy<Value = FacetQuery> {
    let facets = prop::collection::vec(select(&FIELDS[..]).prop_map(str::to_owned), 0..4);
    (facets, prop::option::of(predicate())).prop_map(|(facets, predicate)| FacetQuery {
        facets,
        predicate,
        restriction: None,
    })
}
