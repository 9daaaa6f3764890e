//! Changing the index.

use std::sync::Arc;

use bytes::Bytes;

use super::slot_set_builder::SlotSetBuilder;
use super::term_list::{ListedTerm, NULL_TERM, TermList};
use super::vec_growth::{narrow, push};
use super::{Index, Key, Slot};
use crate::entity::{Change, IndexedEntity};
use crate::term::{Term, Terms};
use crate::uid::Uid;

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
        let IndexedEntity { entity_ref, uid, body, terms } = entity;
        let (existing, uid) = (self.slot_of_ref(entity_ref.as_str()), Uid::from(&*uid));
        let slot = existing.unwrap_or_else(|| self.allocate_slot());
        let terms = self.add_terms(slot, &terms);
        let uid_stays = self.slot(slot).is_some_and(|previous| previous.uid == uid);
        if existing.is_some() && !uid_stays {
            self.remove_uid(slot);
        }
        let body = Bytes::copy_from_slice(&body);
        let previous = self.slots[slot as usize].replace(Slot { entity_ref, uid, body, terms });
        let previous_terms = previous.map(|previous| previous.terms);
        if previous_terms.is_none() {
            self.add_ref(slot);
            self.live.insert(slot);
        }
        if !uid_stays {
            self.add_uid(slot);
        }
        self.remove_terms(slot, &previous_terms.unwrap_or_default());
    }

    fn remove(&mut self, entity_ref: &str) {
        let Some(slot) = self.slot_of_ref(entity_ref) else { return };
        self.remove_uid(slot);
        self.remove_ref(slot);
        let Some(entity) = self.slots[slot as usize].take() else { return };
        self.remove_terms(slot, &entity.terms);
        self.live.remove(slot);
        self.free_slots.push(slot);
    }

    fn add_ref(&mut self, slot: u32) {
        self.refs.insert(slot, &self.slots);
        let Self { refs_in_order, slots, .. } = self;
        refs_in_order.insert(slot, |other| ref_of(slots, other).cmp(&ref_of(slots, slot)));
    }

    fn remove_ref(&mut self, slot: u32) {
        self.refs.remove(slot, &self.slots);
        let Self { refs_in_order, slots, .. } = self;
        refs_in_order.remove(slot, |other| ref_of(slots, other).cmp(&ref_of(slots, slot)));
    }

    pub(super) fn add_uid(&mut self, slot: u32) {
        let Self { uids, slots, .. } = self;
        uids.insert(slot, |other| uid_of(slots, other).cmp(&uid_of(slots, slot)));
    }

    pub(super) fn remove_uid(&mut self, slot: u32) {
        let Self { uids, slots, .. } = self;
        uids.remove(slot, |other| uid_of(slots, other).cmp(&uid_of(slots, slot)));
    }

    pub(super) fn allocate_slot(&mut self) -> u32 {
        if let Some(slot) = self.free_slots.pop() {
            return slot;
        }
        push(&mut self.slots, None);
        narrow(self.slots.len() - 1)
    }

    /// Adds the slot to all its terms, some of which it may have already. Returns their ids.
    fn add_terms(&mut self, slot: u32, terms: &Terms) -> TermList {
        let mut listed = Vec::with_capacity(terms.len());
        let mut current: Option<(&str, u32)> = None;
        for term in terms.iter() {
            // Terms are sorted by key, so a list costs one look-up.
            let key_id = match current {
                Some((name, key_id)) if name == term.key() => key_id,
                _ => self.key_id_or_new(term.key()),
            };
            current = Some((term.key(), key_id));
            let term_id = self.add_term(slot, key_id, term);
            listed.push(ListedTerm { is_membership: term.is_membership(), key: key_id, term: term_id });
        }
        self.key_lists.list(listed)
    }

    fn add_term(&mut self, slot: u32, key_id: u32, term: Term<'_>) -> u32 {
        let key = &mut self.keys[key_id as usize];
        let (Some(value), Some(original)) = (term.value(), term.original()) else {
            key.nulls.insert(slot);
            return NULL_TERM;
        };
        let former = self.slots[slot as usize].as_ref().map_or(&[][..], |entity| entity.terms.of_key(key_id));
        if let Some(former) = key.values.term_among(former, (value, original), &self.terms) {
            return former;
        }
        let place = self.recent_terms.place(key_id, value, original);
        let id = match self.recent_terms.get(place) {
            Some(recent) if key.values.insert_at(recent, (value, original), slot, &self.terms) => recent,
            _ => {
                let count = key.values.len();
                let id = key.values.insert(value, original, slot, &mut self.terms);
                // Others may have it too: those that only one entity has are not worth the place.
                if key.values.len() == count {
                    self.recent_terms.put(place, id);
                }
                id
            }
        };
        match &mut key.valued {
            Some(valued) => {
                valued.insert(slot);
            }
            None => key.keep_valued_if_many(),
        }
        id
    }

    /// Takes the slot out of its former terms, except those that it still has.
    fn remove_terms(&mut self, slot: u32, former: &TermList) {
        let nothing = TermList::default();
        let kept = self.slots[slot as usize].as_ref().map_or(&nothing, |entity| &entity.terms);
        let mut emptied = Vec::new();
        for (key_id, term) in former.iter().filter(|(key_id, term)| !kept.contains(*key_id, *term)) {
            let key = &mut self.keys[key_id as usize];
            if term == NULL_TERM {
                key.nulls.remove(slot);
            } else {
                key.values.remove(term, slot, &mut self.terms);
                let keeps_a_value = kept.of_key(key_id).first().is_some_and(|kept| *kept != NULL_TERM);
                if let Some(valued) = key.valued.as_mut().filter(|_| !keeps_a_value) {
                    valued.remove(slot);
                }
            }
            if key.is_empty() {
                emptied.push(key_id);
            }
        }
        for key_id in emptied {
            self.release_key(key_id);
        }
        self.key_lists.release(former);
    }

    pub(super) fn key_id_or_new(&mut self, name: &str) -> u32 {
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

impl Key {
    /// Begins to keep the set of entities with a value, if there are many values.
    pub(super) fn keep_valued_if_many(&mut self) {
        if self.values.len() > VALUED_LIMIT {
            let mut builder = SlotSetBuilder::new();
            self.values.ascending(None).for_each(|value| value.postings.add_to(&mut builder));
            self.valued = Some(Box::new(builder.finish()));
        }
    }
}

/// The ref of a slot; slots come from what is kept of entities, so they are in use.
fn ref_of(slots: &[Option<Slot>], slot: u32) -> (&str, u32) {
    (slots[slot as usize].as_ref().map_or("", |entity| entity.entity_ref.as_str()), slot)
}

/// The uid of a slot. Two entities should never share one; if they do, their slots tell them apart.
fn uid_of(slots: &[Option<Slot>], slot: u32) -> (Option<&Uid>, u32) {
    (slots[slot as usize].as_ref().map(|entity| &entity.uid), slot)
}
