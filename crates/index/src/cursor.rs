//! Page cursors: base64 of a JSON object that holds the whole query.
//!
//! The catalog client looks into them to choose its next request, and cursors of other catalog servers have to be
//! accepted during a migration. So the field names are fixed.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::full_text::FullText;
use crate::order::{Direction, OrderField};
use crate::predicate::{Predicate, PredicateError, parse_legacy_tree};
use crate::query::RowPosition;

/// Accepts what people and proxies do to base64: missing padding, odd trailing bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

/// Leads to another page of a query. See [`Cursor::encode`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The order as requested, in the request's letter case.
    pub order_fields: Vec<OrderField>,
    /// The row that the page starts after (or ends before).
    pub order_field_values: RowPosition,
    /// Whether the page lies before that row.
    pub is_previous: bool,
    /// The predicate of the query. Its presence makes the client use POST.
    pub query: Option<Predicate>,
    /// The full text filter of the query.
    pub full_text: Option<FullText>,
    /// The first row of the first page.
    pub first_sort_field_values: Option<RowPosition>,
    /// The number of entities in all pages, counted for the first one.
    pub total_items: Option<u64>,
}

impl Cursor {
    /// Prints the cursor as text for a response.
    pub fn encode(&self) -> String {
        STANDARD.encode(self.to_json().to_string())
    }

    /// Reads a cursor that a client sent back.
    ///
    /// # Errors
    ///
    /// [`CursorError`], with the message for the client.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        if text.is_empty() {
            return Err(CursorError::Empty);
        }
        Self::from_json(&decode_json(text).ok_or(CursorError::Unreadable)?)
    }

    fn to_json(&self) -> Value {
        let mut members = Map::new();
        let order_fields: Vec<Value> = self
            .order_fields
            .iter()
            .map(|order| json!({ "field": order.field, "order": direction_word(order.direction) }))
            .collect();
        members.insert("orderFields".to_owned(), Value::Array(order_fields));
        members.insert("isPrevious".to_owned(), Value::Bool(self.is_previous));
        if let Some(query) = &self.query {
            members.insert("query".to_owned(), query.to_json());
        }
        if let Some(FullText { term, fields }) = &self.full_text {
            let mut filter = Map::new();
            filter.insert("term".to_owned(), json!(term));
            if let Some(fields) = fields {
                filter.insert("fields".to_owned(), json!(fields));
            }
            members.insert("fullTextFilter".to_owned(), Value::Object(filter));
        }
        members.insert("orderFieldValues".to_owned(), json!(self.order_field_values));
        if let Some(first) = &self.first_sort_field_values {
            members.insert("firstSortFieldValues".to_owned(), json!(first));
        }
        if let Some(total) = self.total_items {
            members.insert("totalItems".to_owned(), json!(total));
        }
        Value::Object(members)
    }

    fn from_json(value: &Value) -> Result<Self, CursorError> {
        let Value::Object(members) = value else {
            return Err(CursorError::invalid("Expected object"));
        };
        let required = |name: &str| {
            members.get(name).ok_or_else(|| CursorError::Invalid(format!("Required at \"{name}\"")))
        };
        // Absent and null are both "not given" for everything that is optional.
        let optional = |name: &str| members.get(name).filter(|value| !value.is_null());
        let order_fields = order_fields(required("orderFields")?)?;
        let order_field_values = row_position(required("orderFieldValues")?, "orderFieldValues")?;
        let is_previous = required("isPrevious")?
            .as_bool()
            .ok_or_else(|| CursorError::at("isPrevious", "Expected boolean"))?;
        let query = optional("query").map(Predicate::parse).transpose().map_err(CursorError::of_predicate)?;
        let filter = optional("filter")
            .map(|tree| parse_legacy_tree(tree).ok_or_else(|| CursorError::at("filter", "Invalid input")))
            .transpose()?;
        let full_text = optional("fullTextFilter").map(full_text).transpose()?;
        let first_sort_field_values = optional("firstSortFieldValues")
            .map(|position| row_position(position, "firstSortFieldValues"))
            .transpose()?;
        let total_items = optional("totalItems").map(total_items).transpose()?;
        Ok(Self {
            order_fields,
            order_field_values,
            is_previous,
            query: Predicate::all_of([query, filter]),
            full_text,
            first_sort_field_values,
            total_items,
        })
    }
}

/// Where an offset page of the older list route goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AfterCursor {
    /// The page size, if pages are limited.
    pub limit: Option<usize>,
    /// The rows before the page.
    pub offset: Option<usize>,
}

impl AfterCursor {
    /// Prints the cursor as text for a `Link` header, before URL encoding.
    pub fn encode(&self) -> String {
        let mut members = Map::new();
        if let Some(limit) = self.limit {
            members.insert("limit".to_owned(), json!(limit));
        }
        if let Some(offset) = self.offset {
            members.insert("offset".to_owned(), json!(offset));
        }
        STANDARD.encode(Value::Object(members).to_string())
    }

