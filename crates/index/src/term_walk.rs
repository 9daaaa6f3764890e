//! Going through an entity for its terms.
//!
//! Keys and values are written into one text, and sorted by where they are in it: an entity has some forty terms, and
//! this is most of the work when the index is filled.

use std::hash::BuildHasher as _;
use std::ops::Range;

use callboard_model::js_number;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use serde_json::{Number, Value};

use crate::scalar::lowered;
use crate::term::{DuplicateKeys, TERM_LENGTH_LIMIT, TermPlace, Terms, ValuePlace};

/// Paths that the walk leaves out: too large, too volatile, or added by hand after it.
const SKIPPED_PATHS: [&str; 7] = [
    "attachments",
    "relations",
    "status",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.etag",
];

/// A value that means "no value" to other programs reading the same data.
const RESERVED_VALUE: &str = "\u{1}";

/// A JSON value, in whatever form.
pub(crate) trait Node: Sized {
    fn view(&self) -> View<'_, Self>;

    /// A member of an object.
    fn member(&self, name: &str) -> Option<&Self>;

    /// Calls back for each member, in order; for none if this is no object.
    fn for_each_member(&self, visit: impl FnMut(&str, &Self));
}

/// What a JSON value is.
pub(crate) enum View<'a, N> {
    Null,
    Bool(bool),
    Number(&'a Number),
    Text(&'a str),
    List(&'a [N]),
    Object,
}

impl Node for Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Bool(flag) => View::Bool(*flag),
            Self::Number(number) => View::Number(number),
            Self::String(text) => View::Text(text),
            Self::Array(items) => View::List(items),
            Self::Object(_) => View::Object,
        }
    }

    fn member(&self, name: &str) -> Option<&Self> {
        self.get(name)
    }

    fn for_each_member(&self, mut visit: impl FnMut(&str, &Self)) {
        for (name, member) in self.as_object().into_iter().flatten() {
            visit(name, member);
        }
    }
}

/// The terms of an entity.
pub(crate) fn terms_of<N: Node>(entity: &N) -> Result<Terms, DuplicateKeys> {
    let mut walk = Walk {
        text: String::with_capacity(4096),
        rows: Vec::with_capacity(64),
        keys: None,
        hasher: RandomState::default(),
    };
    walk.visit(&mut String::with_capacity(128), entity);
    walk.add_identity(entity);
    walk.add_relations(entity);
    walk.finish()
}

/// A term in the making.
struct Row {
    /// The key as the entity spells it.
    raw_key: Range<usize>,
    key: Range<usize>,
    value: Option<ValuePlace>,
    /// Whether it can be searched for.
    is_term: bool,
    is_membership: bool,
}

struct Walk {
    text: String,
    rows: Vec<Row>,
    /// The rows by their keys. Only lists of strings need it, so it is made when the first one is met.
    keys: Option<HashTable<usize>>,
    hasher: RandomState,
}

impl Walk {
    fn visit<N: Node>(&mut self, path: &mut String, node: &N) {
        if SKIPPED_PATHS.contains(&path.as_str()) {
            return;
        }
        match node.view() {
            View::Null => self.add(path, None),
            View::Bool(true) => self.add(path, Some("true")),
            View::Bool(false) => self.add(path, Some("false")),
            View::Number(number) => self.add(path, Some(&js_number(number))),
            View::Text(text) => self.add(path, Some(text)),
            View::List(items) => {
                for item in items {
                    self.visit(path, item);
                    if let View::Text(text) = item.view() {
                        self.add_membership(path, text);
                    }
                }
            }
            View::Object => {
                let parent_length = path.len();
                node.for_each_member(|name, member| {
                    if parent_length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    self.visit(path, member);
                    path.truncate(parent_length);
                });
            }
        }
    }

    /// Lets `metadata.tags.java` be asked for, which is the only way to demand two items of one list at once.
    fn add_membership(&mut self, path: &mut String, item: &str) {
        let path_length = path.len();
        path.push('.');
        path.push_str(item);
        if !self.has_key(lowered(path).as_deref().unwrap_or(path)) {
            self.add(path, Some("true"));
            if let Some(row) = self.rows.last_mut() {
                row.is_membership = true;
            }
        }
        path.truncate(path_length);
    }

