use async_trait::async_trait;
use callboard_model::{EntityError, EntityRef};

/// A run of an entity that failed.
#[derive(Debug, Clone)]
pub struct ProcessingFailure {
    /// Which entity.
    pub entity_ref: EntityRef,
    /// Where it was read from, if it says so.
    pub location: Option<String>,
    /// What went wrong.
    pub errors: std::sync::Arc<[EntityError]>,
}

/// Told of every run that fails, in every round in which it does.
///
/// It has the time that one hook of a processor has. If it falls far behind, it misses the oldest.
///
/// ```
/// use callboard_sdk::{ProcessingErrorHandler, ProcessingFailure, async_trait};
///
/// struct Printing;
///
/// #[async_trait]
/// impl ProcessingErrorHandler for Printing {
///     async fn on_processing_error(&self, failure: ProcessingFailure) {
///         for error in &*failure.errors {
///             println!("{}: {error}", failure.entity_ref);
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait ProcessingErrorHandler: Send + Sync {
    /// Takes notice of one failure.
    async fn on_processing_error(&self, failure: ProcessingFailure);
}
