//! Numbers as JavaScript has them: every one is a 64-bit float, and prints without a fraction if it has
//! none.

use serde_json::{Number, Value};

/// First integer at which floats no longer hold every integer: 2^53.
const FIRST_INEXACT: f64 = 9_007_199_254_740_992.0;

/// The JSON value of a number: `null` for what JSON cannot say.
pub(crate) fn to_json(number: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "integral and below 2^53, so exact")]
    if number.fract() == 0.0 && number.abs() < FIRST_INEXACT {
        return Value::from(number as i64);
    }
    if number.fract() == 0.0 {
        // Above 2^53 the shortest digits that name the float, then zeros: what JavaScript prints.
        let digits = number.to_string();
        if let Ok(integer) = digits.parse::<i64>() {
            return Value::from(integer);
        }
        if let Ok(integer) = digits.parse::<u64>() {
            return Value::from(integer);
        }
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

/// The text of a number as a key: `String(number)` in JavaScript.
pub(crate) fn to_key(number: f64) -> String {
    ryu_js::Buffer::new().format(number).to_owned()
}

/// The value of digits in base 8 or 16, rounded once, however many there are.
///
/// `bits` is the number of bits of one digit. Characters that are no digits count as 0; callers have
/// looked.
pub(crate) fn from_power_of_two(digits: &str, bits: u32) -> f64 {
    let mut head: u128 = 0;
    let mut dropped_bits: i32 = 0;
    for digit in digits.chars().map(|digit| u128::from(digit.to_digit(1 << bits).unwrap_or(0))) {
        if head >> (127 - bits) == 0 {
            head = head << bits | digit;
        } else {
            // Far more bits are kept than a float has: the rest only decides a tie.
            head |= u128::from(digit != 0);
            dropped_bits = dropped_bits.saturating_add(bits.cast_signed());
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "rounding to a float is what is wanted")]
    let rounded = head as f64;
    rounded * 2_f64.powi(dropped_bits)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(0.0, "0")]
    #[case(-0.0, "0")]
    #[case(1000.0, "1000")]
    #[case(-0.5, "-0.5")]
    #[case(9_007_199_254_740_992.0, "9007199254740992")]
    #[case(1_152_921_504_606_846_976.0, "1152921504606847000")]
    #[case(-1_152_921_504_606_846_976.0, "-1152921504606847000")]
    #[case(18_446_744_073_709_549_568.0, "18446744073709550000")]
    #[case(f64::NAN, "null")]
    #[case(f64::INFINITY, "null")]
    fn prints_as_javascript(#[case] number: f64, #[case] expected: &str) {
        assert_eq!(to_json(number).to_string(), expected);
    }

    #[rstest]
    #[case(-0.0, "0")]
    #[case(1.5, "1.5")]
    #[case(1e21, "1e+21")]
    #[case(1e-7, "1e-7")]
    #[case(f64::NAN, "NaN")]
    #[case(f64::NEG_INFINITY, "-Infinity")]
    fn key_text_is_javascript(#[case] number: f64, #[case] expected: &str) {
        assert_eq!(to_key(number), expected);
    }

    #[rstest]
    #[case("17", 3, 15.0)]
    #[case("1F", 4, 31.0)]
    #[case("20000000000001", 4, 9_007_199_254_740_992.0)]
    #[case("20000000000003", 4, 9_007_199_254_740_996.0)]
    fn based_integers(#[case] digits: &str, #[case] bits: u32, #[case] expected: f64) {
        assert_eq!(from_power_of_two(digits, bits).to_bits(), expected.to_bits());
    }

    #[test]
    fn based_integers_of_any_length() {
        assert_eq!(from_power_of_two(&"f".repeat(255), 4).to_bits(), 2_f64.powi(1020).to_bits());
        assert!(from_power_of_two(&"f".repeat(100_000), 4).is_infinite());
        // Just above a tie far down: the last digit decides.
        let above_tie = format!("20000000000001{}1", "0".repeat(100));
        assert_eq!(
            from_power_of_two(&above_tie, 4).to_bits(),
            (9_007_199_254_740_994.0 * 2_f64.powi(404)).to_bits()
        );
    }
}