    fn has_key(&mut self, key: &str) -> bool {
        let Self { text, rows, keys, hasher } = self;
        let hash = |row: &usize| hasher.hash_one(&text[rows[*row].key.clone()]);
        let keys = keys.get_or_insert_with(|| {
            let mut keys = HashTable::with_capacity(2 * rows.len());
            (0..rows.len()).for_each(|row| {
                keys.insert_unique(hash(&row), row, hash);
            });
            keys
        });
        keys.find(hasher.hash_one(key), |row| text[rows[*row].key.clone()] == *key).is_some()
    }

    fn add_identity<N: Node>(&mut self, entity: &N) {
        let metadata = entity.member("metadata");
        let text = |name: &str| text_of(metadata?.member(name)?);
        let (name, namespace, uid) = (text("name"), text("namespace"), text("uid"));
        if let Some(name) = name {
            self.add("metadata.name", Some(name));
        }
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        self.add("metadata.namespace", Some(namespace.unwrap_or("default")));
        if let Some(uid) = uid {
            self.add("metadata.uid", Some(uid));
        }
    }

    fn add_relations<N: Node>(&mut self, entity: &N) {
        let Some(View::List(relations)) = entity.member("relations").map(Node::view) else { return };
        for relation in relations {
            let text = |name: &str| text_of(relation.member(name)?);
            if let (Some(kind), Some(target)) = (text("type"), text("targetRef")) {
                self.add(&format!("relations.{kind}"), Some(target));
            }
        }
    }

    fn add(&mut self, raw_key: &str, value: Option<&str>) {
        let raw_key_place = self.write(raw_key);
        let key = lowered(raw_key).map_or_else(|| raw_key_place.clone(), |key| self.write(&key));
        let mut is_term = fits(&self.text[key.clone()]);
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
        let number = self.rows.len();
        self.rows.push(Row { raw_key: raw_key_place, key, value, is_term, is_membership: false });
        let Self { text, rows, keys, hasher } = self;
        if let Some(keys) = keys {
            let hash = |row: &usize| hasher.hash_one(&text[rows[*row].key.clone()]);
            keys.insert_unique(hash(&number), number, hash);
        }
    }

    fn write(&mut self, text: &str) -> Range<usize> {
        let start = self.text.len();
        self.text.push_str(text);
        start..self.text.len()
    }

    fn finish(self) -> Result<Terms, DuplicateKeys> {
        let Self { text, rows, .. } = self;
        let key = |row: usize| &text[rows[row].key.clone()];
        let value = |row: usize| rows[row].value.as_ref().map(|value| &text[value.lower.clone()]);
        // Rows that are equal stay as they came, so that of several spellings of one value the first stays the first.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by(|left, right| key(*left).cmp(key(*right)).then(left.cmp(right)));
        let mut places = Vec::with_capacity(rows.len());
        let mut duplicates = Vec::new();
        for same_key in order.chunk_by_mut(|left, right| key(*left) == key(*right)) {
            let spellings = same_key.iter().map(|row| &text[rows[*row].raw_key.clone()]);
            if spellings.clone().zip(spellings.skip(1)).any(|(one, next)| one != next) {
                duplicates.push(key(same_key[0]).to_owned());
            }
            same_key.sort_unstable_by(|left, right| value(*left).cmp(&value(*right)).then(left.cmp(right)));
            // The key may be there besides, with a dot in the name of a member.
            let is_membership = same_key.iter().all(|row| rows[*row].is_membership);
            let mut last = None;
            for row in same_key.iter().copied().filter(|row| rows[*row].is_term) {
                let is_new = last.is_none_or(|last| value(last) != value(row));
                if is_new {
                    let Row { key, value, .. } = &rows[row];
                    places.push(TermPlace { key: key.clone(), value: value.clone(), is_membership });
                }
                last = Some(row);
            }
        }
        if duplicates.is_empty() {
            Ok(Terms::of_places(text, places))
        } else {
            Err(DuplicateKeys { keys: duplicates })
        }
    }
}

fn text_of<N: Node>(node: &N) -> Option<&str> {
    match node.view() {
        View::Text(text) => Some(text),
        _ => None,
    }
}

fn fits(text: &str) -> bool {
    // No UTF-16 form has more units than the UTF-8 form has bytes.
    text.len() <= TERM_LENGTH_LIMIT || text.encode_utf16().count() <= TERM_LENGTH_LIMIT
}
