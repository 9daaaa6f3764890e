//! Where values were written.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use callboard_yaml::{Content, Position};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In a file.
    File {
        /// The file, as it was named on the command line or by the file that includes it.
        path: Arc<Path>,
        /// Line, from 1.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// In the environment variable of this name, such as `APP_CONFIG_backend_baseUrl`.
    Variable(Arc<str>),
    /// In the program, by [`Config::from_value`](crate::Config::from_value).
    Program,
}

/// Displays as `app-config.yaml:14`.
impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, .. } => write!(formatter, "{}:{line}", path.display()),
            Self::Variable(name) => write!(formatter, "environment variable {name}"),
            Self::Program => formatter.write_str("configuration"),
        }
    }
}

/// How to find out where a value was written.
///
/// Finding a place takes time in proportion to its neighbours, so it is done for the few values that are
/// reported on and not for all that are read.
#[derive(Clone, Debug)]
pub(crate) enum Mark {
    /// In a file, at this JSON pointer.
    File { file: Arc<MarkedFile>, pointer: Box<str> },
    /// Everywhere the same.
    Fixed(Origin),
}

/// A file that was parsed, without its values.
#[derive(Debug)]
pub(crate) struct MarkedFile {
    pub(crate) path: Arc<Path>,
    /// What knows the positions; `None` if the file has none to tell.
    pub(crate) content: Option<Content>,
}

impl Mark {
    /// Where the value begins.
    pub(crate) fn origin(&self) -> Origin {
        self.find(Content::position)
    }

    /// Where the key of the value stands, which can be some lines further up; the value itself if it has
    /// no key.
    pub(crate) fn key_origin(&self) -> Origin {
        self.find(|content, pointer| content.key_position(pointer).or_else(|| content.position(pointer)))
    }

    fn find(&self, position: impl Fn(&Content, &str) -> Option<Position>) -> Origin {
        match self {
            Self::Fixed(origin) => origin.clone(),
            Self::File { file, pointer } => {
                let found = file.content.as_ref().and_then(|content| position(content, pointer));
                Origin::at(&file.path, found.unwrap_or(Position { line: 1, column: 1 }))
            }
        }
    }
}

impl Origin {
    pub(crate) fn at(path: &Arc<Path>, position: Position) -> Self {
        Self::File { path: Arc::clone(path), line: position.line, column: position.column }
    }
}
