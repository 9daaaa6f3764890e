use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use callboard_duration::ConfigDuration;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use thiserror::Error;

/// When a task runs, how long it may take, and where.
///
/// In a configuration it is written as Backstage does:
///
/// ```
/// use std::time::Duration;
/// use callboard_sdk::{Frequency, TaskSchedule, TaskScope};
///
/// let schedule: TaskSchedule = serde_json::from_value(serde_json::json!({
///     "frequency": { "minutes": 30 },
///     "timeout": "PT10M",
///     "initialDelay": "15s",
///     "scope": "local",
/// }))?;
/// let in_code = TaskSchedule::every(Duration::from_secs(1800), Duration::from_secs(600))
///     .after(Duration::from_secs(15))
///     .scope(TaskScope::Local);
/// assert_eq!(schedule, in_code);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskSchedule {
    /// How often.
    pub frequency: Frequency,
    /// How long one run may take. It is cut off then, and tried again at its next turn.
    pub timeout: Duration,
    /// How long to wait before the first run after a start.
    pub initial_delay: Duration,
    /// Whether each server runs it, or one of all that share a database.
    pub scope: TaskScope,
}

/// How often a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frequency {
    /// Again so long after the last run began, or as soon as that has ended. At most ten times a second.
    Every(Duration),
    /// At these times.
    Cron(CronExpression),
    /// Only when somebody triggers it.
    Manual,
}

/// Where a task runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskScope {
    /// On one of the servers that share a database, one run at a time.
    #[default]
    Global,
    /// On every server, by itself.
    Local,
}

/// A cron expression of five fields, or six with seconds in front. Times are those of the server's time zone.
#[derive(Clone)]
pub struct CronExpression {
    text: String,
    cron: Arc<Cron>,
}

/// A text that is no cron expression.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected a cron expression of five fields (or six, with seconds first): {0}")]
pub struct CronError(String);

impl TaskSchedule {
    /// Again and again, on one server at a time.
    pub fn every(frequency: Duration, timeout: Duration) -> Self {
        Self::new(Frequency::Every(frequency), timeout)
    }

    /// At the times of a cron expression, on one server at a time.
    ///
    /// # Errors
    ///
    /// It is no cron expression.
    pub fn cron(expression: &str, timeout: Duration) -> Result<Self, CronError> {
        Ok(Self::new(Frequency::Cron(CronExpression::parse(expression)?), timeout))
    }

    /// Whenever it is triggered, on one server at a time.
    pub fn manual(timeout: Duration) -> Self {
        Self::new(Frequency::Manual, timeout)
    }

    /// With a pause before the first run after a start.
    #[must_use]
    pub fn after(mut self, initial_delay: Duration) -> Self {
        self.initial_delay = initial_delay;
        self
    }

    /// On one server or on each.
    #[must_use]
    pub fn scope(mut self, scope: TaskScope) -> Self {
        self.scope = scope;
        self
    }

    fn new(frequency: Frequency, timeout: Duration) -> Self {
        Self { frequency, timeout, initial_delay: Duration::ZERO, scope: TaskScope::Global }
    }
}

impl CronExpression {
    /// Reads an expression.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
        let cron = parser.parse(text).map_err(|error| CronError(error.to_string()))?;
        Ok(Self { text: text.to_owned(), cron: Arc::new(cron) })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The first time after this one; `None` if there is none, as for 30 February.
    pub fn next_after(&self, time: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&time.to_zoned(zone.clone()), false);
        next.ok().map(|next| next.timestamp())
    }
}

impl PartialEq for CronExpression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for CronExpression {}

impl fmt::Debug for CronExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.text)
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object with \"frequency\" and \"timeout\"")]
struct WrittenSchedule {
    frequency: Frequency,
    timeout: ConfigDuration,
    initial_delay: Option<ConfigDuration>,
    #[serde(default)]
    scope: TaskScope,
}

