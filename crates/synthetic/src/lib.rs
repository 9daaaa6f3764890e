//! Made-up catalogs that benchmarks share: the same entities for the same size, on every machine.

mod catalog;
mod descriptors;

pub use catalog::{SyntheticCatalog, shuffled, uid};
pub use descriptors::Descriptors;
