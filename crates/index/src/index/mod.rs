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
mod recent_terms;
mod ref_table;
mod rows;
mod slot_order;
mod slot_set_builder;
mod term_list;
mod term_table;
mod text_search;
mod text_sort;
mod value_map;
mod vec_growth;

use std::cmp::Ordering;
use std::sync::Arc;

use bytes::Bytes;
use callboard_model::EntityRef;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use roaring::RoaringBitmap;

pub use self::examine::ExaminationPlace;
pub use self::load::IndexLoader;
pub use self::memory::MemoryUsage;
use self::postings::SlotSet;
use self::recent_terms::RecentTerms;
use self::ref_table::RefTable;
use self::slot_order::SlotOrder;
use self::term_list::{KeyLists, TermList};
use self::term_table::TermTable;
use self::value_map::ValueMap;
use crate::entity::Hit;
use crate::predicate::Predicate;
use crate::uid::{UID_BUFFER, Uid};

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
    key_ids: HashMap<Arc<str>, u32, RandomState>,
    free_keys: Vec<u32>,
    terms: TermTable,
    slots: Vec<Option<Slot>>,
    free_slots: Vec<u32>,
    /// The slots in use.
    live: RoaringBitmap,
    refs: RefTable,
    refs_in_order: SlotOrder,
    uids: SlotOrder,
    key_lists: KeyLists,
    recent_terms: RecentTerms,
    version: u64,
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
    uid: Uid,
    body: Bytes,
    terms: TermList,
}

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
        let uid = Uid::from(uid);
        let slot = self.uids.ascending(|slot| self.compare_uid(slot, &uid).is_lt()).next()?;
        if self.compare_uid(slot, &uid).is_eq() { self.hit(slot) } else { None }
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
        self.refs.find(entity_ref, &self.slots)
    }

    fn slot(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The uid of a slot, for ordering; slots come from postings, so they are in use.
    fn uid_of(&self, slot: u32) -> Option<&Uid> {
        self.slot(slot).map(|entity| &entity.uid)
    }

    fn compare_uid(&self, slot: u32, uid: &Uid) -> Ordering {
        self.uid_of(slot).cmp(&Some(uid))
    }

    fn uid_text(&self, slot: u32) -> String {
        self.uid_of(slot).map_or_else(String::new, |uid| uid.text(&mut { UID_BUFFER }).to_owned())
    }

    fn hit(&self, slot: u32) -> Option<Hit> {
        let Slot { entity_ref, body, .. } = self.slot(slot)?;
        Some(Hit { entity_ref: entity_ref.clone(), body: body.clone() })
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
        self.terms_of(slot, key_id).iter().filter_map(move |term| values.get(*term, &self.terms))
    }

    /// The term ids of an entity for a key.
    fn terms_of(&self, slot: u32, key_id: u32) -> &[u32] {
        self.slot(slot).map_or(&[], |entity| entity.terms.of_key(key_id))
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
