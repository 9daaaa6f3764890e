//! Fills a file in: `${VARIABLE}`, `$env`, `$file` and `$include`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::SourceFiles;
use crate::environment::Environment;
use crate::error::{ConfigError, Problem};
use crate::file::{parse_file, read_text};
use crate::node::{Node, NodeContent};
use crate::origin::{Mark, Origin};
use crate::path::{ConfigPath, Step};
use crate::substitution::{Substituted, substitute};

/// How many `$include` may stand inside of one another.
const MAX_DEPTH: usize = 16;
/// How many `$include` one load may follow; includes inside includes multiply.
const MAX_INCLUDES: usize = 1_000;

/// A value that was written but counts as not given, because a variable is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// The key, as counted in the file it stands in.
    pub key: ConfigPath,
    /// Where it was written.
    pub origin: Origin,
    /// The variable that is not set.
    pub variable: String,
}

/// Fills in the values of files and keeps what is needed to report on them.
pub(crate) struct Includer<'a> {
    environment: &'a Environment,
    pub(crate) files: SourceFiles,
    pub(crate) dropped: Vec<Dropped>,
    includes: usize,
}

/// Where filling in has got to.
struct Place<'a> {
    key: ConfigPath,
    /// What relative file names are relative to.
    directory: &'a Path,
    /// The includes that led here, outermost first: file and the part of it that is wanted.
    open: &'a [(PathBuf, String)],
}

impl Place<'_> {
    fn at(&self, step: Step) -> Self {
        let key = match step {
            Step::Key(key) => self.key.key(&key),
            Step::Index(index) => self.key.index(index),
        };
        Self { key, directory: self.directory, open: self.open }
    }
}

