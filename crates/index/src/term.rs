//! Search terms: what an entity can be found by.
//!
//! A term is a lower-cased key with a lower-cased value, or with no value at all for `null` and for values too long to
//! search. Filters, ordering, full text and facets know nothing of an entity but its terms.

use std::collections::HashSet;

use callboard_model::js_number;
use serde_json::Value;
use thiserror::Error;

use crate::scalar::{lower, lowered};

/// The longest key and the longest value that can be searched for, in UTF-16 code units after lower-casing.
pub const TERM_LENGTH_LIMIT: usize = 200;

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

/// One key of an entity with one of its values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Term {
    key: String,
    value: Option<String>,
    /// The value before lower-casing, if that changed anything.
    original: Option<String>,
}

impl Term {
    /// The lower-cased key, path parts joined by dots, such as `metadata.name`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The lower-cased value; none for `null` and for values beyond [`TERM_LENGTH_LIMIT`].
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The value as the entity spells it, none where [`Term::value`] is none. Facets report this one.
    pub fn original(&self) -> Option<&str> {
        self.original.as_deref().or(self.value.as_deref())
    }
}

/// All terms of one entity, sorted by key and value, each pair once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    terms: Vec<Term>,
}

impl Terms {
    /// Derives the terms of a final entity.
    ///
    /// # Errors
    ///
    /// [`DuplicateKeys`] if the entity has keys that are equal when lower-cased. Such an entity cannot be indexed.
    ///
    /// # Examples
    ///
    /// ```
    /// use callboard_index::Terms;
    ///
    /// let entity = serde_json::json!({ "kind": "Component", "metadata": { "name": "Shop", "tags": ["java"] } });
    /// let terms = Terms::of(&entity)?;
    /// let found: Vec<_> = terms.iter().map(|term| (term.key(), term.value().unwrap_or("-"))).collect();
    /// assert_eq!(found, [
    ///     ("kind", "component"),
    ///     ("metadata.name", "shop"),
    ///     ("metadata.namespace", "default"),
    ///     ("metadata.tags", "java"),
    ///     ("metadata.tags.java", "true"),
    /// ]);
    /// # Ok::<(), callboard_index::DuplicateKeys>(())
    /// ```
    pub fn of(entity: &Value) -> Result<Self, DuplicateKeys> {
        let mut walk = Walk::default();
        walk.visit(&mut String::new(), entity);
        walk.add_identity(entity);
        walk.add_relations(entity);
        let mut rows = walk.rows;
        // Stable, so that of several spellings of one value the first stays the first.
        rows.sort_by(|a, b| a.key().cmp(b.key()));
        check_duplicate_keys(&rows)?;
        let mut terms: Vec<Term> = rows.into_iter().filter_map(Row::into_term).collect();
        terms.sort_by(|a, b| (&a.key, &a.value).cmp(&(&b.key, &b.value)));
        terms.dedup_by(|later, first| later.key == first.key && later.value == first.value);
        Ok(Self { terms })
    }

    /// The terms in order of key and value; the term without a value comes first among those of its key.
    pub fn iter(&self) -> impl Iterator<Item = &Term> {
        self.terms.iter()
    }

    /// The number of terms.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Whether there are no terms.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The terms of one key, which must be lower-cased already.
    pub fn with_key(&self, key: &str) -> &[Term] {
        let start = self.terms.partition_point(|term| term.key.as_str() < key);
        let length = self.terms[start..].partition_point(|term| term.key == key);
        &self.terms[start..start + length]
    }
}

/// An entity has keys that differ only in letter case, so filters could not tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Entity has duplicate keys that vary only in casing, '{}'", keys.join("', '"))]
pub struct DuplicateKeys {
    /// The keys, lower-cased, sorted.
    pub keys: Vec<String>,
}

fn check_duplicate_keys(rows_by_key: &[Row]) -> Result<(), DuplicateKeys> {
    let mut keys: Vec<String> = Vec::new();
    for pair in rows_by_key.windows(2) {
        let [first, second] = pair else { continue };
        let differ_in_case_only = first.key() == second.key() && first.raw_key != second.raw_key;
        if differ_in_case_only && keys.last().is_none_or(|last| last != first.key()) {
            keys.push(first.key().to_owned());
        }
    }
    if keys.is_empty() { Ok(()) } else { Err(DuplicateKeys { keys }) }
}

