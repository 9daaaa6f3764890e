//! Building an index from many entities at once.

use std::cmp::Reverse;
use std::panic::resume_unwind;
use std::sync::mpsc;
use std::thread;

use bytes::Bytes;

use super::slot_order::SlotOrder;
use super::text_sort::sorted_by_text;
use super::value_map::Staging;
use super::vec_growth::narrow;
use super::{Index, Key, Slot};
use crate::entity::{Change, IndexedEntity};
use crate::uid::{UID_BUFFER, Uid};

/// The sorted values of so many keys may wait to be put into lists.
const SORTED_WAITING: usize = 1;

/// Builds an index from many entities, which may come bit by bit. The result is as if they had been applied one after
/// another, but takes a fraction of the time and less memory.
#[derive(Debug)]
pub struct IndexLoader {
    index: Index,
    /// Entities whose ref was there before; a well-kept catalog has none.
    repeated: Vec<Change>,
}

impl Default for IndexLoader {
    fn default() -> Self {
        let index = Index { is_loading: true, ..Index::default() };
        Self { index, repeated: Vec::new() }
    }
}

impl IndexLoader {
    /// Takes some more entities.
    pub fn add(&mut self, entities: impl IntoIterator<Item = IndexedEntity>) {
        for entity in entities {
            if self.index.slot_of_ref(entity.entity_ref.as_str()).is_none() {
                self.index.load_one(entity);
            } else {
                self.repeated.push(Change::Upsert(entity));
            }
        }
    }

    /// The index of them all, at version 0. Works on two threads; memory is used again if it is called by the one that added.
    pub fn finish(self) -> Index {
        let Self { mut index, repeated } = self;
        index.settle();
        index.apply(repeated);
        index
    }
}

impl Index {
    /// Builds an index, at version 0. For entities that come bit by bit there is [`IndexLoader`].
    pub fn load(entities: impl IntoIterator<Item = IndexedEntity>) -> Self {
        let mut loader = IndexLoader::default();
        loader.add(entities);
        loader.finish()
    }

    fn load_one(&mut self, entity: IndexedEntity) {
        let IndexedEntity { entity_ref, uid, body, terms } = entity;
        let slot = self.allocate_slot();
        let terms = self.add_terms(slot, &terms);
        let body = Bytes::copy_from_slice(&body);
        self.slots[slot as usize] = Some(Slot { entity_ref, uid: Uid::from(&*uid), body, terms });
        self.refs.insert(slot, &self.slots);
        self.live.insert(slot);
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
                for (key, values) in staged {
                    let sorted = values.sorted();
                    if sender.send((key, values, sorted)).is_err() {
                        break;
                    }
                }
                drop(sender);
                (sorted_by_ref(slots), sorted_by_uid(slots))
            });
            for (key, values, sorted) in receiver {
                keys[key].values.settle(&values, &sorted);
                keys[key].keep_valued_if_many();
            }
            sorting.join().unwrap_or_else(|panic| resume_unwind(panic))
        });
        for key in &self.keys {
            key.values.place_terms(&mut self.terms);
        }
        self.slots.shrink_to_fit();
        self.is_loading = false;
    }
}

fn sorted_by_ref(slots: &[Option<Slot>]) -> SlotOrder {
    let entity_ref = |slot: u32| slots[slot as usize].as_ref().map_or("", |slot| slot.entity_ref.as_str());
    SlotOrder::of_sorted(&sorted_by_text(narrow(slots.len()), |slot| (entity_ref(slot), "")))
}

fn sorted_by_uid(slots: &[Option<Slot>]) -> SlotOrder {
    let uid = |slot: u32| slots[slot as usize].as_ref().map(|slot| &slot.uid);
    let head = |slot: u32| {
        let mut buffer = UID_BUFFER;
        let text = uid(slot).map_or("", |uid| uid.text(&mut buffer)).as_bytes();
        let mut bytes = [0; 8];
        let length = text.len().min(bytes.len());
        bytes[..length].copy_from_slice(&text[..length]);
        u64::from_be_bytes(bytes)
    };
    // Most are told apart by the numbers alone, without reading memory all over the slots.
    let mut sorted: Vec<(u64, u32)> = (0..narrow(slots.len())).map(|slot| (head(slot), slot)).collect();
    sorted.sort_unstable_by(|(left_head, left), (right_head, right)| {
        let by_uid = || (uid(*left), left).cmp(&(uid(*right), right));
        left_head.cmp(right_head).then_with(by_uid)
    });
    let slots: Vec<u32> = sorted.into_iter().map(|(_, slot)| slot).collect();
    SlotOrder::of_sorted(&slots)
}
