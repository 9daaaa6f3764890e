use callboard_model::LocationRef;

use crate::Emission;

/// Turns the bytes of a descriptor file into entities.
///
/// It is called for whatever a `file` or `url` location gives, off the async runtime's threads for large files.
/// What cannot be parsed is an [`Emission::Error`], so that the good documents beside it are still reported.
pub trait EntityParser: Send + Sync {
    /// Parses one file. Results come in the order of the file.
    fn parse(&self, data: &[u8], location: &LocationRef) -> Vec<Emission>;
}
