//! Changing the index.

use std::sync::Arc;

use super::slot_set_builder::SlotSetBuilder;
use super::vec_growth::{narrow, push};
use super::{Index, Key, NULL_TERM, Slot};
use crate::entity::{Change, IndexedEntity};
use crate::term::{Term, Terms};

/// A key with more values than this keeps the set of entities that have any of them.
const VALUED_LIMIT: usize = 16;

impl Index {
    /// Applies changes in order. An entity that is changed moves only between the terms that differ.
    ///
    /// Does not touch the version: see [`Index::set_version`].
    pub fn apply(&mut self, changes: impl IntoIterator<Item = Change>) {
        for change in changes {
            match change {
                Change::Upsert(entity) => self.upsert(entity),
                Change::Remove(entity_ref) => self.remove(entity_ref.as_str()),
            }
        }
    }

    fn upsert(&mut self, entity: IndexedEntity) {
        let IndexedEntity { entity_ref, uid, etag, body, terms } = entity;
        let existing = self.slot_of_ref(entity_ref.as_str());
        let slot = existing.unwrap_or_else(|| self.allocate_slot());
        let previous = self.slots[slot as usize].take();
        let previous_terms = previous.as_ref().map_or(&[][..], |previous| &previous.terms);
        let terms = self.add_terms(slot, &terms);
        self.remove_terms(slot, previous_terms, &terms);
        if previous.is_none() {
            self.refs.insert(entity_ref.as_str(), entity_ref.as_str(), slot, &mut self.terms);
            self.live.insert(slot);
        }
        let uid_stays = previous.as_ref().is_some_and(|previous| previous.uid == uid);
        if !uid_stays {
            if let Some(previous) = &previous {
                self.remove_uid(&previous.uid, slot);
            }
            self.uids.insert(&uid, &uid, slot, &mut self.terms);
        }
        self.slots[slot as usize] = Some(Slot { entity_ref, uid, etag, body, terms });
    }

    fn remove(&mut self, entity_ref: &str) {
        let Some(slot) = self.slot_of_ref(entity_ref) else { return };
        let Some(entity) = self.slots[slot as usize].take() else { return };
        self.remove_terms(slot, &entity.terms, &[]);
        if let Some(term) = self.refs.term_of(entity_ref) {
            self.refs.remove(term, slot, &mut self.terms);
        }
        self.remove_uid(&entity.uid, slot);
        self.live.remove(slot);
        self.free_slots.push(slot);
    }

    pub(super) fn remove_uid(&mut self, uid: &str, slot: u32) {
        if let Some(term) = self.uids.term_of(uid) {
            self.uids.remove(term, slot, &mut self.terms);
        }
    }

    pub(super) fn allocate_slot(&mut self) -> u32 {
        if let Some(slot) = self.free_slots.pop() {
            return slot;
        }
        push(&mut self.slots, None);
        narrow(self.slots.len() - 1)
    }

    /// Adds the slot to all its terms. Returns their ids, sorted.
    pub(super) fn add_terms(&mut self, slot: u32, terms: &Terms) -> Box<[(u32, u32)]> {
        let mut ids: Vec<(u32, u32)> = Vec::with_capacity(terms.len());
        let mut current: Option<(&str, u32)> = None;
        for term in terms.iter() {
            // Terms are sorted by key, so a list costs one look-up.
            let key_id = match current {
                Some((name, key_id)) if name == term.key() => key_id,
                _ => self.key_id_or_new(term.key()),
            };
            current = Some((term.key(), key_id));
            ids.push((key_id, self.add_term(slot, key_id, term)));
        }
        ids.sort_unstable();
        ids.into_boxed_slice()
    }

    fn add_term(&mut self, slot: u32, key_id: u32, term: &Term) -> u32 {
        let key = &mut self.keys[key_id as usize];
        let (Some(value), Some(original)) = (term.value(), term.original()) else {
            key.nulls.insert(slot);
            return NULL_TERM;
        };
        if self.is_loading {
            key.values.stage_if_large();
        }
        let id = key.values.insert(value, original, slot, &mut self.terms);
        match &mut key.valued {
            Some(valued) => {
                valued.insert(slot);
            }
            none if key.values.len() > VALUED_LIMIT => {
                let mut builder = SlotSetBuilder::new();
                key.values.ascending(None).for_each(|value| value.postings.add_to(&mut builder));
                *none = Some(Box::new(builder.finish()));
            }
            _ => {}
        }
        id
    }

    /// Takes the slot out of its former terms, except those that it keeps. Both lists are sorted.
    fn remove_terms(&mut self, slot: u32, former: &[(u32, u32)], kept: &[(u32, u32)]) {
        for (key_id, term) in former {
            if kept.binary_search(&(*key_id, *term)).is_ok() {
                continue;
            }
            let key = &mut self.keys[*key_id as usize];
            if *term == NULL_TERM {
                key.nulls.remove(slot);
            } else {
                key.values.remove(*term, slot, &mut self.terms);
                let keeps_a_value =
                    kept.iter().any(|(kept_key, kept_term)| kept_key == key_id && *kept_term != NULL_TERM);
                if let Some(valued) = key.valued.as_mut().filter(|_| !keeps_a_value) {
                    valued.remove(slot);
                }
            }
            if key.is_empty() {
                self.release_key(*key_id);
            }
        }
    }

    fn key_id_or_new(&mut self, name: &str) -> u32 {
        if let Some(id) = self.key_id(name) {
            return id;
        }
        let name: Arc<str> = name.into();
        let key = Key::new(Arc::clone(&name));
        let id = if let Some(id) = self.free_keys.pop() {
            self.keys[id as usize] = key;
            id
        } else {
            push(&mut self.keys, key);
            narrow(self.keys.len() - 1)
        };
        self.key_ids.insert(name, id);
        id
    }

    fn release_key(&mut self, id: u32) {
        let key = &mut self.keys[id as usize];
        let name = std::mem::replace(&mut key.name, "".into());
        *key = Key::new("".into());
        self.key_ids.remove(&name);
        self.free_keys.push(id);
    }
}