/// A term in the making, with the key as the entity spells it.
struct Row {
    raw_key: String,
    /// Only where it differs from the raw one.
    lower_key: Option<String>,
    value: Option<String>,
}

impl Row {
    fn key(&self) -> &str {
        self.lower_key.as_deref().unwrap_or(&self.raw_key)
    }

    fn into_term(self) -> Option<Term> {
        let key = self.lower_key.unwrap_or(self.raw_key);
        if !fits(&key) {
            return None;
        }
        let Some(raw_value) = self.value else {
            return Some(Term { key, value: None, original: None });
        };
        if raw_value == RESERVED_VALUE {
            return None;
        }
        let (value, original) = match lowered(&raw_value) {
            Some(value) => (value, Some(raw_value)),
            None => (raw_value, None),
        };
        if !fits(&value) {
            return Some(Term { key, value: None, original: None });
        }
        Some(Term { key, value: Some(value), original })
    }
}

fn fits(text: &str) -> bool {
    // No UTF-16 form has more units than the UTF-8 form has bytes.
    text.len() <= TERM_LENGTH_LIMIT || text.encode_utf16().count() <= TERM_LENGTH_LIMIT
}

#[derive(Default)]
struct Walk {
    rows: Vec<Row>,
    /// Lower-cased keys so far. Only lists of strings need it, so it is made when the first one is met.
    keys: Option<HashSet<String>>,
}

impl Walk {
    fn visit(&mut self, path: &mut String, value: &Value) {
        if SKIPPED_PATHS.contains(&path.as_str()) {
            return;
        }
        match value {
            Value::Null => self.add(path, None),
            Value::Bool(flag) => self.add(path, Some(flag.to_string())),
            Value::Number(number) => self.add(path, Some(js_number(number))),
            Value::String(text) => self.add(path, Some(text.clone())),
            Value::Array(items) => {
                for item in items {
                    self.visit(path, item);
                    if let Value::String(text) = item {
                        self.add_membership(path, text);
                    }
                }
            }
            Value::Object(members) => {
                let parent_length = path.len();
                for (key, member) in members {
                    if parent_length > 0 {
                        path.push('.');
                    }
                    path.push_str(key);
                    self.visit(path, member);
                    path.truncate(parent_length);
                }
            }
        }
    }

    /// Lets `metadata.tags.java` be asked for, which is the only way to demand two items of one list at once.
    fn add_membership(&mut self, path: &str, item: &str) {
        let key = format!("{path}.{item}");
        let rows = &self.rows;
        let keys = self.keys.get_or_insert_with(|| rows.iter().map(|row| row.key().to_owned()).collect());
        if !keys.contains(&lower(&key)) {
            self.add(&key, Some("true".to_owned()));
        }
    }

    fn add_identity(&mut self, entity: &Value) {
        let metadata = &entity["metadata"];
        let namespace = metadata["namespace"].as_str().filter(|namespace| !namespace.is_empty());
        if let Some(name) = metadata["name"].as_str() {
            self.add("metadata.name", Some(name.to_owned()));
        }
        self.add("metadata.namespace", Some(namespace.unwrap_or("default").to_owned()));
        if let Some(uid) = metadata["uid"].as_str() {
            self.add("metadata.uid", Some(uid.to_owned()));
        }
    }

    fn add_relations(&mut self, entity: &Value) {
        for relation in entity["relations"].as_array().into_iter().flatten() {
            if let (Some(kind), Some(target)) = (relation["type"].as_str(), relation["targetRef"].as_str()) {
                self.add(&format!("relations.{kind}"), Some(target.to_owned()));
            }
        }
    }

    fn add(&mut self, raw_key: &str, value: Option<String>) {
        let row = Row { raw_key: raw_key.to_owned(), lower_key: lowered(raw_key), value };
        if let Some(keys) = &mut self.keys {
            keys.insert(row.key().to_owned());
        }
        self.rows.push(row);
    }
}
