use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;
use thiserror::Error;

/// One step on the way to a value of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigStep {
    /// Into an object, by its key.
    Key(String),
    /// Into a list, by its place from 0.
    Index(usize),
}

/// Where a [`ModuleConfig`] has its values from. Whoever runs the catalog implements it.
pub trait ConfigSource: Send + Sync {
    /// The value at a place; `None` if nothing is given there.
    fn value(&self, path: &[ConfigStep]) -> Option<&Value>;

    /// The message for people about a value that is wrong: with file, line and key.
    fn describe(&self, path: &[ConfigStep], message: &str) -> String;
}

/// What a module sees of the configuration.
///
/// ```
/// use callboard_sdk::{ModuleConfig, TaskSchedule};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// struct Frobs {
///     url: String,
///     schedule: Option<TaskSchedule>,
/// }
///
/// let config = ModuleConfig::from_value(serde_json::json!({
///     "catalog": { "providers": { "frobs": {
///         "production": { "url": "https://frobs.example.com" },
///         "test": { "url": "https://frobs.test.example.com" },
///     } } },
/// }));
/// // One alone can stand there without an id: `frobs: { url: … }`.
/// let frobs = config.instances::<Frobs>("catalog.providers.frobs", "url")?;
/// let ids: Vec<&str> = frobs.iter().map(|(id, _)| id.as_str()).collect();
/// assert_eq!(ids, ["production", "test"]);
/// # Ok::<(), callboard_sdk::ModuleConfigError>(())
/// ```
#[derive(Clone)]
pub struct ModuleConfig {
    source: Arc<dyn ConfigSource>,
}

/// A value of the configuration that a module cannot use. Whoever wrote it has to change it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ModuleConfigError(String);

impl ModuleConfig {
    /// A view on this source.
    pub fn new(source: Arc<dyn ConfigSource>) -> Self {
        Self { source }
    }

    /// A configuration from a value, for tests.
    pub fn from_value(value: Value) -> Self {
        Self::new(Arc::new(Plain(value)))
    }

    /// The value at keys such as `catalog.providers.frobs`; `None` if nothing is given there.
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.source.value(&steps(path))
    }

    /// Reads the part at such keys into a type. Where nothing is given, the type is made from `{}`.
    ///
    /// # Errors
    ///
    /// It does not fit the type: with file, line, and what was expected.
    pub fn section<T: DeserializeOwned>(&self, path: &str) -> Result<T, ModuleConfigError> {
        self.read(&steps(path))
    }

    /// The same; `None` where nothing is given.
    ///
    /// # Errors
    ///
    /// It does not fit the type.
    pub fn optional_section<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ModuleConfigError> {
        self.get(path).map(|_| self.section(path)).transpose()
    }

    /// Reads settings that can be there several times: an object of ids, or one alone, whose id is `default`. It
    /// is one alone if it has the key `marker`, which all of them need.
    ///
    /// # Errors
    ///
    /// One of them does not fit the type.
    pub fn instances<T: DeserializeOwned>(
        &self,
        path: &str,
        marker: &str,
    ) -> Result<Vec<(String, T)>, ModuleConfigError> {
        let steps = steps(path);
        match self.source.value(&steps) {
            None => Ok(Vec::new()),
            Some(Value::Object(ids)) if !ids.contains_key(marker) => ids
                .keys()
                .map(|id| {
                    let path: Vec<ConfigStep> =
                        steps.iter().cloned().chain([ConfigStep::Key(id.clone())]).collect();
                    Ok((id.clone(), self.read(&path)?))
                })
                .collect(),
            Some(_) => Ok(vec![("default".to_owned(), self.read(&steps)?)]),
        }
    }

    /// An error about the value at such keys, for checks that a type cannot make.
    pub fn error(&self, path: &str, message: &str) -> ModuleConfigError {
        ModuleConfigError(self.source.describe(&steps(path), message))
    }

    fn read<T: DeserializeOwned>(&self, path: &[ConfigStep]) -> Result<T, ModuleConfigError> {
        let empty = Value::Object(Map::new());
        let value = self.source.value(path).unwrap_or(&empty);
        serde_path_to_error::deserialize(value).map_err(|error| {
            let within = error.path().iter().filter_map(|segment| match segment {
                Segment::Seq { index } => Some(ConfigStep::Index(*index)),
                Segment::Map { key } => Some(ConfigStep::Key(key.clone())),
                Segment::Enum { .. } | Segment::Unknown => None,
            });
            let path: Vec<ConfigStep> = path.iter().cloned().chain(within).collect();
            ModuleConfigError(self.source.describe(&path, &error.inner().to_string()))
        })
    }
}

impl fmt::Debug for ModuleConfig {
    /// Shows nothing: there are secrets in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ModuleConfig").finish_non_exhaustive()
    }
}

fn steps(path: &str) -> Vec<ConfigStep> {
    path.split('.').filter(|key| !key.is_empty()).map(|key| ConfigStep::Key(key.to_owned())).collect()
}

struct Plain(Value);

impl ConfigSource for Plain {
    fn value(&self, path: &[ConfigStep]) -> Option<&Value> {
        path.iter().try_fold(&self.0, |value, step| match step {
            ConfigStep::Key(key) => value.as_object()?.get(key),
            ConfigStep::Index(index) => value.as_array()?.get(*index),
        })
    }

    fn describe(&self, path: &[ConfigStep], message: &str) -> String {
        let keys: Vec<String> = path
            .iter()
            .map(|step| match step {
                ConfigStep::Key(key) => key.clone(),
                ConfigStep::Index(index) => index.to_string(),
            })
            .collect();
        format!("{}: {message}", keys.join("."))
    }
}
