//! JSON text as JavaScript writes it, and the hashes over it.
//!
//! Clients see these hashes and compare these bytes, so they must come out as `JSON.stringify` would write them:
//! above all numbers, which `serde_json` formats differently (`1.0` instead of `1`).

use serde_json::{Map, Number, Value};
use sha1::{Digest, Sha1};

use crate::javascript;

/// The canonical JSON text: members sorted by key in UTF-16 order, no white space.
pub fn canonical_json(value: &Value) -> Vec<u8> {
    let mut output = Vec::with_capacity(1024);
    write_canonical_json(value, &mut output);
    output
}

/// The hexadecimal SHA-1 of the canonical JSON text.
///
/// ```
/// use callboard_model::content_hash;
/// use serde_json::json;
///
/// assert_eq!(content_hash(&json!({ "a": 1, "b": 2.0 })), content_hash(&json!({ "b": 2, "a": 1 })));
/// ```
pub fn content_hash(value: &Value) -> String {
    sha1_hex(&canonical_json(value))
}

/// Appends the canonical JSON text, see [`canonical_json`].
pub fn write_canonical_json(value: &Value, output: &mut Vec<u8>) {
    write_value(value, KeyOrder::Sorted, output);
}

/// Appends the canonical JSON text of an object.
pub fn write_canonical_object(object: &Map<String, Value>, output: &mut Vec<u8>) {
    write_object(object, KeyOrder::Sorted, output);
}

/// The JSON text with members in the order they are stored in.
pub fn to_json_bytes(value: &Value) -> Vec<u8> {
    let mut output = Vec::with_capacity(1024);
    write_json(value, &mut output);
    output
}

/// Appends the JSON text with members in the order they are stored in.
pub fn write_json(value: &Value, output: &mut Vec<u8>) {
    write_value(value, KeyOrder::Stored, output);
}

/// Appends the JSON text of an object with members in the order they are stored in.
pub fn write_json_object(object: &Map<String, Value>, output: &mut Vec<u8>) {
    write_object(object, KeyOrder::Stored, output);
}

/// The SHA-1 of the bytes, as 40 lower-case hexadecimal digits.
pub fn sha1_hex(bytes: &[u8]) -> String {
    let mut hexadecimal = String::with_capacity(40);
    for byte in Sha1::digest(bytes) {
        hexadecimal.push(hexadecimal_digit(byte >> 4));
        hexadecimal.push(hexadecimal_digit(byte & 0xf));
    }
    hexadecimal
}

/// The number as JavaScript prints it.
///
/// ```
/// use callboard_model::js_number;
/// use serde_json::Number;
///
/// assert_eq!(Number::from_f64(1.0).map(|number| js_number(&number)), Some("1".to_owned()));
/// assert_eq!(js_number(&Number::from(12_345_678_901_234_567_890_u64)), "12345678901234567000");
/// ```
pub fn js_number(number: &Number) -> String {
    with_js_number(number, str::to_owned)
}

/// Appends the number as JavaScript prints it.
pub fn write_js_number(number: &Number, output: &mut Vec<u8>) {
    with_js_number(number, |text| output.extend_from_slice(text.as_bytes()));
}

/// Appends the text as a JSON string, quotes included.
pub fn write_json_string(text: &str, output: &mut Vec<u8>) {
    output.push(b'"');
    let mut unwritten = text.as_bytes();
    loop {
        let (plain, rest) = unwritten.split_at(plain_length(unwritten));
        output.extend_from_slice(plain);
        let Some((first, rest)) = rest.split_first() else { break };
        write_escape(*first, output);
        unwritten = rest;
    }
    output.push(b'"');
}

/// How many bytes there are before the first that needs an escape. Most texts have none, and are looked at some bytes
/// at a time.
fn plain_length(text: &[u8]) -> usize {
    const TOGETHER: usize = 16;
    let is_plain = |bytes: &&[u8]| !bytes.iter().fold(false, |found, byte| found | needs_escape(*byte));
    let plain = TOGETHER * text.chunks_exact(TOGETHER).take_while(is_plain).count();
    plain + text[plain..].iter().take_while(|byte| !needs_escape(**byte)).count()
}

/// The text as a JSON string, quotes included.
pub(crate) fn json_string(text: &str) -> String {
    Value::from(text).to_string()
}

#[derive(Clone, Copy)]
enum KeyOrder {
    Sorted,
    Stored,
}

fn write_value(value: &Value, order: KeyOrder, output: &mut Vec<u8>) {
    match value {
        Value::Null => output.extend_from_slice(b"null"),
        Value::Bool(true) => output.extend_from_slice(b"true"),
        Value::Bool(false) => output.extend_from_slice(b"false"),
        Value::Number(number) => write_js_number(number, output),
        Value::String(text) => write_json_string(text, output),
        Value::Array(items) => write_array(items, order, output),
        Value::Object(object) => write_object(object, order, output),
    }
}

fn write_array(items: &[Value], order: KeyOrder, output: &mut Vec<u8>) {
    output.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            output.push(b',');
        }
        write_value(item, order, output);
    }
    output.push(b']');
}

fn write_object(object: &Map<String, Value>, order: KeyOrder, output: &mut Vec<u8>) {
    let in_order = match order {
        KeyOrder::Stored => true,
        KeyOrder::Sorted => object.keys().is_sorted_by(|left, right| precedes(left, right)),
    };
    if in_order {
        return write_members(object.iter(), order, output);
    }
    let mut members: Vec<(&String, &Value)> = object.iter().collect();
    members.sort_unstable_by(|(left, _), (right, _)| javascript::compare_strings(left, right));
    write_members(members.into_iter(), order, output);
}

fn precedes(left: &str, right: &str) -> bool {
    javascript::compare_strings(left, right).is_lt()
}

fn write_members<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    order: KeyOrder,
    output: &mut Vec<u8>,
) {
    output.push(b'{');
    for (index, (key, value)) in members.enumerate() {
        if index > 0 {
            output.push(b',');
        }
        write_json_string(key, output);
        output.push(b':');
        write_value(value, order, output);
    }
    output.push(b'}');
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn write_escape(byte: u8, output: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            output.extend_from_slice(b"\\u00");
            output.push(hexadecimal_digit(byte >> 4) as u8);
            output.push(hexadecimal_digit(byte & 0xf) as u8);
            return;
        }
    };
    output.extend_from_slice(&[b'\\', short]);
}

fn hexadecimal_digit(value: u8) -> char {
    char::from(if value < 10 { b'0' + value } else { b'a' + value - 10 })
}

fn with_js_number<R>(number: &Number, use_text: impl FnOnce(&str) -> R) -> R {
    // All JavaScript numbers are doubles, so larger integers lose digits there.
    const LARGEST_EXACT_INTEGER: u64 = 1 << 53;

    if let Some(integer) = number.as_i64()
        && integer.unsigned_abs() <= LARGEST_EXACT_INTEGER
    {
        return use_text(&integer.to_string());
    }
    let double = number.as_f64().unwrap_or_default();
    use_text(ryu_js::Buffer::new().format(double))
}
