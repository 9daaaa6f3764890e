//! Who did what, and who was kept from it.
//!
//! The layer in `layer.rs` is around all routes of the catalog. It makes one [`AuditEvent`] of every request that
//! changes something or asks for a judgement, however it ends, and of every other request that is refused. `kinds.rs`
//! says what a request is called.

mod event;
mod kinds;
mod layer;

pub use self::event::{
    AuditActor, AuditError, AuditEvent, AuditLog, AuditRequest, AuditSeverity, AuditSink, AuditSinks,
    AuditStatus,
};
pub(crate) use self::kinds::EventKinds;
pub(crate) use self::layer::{AuditScope, Pending};
