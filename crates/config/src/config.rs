//! The merged configuration and what can be asked of it.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diagnostic::SourceFiles;
use crate::error::{ConfigError, Problem};
use crate::include::Dropped;
use crate::known_keys;
use crate::node::Node;
use crate::origin::{Mark, Origin};
use crate::path::{ConfigPath, Step};
use crate::secret::is_secret_key;
use crate::sections::{
    BackendSection, CatalogSection, DiscoverySection, IntegrationsSection, PermissionSection,
};

/// A configuration: all layers merged, all variables filled in, each value with its origin.
///
/// Debug output is [`print`](Self::print)ed, that is without secrets.
#[derive(Clone)]
pub struct Config {
    root: Node,
    /// The values of `root` once more, as serde wants them.
    value: Value,
    files: SourceFiles,
    dropped: Vec<Dropped>,
    skips_location_type_check: bool,
}

/// A finding of a section's own checks; the path is that within the section.
pub(crate) struct Finding {
    pub(crate) path: ConfigPath,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Config {
    pub(crate) fn new(root: Node, files: SourceFiles, dropped: Vec<Dropped>) -> Self {
        let value = root.to_value();
        Self { root, value, files, dropped, skips_location_type_check: false }
    }

    /// A configuration from a value, for tests and for programs that make their own. Nothing is filled in
    /// and there are no places to report.
    pub fn from_value(value: &Value) -> Self {
        let mut root = Node::empty_object(Mark::Fixed(Origin::Program));
        root.merge(Node::of_value(value, &Origin::Program));
        Self::new(root, SourceFiles::default(), Vec::new())
    }

    pub(crate) fn skipping_location_type_check(mut self, skips: bool) -> Self {
        self.skips_location_type_check = skips;
        self
    }

    /// The value at a path such as `catalog.rules[0].allow`; `None` if nothing is given there.
    pub fn get(&self, path: impl Into<ConfigPath>) -> Option<&Value> {
        let mut value = &self.value;
        for step in path.into().steps() {
            value = match step {
                Step::Key(key) => value.as_object()?.get(key)?,
                Step::Index(index) => value.as_array()?.get(*index)?,
            };
        }
        Some(value)
    }

    /// Where the value at a path was written; `None` if nothing is given there.
    pub fn origin(&self, path: impl Into<ConfigPath>) -> Option<Origin> {
        let path = path.into();
        let (node, taken) = self.root.nearest(&path);
        (taken == path.steps().len()).then(|| node.origin())
    }

    /// Values that were written but count as not given, because a variable they name is not set.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// Reads the part at a path into a type. Where nothing is given, the type is made from `{}`.
    ///
    /// # Errors
    ///
    /// If the value does not fit the type: with file, line, key, what was expected and what is there.
    pub fn section<T: DeserializeOwned>(&self, path: impl Into<ConfigPath>) -> Result<T, ConfigError> {
        let path = path.into();
        let empty = Value::Object(serde_json::Map::new());
        let value = self.get_at(&path).unwrap_or(&empty);
        serde_path_to_error::deserialize(value).map_err(|error| {
            let within: ConfigPath = error.path().iter().filter_map(step_of).collect();
            ConfigError::problem(self.type_problem(&path.join(&within), &error.inner().to_string()))
        })
    }

    /// The `backend` section, checked.
    ///
    /// # Errors
    ///
    /// If a value does not fit, or values contradict each other.
    pub fn backend(&self) -> Result<BackendSection, ConfigError> {
        let section: BackendSection = self.section("backend")?;
        self.report(&"backend".into(), section.findings())?;
        Ok(section)
    }

    /// The `catalog` section, checked. `location_types` are those that installed processors read besides
    /// the built-in `url` and `file`, such as `github-discovery`.
    ///
    /// # Errors
    ///
    /// If a value does not fit, a rule contradicts itself, a key was moved elsewhere, or a location is of
    /// a type that needs a processor which is not installed.
    pub fn catalog(&self, location_types: &[&str]) -> Result<CatalogSection, ConfigError> {
        let section: CatalogSection = self.section("catalog")?;
        let mut findings = section.findings();
        if !self.skips_location_type_check {
            findings.extend(section.location_type_findings(location_types));
        }
        self.report(&"catalog".into(), findings)?;
        Ok(section)
    }

    /// The `integrations` section.
    ///
    /// # Errors
    ///
    /// If it is not an object of lists.
    pub fn integrations(&self) -> Result<IntegrationsSection, ConfigError> {
        self.section("integrations")
    }

    /// The `permission` section.
    ///
    /// # Errors
    ///
    /// If a value does not fit.
    pub fn permission(&self) -> Result<PermissionSection, ConfigError> {
        self.section("permission")
    }

    /// The `discovery` section.
    ///
    /// # Errors
    ///
    /// If a value does not fit.
    pub fn discovery(&self) -> Result<DiscoverySection, ConfigError> {
        self.section("discovery")
    }

    /// What is doubtful in the sections Callboard reads: keys it does not know, and values that were
    /// dropped because a variable is not set. Sections of other plugins are none of its business.
    pub fn warnings(&self) -> Vec<Problem> {
        let mut warnings = Vec::new();
        for doubt in known_keys::doubts(&self.value) {
            let (node, _) = self.root.nearest(&doubt.path);
            warnings.push(self.problem_at(node.key_origin(), doubt.path, doubt.message, doubt.help));
        }
        for dropped in &self.dropped {
            let is_ours = matches!(dropped.key.steps().first(), Some(Step::Key(section))
                if ["backend", "catalog", "integrations", "permission", "discovery"].contains(&section.as_str()));
            if is_ours && self.get_at(&dropped.key).is_none() {
                let message =
                    format!("ignored, because the environment variable {} is not set", dropped.variable);
                warnings.push(self.problem_at(dropped.origin.clone(), dropped.key.clone(), message, None));
            }
        }
        warnings
    }

    /// A problem with the value at a path, for checks that other crates make on their own settings.
    pub fn problem(&self, path: impl Into<ConfigPath>, message: impl Into<String>) -> Problem {
        let path = path.into();
        let (node, _) = self.root.nearest(&path);
        self.problem_at(node.origin(), path, message.into(), None)
    }

    pub(crate) fn root(&self) -> &Node {
        &self.root
    }

    fn report(&self, section: &ConfigPath, findings: Vec<Finding>) -> Result<(), ConfigError> {
        if findings.is_empty() {
            return Ok(());
        }
        let problems = findings.into_iter().map(|finding| {
            let mut problem = self.problem(section.join(&finding.path), finding.message);
            problem.help = finding.help;
            problem
        });
        Err(ConfigError::Invalid(problems.collect()))
    }

    fn problem_at(&self, origin: Origin, key: ConfigPath, message: String, help: Option<String>) -> Problem {
        let snippet = self.files.snippet(&origin);
        let origin = (origin != Origin::Program).then_some(origin);
        Problem { origin, key, message, help, snippet }
    }

    fn get_at(&self, path: &ConfigPath) -> Option<&Value> {
        self.get(path.clone())
    }

    /// A problem with the value at a path, from what serde says of it, for parts that other crates read.
    pub fn value_problem(&self, path: &ConfigPath, said: &str) -> Problem {
        self.type_problem(path, said)
    }

    /// Turns what serde says into what a person can act on.
    fn type_problem(&self, path: &ConfigPath, said: &str) -> Problem {
        if let Some(key) = said.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
            return self.missing_problem(path.key(key));
        }
        let message = match said.rsplit_once("expected ") {
            Some((_, expected)) => {
                let (node, taken) = self.root.nearest(path);
                let is_there = taken == path.steps().len();
                let is_secret = self.is_secret(path);
                let found =
                    if is_there { describe(&node.to_value(), is_secret) } else { "nothing".to_owned() };
                format!("expected {}, found {found}", in_plain_words(expected))
            }
            None => said.to_owned(),
        };
        self.problem(path.clone(), message)
    }

