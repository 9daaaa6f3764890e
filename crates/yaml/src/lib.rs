//! Descriptor files: several YAML documents in one input, each loaded on its own into a
//! [`serde_json::Value`] with a position for every node, and with limits on everything.
//!
//! The values are those a Backstage catalog sees: YAML 1.2 core schema, numbers as JavaScript has
//! them, duplicate keys refused, merge keys left alone unless [`Options::merge_keys`] is set. JSON is
//! read too, since it is YAML. Input comes from anyone's repository, so nothing in it may crash, hang
//! or fill the memory.
//!
//! This crate does no I/O and knows nothing of entities, kinds, locations or configuration: it is
//! handed bytes and gives back values. It has no error codes of any protocol.
//!
//! A newcomer starts at [`load`], goes on to `cut` (where one document ends and the next begins), then
//! `build` (parser events into values) and `scalar` (what a bare word means).
//!
//! ```
//! use callboard_yaml::{Options, load};
//!
//! let input = b"kind: Component\nspec: {owner: me}\n---\nkind: [\n";
//! let documents = load(input, &Options::default())?;
//!
//! let first = documents[0].content.as_ref().expect("the first document is sound");
//! assert_eq!(first.value["spec"]["owner"], "me");
//! assert_eq!(first.position("/spec/owner").map(|at| (at.line, at.column)), Some((2, 15)));
//! // The second is broken, which does not hide the first.
//! assert!(documents[1].content.is_err());
//! # Ok::<(), callboard_yaml::YamlError>(())
//! ```

mod load;

mod options;

mod document;
mod error;
mod position;

mod cut;
mod mend;

mod build;
mod complex_key;
mod mapping;
mod merge;

mod number;
mod scalar;

mod budget;
mod syntax;

pub use document::{Content, Document, Warning};
pub use error::{ErrorKind, YamlError};
pub use load::load;
pub use options::{Limits, Options};
pub use position::Position;
