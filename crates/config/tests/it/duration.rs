//! Durations in their three forms.

use std::time::Duration;

use callboard_config::{Config, ConfigDuration};
use rstest::rstest;
use serde_json::{Value, json};

const DAY: u64 = 24 * 60 * 60;

fn read(value: Value) -> Result<Duration, String> {
    let config = Config::from_value(&json!({ "after": value }));
    config.section::<ConfigDuration>("after").map(ConfigDuration::get).map_err(|error| error.to_string())
}

#[rstest]
#[case::one_unit(json!({ "seconds": 2 }), Duration::from_secs(2))]
#[case::several_units(json!({ "minutes": 1, "seconds": 30 }), Duration::from_secs(90))]
#[case::years_and_months(json!({ "years": 1, "months": 1 }), Duration::from_secs(395 * DAY))]
#[case::weeks_and_days(json!({ "weeks": 1, "days": 1 }), Duration::from_secs(8 * DAY))]
#[case::hours(json!({ "hours": 2 }), Duration::from_secs(7200))]
#[case::milliseconds(json!({ "milliseconds": 1500 }), Duration::from_millis(1500))]
#[case::fraction(json!({ "minutes": 0.5 }), Duration::from_secs(30))]
#[case::number_as_text(json!({ "seconds": "5" }), Duration::from_secs(5))]
#[case::zero(json!({ "seconds": 0 }), Duration::ZERO)]
#[case::iso_time(json!("PT5M"), Duration::from_secs(300))]
#[case::iso_date_and_time(json!("P2DT6H"), Duration::from_secs(2 * DAY + 6 * 3600))]
#[case::iso_year(json!("P1Y1M1W1D"), Duration::from_secs((365 + 30 + 7 + 1) * DAY))]
#[case::iso_fraction(json!("PT0.5S"), Duration::from_millis(500))]
#[case::iso_zero(json!("PT0S"), Duration::ZERO)]
#[case::short(json!("30m"), Duration::from_secs(1800))]
#[case::long(json!("2 seconds"), Duration::from_secs(2))]
#[case::surrounded(json!(" 1d "), Duration::from_secs(DAY))]
#[case::any_case(json!("1 Hour"), Duration::from_secs(3600))]
#[case::decimal(json!("1.5h"), Duration::from_secs(5400))]
#[case::leading_point(json!(".5s"), Duration::from_millis(500))]
#[case::milliseconds_unit(json!("250 ms"), Duration::from_millis(250))]
#[case::week(json!("1w"), Duration::from_secs(7 * DAY))]
#[case::year(json!("1y"), Duration::from_secs(365 * DAY))]
#[case::zero_with_unit(json!("0s"), Duration::ZERO)]
fn reads(#[case] value: Value, #[case] expected: Duration) {
    assert_eq!(read(value), Ok(expected));
}

#[rstest]
#[case::no_unit(json!(30), "after: expected a duration with a unit, such as 30s, 5m or 2 hours, found the number 30")]
#[case::no_unit_in_text(json!("30"), r#"after: expected a duration with a unit, such as 30s, 5m or 2 hours, found the text "30""#)]
#[case::negative(json!("-5m"), r#"after: expected a duration that is not negative, found the text "-5m""#)]
#[case::negative_part(json!({ "minutes": -5 }), "after.minutes: expected a number that is not negative, found the number -5")]
#[case::no_number(json!({ "minutes": "x" }), r#"after.minutes: expected a number that is not negative, found the text "x""#)]
#[case::empty(json!({}), "after: expected one or more of years, months, weeks, days, hours, minutes, seconds, milliseconds, found an object")]
#[case::unknown_part(
    json!({ "minute": 5 }),
    "after.minute: unknown unit; the units are years, months, weeks, days, hours, minutes, seconds, milliseconds"
)]
#[case::broken_iso(json!("P5"), r#"after: expected an ISO 8601 duration such as PT5M or P2DT6H, found the text "P5""#)]
#[case::negative_iso(json!("PT-5M"), r#"after: expected an ISO 8601 duration such as PT5M or P2DT6H, found the text "PT-5M""#)]
#[case::bare_p(json!("P"), r#"after: expected an ISO 8601 duration such as PT5M or P2DT6H, found the text "P""#)]
#[case::words(json!("soon"), r#"after: expected a duration such as 30m, PT5M or { minutes: 30 }, found the text "soon""#)]
#[case::unknown_unit(json!("5 fortnights"), r#"after: expected a duration such as 30m, PT5M or { minutes: 30 }, found the text "5 fortnights""#)]
#[case::two_units(json!("1h 30m"), r#"after: expected a duration such as 30m, PT5M or { minutes: 30 }, found the text "1h 30m""#)]
#[case::list(json!([]), "after: expected a duration such as 30m, PT5M or { minutes: 30 }, found a list")]
#[case::boolean(json!(true), "after: expected a duration such as 30m, PT5M or { minutes: 30 }, found true")]
#[case::too_long(json!({ "years": 1e300 }), "after: expected a shorter duration, found an object")]
fn refuses(#[case] value: Value, #[case] expected: &str) {
    assert_eq!(read(value), Err(expected.to_owned()));
}
