//! Going through an entity for its terms.
//!
//! The entity is not made into a tree first: what reads it calls back for each of its parts, and the path to it is known
//! then. An entity has some forty terms, and this is a large part of the work when the index is filled.

use std::ops::Range;

use callboard_model::js_number;
use serde::de::{DeserializeSeed as _, Deserializer};
use serde_json::Number;

use crate::json_tree::JsonTree;
use crate::scalar::lowered;
use crate::term::{DuplicateKeys, TermPlace, Terms, ValuePlace};
use crate::term_names::{Names, fits};
use crate::term_visit::{Node, Place};

/// A value that means "no value" to other programs reading the same data.
const RESERVED_VALUE: &str = "\u{1}";

/// Goes through entities, one after another.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    pub(crate) names: Names,
    /// The values of the entity, one behind the other.
    pub(crate) text: String,
    pub(crate) rows: Vec<Row>,
    path: String,
    /// The number of the entity; the first is 1.
    entity: u64,
}

/// A term in the making.
#[derive(Debug)]
pub(crate) struct Row {
    /// The key as the entity spells it.
    spelled: u32,
    pub(crate) key: u32,
    pub(crate) value: Option<ValuePlace>,
    /// Whether it can be searched for.
    is_term: bool,
    is_membership: bool,
}

/// What is looked at when the rest of an entity is done.
#[derive(Default)]
pub(crate) struct SetAside<'de> {
    pub(crate) name: Option<JsonTree<'de>>,
    pub(crate) namespace: Option<JsonTree<'de>>,
    pub(crate) uid: Option<JsonTree<'de>>,
    pub(crate) relations: Option<JsonTree<'de>>,
}

impl Walk {
    /// Goes through the next entity.
    pub(crate) fn read<'de, D: Deserializer<'de>>(&mut self, entity: D) -> Result<(), D::Error> {
        self.text.clear();
        self.rows.clear();
        self.path.clear();
        self.entity += 1;
        let mut aside = SetAside::default();
        Node { walk: self, aside: &mut aside, place: Place::Entity }.deserialize(entity)?;
        self.add_identity(&aside);
        self.add_relations(aside.relations.as_ref());
        Ok(())
    }

    /// Goes through the next entity, which is JSON text and nothing else.
    pub(crate) fn read_json(&mut self, entity: &[u8]) -> Result<(), serde_json::Error> {
        let mut text = serde_json::Deserializer::from_slice(entity);
        self.read(&mut text)?;
        text.end()
    }

    /// Goes to a member of where it is. Returns the way back, for [`Walk::leave`].
    pub(crate) fn enter(&mut self, name: &str) -> usize {
        let parent_length = self.path.len();
        if parent_length > 0 {
            self.path.push('.');
        }
        self.path.push_str(name);
        parent_length
    }

