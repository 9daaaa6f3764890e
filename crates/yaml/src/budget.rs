//! What one input may still cost.

use std::ops::AddAssign;

use crate::{
    error::{ErrorKind, YamlError},
    options::Limits,
    position::Position,
};

/// Deepest nesting that is copied and dropped recursively without a thought for the stack.
pub(crate) const DEEPEST: usize = 500;

/// Bytes that may be parsed just to find tabs, in one input: about a second's work.
const MENDING: usize = 64 * 1024 * 1024;

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) nodes: usize,
    /// Bytes of strings and keys.
    pub(crate) text: usize,
}

impl Tally {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { nodes: self.nodes - earlier.nodes, text: self.text - earlier.text }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.nodes = self.nodes.saturating_add(more.nodes);
        self.text = self.text.saturating_add(more.text);
    }
}

/// Counts down the limits of one input. Every check names the position that went over.
#[derive(Debug)]
pub(crate) struct Budget<'limits> {
    limits: &'limits Limits,
    document_nodes: usize,
    total_nodes: usize,
    repeated_text: usize,
    mending: usize,
}

impl<'limits> Budget<'limits> {
    pub(crate) fn new(limits: &'limits Limits) -> Self {
        Self { limits, document_nodes: 0, total_nodes: 0, repeated_text: 0, mending: MENDING }
    }

    pub(crate) fn begin_document(&mut self) {
        self.document_nodes = 0;
    }

    /// Pays for one node as it is written.
    pub(crate) fn spend_node(&mut self, at: Position) -> Result<(), YamlError> {
        self.spend_nodes(1, at)
    }

    /// Pays for a copy of what is already there.
    pub(crate) fn spend_copy(&mut self, copied: Tally, at: Position) -> Result<(), YamlError> {
        self.spend_nodes(copied.nodes, at)?;
        self.repeated_text = self.repeated_text.saturating_add(copied.text);
        if self.repeated_text > self.limits.bytes {
            return Err(limit_error(
                "anchors and aliases repeat too many bytes of text",
                self.limits.bytes,
                at,
            ));
        }
        Ok(())
    }

    /// Whether this many levels of nesting are allowed.
    pub(crate) fn check_depth(&self, depth: usize, at: Position) -> Result<(), YamlError> {
        let deepest = self.limits.depth.min(DEEPEST);
        if depth > deepest {
            return Err(limit_error("mappings and sequences nest too deep", deepest, at));
        }
        Ok(())
    }

    /// Whether an anchor may be repeated this often.
    pub(crate) fn check_repeats(&self, repeats: usize, at: Position) -> Result<(), YamlError> {
        if repeats > self.limits.aliases {
            return Err(limit_error("aliases repeat an anchor too often", self.limits.aliases, at));
        }
        Ok(())
    }

    /// Pays for parsing some bytes to find tabs; false if that is no longer paid for.
    pub(crate) fn spend_mending(&mut self, bytes: usize) -> bool {
        let left = self.mending.checked_sub(bytes);
        self.mending = left.unwrap_or(self.mending);
        left.is_some()
    }

    fn spend_nodes(&mut self, nodes: usize, at: Position) -> Result<(), YamlError> {
        self.document_nodes = self.document_nodes.saturating_add(nodes);
        if self.document_nodes > self.limits.nodes {
            return Err(limit_error("the document has too many values", self.limits.nodes, at));
        }
        let total_nodes = self.total_nodes.saturating_add(nodes);
        if total_nodes > self.limits.total_nodes {
            let what = "the documents of the file together have too many values";
            return Err(limit_error(what, self.limits.total_nodes, at));
        }
        self.total_nodes = total_nodes;
        Ok(())
    }
}

fn limit_error(what: &'static str, limit: usize, at: Position) -> YamlError {
    YamlError::at(at, ErrorKind::Limit { what, limit })
}
