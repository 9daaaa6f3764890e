use thiserror::Error;

/// Why the store could not do what it was asked.
///
/// Not finding something is no error: methods return an `Option` or say so in their outcome.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database cannot be reached or refuses work for now. The call changed nothing; try again later.
    #[error("the database is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database answers, but cannot take what was to be written: it has no room left, or lets itself be read only.
    /// The call changed nothing; try again later.
    #[error("the database cannot be written to")]
    Unwritable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The statement failed for good. The call changed nothing; trying again will not help.
    #[error("the database refused a statement")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What was read is not what this program writes: another version wrote it, or the file is damaged.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
    /// The schema could not be brought up to date.
    #[error("the database schema could not be migrated")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Whether the same call may succeed later.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Unwritable(_))
    }
}
