//! How documents lie on disk. Every database stores the same bytes, so that a body can be moved from one to
//! another as it is.
//!
//! This crate must not know SQL, nor what is in a document.

mod body;
mod bulk;

pub use body::{compress, decompress};
pub use bulk::{Compression, compress_all};
