//! Where things stand in the input, and the table that finds a node's place by its JSON pointer.

use std::{borrow::Cow, fmt};

/// A place in an input, counted in characters as an editor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// How one gets from the parent to a node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// The document itself.
    Root,
    /// The entry of a mapping. A hash instead of the text keeps the table small; should two keys of one
    /// mapping ever share a hash, a message points at the wrong line and nothing worse happens.
    Key { hash: u64, at: Position },
    /// The item of a sequence, by its index.
    Item(usize),
}

/// One node: records stand in the order of the text, parents before their children.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) step: Step,
    pub(crate) at: Position,
    /// Records of this node and all below it. A length and not an index, so that a run of records can be
    /// copied for an alias as it is.
    pub(crate) size: usize,
}

/// The positions of one document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions(pub(crate) Vec<Record>);

impl Positions {
    pub(crate) fn value(&self, json_pointer: &str) -> Option<Position> {
        self.find(json_pointer).map(|record| record.at)
    }

    pub(crate) fn key(&self, json_pointer: &str) -> Option<Position> {
        match self.find(json_pointer)?.step {
            Step::Key { at, .. } => Some(at),
            Step::Root | Step::Item(_) => None,
        }
    }

    /// Ends the node of a record, all later records being below it.
    pub(crate) fn close(&mut self, index: usize) {
        let end = self.0.len();
        if let Some(record) = self.0.get_mut(index) {
            record.size = end - index;
        }
    }

    /// Adds a copy of the records of a node, which now stands elsewhere; what is below it stays.
    pub(crate) fn push_copy(&mut self, records: &[Record], step: Step, at: Position) {
        if let Some((node, below)) = records.split_first() {
            self.0.push(Record { step, at, size: node.size });
            self.0.extend_from_slice(below);
        }
    }

    /// Position of the last entry with this key among the children of record `parent` that stand before
    /// record `end`.
    pub(crate) fn key_before(&self, parent: usize, end: usize, key: &str) -> Option<Position> {
        let wanted = key_hash(key);
        let keys = self.children(parent + 1, end).filter_map(|(_, record)| match record.step {
            Step::Key { hash, at } if hash == wanted => Some(at),
            _ => None,
        });
        keys.last()
    }

    /// The records from index `first` to before `end` that are siblings, with their indexes.
    pub(crate) fn children(&self, first: usize, end: usize) -> impl Iterator<Item = (usize, &Record)> {
        let mut next = first;
        std::iter::from_fn(move || {
            let index = next;
            let record = self.0.get(index).filter(|_| index < end)?;
            next += record.size;
            Some((index, record))
        })
    }

    fn find(&self, json_pointer: &str) -> Option<&Record> {
        let mut index = 0;
        if !json_pointer.is_empty() {
            for token in json_pointer.strip_prefix('/')?.split('/') {
                index = self.child(index, &unescape(token))?;
            }
        }
        self.0.get(index)
    }

    fn child(&self, parent: usize, token: &str) -> Option<usize> {
        let wanted_hash = key_hash(token);
        let wanted_item = token.parse::<usize>().ok();
        let end = parent + self.0.get(parent)?.size;
        let matching = self.children(parent + 1, end).filter(|(_, record)| match record.step {
            Step::Key { hash, .. } => hash == wanted_hash,
            Step::Item(item) => Some(item) == wanted_item,
            Step::Root => false,
        });
        // The last one counts: an entry can be replaced by one whose key reads the same.
        matching.last().map(|(index, _)| index)
    }
}

/// FNV-1a.
pub(crate) fn key_hash(key: &str) -> u64 {
    key.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Undoes the escapes of a JSON pointer token.
fn unescape(token: &str) -> Cow<'_, str> {
    if token.contains('~') {
        Cow::Owned(token.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(token)
    }
}
