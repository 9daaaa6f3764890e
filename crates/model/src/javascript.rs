//! Where JavaScript and Rust disagree about text, and clients can see the difference.

use std::cmp::Ordering;

/// Compares by UTF-16 code units, which is how JavaScript sorts strings.
///
/// Differs from Rust's order only when one side has a character above U+FFFF where the other has one in
/// U+E000..=U+FFFF: the former is written with surrogates (U+D800..=U+DFFF) and so comes first.
///
/// ```
/// use callboard_model::javascript::compare_strings;
///
/// assert!(compare_strings("a", "b").is_lt());
/// assert!(compare_strings("😀", "\u{fffd}").is_lt());
/// ```
pub fn compare_strings(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let first_difference = left.iter().zip(right).find(|(left_byte, right_byte)| left_byte != right_byte);
    match first_difference {
        None => left.len().cmp(&right.len()),
        Some((0xf0.., 0xee | 0xef)) => Ordering::Less,
        Some((0xee | 0xef, 0xf0..)) => Ordering::Greater,
        Some((left_byte, right_byte)) => left_byte.cmp(right_byte),
    }
}

/// Removes what `String.prototype.trim` removes: unlike [`str::trim`] also U+FEFF, but not U+0085.
pub fn trim(text: &str) -> &str {
    text.trim_matches(|character: char| {
        character == '\u{feff}' || (character.is_whitespace() && character != '\u{85}')
    })
}

/// Appends the lower-cased text. Both languages follow Unicode here, so this is about speed alone.
pub(crate) fn push_lower_case(text: &str, output: &mut String) {
    if text.is_ascii() {
        output.extend(text.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
    } else {
        output.push_str(&text.to_lowercase());
    }
}
