//! Values that know where they came from, and how layers of them are merged.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::origin::{Mark, MarkedFile, Origin};
use crate::path::{ConfigPath, Step};

/// A value with its origin.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) content: NodeContent,
    pub(crate) mark: Mark,
    /// Where the key stands, if the value is in another file than the key.
    pub(crate) included_at: Option<Mark>,
    /// Whether it came out of a place meant for secrets, whatever its key is called.
    pub(crate) secret: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum NodeContent {
    /// Null, boolean, number or string.
    Scalar(Value),
    List(Vec<Node>),
    /// In the order of the file. Objects of a configuration are small, so a key is found by looking.
    Object(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn empty_object(mark: Mark) -> Self {
        Self::plain(NodeContent::Object(Vec::new()), mark)
    }

    pub(crate) fn plain(content: NodeContent, mark: Mark) -> Self {
        Self { content, mark, included_at: None, secret: false }
    }

    /// A value all of which has one origin.
    pub(crate) fn of_value(value: &Value, origin: &Origin) -> Self {
        Self::build(value, &mut String::new(), &|_| Mark::Fixed(origin.clone()))
    }

    /// The value of a file.
    pub(crate) fn of_file(value: &Value, file: &Arc<MarkedFile>) -> Self {
        let mark = |pointer: &str| Mark::File { file: Arc::clone(file), pointer: pointer.into() };
        Self::build(value, &mut String::new(), &mark)
    }

    fn build(value: &Value, pointer: &mut String, mark: &dyn Fn(&str) -> Mark) -> Self {
        let length = pointer.len();
        let content = match value {
            Value::Array(items) => {
                let mut nodes = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    pointer.push('/');
                    pointer.push_str(&index.to_string());
                    nodes.push(Self::build(item, pointer, mark));
                    pointer.truncate(length);
                }
                NodeContent::List(nodes)
            }
            Value::Object(entries) => {
                let mut nodes = Vec::with_capacity(entries.len());
                for (key, entry) in entries {
                    pointer.push('/');
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                    nodes.push((key.clone(), Self::build(entry, pointer, mark)));
                    pointer.truncate(length);
                }
                NodeContent::Object(nodes)
            }
            scalar => NodeContent::Scalar(scalar.clone()),
        };
        Self::plain(content, mark(pointer))
    }

    pub(crate) fn origin(&self) -> Origin {
        self.mark.origin()
    }

    /// Where the key stands that leads here; a value can begin some lines further down.
    pub(crate) fn key_origin(&self) -> Origin {
        self.included_at.as_ref().unwrap_or(&self.mark).key_origin()
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self.content, NodeContent::Scalar(Value::Null))
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.content {
            NodeContent::Scalar(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        match &self.content {
            NodeContent::Scalar(value) => value.clone(),
            NodeContent::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            NodeContent::Object(entries) => {
                let entries = entries.iter().map(|(key, node)| (key.clone(), node.to_value()));
                Value::Object(entries.collect::<Map<_, _>>())
            }
        }
    }

    pub(crate) fn child(&self, step: &Step) -> Option<&Self> {
        match (&self.content, step) {
            (NodeContent::List(items), Step::Index(index)) => items.get(*index),
            (NodeContent::Object(entries), Step::Key(key)) => {
                entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
            }
            _ => None,
        }
    }

    /// The node at a path, or the nearest one above it, and how many steps lead to it.
    pub(crate) fn nearest(&self, path: &ConfigPath) -> (&Self, usize) {
        let mut node = self;
        for (taken, step) in path.steps().iter().enumerate() {
            match node.child(step) {
                Some(child) => node = child,
                None => return (node, taken),
            }
        }
        (node, path.steps().len())
    }

    /// Lays a later layer over this one: objects merge, everything else is replaced, and null removes.
    pub(crate) fn merge(&mut self, over: Self) {
        match (&mut self.content, over) {
            (
                NodeContent::Object(below),
                Self { content: NodeContent::Object(above), mark, included_at, secret },
            ) => {
                for (key, node) in above {
                    merge_entry(below, key, node);
                }
                // Keeps the first layer's place for the object, unless it was only a stand-in.
                if matches!(self.mark, Mark::Fixed(Origin::Program)) {
                    self.mark = mark;
                    self.included_at = included_at;
                }
                self.secret |= secret;
            }
            (_, over) => {
                *self = over;
                self.drop_nulls();
            }
        }
    }

    /// Removes keys that are null, which is how a layer says that it wants nothing there.
    fn drop_nulls(&mut self) {
        match &mut self.content {
            NodeContent::Object(entries) => {
                entries.retain(|(_, node)| !node.is_null());
                for (_, node) in entries {
                    node.drop_nulls();
                }
            }
            NodeContent::List(items) => {
                for item in items {
                    item.drop_nulls();
                }
            }
            NodeContent::Scalar(_) => {}
        }
    }
}

fn merge_entry(below: &mut Vec<(String, Node)>, key: String, mut over: Node) {
    let place = below.iter().position(|(name, _)| *name == key);
    match (place, over.is_null()) {
        (Some(place), true) => {
            below.remove(place);
        }
        (Some(place), false) => below[place].1.merge(over),
        (None, true) => {}
        (None, false) => {
            over.drop_nulls();
            below.push((key, over));
        }
    }
}
