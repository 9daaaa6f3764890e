//! Durable state, in the words of the domain.
//!
//! This crate says *what* is stored and which guarantees hold; `store-sqlite` (and later other databases) say
//! how. It knows nothing of SQL, of HTTP, of how an entity is processed or how a final entity is assembled:
//! documents pass through as bytes of JSON. Time is always handed in, never read from a clock.
//!
//! A newcomer starts at [`Store`], which is the sum of smaller traits: one for each stage of an entity's
//! way: [`Ingestion`] (claims), [`Processing`] (the queue), [`Stitching`] (final entities), [`ChangeLog`] (what
//! the index follows); [`Locations`] (what users registered), [`Tasks`] (what is done from time to time),
//! [`Incremental`] (large sources), [`Refusals`] (removals that were refused), [`Buckets`] (what providers claim),
//! [`EventQueue`] (events that wait), [`PublishedKeys`] (by which nodes are known), [`Membership`] (who else works on
//! the database) and [`Transfer`] (moving to another database). The invariants that every implementation keeps are written at [`Inspection::violations`], and checked
//! by the suite behind the feature `suite`.

mod bucket;
mod change;
mod claim;
pub mod claim_rows;
mod document;
mod error;
mod event_queue;
mod incremental;
mod inspection;
mod location;
mod membership;
mod precedence;
mod processing;
mod provider_name;
mod published_key;
mod refusal;
mod stitch;
mod task;
mod transfer;

#[cfg(feature = "suite")]
pub mod suite;

pub use bucket::{BucketClaim, Buckets, EntityProgress};
pub use change::{Change, ChangeLog, ChangeSequence, FinalEntity, FinalEntityPage, LoggedChange};
pub use claim::{
    ClaimSource, Conflict, Deletion, Ingestion, MutationReport, NewClaim, ProviderMutation, RefreshOutcome,
    TakeUp,
};
pub use document::{Document, DocumentHash, Uid};
pub use error::StoreError;
pub use event_queue::{EventQueue, EventRetention, EventTicket, NewEvent, QueuedEvent};
pub use incremental::{
    Incremental, IngestionAction, IngestionCounts, IngestionMark, IngestionPass, IngestionStatus,
    SweepPosition, Swept,
};
pub use inspection::{EntityState, FinalDocument, Inspection, QueueDepth, Repair, Violation};
pub use location::{LocationId, LocationRegistration, Locations, RegisteredLocation};
pub use membership::{Heartbeat, Membership, Wakeup};
pub use precedence::{ClaimStanding, winning_claim};
pub use processing::{
    CommitReport, DueEntity, IsSettled, KnownRun, Processing, ProcessingCommit, ProcessingOutcome,
    ProcessorCacheUpdate, StoredRelation, TakenUp,
};
pub use provider_name::ProviderName;
pub use published_key::{PublishedKey, PublishedKeys};
pub use refusal::{BucketShare, Refusals, RefusedRemoval};
pub use stitch::{StitchCommit, StitchInput, StitchOutcome, StitchReport, StitchTicket, Stitching};
pub use task::{StoredTask, TaskEnd, TaskRun, TaskTicket, TaskTrigger, Tasks};
pub use transfer::{
    CarriedClaim, CarriedEntity, Export, LastClaim, Standing, TakeOver, TakenOver, Transfer, order_of_making,
};

/// Everything the engine needs of a database.
///
/// Implementations are cheap handles: the engine, the index and the API share one behind an `Arc`.
pub trait Store:
    Ingestion
    + Processing
    + Stitching
    + ChangeLog
    + Locations
    + Tasks
    + Incremental
    + Refusals
    + Buckets
    + EventQueue
    + PublishedKeys
    + Membership
    + Inspection
    + Transfer
{
}

impl<T> Store for T where
    T: Ingestion
        + Processing
        + Stitching
        + ChangeLog
        + Locations
        + Tasks
        + Incremental
        + Refusals
        + Buckets
        + EventQueue
        + PublishedKeys
        + Membership
        + Inspection
        + Transfer
{
}

/// Shorthand for what every method of the store returns.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;
