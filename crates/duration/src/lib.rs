//! Durations in the three forms Backstage takes.
//!
//! Both the configuration and the extensions that read their own part of it need these, and neither needs the
//! other. This crate must not know what a duration is for. Start at [`ConfigDuration`].

use std::fmt;
use std::time::Duration;

use jiff::Span;
use jiff::fmt::temporal::SpanParser;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

/// A duration from the configuration.
///
/// Written as an object (`{ minutes: 30 }`), in ISO 8601 (`PT30M`), or as one number with a unit (`30m`,
/// `2 seconds`). Never negative; zero is allowed. A year counts as 365 days and a month as 30.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigDuration(Duration);

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// The text begins with `P` and is not ISO 8601.
    #[error("expected an ISO 8601 duration such as PT5M or P2DT6H")]
    Iso,
    /// A number without a unit. The author has to say what it counts.
    #[error("expected a duration with a unit, such as 30s, 5m or 2 hours")]
    NoUnit,
    /// Nothing of the sort.
    #[error("expected a duration such as 30m, PT5M or {{ minutes: 30 }}")]
    Unreadable,
    /// Less than zero, or not finite.
    #[error("expected a duration that is not negative")]
    Negative,
    /// More than the machine can count.
    #[error("expected a shorter duration")]
    TooLong,
}

impl ConfigDuration {
    /// Wraps a duration.
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// The duration itself.
    pub const fn get(self) -> Duration {
        self.0
    }

    /// Reads the text forms: ISO 8601 if it begins with `P`, else one number and a unit.
    ///
    /// # Errors
    ///
    /// If it is neither, has no unit, or is negative.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let text = text.trim();
        let duration = if text.starts_with('P') { parse_iso(text)? } else { parse_with_unit(text)? };
        Ok(Self(duration))
    }
}

impl From<ConfigDuration> for Duration {
    fn from(duration: ConfigDuration) -> Self {
        duration.0
    }
}

impl<'de> Deserialize<'de> for ConfigDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DurationVisitor { bare_milliseconds: false })
    }
}

/// As [`ConfigDuration`], and a bare number counts milliseconds: some older keys allow it.
///
/// # Errors
///
/// It is neither a duration nor a number.
pub fn duration_or_milliseconds<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ConfigDuration, D::Error> {
    deserializer.deserialize_any(DurationVisitor { bare_milliseconds: true })
}

/// As [`duration_or_milliseconds`], for keys that may be absent.
///
/// # Errors
///
/// It is neither a duration nor a number.
pub fn optional_duration_or_milliseconds<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ConfigDuration>, D::Error> {
    duration_or_milliseconds(deserializer).map(Some)
}

struct DurationVisitor {
    bare_milliseconds: bool,
}

