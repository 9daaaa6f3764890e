//! The smaller settings below `catalog`.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::lenient;
use callboard_duration::ConfigDuration;

/// `catalog.processingInterval`: how long until an entity is processed again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProcessingInterval {
    /// Not given: between 100 and 150 seconds.
    #[default]
    Default,
    /// Between this long and half as long again.
    Every(Duration),
    /// `false`: this process neither processes nor stitches.
    Off,
}

impl ProcessingInterval {
    /// The range to draw each waiting time from, in whole seconds and at least one; `None` for off.
    pub fn range(self) -> Option<RangeInclusive<Duration>> {
        match self {
            Self::Default => Some(Duration::from_secs(100)..=Duration::from_secs(150)),
            Self::Every(interval) => {
                let rounded = interval.saturating_add(Duration::from_millis(500)).as_secs().max(1);
                let shortest = Duration::from_secs(rounded);
                Some(shortest..=shortest.saturating_add(shortest / 2))
            }
            Self::Off => None,
        }
    }
}

impl<'de> Deserialize<'de> for ProcessingInterval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ProcessingIntervalVisitor)
    }
}

struct ProcessingIntervalVisitor;

impl<'de> Visitor<'de> for ProcessingIntervalVisitor {
    type Value = ProcessingInterval;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration such as 30m, PT5M or { minutes: 30 }, or false")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<ProcessingInterval, E> {
        if on {
            return Err(E::custom("expected a duration such as 30m, PT5M or { minutes: 30 }, or false"));
        }
        Ok(ProcessingInterval::Off)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ProcessingInterval, E> {
        // Backstage asks whether the value is "falsy".
        if number == 0 {
            return Ok(ProcessingInterval::Off);
        }
        Err(E::custom("expected a duration with a unit, such as 30s, 5m or 2 hours, or false"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ProcessingInterval, E> {
        match text {
            // A variable can only yield a text.
            "" | "false" => Ok(ProcessingInterval::Off),
            _ => ConfigDuration::deserialize(StrDeserializer::new(text)).map(Self::every),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<ProcessingInterval, A::Error> {
        ConfigDuration::deserialize(MapAccessDeserializer::new(parts)).map(Self::every)
    }
}

impl ProcessingIntervalVisitor {
    fn every(duration: ConfigDuration) -> ProcessingInterval {
        ProcessingInterval::Every(duration.get())
    }
}

/// What becomes of entities, or of whole providers' entities, that nothing asks for any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrphanStrategy {
    /// They stay, marked as orphans.
    Keep,
    /// They are deleted.
    #[default]
    Delete,
}

/// `catalog.defaultLocationConflictStrategy`: what registering a location again does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LocationConflictStrategy {
    /// It is a conflict.
    #[default]
    Reject,
    /// It refreshes the location that is there.
    Refresh,
}

/// `catalog.stitchingStrategy`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct StitchingStrategy {
    /// How often to look for entities to stitch. Default 1 s.
    pub polling_interval: ConfigDuration,
    /// After how long a stitch is given up and tried anew. Default 60 s.
    pub stitch_timeout: ConfigDuration,
}

impl Default for StitchingStrategy {
    fn default() -> Self {
        Self {
            polling_interval: ConfigDuration::new(Duration::from_secs(1)),
            stitch_timeout: ConfigDuration::new(Duration::from_mins(1)),
        }
    }
}

/// `catalog.providerOptions.<name>`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct ProviderOptions {
    /// Whether the provider is left out although it is installed. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub disabled: bool,
    /// Refuse to remove more than so many of a hundred of its entities; 0 for any number. `None` for what holds
    /// for all.
    #[serde(deserialize_with = "lenient::optional_percentage")]
    pub reject_removals_above_percentage: Option<f64>,
    /// Refuse an empty answer where there were entities before. `None` for what holds for all.
    #[serde(deserialize_with = "lenient::optional_boolean")]
    pub reject_empty_source_collections: Option<bool>,
}

/// `catalog.processorOptions.<name>`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, expecting = "an object")]
pub struct ProcessorOptions {
    /// Whether the processor is left out although it is installed. Default false.
    #[serde(deserialize_with = "lenient::boolean")]
    pub disabled: bool,
    /// Its place in the order: lower runs first. `None` for what the processor asks for, which is 20
    /// unless it says otherwise.
    #[serde(deserialize_with = "lenient::optional_whole_number")]
    pub priority: Option<i64>,
}

/// `catalog.scmEvents`: which events of source code hosts the catalog acts on. Default none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScmEvents {
    /// Pushes refresh the entities they touch.
    pub refresh: bool,
    /// Deleted files and repositories unregister their locations.
    pub unregister: bool,
    /// Renamed repositories move their locations.
    pub move_locations: bool,
}

impl ScmEvents {
    const fn all(on: bool) -> Self {
        Self { refresh: on, unregister: on, move_locations: on }
    }
}

impl<'de> Deserialize<'de> for ScmEvents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScmEventsVisitor)
    }
}

struct ScmEventsVisitor;

impl<'de> Visitor<'de> for ScmEventsVisitor {
    type Value = ScmEvents;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("true, false or { refresh, unregister, move }")
    }

    fn visit_bool<E: Error>(self, on: bool) -> Result<ScmEvents, E> {
        Ok(ScmEvents::all(on))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ScmEvents, E> {
        lenient::boolean(StrDeserializer::new(text)).map(ScmEvents::all)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<ScmEvents, A::Error> {
        let written = WrittenEvents::deserialize(MapAccessDeserializer::new(entries))?;
        let WrittenEvents { refresh, unregister, r#move } = written;
        Ok(ScmEvents { refresh, unregister, move_locations: r#move })
    }
}

/// The object form, where everything is on unless it is turned off.
#[derive(Deserialize)]
#[serde(default)]
struct WrittenEvents {
    #[serde(deserialize_with = "lenient::boolean")]
    refresh: bool,
    #[serde(deserialize_with = "lenient::boolean")]
    unregister: bool,
    #[serde(deserialize_with = "lenient::boolean")]
    r#move: bool,
}

impl Default for WrittenEvents {
    fn default() -> Self {
        Self { refresh: true, unregister: true, r#move: true }
    }
}