    /// Reads the `after` parameter.
    ///
    /// # Errors
    ///
    /// [`CursorError::After`] if it is not base64 of such an object, or a part is not an integer of at least 0.
    pub fn decode(text: &str) -> Result<Self, CursorError> {
        let value = decode_json(text).ok_or(CursorError::After)?;
        let members = value.as_object().ok_or(CursorError::After)?;
        let part = |name: &str| match members.get(name) {
            None => Ok(None),
            Some(number) => natural(number).map(Some).ok_or(CursorError::After),
        };
        Ok(Self { limit: part("limit")?, offset: part("offset")? })
    }
}

/// A cursor that cannot be read. The message is meant for the client, with status 400.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CursorError {
    /// The cursor is an empty string.
    #[error("Cursor cannot be empty")]
    Empty,
    /// It is not base64 of JSON.
    #[error("Malformed cursor: not base64 encoded JSON")]
    Unreadable,
    /// A part is missing or has another type.
    #[error("Malformed cursor: Validation error: {0}")]
    Invalid(String),
    /// The predicate in it cannot be read.
    #[error("Malformed cursor: {0}")]
    Predicate(PredicateError),
    /// The cursor of the older list route cannot be read.
    #[error("Malformed after cursor, could not be parsed")]
    After,
}

impl CursorError {
    fn invalid(problem: &str) -> Self {
        Self::Invalid(problem.to_owned())
    }

    fn of_predicate(error: PredicateError) -> Self {
        match error {
            PredicateError::Validation(detail) => Self::Invalid(detail),
            unsupported @ PredicateError::Unsupported(_) => Self::Predicate(unsupported),
        }
    }

    fn at(path: &str, problem: &str) -> Self {
        Self::Invalid(format!("{problem} at \"{path}\""))
    }
}

fn decode_json(text: &str) -> Option<Value> {
    let standard: String = text
        .chars()
        .filter(|character| *character != '=' && !character.is_whitespace())
        .map(|character| match character {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    serde_json::from_slice(&LENIENT.decode(standard).ok()?).ok()
}

fn order_fields(value: &Value) -> Result<Vec<OrderField>, CursorError> {
    let entries = value.as_array().ok_or_else(|| CursorError::at("orderFields", "Expected array"))?;
    let mut fields = Vec::with_capacity(entries.len());
    for (position, entry) in entries.iter().enumerate() {
        let field = entry.get("field").and_then(Value::as_str);
        let field =
            field.ok_or_else(|| CursorError::at(&format!("orderFields[{position}].field"), "Required"))?;
        let direction = match entry.get("order") {
            // Some servers emit cursors without it and then refuse them.
            None | Some(Value::Null) => Direction::Asc,
            Some(word) => serde_json::from_value(word.clone()).map_err(|_| {
                CursorError::at(&format!("orderFields[{position}].order"), "Expected 'asc' | 'desc'")
            })?,
        };
        fields.push(OrderField { field: field.to_owned(), direction });
    }
    Ok(fields)
}

fn row_position(value: &Value, name: &str) -> Result<RowPosition, CursorError> {
    let entries = value.as_array().ok_or_else(|| CursorError::at(name, "Expected array"))?;
    let entry = |(position, entry): (usize, &Value)| match entry {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        _ => Err(CursorError::at(&format!("{name}[{position}]"), "Expected string")),
    };
    entries.iter().enumerate().map(entry).collect()
}

fn full_text(value: &Value) -> Result<FullText, CursorError> {
    let invalid = |problem: &str| CursorError::at("fullTextFilter", problem);
    let members = value.as_object().ok_or_else(|| invalid("Expected object"))?;
    let term = match members.get("term") {
        None | Some(Value::Null) => String::new(),
        Some(term) => term.as_str().ok_or_else(|| invalid("Expected string"))?.to_owned(),
    };
    let fields = match members.get("fields") {
        None | Some(Value::Null) => None,
        Some(fields) => {
            let strings: Option<Vec<String>> = fields
                .as_array()
                .and_then(|fields| fields.iter().map(|field| field.as_str().map(str::to_owned)).collect());
            Some(strings.ok_or_else(|| invalid("Expected an array of strings"))?)
        }
    };
    Ok(FullText { term, fields })
}

fn total_items(value: &Value) -> Result<u64, CursorError> {
    let total = value.as_u64().or_else(|| natural(value).and_then(|number| u64::try_from(number).ok()));
    total.ok_or_else(|| CursorError::at("totalItems", "Expected number"))
}

/// An integer of at least 0; JSON may write it as `5.0`.
fn natural(value: &Value) -> Option<usize> {
    let text = callboard_model::js_number(value.as_number()?);
    text.parse().ok()
}

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Asc => "asc",
        Direction::Desc => "desc",
    }
}
