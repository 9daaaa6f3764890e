use callboard_model::EntityRef;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use super::*;
use crate::entity::Change;
use crate::term::Terms;

/// More than the values of a key whose entities are kept as a set.
const MANY: usize = 40;

fn entity(number: usize) -> Value {
    json!({
        "kind": "Component",
        "metadata": { "name": format!("c{number}"), "uid": format!("uid-{number}"), "etag": "e", "tags": ["Java"] },
        "spec": { "type": if number.is_multiple_of(2) { "service" } else { "Service" }, "owner": null, "size": number },
    })
}

fn indexed(number: usize, value: &Value) -> IndexedEntity {
    let name = EntityRef::new("component", "default", &format!("c{number}"));
    IndexedEntity::new(name, &format!("uid-{number}"), value.to_string().into(), value).unwrap()
}

fn index() -> Index {
    let mut index = Index::new();
    index.apply((0..MANY).map(|number| Change::Upsert(indexed(number, &entity(number)))));
    index
}

/// All that is wrong, of entities that should all be there.
fn faults(index: &Index) -> Vec<String> {
    let mut faults: Vec<String> =
        (0..MANY).flat_map(|number| index.faults_of(&indexed(number, &entity(number)))).collect();
    let mut place = ExaminationPlace::default();
    while index.stray_postings(&mut place, &mut faults) {}
    faults
}

fn key_mut<'a>(index: &'a mut Index, name: &str) -> &'a mut Key {
    let id = index.key_id(name).unwrap();
    &mut index.keys[id as usize]
}

#[test]
fn nothing_is_wrong_with_what_the_index_does_itself() {
    let mut index = index();
    assert_eq!(faults(&index), [""; 0]);
    index.apply([
        Change::Remove(EntityRef::new("component", "default", "c3")),
        Change::Upsert(indexed(4, &json!({ "kind": "API", "metadata": { "name": "c4" }, "other": [1, 2] }))),
    ]);
    index.apply([3, 4].map(|number| Change::Upsert(indexed(number, &entity(number)))));
    assert_eq!(faults(&index), [""; 0]);
}

#[test]
fn terms_of_another_entity_are_noticed() {
    let mut index = index();
    let mut wrong = indexed(5, &entity(5));
    let mut other = entity(5);
    other["spec"]["type"] = json!("website");
    wrong.terms = Terms::of(&other).unwrap();
    index.apply([Change::Upsert(wrong)]);
    assert_eq!(
        faults(&index),
        [
            "component:default/c5 is kept without spec.type=Service",
            "component:default/c5 is kept with spec.type=website, which it does not have",
            "component:default/c5 cannot be found by spec.type=Service",
        ]
    );
}

#[test]
fn what_is_missing_or_another_is_noticed() {
    let mut index = index();
    index.apply([Change::Remove(EntityRef::new("component", "default", "c0"))]);
    let mut other = indexed(1, &entity(1));
    (other.body, other.uid) = ("{}".into(), "f".into());
    index.apply([Change::Upsert(other)]);
    assert_eq!(
        faults(&index),
        [
            "component:default/c0 is missing",
            "component:default/c1 is not the stored one",
            "component:default/c1 has another ref or uid",
            "component:default/c1 cannot be found by its uid",
        ]
    );
}

fn lose_a_posting(index: &mut Index) {
    let slot = index.slot_of_ref("component:default/c7").unwrap();
    let id = index.key_id("spec.size").unwrap() as usize;
    let term = index.keys[id].values.term_of_spelling("7", "7").unwrap();
    index.keys[id].values.remove(term, slot, &mut index.terms);
}

fn add_a_posting(index: &mut Index) {
    let slot = index.slot_of_ref("component:default/c7").unwrap();
    let id = index.key_id("spec.size").unwrap() as usize;
    index.keys[id].values.insert("8", "8", slot, &mut index.terms);
}

fn add_one_of_nobody(index: &mut Index) {
    let id = index.key_id("kind").unwrap() as usize;
    index.keys[id].values.insert("component", "Component", 999, &mut index.terms);
}

fn lose_a_null(index: &mut Index) {
    let slot = index.slot_of_ref("component:default/c7").unwrap();
    key_mut(index, "spec.owner").nulls.remove(slot);
}

fn add_a_null(index: &mut Index) {
    let slot = index.slot_of_ref("component:default/c7").unwrap();
    key_mut(index, "spec.type").nulls.insert(slot);
}

fn lose_any_value(index: &mut Index) {
    let slot = index.slot_of_ref("component:default/c7").unwrap();
    key_mut(index, "spec.size").valued.as_mut().unwrap().remove(slot);
}

fn add_any_value(index: &mut Index) {
    key_mut(index, "spec.size").valued.as_mut().unwrap().insert(999);
}

fn lose_a_uid(index: &mut Index) {
    let slot = index.slot_of_ref("component:default/c7").unwrap();
    index.remove_uid(slot);
}

fn add_a_uid(index: &mut Index) {
    let slot = index.slot_of_ref("component:default/c7").unwrap();
    index.add_uid(slot);
}

fn lose_one_of_all(index: &mut Index) {
    let slot = index.slot_of_ref("component:default/c7").unwrap();
    index.live.remove(slot);
}

#[rstest]
#[case(lose_a_posting, "component:default/c7 cannot be found by spec.size=7")]
#[case(add_a_posting, "component:default/c7 is found by spec.size=8, which it does not have")]
#[case(add_one_of_nobody, "an entity that does not exist is found by kind=Component, which it does not have")]
#[case(lose_a_null, "component:default/c7 cannot be found by spec.owner without a value")]
#[case(add_a_null, "component:default/c7 is found by spec.type without a value, which it does not have")]
#[case(lose_any_value, "component:default/c7 cannot be found by spec.size=7")]
#[case(add_any_value, "an entity that does not exist is found by any value of spec.size")]
#[case(lose_a_uid, "component:default/c7 cannot be found by its uid")]
#[case(add_a_uid, "the uids do not lead to each entity once")]
#[case(lose_one_of_all, "component:default/c7 is not among all entities")]
fn a_set_with_one_entity_too_few_or_too_many_is_noticed(
    #[case] break_it: fn(&mut Index),
    #[case] expected: &str,
) {
    let mut index = index();
    break_it(&mut index);
    let faults = faults(&index);
    assert!(faults.iter().any(|fault| fault == expected), "{faults:?}");
}

proptest! {
    /// A change at a time, and nothing is ever wrong.
    #[test]
    fn nothing_is_wrong_after_any_changes(
        changes in prop::collection::vec((0..MANY, 0..6_u8), 0..120),
    ) {
        let mut index = index();
        for (number, kind) in &changes {
            let mut value = entity(*number);
            value["spec"]["type"] = [json!("a"), json!("A"), json!(null), json!(["a", "b"]), json!("x".repeat(300))]
                .get(usize::from(*kind))
                .cloned()
                .unwrap_or_default();
            index.apply([match kind {
                5 => Change::Remove(indexed(*number, &value).entity_ref),
                _ => Change::Upsert(indexed(*number, &value)),
            }]);
        }
        let mut faults = Vec::new();
        let mut place = ExaminationPlace::default();
        while index.stray_postings(&mut place, &mut faults) {}
        prop_assert_eq!(faults, Vec::<String>::new());
        index.apply((0..MANY).map(|number| Change::Upsert(indexed(number, &entity(number)))));
        prop_assert_eq!(self::faults(&index), Vec::<String>::new());
    }
}
