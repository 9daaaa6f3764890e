//! Building an index from many entities at once.

use std::cmp::Reverse;
use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;

use super::slot_order::SlotOrder;
use super::term_list::{KeyShape, NULL_TERM, TermList};
use super::text_sort::sorted_by_text;
use super::value_map::Staging;
use super::vec_growth::narrow;
use super::{Index, Key, Slot};
use crate::entity::{Change, IndexedEntity};
use crate::entity_batch::{BatchEntity, EntityBatch, EntityBatchBuilder};
use crate::uid::{UID_BUFFER, Uid};

/// So many sorted values are handed over at a time, to be put into lists: many keys have one, and a thread takes longer to be
/// woken than to put that into a list.
const SORTED_TOGETHER: usize = 4096;
/// So many times that may wait.
const SORTED_WAITING: usize = 1;

/// The most entities that are put into a batch here.
const BATCH: usize = 512;

/// Builds an index from many entities, which may come bit by bit. The result is as if they had been applied one after
/// another, but takes a fraction of the time and less memory.
#[derive(Debug, Default)]
pub struct IndexLoader {
    index: Index,
    /// Entities whose ref was there before; a well-kept catalog has none.
    repeated: Vec<BatchEntity>,
}

impl IndexLoader {
    /// Takes some more entities. Returns a builder for others, which uses the memory of the batch again: that is a few
    /// large pieces, of which each thread that gets some anew would keep its own.
    pub fn add(&mut self, mut batch: EntityBatch) -> EntityBatchBuilder {
        let slots = self.place_entities(batch.take_entities());
        let Self { index, .. } = self;
        let mut key_ids = vec![0; batch.names().len()];
        let mut terms = vec![NULL_TERM; batch.values().len()];
        let mut having = Vec::new();
        for (key, values) in batch.keys() {
            let mut key_id = None;
            for value in values {
                having.clear();
                having.extend(batch.having(*value).iter().filter_map(|entity| slots[*entity as usize]));
                if having.is_empty() {
                    continue;
                }
                let key_id = *key_id.get_or_insert_with(|| index.key_id_or_new(batch.names().text(key)));
                key_ids[key as usize] = key_id;
                terms[*value as usize] = index.load_term(key_id, batch.values().get(*value), &having);
            }
        }
        let mut shapes: Vec<Option<KeyShape>> = (0..batch.shapes().len()).map(|_| None).collect();
        let mut own = Vec::new();
        for (list, slot) in batch.lists().iter().zip(slots) {
            let Some(entity) = slot.and_then(|slot| index.slots[slot as usize].as_mut()) else { continue };
            let shape = shapes[list.shape as usize].get_or_insert_with(|| {
                let keys = batch.shapes().get(list.shape).iter().map(|key| key_ids[*key as usize]);
                index.key_lists.shape(&keys.collect::<Vec<u32>>())
            });
            let (shared, memberships) = batch.values_of(list);
            own.clear();
            own.extend(
                memberships
                    .iter()
                    .map(|value| (key_ids[batch.values().key(*value) as usize], terms[*value as usize])),
            );
            entity.terms = shape.list(|place| terms[shared[place as usize] as usize], &mut own);
        }
        batch.into_builder()
    }

    /// Gives each entity a slot, but for those whose ref is there already.
    fn place_entities(&mut self, entities: impl Iterator<Item = BatchEntity>) -> Vec<Option<u32>> {
        let Self { index, repeated } = self;
        let place = |entity: BatchEntity| {
            if index.slot_of_ref(entity.entity_ref.as_str()).is_some() {
                repeated.push(entity);
                return None;
            }
            let BatchEntity { entity_ref, uid, body } = entity;
            let slot = index.allocate_slot();
            let body = Bytes::copy_from_slice(&body);
            index.slots[slot as usize] = Some(Slot { entity_ref, uid, body, terms: TermList::default() });
            index.refs.insert(slot, &index.slots);
            index.live.insert(slot);
            Some(slot)
        };
        entities.map(place).collect()
    }

