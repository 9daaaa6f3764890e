//! The processors that are built in.

pub(crate) mod annotate_location;
pub(crate) mod file_reader;
pub(crate) mod glob_walk;
pub(crate) mod kinds;
pub(crate) mod local_file;
pub(crate) mod model;
pub(crate) mod placeholder;
pub(crate) mod placeholder_resolvers;
pub(crate) mod url_reader;
