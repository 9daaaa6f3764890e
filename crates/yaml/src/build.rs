//! Parser events into a value. A stack of open collections instead of recursion: how deep a document
//! nests must never decide how deep this program does.

use std::{borrow::Cow, collections::HashMap};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use serde_json::Value;

use crate::{
    budget::{Budget, Tally},
    cut::{self, Chunk},
    document::{Content, Warning},
    error::{ErrorKind, YamlError, excerpt},
    mapping::{Duplicate, Key, KeyKind, Mapping},
    merge,
    options::Options,
    position::{Position, Positions, Record, Step, key_hash},
    scalar, syntax,
};

/// More warnings of one document than anyone reads.
const MOST_WARNINGS: usize = 20;

/// Builds the value of one document.
pub(crate) struct Builder<'a, 'limits> {
    merge_keys: bool,
    lines_before: u32,
    /// Just after the document.
    end: Position,
    budget: &'a mut Budget<'limits>,
    warnings: &'a mut Vec<Warning>,
    /// Everything built so far, also what was later dropped.
    built: Tally,
    open: Vec<Open>,
    /// Finished nodes that have an anchor, by the parser's number for it.
    anchors: HashMap<usize, Anchor>,
    positions: Positions,
    root: Option<Value>,
}

/// A collection whose end has not been read.
struct Open {
    collection: Collection,
    facts: Facts,
}

enum Collection {
    Sequence(Vec<Value>),
    Mapping(Mapping),
}

/// What is known of a node besides its value.
#[derive(Clone, Copy)]
struct Facts {
    at: Position,
    /// The parser's number of its anchor, 0 for none.
    anchor: usize,
    /// Index of its record.
    record: usize,
    /// What had been built before it.
    before: Tally,
    /// Levels of collections from it down.
    height: usize,
    /// How often the most repeated anchor in it is repeated; 1 if it only holds scalars.
    repeats: usize,
}

/// A node kept for its aliases.
struct Anchor {
    value: Value,
    records: Vec<Record>,
    size: Tally,
    height: usize,
    repeats: usize,
    /// The node itself and its aliases so far.
    uses: usize,
}

