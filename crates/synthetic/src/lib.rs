//! What benchmarks share: made-up catalogs, the same entities for the same size on every machine, and the table in which
//! functions are measured.

mod catalog;
mod descriptors;
mod rates;

pub use catalog::{SyntheticCatalog, shuffled, uid};
pub use descriptors::Descriptors;
pub use rates::Rates;
