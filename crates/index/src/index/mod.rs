//! The inverted index: entities by ref, by uid, and by term.

mod apply;
mod evaluate;
mod examine;
mod facets;
mod list;
mod load;
mod memory;
mod page;
mod postings;
mod rows;
mod slot_set_builder;
mod term_table;
mod text_search;
mod value_map;
mod vec_growth;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use callboard_model::EntityRef;
use roaring::RoaringBitmap;

pub use self::examine::ExaminationPlace;
pub use self::load::IndexLoader;
pub use self::memory::MemoryUsage;
use self::postings::SlotSet;
use self::term_table::TermTable;
use self::value_map::ValueMap;
use crate::entity::Hit;
use crate::predicate::Predicate;

/// The final entities and everything needed to answer queries about them. See the crate documentation.
///
/// # Examples
///
/// ```
/// use callboard_index::{Change, EntityQuery, Index, IndexedEntity, OrderField, Predicate};
/// use callboard_model::EntityRef;
/// use serde_json::json;
///
/// let mut index = Index::new();
/// for name in ["wardrobe", "props"] {
///     let entity = json!({ "kind": "Component", "metadata": { "name": name, "uid": name } });
///     let entity_ref = EntityRef::new("component", "default", name);
///     let indexed = IndexedEntity::new(entity_ref, name, entity.to_string().into(), &entity)?;
///     index.apply([Change::Upsert(indexed)]);
/// }
/// let page = index.page(&EntityQuery {
///     predicate: Some(Predicate::equals("kind", "component")),
///     order: vec![OrderField::asc("metadata.name")],
///     ..EntityQuery::default()
/// });
/// assert_eq!(page.total_items, 2);
/// assert_eq!(page.items[0].entity_ref.name(), "props");
/// # Ok::<(), callboard_index::DuplicateKeys>(())
/// ```
#[derive(Debug, Default)]
pub struct Index {
    keys: Vec<Key>,
    key_ids: HashMap<Arc<str>, u32>,
    free_keys: Vec<u32>,
    terms: TermTable,
    slots: Vec<Option<Slot>>,
    free_slots: Vec<u32>,
    /// The slots in use.
    live: RoaringBitmap,
    /// Slots by entity ref, in order.
    refs: ValueMap,
    /// Slots by uid, in order.
    uids: ValueMap,
    version: u64,
    /// Values are being staged; see [`Index::load`].
    is_loading: bool,
}

/// A key that at least one entity has.
#[derive(Debug)]
struct Key {
    name: Arc<str>,
    values: ValueMap,
    /// Entities with a term of this key that has no value.
    nulls: SlotSet,
    /// Entities with a value of this key. Kept for keys with many values; for others it is a quick union.
    valued: Option<Box<RoaringBitmap>>,
}

/// An entity.
#[derive(Debug)]
struct Slot {
    entity_ref: EntityRef,
    uid: Arc<str>,
    etag: Box<str>,
    body: Bytes,
    /// Key id and term id of each term, sorted. A term without a value has the id [`NULL_TERM`].
    terms: Box<[(u32, u32)]>,
}

/// Stands in term lists for the term of a key that has no value.
const NULL_TERM: u32 = u32::MAX;

impl Index {
    /// An index without entities, at version 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of entities.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free_slots.len()
    }

    /// Whether there are no entities.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the last change applied, in the change log's numbering.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Says that all changes up to this one have been applied.
    pub fn set_version(&mut self, version: u64) {
        self.version = version;
    }

    /// The entity with this ref. The text is compared as it is, so it has to be a full ref in lower case.
    pub fn by_ref(&self, entity_ref: &str) -> Option<Hit> {
        self.slot_of_ref(entity_ref).and_then(|slot| self.hit(slot))
    }

    /// The entity with this uid, compared as it is.
    pub fn by_uid(&self, uid: &str) -> Option<Hit> {
        let slot = self.uids.equal_to(uid).next()?.postings.first()?;
        self.hit(slot)
    }

    /// The `metadata.etag` of an entity; empty if it has none.
    pub fn etag(&self, entity_ref: &str) -> Option<&str> {
        Some(&self.slot(self.slot_of_ref(entity_ref)?)?.etag)
    }

    /// The entities with these refs, in the same order and number. None where there is no such entity, or where it does
    /// not fulfil the predicate.
    pub fn by_refs(&self, entity_refs: &[String], predicate: Option<&Predicate>) -> Vec<Option<Hit>> {
        let matcher = predicate.map(Predicate::matcher);
        let find = |entity_ref: &String| {
            let slot = self.slot_of_ref(entity_ref)?;
            let passes = matcher.as_ref().is_none_or(|matcher| self.slot_passes(slot, &matcher.0));
            if passes { self.hit(slot) } else { None }
        };
        entity_refs.iter().map(find).collect()
    }

    /// Whether an entity fulfils a predicate; none if there is no such entity.
    pub fn entity_matches(&self, entity_ref: &str, predicate: &Predicate) -> Option<bool> {
        let slot = self.slot_of_ref(entity_ref)?;
        Some(self.slot_passes(slot, &predicate.matcher().0))
    }

    fn slot_of_ref(&self, entity_ref: &str) -> Option<u32> {
        self.refs.equal_to(entity_ref).next()?.postings.first()
    }

    fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The uid of a slot, for ordering; slots come from postings, so they are in use.
    fn uid_of(&self, slot: u32) -> &str {
        self.slot(slot).map_or("", |entity| &entity.uid)
    }

    fn hit(&self, slot: u32) -> Option<Hit> {
        let Slot { entity_ref, uid, body, .. } = self.slot(slot)?;
        Some(Hit { entity_ref: entity_ref.clone(), uid: uid.clone(), body: body.clone() })
    }

    fn hits(&self, slots: impl IntoIterator<Item = u32>) -> Vec<Hit> {
        slots.into_iter().filter_map(|slot| self.hit(slot)).collect()
    }

    fn key_id(&self, name: &str) -> Option<u32> {
        self.key_ids.get(name).copied()
    }

    /// A key by its name, which must be lower-cased already.
    fn key(&self, name: &str) -> Option<&Key> {
        self.keys.get(self.key_id(name)? as usize)
    }

    /// The values that an entity has for a key.
    fn values_of(&self, slot: u32, key_id: u32) -> impl Iterator<Item = value_map::ValueRef<'_>> {
        let values = &self.keys[key_id as usize].values;
        self.terms_of(slot, key_id).iter().filter_map(move |(_, term)| values.get(*term, &self.terms))
    }

    /// The term list entries of an entity for a key.
    fn terms_of(&self, slot: u32, key_id: u32) -> &[(u32, u32)] {
        let terms: &[(u32, u32)] = self.slot(slot).map_or(&[], |entity| &entity.terms);
        let start = terms.partition_point(|(key, _)| *key < key_id);
        let length = terms[start..].partition_point(|(key, _)| *key == key_id);
        &terms[start..start + length]
    }
}

impl Key {
    fn new(name: Arc<str>) -> Self {
        Self { name, values: ValueMap::default(), nulls: SlotSet::default(), valued: None }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty() && self.nulls.is_empty()
    }
}
