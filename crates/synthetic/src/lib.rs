//! Made-up catalogs that benchmarks share: the same entities for the same size, on every machine.

mod catalog;

pub use catalog::{SyntheticCatalog, shuffled, uid};
