//! Whole numbers in query strings, in every spelling that JavaScript's `Number` reads.

use callboard_model::javascript;

/// A number without a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WholeNumber {
    /// Zero or more; what is too large for a `usize` is its maximum.
    Natural(usize),
    /// Less than zero.
    Negative,
}

/// Reads `5`, `1e1`, ` 1`, `+5` or `0x1f`. None if it is no number, or has a fraction.
pub(super) fn parse_whole_number(text: &str) -> Option<WholeNumber> {
    let trimmed = javascript::trim(text);
    if trimmed.is_empty() {
        return Some(WholeNumber::Natural(0));
    }
    let radix = match trimmed.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => Some(16),
        Some("0o") => Some(8),
        Some("0b") => Some(2),
        _ => None,
    };
    if let Some(radix) = radix {
        let digits = &trimmed[2..];
        let all_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        return all_digits
            .then(|| WholeNumber::Natural(usize::from_str_radix(digits, radix).unwrap_or(usize::MAX)));
    }
    // Rust also reads words such as "inf", which JavaScript writes otherwise and no integer is.
    let is_decimal = trimmed.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if !is_decimal {
        return None;
    }
    let number: f64 = trimmed.parse().ok()?;
    let is_negative_whole = number < 0.0 && number.fract() == 0.0;
    if is_negative_whole {
        Some(WholeNumber::Negative)
    } else {
        whole_number(number).map(WholeNumber::Natural)
    }
}

/// A number of at least 0 without a fraction; what is too large for a `usize` is its maximum.
pub(crate) fn whole_number(number: f64) -> Option<usize> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float casts saturate, as wanted"
    )]
    (number >= 0.0 && number.fract() == 0.0).then_some(number as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let natural = |number| Some(WholeNumber::Natural(number));
        let cases = [
            ("0", natural(0)),
            ("20", natural(20)),
            ("1e1", natural(10)),
            (" 1", natural(1)),
            ("+5", natural(5)),
            ("5.0", natural(5)),
            ("0x10", natural(16)),
            ("0b11", natural(3)),
            (" ", natural(0)),
            ("1e30", natural(usize::MAX)),
            ("-0", natural(0)),
            ("-1", Some(WholeNumber::Negative)),
            ("1.5", None),
            ("abc", None),
            ("1a", None),
            ("inf", None),
            ("NaN", None),
            ("0x", None),
            ("0x+1", None),
            ("1_000", None),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_whole_number(text), expected, "{text:?}");
        }
    }
}