    fn missing_problem(&self, path: ConfigPath) -> Problem {
        let dropped = self.dropped.iter().find(|dropped| dropped.key == path);
        let help = dropped.map(|dropped| {
            format!(
                "{} gives it, but the environment variable {} is not set",
                dropped.origin, dropped.variable
            )
        });
        let mut problem = self.problem(path, "required, but not given");
        problem.help = help;
        problem
    }

    fn is_secret(&self, path: &ConfigPath) -> bool {
        let mut node = Some(&self.root);
        for step in path.steps() {
            node = node.and_then(|node| node.child(step));
            let named_so = matches!(step, Step::Key(key) if is_secret_key(key));
            if named_so || node.is_some_and(|node| node.secret) {
                return true;
            }
        }
        false
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.print())
    }
}

fn step_of(segment: &serde_path_to_error::Segment) -> Option<Step> {
    match segment {
        serde_path_to_error::Segment::Seq { index } => Some(Step::Index(*index)),
        serde_path_to_error::Segment::Map { key } => Some(Step::Key(key.clone())),
        serde_path_to_error::Segment::Enum { .. } | serde_path_to_error::Segment::Unknown => None,
    }
}

/// What serde expects, in the words this crate's messages use.
fn in_plain_words(expected: &str) -> String {
    match expected {
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "a string" => "a text".to_owned(),
        other => other.replace('`', "\""),
    }
}

/// A value in words: in full if it is short and no secret.
fn describe(value: &Value, is_secret: bool) -> String {
    const LONGEST: usize = 40;
    match value {
        Value::Null => "null".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::Bool(boolean) => boolean.to_string(),
        Value::Number(_) if is_secret => "a number".to_owned(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty text".to_owned(),
        Value::String(_) if is_secret => "a text".to_owned(),
        Value::String(text) if text.chars().count() > LONGEST => "a long text".to_owned(),
        Value::String(text) => format!("the text \"{}\"", crate::secret::without_url_password(text)),
    }
}
