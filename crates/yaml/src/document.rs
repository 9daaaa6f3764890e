//! What loading gives back.

use serde_json::Value;

use crate::{
    error::YamlError,
    position::{Position, Positions},
};

/// One document of an input.
#[derive(Clone, Debug)]
pub struct Document {
    /// Place among the documents of the input, from 0. Empty documents count.
    pub index: usize,
    /// Where the document begins: its `---` line, or its first line if it has none.
    pub start: Position,
    /// The value, or the first thing that is wrong with the document.
    pub content: Result<Content, YamlError>,
    /// What is odd about the document without making it useless, in the order of the text.
    pub warnings: Vec<Warning>,
}

/// The value of a document and where each part of it stands in the input.
#[derive(Clone, Debug)]
pub struct Content {
    /// The value; `null` for an empty document.
    pub value: Value,
    pub(crate) positions: Positions,
}

impl Content {
    /// Where the value at a JSON pointer (RFC 6901; `""` is the whole document) stands in the input.
    ///
    /// An alias stands where it is written, what is inside of it where the anchor is. `None` if there is
    /// no such value, or if positions were not asked for. Takes time in proportion to the siblings on the
    /// way, and does not look at [`Content::value`], so that may be changed or moved meanwhile.
    pub fn position(&self, json_pointer: &str) -> Option<Position> {
        self.positions.value(json_pointer)
    }

    /// Where the key of the mapping entry at a JSON pointer stands in the input.
    ///
    /// `None` also for the items of a sequence and for the whole document, which have no key.
    pub fn key_position(&self, json_pointer: &str) -> Option<Position> {
        self.positions.key(json_pointer)
    }
}

/// Something odd that loading went past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where it stands in the input.
    pub position: Position,
    /// What is odd and how it was read: lower case, no final stop.
    pub message: String,
}