impl<'a, 'limits> Builder<'a, 'limits> {
    /// Builds the value of a chunk, `text` being the mended text of it.
    pub(crate) fn build(
        chunk: &Chunk<'_>,
        text: &str,
        options: &Options,
        budget: &'a mut Budget<'limits>,
        warnings: &'a mut Vec<Warning>,
    ) -> Result<Content, YamlError> {
        let mut builder = Self {
            merge_keys: options.merge_keys,
            lines_before: chunk.lines_before,
            end: chunk.end,
            budget,
            warnings,
            built: Tally::default(),
            open: Vec::new(),
            anchors: HashMap::new(),
            positions: Positions::default(),
            root: None,
        };
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|error| {
                let opened = builder.open.last().map(|open| open.facts.at);
                let mut at = builder.position(*error.marker());
                // The parser counts the bytes of a directive and not its characters.
                let line = cut::lines(text).nth(error.marker().line().saturating_sub(1));
                at.column = at.column.min(cut::column_after(line.unwrap_or_default()));
                syntax::error(&error, at, opened)
            })?;
            let at = builder.position(span.start);
            builder.on_event(event, at)?;
        }
        let value = if let Some(value) = builder.root.take() {
            value
        } else {
            // Nothing but an end marker.
            builder.begin_node(0, chunk.start)?;
            Value::Null
        };
        let positions = if options.positions { builder.positions } else { Positions::default() };
        Ok(Content { value, positions })
    }

    fn on_event(&mut self, event: Event<'_>, at: Position) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.on_scalar(text, style, anchor, tag.as_deref(), at)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Collection::Sequence(Vec::new()), anchor, tag.as_deref(), at)
            }
            Event::MappingStart(anchor, tag) => {
                self.open(Collection::Mapping(Mapping::default()), anchor, tag.as_deref(), at)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.on_alias(anchor, at),
            Event::DocumentStart(_) if self.root.is_some() => {
                let what = "a second document begins inside of this one".to_owned();
                let hint = Some("begin each document with a '---' line");
                Err(YamlError::at(at, ErrorKind::Syntax { what, hint }))
            }
            Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::StreamStart
            | Event::StreamEnd
            | Event::Nothing => Ok(()),
        }
    }

    fn on_scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&Tag>,
        at: Position,
    ) -> Result<(), YamlError> {
        let before = self.built;
        self.built.text += text.len();
        let is_merge_key = self.merge_keys && style == ScalarStyle::Plain && text == "<<";
        let (scalar, useless_tag) = scalar::resolve(text, style, tag);
        if let Some(tag) = useless_tag.as_deref().map(excerpt) {
            self.warn(at, format!("the tag {tag} is unknown or does not fit, the value is read as text"));
        }
        if self.expects_key() {
            if anchor != 0 {
                let facts =
                    Facts { at, anchor, record: self.positions.0.len(), before, height: 0, repeats: 1 };
                self.keep(&scalar.to_json(), facts, vec![Record { step: Step::Root, at, size: 1 }])?;
            }
            let mut key = Key::from_scalar(scalar, at);
            if is_merge_key {
                key.kind = KeyKind::Merge;
            }
            self.set_key(key);
            return Ok(());
        }
        let facts = Facts { height: 0, repeats: 1, before, ..self.begin_node(anchor, at)? };
        self.finish(scalar.into_json(), facts)
    }

    fn open(
        &mut self,
        collection: Collection,
        anchor: usize,
        tag: Option<&Tag>,
        at: Position,
    ) -> Result<(), YamlError> {
        self.budget.check_depth(self.open.len() + 1, at)?;
        if let Some(tag) = tag.map(scalar::tag_name)
            && !collection.is_named_by(&tag)
        {
            let tag = excerpt(&scalar::short_tag(&tag));
            self.warn(at, format!("the tag {tag} is unknown or does not fit, it is left out of account"));
        }
        let facts = self.begin_node(anchor, at)?;
        self.open.push(Open { collection, facts });
        Ok(())
    }

    fn close(&mut self) -> Result<(), YamlError> {
        // The parser never ends more collections than it started.
        let Some(Open { collection, facts }) = self.open.pop() else { return Ok(()) };
        let value = match collection {
            Collection::Sequence(items) => Value::Array(items),
            Collection::Mapping(mapping) => mapping.into_json(),
        };
        self.finish(value, facts)
    }

    fn on_alias(&mut self, anchor: usize, at: Position) -> Result<(), YamlError> {
        // An alias of an unknown anchor is refused by the parser: this one is known but unfinished.
        let Some(source) = self.anchors.get_mut(&anchor) else {
            return Err(YamlError::at(at, ErrorKind::EndlessAlias));
        };
        source.uses += 1;
        let repeats = source.uses.saturating_mul(source.repeats);
        self.budget.check_repeats(repeats, at)?;
        self.budget.check_depth(self.open.len() + source.height, at)?;
        self.budget.spend_copy(source.size, at)?;
        let facts = Facts {
            at,
            anchor: 0,
            record: self.positions.0.len(),
            before: self.built,
            height: source.height,
            repeats,
        };
        self.built += source.size;
        let step = self.open.last().map_or(Step::Root, Open::next_step);
        self.positions.push_copy(&source.records, step, at);
        let value = source.value.clone();
        self.attach(value, facts)
    }

    /// Enters a node in the books. Height and repeats are those of an empty collection.
    fn begin_node(&mut self, anchor: usize, at: Position) -> Result<Facts, YamlError> {
        self.budget.spend_node(at)?;
        let facts =
            Facts { at, anchor, record: self.positions.0.len(), before: self.built, height: 1, repeats: 0 };
        self.built.nodes += 1;
        let step = self.open.last().map_or(Step::Root, Open::next_step);
        self.positions.0.push(Record { step, at, size: 1 });
        Ok(facts)
    }

    fn finish(&mut self, value: Value, facts: Facts) -> Result<(), YamlError> {
        self.positions.close(facts.record);
        if facts.anchor != 0 {
            let records = self.positions.0.get(facts.record..).unwrap_or_default().to_vec();
            self.keep(&value, facts, records)?;
        }
        self.attach(value, facts)
    }

    /// Keeps a copy of a node for its aliases. The copy is paid for: anchors can stand inside of anchors.
    fn keep(&mut self, value: &Value, facts: Facts, records: Vec<Record>) -> Result<(), YamlError> {
        let size = self.built.since(facts.before);
        self.budget.spend_copy(size, facts.at)?;
        let Facts { height, repeats, .. } = facts;
        let anchor = Anchor { value: value.clone(), records, size, height, repeats, uses: 1 };
        self.anchors.insert(facts.anchor, anchor);
        Ok(())
    }

    /// Gives a finished node to the collection it is in.
    fn attach(&mut self, value: Value, facts: Facts) -> Result<(), YamlError> {
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        parent.facts.height = parent.facts.height.max(facts.height + 1);
        parent.facts.repeats = parent.facts.repeats.max(facts.repeats);
        let mapping = match &mut parent.collection {
            Collection::Sequence(items) => {
                items.push(value);
                return Ok(());
            }
            Collection::Mapping(mapping) => mapping,
        };
        match mapping.pending.take() {
            None => {
                // What is inside of a key has no place in the value.
                self.positions.0.truncate(facts.record);
                mapping.pending = Some(Key::from_json(value, facts.at));
                Ok(())
            }
            Some(Key { kind: KeyKind::Merge, .. }) => {
                merge::pour(value, mapping, &mut self.positions, facts.record)
                    .map_err(|merge::NotAMapping| YamlError::at(facts.at, ErrorKind::MergeSource))
            }
            Some(key) => mapping.insert(key.text, key.kind, value).map_err(|Duplicate { key: text }| {
                let first = self.positions.key_before(parent.facts.record, facts.record, &text);
                let kind = ErrorKind::DuplicateKey { key: excerpt(&text), first: first.unwrap_or(key.at) };
                YamlError::at(key.at, kind)
            }),
        }
    }

    fn expects_key(&self) -> bool {
        match self.open.last() {
            Some(Open { collection: Collection::Mapping(mapping), .. }) => mapping.pending.is_none(),
            _ => false,
        }
    }

    fn set_key(&mut self, key: Key) {
        if let Some(Open { collection: Collection::Mapping(mapping), .. }) = self.open.last_mut() {
            mapping.pending = Some(key);
        }
    }

    fn warn(&mut self, position: Position, message: String) {
        if self.warnings.len() < MOST_WARNINGS {
            self.warnings.push(Warning { position, message });
        }
    }

    fn position(&self, marker: Marker) -> Position {
        let line = u32::try_from(marker.line()).unwrap_or(u32::MAX).saturating_add(self.lines_before);
        let column = u32::try_from(marker.col()).unwrap_or(u32::MAX).saturating_add(1);
        // At the end of a last line without a break the parser is a line ahead.
        self.end.min(Position { line, column })
    }
}

impl Open {
    /// The step to the node that is read next.
    fn next_step(&self) -> Step {
        match &self.collection {
            Collection::Sequence(items) => Step::Item(items.len()),
            Collection::Mapping(Mapping { pending: Some(key), .. }) => {
                Step::Key { hash: key_hash(&key.text), at: key.at }
            }
            // A key, whose record is dropped when it is finished.
            Collection::Mapping(_) => Step::Root,
        }
    }
}

impl Collection {
    /// Whether a tag says no more than what the collection is anyway.
    fn is_named_by(&self, tag: &str) -> bool {
        let own = match self {
            Self::Sequence(_) => "seq",
            Self::Mapping(_) => "map",
        };
        tag == "!" || scalar::core_tag(tag) == Some(own)
    }
}
