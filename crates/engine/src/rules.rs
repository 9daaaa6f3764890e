//! Which entities may come from which location.

use callboard_model::{Entity, LocationRef};
use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

use crate::settings::ConfigLocation;

/// One rule: some kinds, from some locations. An entity is let in if any rule matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What is let in.
    pub allow: Vec<AllowedKind>,
    /// From where; `None` is everywhere, an empty list nowhere.
    pub locations: Option<Vec<RuleLocation>>,
}

impl Rule {
    /// A rule that lets these kinds in from everywhere.
    pub fn allow_kinds<K: Into<String>>(kinds: impl IntoIterator<Item = K>) -> Self {
        Self { allow: kinds.into_iter().map(AllowedKind::of_kind).collect(), locations: None }
    }
}

/// A kind, and perhaps a `spec.type`; letter case does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedKind {
    /// The kind.
    pub kind: String,
    /// What `spec.type` must be, if it matters; it must be a text then.
    pub spec_type: Option<String>,
}

impl AllowedKind {
    /// A kind, of any type.
    pub fn of_kind(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), spec_type: None }
    }

    fn matches(&self, entity: &Entity) -> bool {
        let type_matches = || match &self.spec_type {
            None => true,
            Some(wanted) => entity
                .spec()
                .and_then(|spec| spec.get("type")?.as_str())
                .is_some_and(|found| equal_in_any_case(found, wanted)),
        };
        equal_in_any_case(entity.kind(), &self.kind) && type_matches()
    }
}

/// Locations of one type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLocation {
    /// The location type.
    pub location_type: String,
    /// Which targets.
    pub target: RuleTarget,
}

/// Which targets a rule is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleTarget {
    /// All.
    Any,
    /// This one.
    Exact(String),
    /// Those that this glob matches; letter case does not count, and `*` stops at `/`.
    Pattern(String),
}

/// Why rules cannot be used.
#[derive(Debug, Error)]
#[error("the location pattern {pattern:?} of a catalog rule is not a glob")]
pub struct RuleError {
    /// The pattern.
    pub pattern: String,
    /// What is wrong with it.
    #[source]
    pub source: globset::Error,
}

/// Rules, ready to be asked.
pub(crate) struct Rules(Vec<CompiledRule>);

struct CompiledRule {
    allow: Vec<AllowedKind>,
    locations: Option<Vec<(String, CompiledTarget)>>,
}

enum CompiledTarget {
    Any,
    Exact(String),
    Pattern(GlobMatcher),
}

impl Rules {
    /// The general rules, and what the locations of the configuration allow for themselves.
    pub(crate) fn new(
        rules: &[Rule],
        locations: &[ConfigLocation],
        working_directory: &std::path::Path,
    ) -> Result<Self, RuleError> {
        let own = locations.iter().filter(|location| !location.allow.is_empty()).map(|location| Rule {
            allow: location.allow.iter().map(AllowedKind::of_kind).collect(),
            locations: Some(vec![RuleLocation {
                location_type: location.location_type.clone(),
                target: RuleTarget::Exact(location.absolute_target(working_directory)),
            }]),
        });
        rules.iter().cloned().chain(own).map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an entity may come from below a registration at `origin`.
    pub(crate) fn allow(&self, entity: &Entity, origin: &LocationRef) -> bool {
        self.0.iter().any(|rule| rule.is_for(origin) && rule.allow.iter().any(|kind| kind.matches(entity)))
    }
}

impl CompiledRule {
    fn is_for(&self, origin: &LocationRef) -> bool {
        let Some(locations) = &self.locations else { return true };
        locations.iter().any(|(location_type, target)| {
            location_type == origin.location_type()
                && match target {
                    CompiledTarget::Any => true,
                    CompiledTarget::Exact(exact) => exact == origin.target(),
                    CompiledTarget::Pattern(pattern) => pattern.is_match(origin.target()),
                }
        })
    }
}

fn compile(rule: Rule) -> Result<CompiledRule, RuleError> {
    let compile_location = |location: RuleLocation| {
        let target = match location.target {
            RuleTarget::Any => CompiledTarget::Any,
            RuleTarget::Exact(target) => CompiledTarget::Exact(target),
            RuleTarget::Pattern(pattern) => CompiledTarget::Pattern(glob(&pattern)?),
        };
        Ok((location.location_type, target))
    };
    let locations = rule
        .locations
        .map(|locations| locations.into_iter().map(compile_location).collect::<Result<Vec<_>, _>>())
        .transpose()?;
    Ok(CompiledRule { allow: rule.allow, locations })
}

fn glob(pattern: &str) -> Result<GlobMatcher, RuleError> {
    GlobBuilder::new(pattern)
        .case_insensitive(true)
        .literal_separator(true)
        .empty_alternates(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|source| RuleError { pattern: pattern.to_owned(), source })
}

fn equal_in_any_case(left: &str, right: &str) -> bool {
    left.eq_ignore_ascii_case(right) || left.to_lowercase() == right.to_lowercase()
}

#[cfg(test)]
mod tests;
