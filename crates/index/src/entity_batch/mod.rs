//! Entities that go into a new index together.
//!
//! What entities have in common is looked for here, in the little memory that some hundred of them take, and on any
//! thread. The one that fills the index then looks up each key and each value once a batch.

mod groups;
mod shapes;
mod values;

use bytes::Bytes;
use callboard_model::EntityRef;

use self::groups::Groups;
pub(crate) use self::shapes::Shapes;
pub(crate) use self::values::BatchValues;
use crate::entity::{BodyError, IndexedEntity};
use crate::term_names::Names;
use crate::term_walk::Walk;
use crate::uid::Uid;

/// Entities that go into a new index together, see [`IndexLoader::add`](crate::IndexLoader::add).
#[derive(Debug)]
pub struct EntityBatch(EntityBatchBuilder);

/// An entity of a batch.
#[derive(Debug)]
pub(crate) struct BatchEntity {
    pub(crate) entity_ref: EntityRef,
    pub(crate) uid: Uid,
    pub(crate) body: Bytes,
}

/// The terms of an entity.
#[derive(Debug)]
pub(crate) struct BatchList {
    /// The keys that it shares with others.
    pub(crate) shape: u32,
    start: usize,
    /// Where the terms begin that say that a list has an item.
    memberships: usize,
    end: usize,
}

/// Puts a batch together. Some hundred entities are best: fewer have less in common, and more need more memory than is
/// near.
#[derive(Debug, Default)]
pub struct EntityBatchBuilder {
    walk: Walk,
    entities: Vec<BatchEntity>,
    lists: Vec<BatchList>,
    values: BatchValues,
    shapes: Shapes,
    /// The numbers of the values that the entities have, one entity behind the other.
    terms: Vec<u32>,
    values_by_key: Groups,
    entities_by_value: Groups,
    /// The rows of the present entity in order of their keys.
    order: Vec<usize>,
    /// The terms of the present entity.
    present: Vec<Present>,
    shape: Vec<u32>,
}

#[derive(Debug)]
struct Present {
    key: u32,
    value: u32,
    is_membership: bool,
}

impl EntityBatchBuilder {
    /// Adds an entity with what it can be found by, which is derived from its JSON text as the catalog wrote it.
    ///
    /// # Errors
    ///
    /// [`BodyError`]: it cannot be indexed, and was not added.
    pub fn read(&mut self, entity_ref: EntityRef, uid: &str, body: Bytes) -> Result<(), BodyError> {
        let Self { walk, values, order, present, .. } = self;
        present.clear();
        walk.read_json(&body)?;
        order.clear();
        order.extend(0..walk.rows.len());
        order.sort_unstable_by_key(|row| (walk.rows[*row].key, *row));
        walk.for_each_term(order, |row, is_membership| {
            let text = row.value.as_ref();
            let text =
                text.map(|place| (&walk.text[place.lower.clone()], &walk.text[place.original.clone()]));
            present.push(Present { key: row.key, value: values.number(row.key, text), is_membership });
        })?;
        self.push(entity_ref, uid, body);
        Ok(())
    }

    /// Adds an entity whose terms are known.
    pub fn add(&mut self, entity: &IndexedEntity) {
        let IndexedEntity { entity_ref, uid, body, terms } = entity;
        let Self { walk, values, present, .. } = self;
        present.clear();
        present.extend(terms.iter().map(|term| {
            let key = walk.names.number(term.key());
            let value = values.number(key, term.value().zip(term.original()));
            Present { key, value, is_membership: term.is_membership() }
        }));
        self.push(entity_ref.clone(), uid, body.clone());
    }

    fn push(&mut self, entity_ref: EntityRef, uid: &str, body: Bytes) {
        let Self { present, shape, terms, .. } = self;
        let start = terms.len();
        shape.clear();
        for Present { key, value, .. } in present.iter().filter(|present| !present.is_membership) {
            shape.push(*key);
            terms.push(*value);
        }
        let memberships = terms.len();
        terms.extend(present.iter().filter(|present| present.is_membership).map(|present| present.value));
        let (shape, end) = (self.shapes.number(shape), terms.len());
        self.lists.push(BatchList { shape, start, memberships, end });
        self.entities.push(BatchEntity { entity_ref, uid: Uid::from(uid), body });
    }

    /// The number of entities.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// The batch.
    pub fn finish(mut self) -> EntityBatch {
        let Self { walk, lists, values, terms, values_by_key, entities_by_value, .. } = &mut self;
        values_by_key.fill(walk.names.len(), || values.keys().zip(0..));
        entities_by_value.fill(values.len(), || {
            let terms = &terms;
            let numbered = lists.iter().zip(0..);
            numbered.flat_map(move |(list, number)| {
                terms[list.start..list.end].iter().map(move |value| (*value, number))
            })
        });
        EntityBatch(self)
    }
}

impl EntityBatch {
    /// Takes the entities out.
    pub(crate) fn take_entities(&mut self) -> impl Iterator<Item = BatchEntity> {
        self.0.entities.drain(..)
    }

    /// Builds another batch in the same memory.
    pub(crate) fn into_builder(self) -> EntityBatchBuilder {
        let Self(mut builder) = self;
        let EntityBatchBuilder { walk, entities, lists, values, shapes, terms, .. } = &mut builder;
        walk.names.clear();
        entities.clear();
        lists.clear();
        values.clear();
        shapes.clear();
        terms.clear();
        builder
    }

    pub(crate) fn names(&self) -> &Names {
        &self.0.walk.names
    }

    pub(crate) fn values(&self) -> &BatchValues {
        &self.0.values
    }

    pub(crate) fn shapes(&self) -> &Shapes {
        &self.0.shapes
    }

    /// The terms of each entity.
    pub(crate) fn lists(&self) -> &[BatchList] {
        &self.0.lists
    }

    /// Each key that has values, with their numbers.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (u32, &[u32])> {
        (0..).zip(self.0.values_by_key.iter()).filter(|(_, values)| !values.is_empty())
    }

    /// The entities that have a value, in ascending order.
    pub(crate) fn having(&self, value: u32) -> &[u32] {
        self.0.entities_by_value.get(value)
    }

    /// The values that an entity has for the keys that it shares, and its memberships.
    pub(crate) fn values_of(&self, list: &BatchList) -> (&[u32], &[u32]) {
        let BatchList { start, memberships, end, .. } = *list;
        (&self.0.terms[start..memberships], &self.0.terms[memberships..end])
    }
}