impl<'de> Visitor<'de> for DurationVisitor {
    type Value = ConfigDuration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a duration such as 30m, PT5M or { minutes: 30 }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ConfigDuration, E> {
        ConfigDuration::parse(text).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ConfigDuration, E> {
        if self.bare_milliseconds {
            return Ok(ConfigDuration(Duration::from_millis(number)));
        }
        Err(E::custom(DurationError::NoUnit))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<ConfigDuration, E> {
        Err(E::custom(DurationError::NoUnit))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<ConfigDuration, E> {
        Err(E::custom(DurationError::NoUnit))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut parts: A) -> Result<ConfigDuration, A::Error> {
        let mut milliseconds = 0.0;
        let mut has_part = false;
        while let Some(name) = parts.next_key::<String>()? {
            has_part = true;
            match UNITS.iter().find(|(unit, _)| *unit == name) {
                Some((_, length)) => milliseconds += parts.next_value::<Amount>()?.0 * length,
                // Reading the value is what lets the error name the key.
                None => parts.next_value::<OfUnknownUnit>().map(|_| ())?,
            }
        }
        if !has_part {
            return Err(A::Error::custom(format!("expected one or more of {}", unit_names())));
        }
        from_milliseconds(milliseconds).map(ConfigDuration).map_err(A::Error::custom)
    }
}

/// The keys of the object form, in milliseconds.
const UNITS: [(&str, f64); 8] = [
    ("years", 365.0 * DAY),
    ("months", 30.0 * DAY),
    ("weeks", WEEK),
    ("days", DAY),
    ("hours", HOUR),
    ("minutes", MINUTE),
    ("seconds", SECOND),
    ("milliseconds", 1.0),
];

fn unit_names() -> String {
    UNITS.map(|(name, _)| name).join(", ")
}

/// The value of a key that is no unit.
struct OfUnknownUnit;

impl<'de> Deserialize<'de> for OfUnknownUnit {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(format!("unknown unit; the units are {}", unit_names())))
    }
}

/// A number of the object form, also as text; fractions are allowed.
struct Amount(f64);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a number that is not negative")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Amount, E> {
        if !number.is_finite() || number < 0.0 {
            return Err(E::custom("expected a number that is not negative"));
        }
        Ok(Amount(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Amount, E> {
        match text.trim().parse() {
            Ok(number) => self.visit_f64(number),
            Err(_) => Err(E::custom("expected a number that is not negative")),
        }
    }
}

const SECOND: f64 = 1_000.0;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
const WEEK: f64 = 7.0 * DAY;
/// A year as the number-and-unit form counts it.
const JULIAN_YEAR: f64 = 365.25 * DAY;

fn parse_iso(text: &str) -> Result<Duration, DurationError> {
    let span: Span = SpanParser::new().parse_span(text).map_err(|_| DurationError::Iso)?;
    if span.is_negative() {
        return Err(DurationError::Negative);
    }
    let days = i64::from(span.get_years()) * 365
        + i64::from(span.get_months()) * 30
        + i64::from(span.get_weeks()) * 7
        + i64::from(span.get_days());
    let whole_hours = days * 24 + i64::from(span.get_hours());
    let nanoseconds = i128::from(whole_hours) * 3_600_000_000_000
        + i128::from(span.get_minutes()) * 60_000_000_000
        + i128::from(span.get_seconds()) * 1_000_000_000
        + i128::from(span.get_milliseconds()) * 1_000_000
        + i128::from(span.get_microseconds()) * 1_000
        + i128::from(span.get_nanoseconds());
    let seconds = u64::try_from(nanoseconds / 1_000_000_000).map_err(|_| DurationError::TooLong)?;
    let rest = u32::try_from(nanoseconds % 1_000_000_000).map_err(|_| DurationError::TooLong)?;
    Ok(Duration::new(seconds, rest))
}

fn parse_with_unit(text: &str) -> Result<Duration, DurationError> {
    let number_end = text.find(|character: char| !"-.0123456789".contains(character)).unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    // Rust reads "1." and JavaScript's `ms` does not.
    if number.ends_with('.') {
        return Err(DurationError::Unreadable);
    }
    let number: f64 = number.parse().map_err(|_| DurationError::Unreadable)?;
    let unit = match unit.trim_start_matches(' ').to_ascii_lowercase().as_str() {
        "" => return Err(DurationError::NoUnit),
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        "h" | "hr" | "hrs" | "hour" | "hours" => HOUR,
        "d" | "day" | "days" => DAY,
        "w" | "week" | "weeks" => WEEK,
        "y" | "yr" | "yrs" | "year" | "years" => JULIAN_YEAR,
        _ => return Err(DurationError::Unreadable),
    };
    let milliseconds = number * unit;
    // Backstage splits the sum into units again, and there a year has 365 days.
    let whole_years = (milliseconds / JULIAN_YEAR).floor();
    from_milliseconds(milliseconds - whole_years.max(0.0) * 0.25 * DAY)
}

fn from_milliseconds(milliseconds: f64) -> Result<Duration, DurationError> {
    if milliseconds < 0.0 || milliseconds.is_nan() {
        return Err(DurationError::Negative);
    }
    Duration::try_from_secs_f64(milliseconds / 1_000.0).map_err(|_| DurationError::TooLong)
}