    /// The index of them all, at version 0. Works on two threads; memory is used again if it is called by the one that added.
    pub fn finish(self) -> Index {
        let Self { mut index, repeated } = self;
        index.settle();
        // They were read before, so that they can be read.
        let read = |BatchEntity { entity_ref, uid, body }| {
            IndexedEntity::read(entity_ref, uid.text(&mut { UID_BUFFER }), body).ok().map(Change::Upsert)
        };
        index.apply(repeated.into_iter().filter_map(read));
        index
    }
}

impl Index {
    /// Builds an index, at version 0. For entities that come bit by bit there is [`IndexLoader`].
    pub fn load(entities: impl IntoIterator<Item = IndexedEntity>) -> Self {
        let mut loader = IndexLoader::default();
        let mut batch = EntityBatchBuilder::default();
        for entity in entities {
            batch.add(&entity);
            if batch.len() == BATCH {
                batch = loader.add(batch.finish());
            }
        }
        loader.add(batch.finish());
        loader.finish()
    }

    /// Adds a term to slots that come after all that were added before.
    fn load_term(&mut self, key_id: u32, value: Option<(&str, &str)>, slots: &[u32]) -> u32 {
        let key = &mut self.keys[key_id as usize];
        let Some((value, original)) = value else {
            key.nulls.append(slots);
            return NULL_TERM;
        };
        key.values.stage(value, original, slots, &mut self.terms)
    }

    /// Puts everything in order that was gathered without. Another thread sorts; this one, which gathered the values,
    /// gives their memory back bit by bit while it makes the lists that stay, which get the same memory.
    fn settle(&mut self) {
        let staged = |(id, key): (usize, &mut Key)| Some((id, key.values.take_staged()?));
        let mut staged: Vec<(usize, Box<Staging>)> =
            self.keys.iter_mut().enumerate().filter_map(staged).collect();
        staged.sort_by_key(|(_, values)| Reverse(values.len()));
        let (sender, receiver) = mpsc::sync_channel(SORTED_WAITING);
        let Self { keys, slots, .. } = self;
        let slots: &[Option<Slot>] = slots;
        (self.refs_in_order, self.uids) = thread::scope(|scope| {
            let sorting = scope.spawn(move || {
                let (mut together, mut count) = (Vec::new(), 0);
                for (key, values) in staged {
                    let sorted = values.sorted();
                    count += sorted.len();
                    together.push((key, values, sorted));
                    if count >= SORTED_TOGETHER {
                        count = 0;
                        if sender.send(mem::take(&mut together)).is_err() {
                            break;
                        }
                    }
                }
                // Nobody is left to take them only if that thread has failed.
                _ = sender.send(together);
                drop(sender);
                (sorted_by_ref(slots), sorted_by_uid(slots))
            });
            for (key, values, sorted) in receiver.into_iter().flatten() {
                keys[key].values.settle(&values, &sorted);
                keys[key].keep_valued_if_many();
            }
            sorting.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        for key in &self.keys {
            key.values.place_terms(&mut self.terms);
        }
        self.slots.shrink_to_fit();
    }
}

fn sorted_by_ref(slots: &[Option<Slot>]) -> SlotOrder {
    let entity_ref = |slot: u32| slots[slot as usize].as_ref().map_or("", |slot| slot.entity_ref.as_str());
    SlotOrder::of_sorted(&sorted_by_text(narrow(slots.len()), |slot| (entity_ref(slot), "")))
}

fn sorted_by_uid(slots: &[Option<Slot>]) -> SlotOrder {
    let uid = |slot: u32| slots[slot as usize].as_ref().map(|slot| &slot.uid);
    // Most are told apart by the numbers alone, without reading memory all over the slots.
    let numbers = || 0..narrow(slots.len());
    let uuids: Option<Vec<(u64, u32)>> =
        numbers().map(|slot| Some((uid(slot)?.uuid_head()?, slot))).collect();
    let mut sorted =
        uuids.unwrap_or_else(|| numbers().map(|slot| (uid(slot).map_or(0, Uid::text_head), slot)).collect());
    sorted.sort_unstable_by(|(left_head, left), (right_head, right)| {
        let by_uid = || (uid(*left), left).cmp(&(uid(*right), right));
        left_head.cmp(right_head).then_with(by_uid)
    });
    let slots: Vec<u32> = sorted.into_iter().map(|(_, slot)| slot).collect();
    SlotOrder::of_sorted(&slots)
}
