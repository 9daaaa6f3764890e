//! The read model: final entities in, answers out.
//!
//! This crate keeps all final entities in memory, inverted by their search terms, and answers everything that reads
//! them: filters and predicates, sorted pages with cursors both ways, totals, full text, facets and field projection.
//! It must not know where entities come from, who asks, or over which protocol: no I/O, no async, no clock. Errors carry
//! the message that a client is to see, but no status.
//!
//! A newcomer starts with [`Terms`] (what an entity can be found by), then [`Predicate`] (what can be asked), then
//! [`Index`], whose modules are one concern each. [`share`] puts an index between one writer and many readers.

mod cursor;
mod entity;
mod entity_batch;
mod facet;
mod fields;
mod full_text;
mod index;
mod json_tree;
mod legacy;
mod location_predicate;
mod order;
mod predicate;
mod query;
mod scalar;
mod shared;
mod term;
mod term_names;
mod term_visit;
mod term_walk;
mod uid;

pub use self::cursor::{AfterCursor, Cursor, CursorError};
pub use self::entity::{BodyError, Change, Hit, IndexedEntity};
pub use self::entity_batch::{EntityBatch, EntityBatchBuilder};
pub use self::facet::{Facet, FacetQuery, FacetValue};
pub use self::fields::{FieldError, FieldSelection};
pub use self::full_text::FullText;
pub use self::index::{ExaminationPlace, Index, IndexLoader, MemoryUsage};
pub use self::legacy::{ListPage, ListQuery};
pub use self::location_predicate::{LocationFields, LocationPredicate};
pub use self::order::{Direction, OrderError, OrderField};
pub use self::predicate::{
    Condition, Contained, FilterError, Matcher, PREDICATE_DEPTH_LIMIT, Predicate, PredicateError,
    RelationTarget, RelationTest, parse_filters,
};
pub use self::query::{Continuation, DEFAULT_PAGE_LIMIT, EntityQuery, Page, RowPosition, TotalItems};
pub use self::scalar::Scalar;
pub use self::shared::{IndexReader, IndexView, IndexWriter, share};
pub use self::term::{DuplicateKeys, TERM_LENGTH_LIMIT, Term, Terms};
