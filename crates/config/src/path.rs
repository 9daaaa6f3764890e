//! Names of places in the configuration, such as `catalog.rules[2].allow`.

use std::fmt;
use std::str::FromStr;

/// The way from the root of the configuration to a value.
///
/// Displays and parses as `catalog.rules[2].allow`; a key that holds one of `.`, `[`, `]` or `"` is put in
/// double quotes (`reading."a.example.com"`). The empty path is the whole configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConfigPath {
    steps: Vec<Step>,
}

/// One step of a [`ConfigPath`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into an object, by its key.
    Key(String),
    /// Into a list, by its place from 0.
    Index(usize),
}

impl ConfigPath {
    /// The whole configuration.
    pub fn root() -> Self {
        Self::default()
    }

    /// This path and one key more. The key is taken as it is, dots included.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        self.with(Step::Key(key.to_owned()))
    }

    /// This path and one place in a list more, from 0.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// This path and, from there, the steps of another one.
    #[must_use]
    pub fn join(&self, other: &ConfigPath) -> Self {
        let steps = self.steps.iter().chain(&other.steps).cloned().collect();
        Self { steps }
    }

    /// The path without its last step, or `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, before) = self.steps.split_last()?;
        Some(Self { steps: before.to_vec() })
    }

    /// The steps from the root on.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step);
        Self { steps }
    }
}

impl FromIterator<Step> for ConfigPath {
    fn from_iter<I: IntoIterator<Item = Step>>(steps: I) -> Self {
        Self { steps: steps.into_iter().collect() }
    }
}

/// Never fails: what cannot be a list index is read as a key.
impl FromStr for ConfigPath {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut steps = Vec::new();
        for part in split_at_dots(text) {
            push_part(&mut steps, &part);
        }
        Ok(Self { steps })
    }
}

impl From<&str> for ConfigPath {
    fn from(text: &str) -> Self {
        match text.parse() {
            Ok(path) => path,
            Err(never) => match never {},
        }
    }
}

impl fmt::Display for ConfigPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Step::Index(index) => write!(formatter, "[{index}]")?,
                Step::Key(key) => {
                    if place > 0 {
                        formatter.write_str(".")?;
                    }
                    if key.is_empty() || key.contains(['.', '[', ']', '"']) {
                        write!(formatter, "\"{}\"", key.replace('"', "\\\""))?;
                    } else {
                        formatter.write_str(key)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A part between dots, with what was in quotes marked off so that it is not looked into again.
struct Part {
    text: String,
    quoted: bool,
}

fn split_at_dots(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut part = Part { text: String::new(), quoted: false };
    let mut in_quotes = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_quotes => part.text.extend(characters.next()),
            '"' => {
                in_quotes = !in_quotes;
                part.quoted = true;
            }
            '.' if !in_quotes => {
                parts.push(std::mem::replace(&mut part, Part { text: String::new(), quoted: false }));
            }
            other => part.text.push(other),
        }
    }
    if !text.is_empty() {
        parts.push(part);
    }
    parts
}

fn push_part(steps: &mut Vec<Step>, part: &Part) {
    if part.quoted {
        steps.push(Step::Key(part.text.clone()));
        return;
    }
    let key_end = part.text.find('[').unwrap_or(part.text.len());
    let (key, indexes) = part.text.split_at(key_end);
    let mut found = Vec::new();
    for index in indexes.split_terminator(']') {
        let Some(index) = index.strip_prefix('[').and_then(|digits| digits.parse().ok()) else {
            steps.push(Step::Key(part.text.clone()));
            return;
        };
        found.push(Step::Index(index));
    }
    if !key.is_empty() || found.is_empty() {
        steps.push(Step::Key(key.to_owned()));
    }
    steps.extend(found);
}
