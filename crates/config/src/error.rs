//! What can be wrong with a configuration, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::diagnostic::{ConfigDiagnostic, Snippet};
use crate::origin::Origin;
use crate::path::ConfigPath;

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No file was named and the directory has no `app-config.yaml`. A caller that can do without a
    /// configuration goes on with an empty one; else the user has to name a file.
    #[error("no configuration: there is no app-config.yaml in {}", directory.display())]
    NoFile {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A file that was named cannot be read. The user has to correct the name or the file's permissions.
    #[error("cannot read the configuration file {}", path.display())]
    Read {
        /// The file, as it was named.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The content is wrong: at least one problem, each with its place. The user has to mend them all.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

impl ConfigError {
    pub(crate) fn problem(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }

    /// All that is wrong with the content; empty if it could not be read at all.
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Invalid(problems) => problems,
            Self::NoFile { .. } | Self::Read { .. } => &[],
        }
    }

    /// The error for people: with the lines concerned, marked, and how to mend them.
    /// It goes into a `miette::Report`.
    pub fn diagnostic(&self) -> ConfigDiagnostic {
        match self {
            Self::Invalid(problems) => ConfigDiagnostic::of_problems(problems),
            Self::NoFile { .. } => ConfigDiagnostic::of_message(
                self.to_string(),
                Some("create the file, or name another one with --config".to_owned()),
            ),
            Self::Read { source, .. } => ConfigDiagnostic::of_message(format!("{self}: {source}"), None),
        }
    }
}

/// One thing that is wrong, or, as a warning, doubtful.
///
/// Displays as `app-config.yaml:14: catalog.rules[2].allow: expected a list, found the number 5`.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Where the value stands; for a key that is missing, the object that should have it.
    pub origin: Option<Origin>,
    /// The key concerned; the root if it is about a file as a whole.
    pub key: ConfigPath,
    /// What is wrong: lower case, no final stop, no secrets.
    pub message: String,
    /// How to mend it, where the message does not say so already.
    pub help: Option<String>,
    pub(crate) snippet: Option<Snippet>,
}

impl Problem {
    /// The problem for people, with the lines concerned, as a warning.
    pub fn warning_diagnostic(&self) -> ConfigDiagnostic {
        ConfigDiagnostic::of_warning(self)
    }

    /// Key and message, without the place.
    pub(crate) fn title(&self) -> String {
        if self.key.steps().is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.key, self.message)
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(formatter, "{origin}: ")?;
        }
        formatter.write_str(&self.title())
    }
}

fn lines(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