    pub(crate) fn leave(&mut self, parent_length: usize) {
        self.path.truncate(parent_length);
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn add_number(&mut self, number: &Number) {
        self.add(Some(&js_number(number)));
    }

    /// Adds a term for where it is.
    pub(crate) fn add(&mut self, value: Option<&str>) {
        let spelled = self.names.number(&self.path);
        self.add_to(spelled, value, false);
    }

    /// Lets `metadata.tags.java` be asked for, which is the only way to demand two items of one list at once.
    pub(crate) fn add_membership(&mut self, item: &str) {
        let path_length = self.path.len();
        self.path.push('.');
        self.path.push_str(item);
        let spelled = self.names.number(&self.path);
        if !self.names.was_noted(self.names.lower(spelled), self.entity) {
            self.add_to(spelled, Some("true"), true);
        }
        self.path.truncate(path_length);
    }

    fn add_identity(&mut self, aside: &SetAside<'_>) {
        let text = |tree: &Option<JsonTree<'_>>| tree.as_ref().and_then(JsonTree::text).map(str::to_owned);
        let name = text(&aside.name);
        if name.is_some() {
            self.add_named("metadata.name", name.as_deref());
        }
        let namespace = text(&aside.namespace).filter(|namespace| !namespace.is_empty());
        self.add_named("metadata.namespace", Some(namespace.as_deref().unwrap_or("default")));
        let uid = text(&aside.uid);
        if uid.is_some() {
            self.add_named("metadata.uid", uid.as_deref());
        }
    }

    fn add_relations(&mut self, relations: Option<&JsonTree<'_>>) {
        let Some(JsonTree::List(relations)) = relations else { return };
        for relation in relations {
            let text = |name: &str| relation.member(name)?.text();
            if let (Some(kind), Some(target)) = (text("type"), text("targetRef")) {
                self.path.clear();
                self.path.push_str("relations.");
                self.path.push_str(kind);
                self.add(Some(target));
            }
        }
    }

    fn add_named(&mut self, key: &str, value: Option<&str>) {
        let spelled = self.names.number(key);
        self.add_to(spelled, value, false);
    }

    fn add_to(&mut self, spelled: u32, value: Option<&str>, is_membership: bool) {
        let key = self.names.lower(spelled);
        self.names.note(key, self.entity);
        let mut is_term = self.names.fits(key);
        let value = value.and_then(|raw_value| {
            is_term &= raw_value != RESERVED_VALUE;
            let lower = lowered(raw_value);
            if !is_term || !fits(lower.as_deref().unwrap_or(raw_value)) {
                return None;
            }
            let original = self.write(raw_value);
            let lower = lower.map_or_else(|| original.clone(), |lower| self.write(&lower));
            Some(ValuePlace { lower, original })
        });
        self.rows.push(Row { spelled, key, value, is_term, is_membership });
    }

    fn write(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    /// The terms of the entity, sorted.
    pub(crate) fn into_terms(self) -> Result<Terms, DuplicateKeys> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        // Rows that are equal stay as they came, so that of several spellings of one value the first stays the first.
        let name = |row: usize| self.names.text(self.rows[row].key);
        order.sort_unstable_by(|left, right| name(*left).cmp(name(*right)).then(left.cmp(right)));
        let mut places = Vec::with_capacity(order.len());
        self.for_each_term(&mut order, |row, is_membership| {
            places.push(TermPlace {
                key: self.names.place(row.key),
                value: row.value.clone(),
                is_membership,
            });
        })?;
        Ok(Terms::of_places(self.names.into_text(), self.text, places))
    }

    /// Calls back for each term of the entity. The rows have to be sorted by key, in whatever order of the keys, and
    /// are as they came where they have the same.
    pub(crate) fn for_each_term(
        &self,
        order: &mut [usize],
        mut found: impl FnMut(&Row, bool),
    ) -> Result<(), DuplicateKeys> {
        let rows = &self.rows;
        let value = |row: usize| rows[row].value.as_ref().map(|value| &self.text[value.lower.clone()]);
        let mut duplicates = Vec::new();
        for same_key in order.chunk_by_mut(|left, right| rows[*left].key == rows[*right].key) {
            let spelled = rows[same_key[0]].spelled;
            if same_key.iter().any(|row| rows[*row].spelled != spelled) {
                duplicates.push(self.names.text(rows[same_key[0]].key).to_owned());
            }
            if same_key.len() > 1 {
                same_key
                    .sort_unstable_by(|left, right| value(*left).cmp(&value(*right)).then(left.cmp(right)));
            }
            // The key may be there besides, with a dot in the name of a member.
            let is_membership = same_key.iter().all(|row| rows[*row].is_membership);
            let mut last = None;
            for row in same_key.iter().copied().filter(|row| rows[*row].is_term) {
                let is_new = last.is_none_or(|last| value(last) != value(row));
                if is_new {
                    found(&rows[row], is_membership);
                }
                last = Some(row);
            }
        }
        if duplicates.is_empty() {
            return Ok(());
        }
        duplicates.sort_unstable();
        Err(DuplicateKeys { keys: duplicates })
    }
}