impl<'a> Includer<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Self { environment, files: SourceFiles::default(), dropped: Vec::new(), includes: 0 }
    }

    /// Reads a configuration file and fills it in. `None` for a file without content.
    pub(crate) fn read_layer(&mut self, path: &Path) -> Result<Option<Node>, ConfigError> {
        let text = read_text(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let node = parse_file(path, &text, &mut self.files)?;
        if node.is_null() {
            return Ok(None);
        }
        let directory = directory_of(path);
        let open = [(identity(path), String::new())];
        let mark = node.mark.clone();
        let place = Place { key: ConfigPath::root(), directory: &directory, open: &open };
        let filled = self.fill_in(node, &place)?;
        match filled {
            Some(node) if matches!(node.content, NodeContent::Object(_)) => Ok(Some(node)),
            _ => Err(self.problem(&place, &mark, "expected an object at the root of the file", None)),
        }
    }

    /// The node with everything filled in; `None` if it counts as not given.
    fn fill_in(&mut self, mut node: Node, place: &Place<'_>) -> Result<Option<Node>, ConfigError> {
        if let Some(kind) = include_kind(&node) {
            return self.follow(node, kind, place);
        }
        match node.content {
            NodeContent::Scalar(Value::String(text)) => {
                let Some((text, secret)) = self.fill_in_text(text, &node.mark, place) else {
                    return Ok(None);
                };
                node.secret |= secret;
                node.content = NodeContent::Scalar(Value::String(text));
            }
            NodeContent::Scalar(_) => {}
            NodeContent::List(items) => {
                let mut filled = Vec::with_capacity(items.len());
                for (index, item) in items.into_iter().enumerate() {
                    filled.extend(self.fill_in(item, &place.at(Step::Index(index)))?);
                }
                node.content = NodeContent::List(filled);
            }
            NodeContent::Object(entries) => {
                let mut filled = Vec::with_capacity(entries.len());
                for (key, entry) in entries {
                    let entry = self.fill_in(entry, &place.at(Step::Key(key.clone())))?;
                    filled.extend(entry.map(|entry| (key, entry)));
                }
                node.content = NodeContent::Object(filled);
            }
        }
        Ok(Some(node))
    }

    fn fill_in_text(&mut self, text: String, mark: &Mark, place: &Place<'_>) -> Option<(String, bool)> {
        match substitute(&text, self.environment) {
            Substituted::Unchanged => Some((text, false)),
            Substituted::Text { text, secret } => Some((text, secret)),
            Substituted::Unset { variable } => {
                self.drop_value(variable, mark, place);
                None
            }
        }
    }

    fn drop_value(&mut self, variable: String, mark: &Mark, place: &Place<'_>) {
        self.dropped.push(Dropped { key: place.key.clone(), origin: mark.origin(), variable });
    }

    /// Replaces an object such as `{ $env: NAME }` by what it stands for.
    fn follow(&mut self, node: Node, kind: Include, place: &Place<'_>) -> Result<Option<Node>, ConfigError> {
        let name = kind.key();
        let NodeContent::Object(entries) = &node.content else { return Ok(Some(node)) };
        let [(_, argument)] = entries.as_slice() else {
            let message = format!("{name} cannot stand beside other keys");
            let help = Some(format!("put the other keys elsewhere, or into the file that {name} names"));
            return Err(self.problem(place, &node.mark, &message, help));
        };
        let Some(argument) = argument.as_str().filter(|argument| !argument.is_empty()) else {
            return Err(self.problem(place, &argument.mark, &format!("{name} expects a text"), None));
        };
        let Some((argument, _)) = self.fill_in_text(argument.to_owned(), &node.mark, place) else {
            let message = format!("{name} names a variable that is not set");
            return Err(self.problem(place, &node.mark, &message, None));
        };
        match kind {
            Include::Environment => Ok(self.take_variable(node, &argument, place)),
            Include::File => self.take_text(node, &argument, place).map(Some),
            Include::Configuration => self.take_configuration(node, &argument, place),
        }
    }

    fn take_variable(&mut self, node: Node, variable: &str, place: &Place<'_>) -> Option<Node> {
        let Some(value) = self.environment.get(variable) else {
            self.drop_value(variable.to_owned(), &node.mark, place);
            return None;
        };
        let content = NodeContent::Scalar(Value::String(value.to_owned()));
        Some(Node { content, secret: true, ..node })
    }

    fn take_text(&mut self, node: Node, name: &str, place: &Place<'_>) -> Result<Node, ConfigError> {
        let path = place.directory.join(name);
        let text = read_text(&path).map_err(|error| {
            let message = format!("cannot read {}, named by $file: {error}", path.display());
            let help = Some("file names are relative to the file they stand in".to_owned());
            self.problem(place, &node.mark, &message, help)
        })?;
        let content = NodeContent::Scalar(Value::String(text.trim_end().to_owned()));
        Ok(Node { content, secret: true, ..node })
    }

    fn take_configuration(
        &mut self,
        node: Node,
        argument: &str,
        place: &Place<'_>,
    ) -> Result<Option<Node>, ConfigError> {
        let (name, part) = argument.split_once('#').unwrap_or((argument, ""));
        let path = place.directory.join(name);
        let target = (identity(&path), part.to_owned());
        self.check_open(&target, &node.mark, place)?;

        let text = read_text(&path).map_err(|error| {
            let message = format!("cannot read {}, named by $include: {error}", path.display());
            let help = Some("file names are relative to the file they stand in".to_owned());
            self.problem(place, &node.mark, &message, help)
        })?;
        if !["json", "yaml", "yml"].iter().any(|known| path.extension().is_some_and(|found| found == *known))
        {
            let message = format!("$include cannot read {name}");
            let help = Some("include .json, .yaml and .yml files; $file reads any file as text".to_owned());
            return Err(self.problem(place, &node.mark, &message, help));
        }
        let included = parse_file(&path, &text, &mut self.files)?;
        let Some(mut wanted) = self.select(included, part, name, &node.mark, place)? else {
            return Ok(None);
        };
        wanted.included_at = node.included_at.or(Some(node.mark));

        let directory = directory_of(&path);
        let open = [place.open, &[target]].concat();
        let inside = Place { key: place.key.clone(), directory: &directory, open: &open };
        self.fill_in(wanted, &inside)
    }

    /// Makes sure that includes come to an end.
    fn check_open(
        &mut self,
        target: &(PathBuf, String),
        mark: &Mark,
        place: &Place<'_>,
    ) -> Result<(), ConfigError> {
        self.includes += 1;
        let message = if place.open.contains(target) {
            let files = place.open.iter().chain([target]).map(|(path, _)| path.display().to_string());
            format!("includes run in a circle: {}", files.collect::<Vec<_>>().join(" -> "))
        } else if place.open.len() > MAX_DEPTH {
            format!("more than {MAX_DEPTH} includes inside of one another")
        } else if self.includes > MAX_INCLUDES {
            format!("more than {MAX_INCLUDES} includes")
        } else {
            return Ok(());
        };
        Err(self.problem(place, mark, &message, None))
    }

    /// The part of an included file that stands at a path of keys between dots.
    fn select(
        &self,
        included: Node,
        part: &str,
        name: &str,
        mark: &Mark,
        place: &Place<'_>,
    ) -> Result<Option<Node>, ConfigError> {
        let mut node = included;
        let mut walked = Vec::new();
        for key in part.split('.').filter(|_| !part.is_empty()) {
            let NodeContent::Object(entries) = node.content else {
                let message = format!("\"{}\" in {name} is not an object", walked.join("."));
                return Err(self.problem(place, mark, &message, None));
            };
            walked.push(key);
            match entries.into_iter().find(|(found, _)| found == key) {
                Some((_, found)) => node = found,
                // What is not there counts as not given, but only at the very end of the path.
                None if walked.len() == part.split('.').count() => return Ok(None),
                None => {
                    let message = format!("\"{}\" in {name} is not an object", walked.join("."));
                    return Err(self.problem(place, mark, &message, None));
                }
            }
        }
        Ok(Some(node))
    }

    fn problem(&self, place: &Place<'_>, mark: &Mark, message: &str, help: Option<String>) -> ConfigError {
        let origin = mark.origin();
        ConfigError::problem(Problem {
            key: place.key.clone(),
            message: message.to_owned(),
            help,
            snippet: self.files.snippet(&origin),
            origin: Some(origin),
        })
    }
}

#[derive(Clone, Copy)]
enum Include {
    Environment,
    File,
    Configuration,
}

impl Include {
    const ALL: [Self; 3] = [Self::Environment, Self::File, Self::Configuration];

    const fn key(self) -> &'static str {
        match self {
            Self::Environment => "$env",
            Self::File => "$file",
            Self::Configuration => "$include",
        }
    }
}

fn include_kind(node: &Node) -> Option<Include> {
    let NodeContent::Object(entries) = &node.content else { return None };
    let is_key = |kind: &Include| entries.iter().any(|(key, _)| key == kind.key());
    Include::ALL.into_iter().find(is_key)
}

fn directory_of(path: &Path) -> Arc<Path> {
    path.parent().unwrap_or(Path::new("")).into()
}

/// The same for every way to name a file, as far as the file system can tell.
fn identity(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