impl<'de> Deserialize<'de> for TaskSchedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = WrittenSchedule::deserialize(deserializer)?;
        Ok(Self {
            frequency: written.frequency,
            timeout: written.timeout.get(),
            initial_delay: written.initial_delay.map(ConfigDuration::get).unwrap_or_default(),
            scope: written.scope,
        })
    }
}

impl<'de> Deserialize<'de> for Frequency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FrequencyVisitor)
    }
}

const FREQUENCY: &str =
    "a duration such as 30m, PT5M or { minutes: 30 }, { cron: \"0 * * * *\" } or { trigger: manual }";

struct FrequencyVisitor;

impl<'de> Visitor<'de> for FrequencyVisitor {
    type Value = Frequency;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(FREQUENCY)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Frequency, E> {
        let duration = ConfigDuration::parse(text).map_err(E::custom)?;
        Ok(Frequency::Every(duration.get()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Frequency, A::Error> {
        let mut written = Map::new();
        while let Some((key, value)) = entries.next_entry::<String, Value>()? {
            written.insert(key, value);
        }
        let text = |key: &str| written.get(key).map(|value| value.as_str().unwrap_or_default());
        match (text("cron"), text("trigger")) {
            (Some(cron), None) if written.len() == 1 => {
                CronExpression::parse(cron).map(Frequency::Cron).map_err(A::Error::custom)
            }
            (None, Some("manual")) if written.len() == 1 => Ok(Frequency::Manual),
            (None, None) => ConfigDuration::deserialize(Value::Object(written))
                .map(|duration| Frequency::Every(duration.get()))
                .map_err(A::Error::custom),
            _ => Err(A::Error::custom(format!("expected {FREQUENCY}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schedules_are_read_as_backstage_writes_them() {
        let minute = Duration::from_mins(1);
        let every = |frequency: Value| json!({ "frequency": frequency, "timeout": { "minutes": 1 } });
        let read = |value: Value| serde_json::from_value::<TaskSchedule>(value).unwrap();
        for frequency in [json!({ "minutes": 1 }), json!("PT1M"), json!("1m"), json!("60 seconds")] {
            assert_eq!(read(every(frequency)), TaskSchedule::every(minute, minute));
        }
        assert_eq!(read(every(json!({ "trigger": "manual" }))), TaskSchedule::manual(minute));
        let cron = TaskSchedule::cron("*/5 * * * *", minute).unwrap();
        assert_eq!(read(every(json!({ "cron": "*/5 * * * *" }))), cron);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            json!({ "timeout": "1m" }),
            json!({ "frequency": "1m" }),
            json!({ "frequency": 5, "timeout": "1m" }),
            json!({ "frequency": "often", "timeout": "1m" }),
            json!({ "frequency": { "minute": 1 }, "timeout": "1m" }),
            json!({ "frequency": { "cron": "often" }, "timeout": "1m" }),
            json!({ "frequency": { "cron": "* * * * *", "minutes": 1 }, "timeout": "1m" }),
            json!({ "frequency": { "trigger": "often" }, "timeout": "1m" }),
            json!({ "frequency": "1m", "timeout": "1m", "scope": "universal" }),
        ];
        let errors: Vec<String> = cases
            .into_iter()
            .map(|case| serde_json::from_value::<TaskSchedule>(case).unwrap_err().to_string())
            .collect();
        insta::assert_snapshot!(errors.join("\n"));
    }

    #[test]
    fn cron_follows_the_clock_on_the_wall() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let next = |expression: &str, time: &str| {
            let cron = CronExpression::parse(expression).unwrap();
            cron.next_after(time.parse().unwrap(), &zone).map(|time| time.to_string())
        };
        assert_eq!(next("0 3 * * *", "2030-01-01T02:00:00Z").unwrap(), "2030-01-02T02:00:00Z");
        assert_eq!(next("0 3 * * *", "2030-07-01T00:59:59Z").unwrap(), "2030-07-01T01:00:00Z");
        assert_eq!(next("30 0 3 * * *", "2030-07-01T00:59:59Z").unwrap(), "2030-07-01T01:00:30Z");
        assert_eq!(next("0 0 30 2 *", "2030-01-01T00:00:00Z"), None);
    }
}
