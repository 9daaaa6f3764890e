//! Documents as they lie on disk: compressed with a dictionary, since most of a descriptor is what every
//! descriptor says.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::{Arc, LazyLock};

use callboard_store::{Result, StoreError};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// First byte of a stored body: how the rest is to be read. Released formats stay readable for ever.
const PLAIN: u8 = 0;
const ZSTD_WITH_DICTIONARY_1: u8 = 1;

/// Texts are not coded by the frequency of their letters: the tables for that cost a third of the time of compressing
/// bodies as small as these, and half of that of reading them, for an eighth of their size.
const LEVEL: i32 = -1;

/// No document is larger, so a damaged length cannot exhaust memory.
const MAX_BODY_BYTES: usize = 1 << 30;

/// What descriptors have in common, the most frequent last. Changing a byte makes a new format.
const DICTIONARY_1: &[u8] = include_bytes!("dictionary_1.json");

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY_1, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(DICTIONARY_1));

thread_local! {
    // Contexts are large and slow to make; bodies are small and many.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A document as it is stored.
pub fn compress(json: &[u8]) -> Vec<u8> {
    let compressed = COMPRESSOR.with_borrow_mut(|slot| {
        if slot.is_none() {
            *slot = Compressor::with_prepared_dictionary(&ENCODER).ok();
        }
        slot.as_mut().and_then(|compressor| compressor.compress(json).ok())
    });
    // The length leads, so that reading allocates once.
    let length = u32::try_from(json.len()).unwrap_or(u32::MAX);
    match compressed {
        Some(compressed) if compressed.len() < json.len() => {
            let mut body = Vec::with_capacity(compressed.len() + 5);
            body.push(ZSTD_WITH_DICTIONARY_1);
            body.extend_from_slice(&length.to_le_bytes());
            body.extend_from_slice(&compressed);
            body
        }
        _ => {
            let mut body = Vec::with_capacity(json.len() + 1);
            body.push(PLAIN);
            body.extend_from_slice(json);
            body
        }
    }
}

/// A stored document as JSON.
///
/// # Errors
///
/// [`StoreError::Corrupt`]: these are not bytes that [`compress`] gave.
pub fn decompress(body: &[u8]) -> Result<Arc<[u8]>> {
    Ok(expand(body)?.into())
}

fn expand(body: &[u8]) -> Result<Cow<'_, [u8]>> {
    let corrupt = |what: &str| StoreError::Corrupt(format!("a stored document {what}"));
    match body.split_first() {
        Some((&PLAIN, json)) => Ok(json.into()),
        Some((&ZSTD_WITH_DICTIONARY_1, rest)) => {
            let (length, compressed) = rest.split_at_checked(4).ok_or_else(|| corrupt("is cut short"))?;
            let length = length.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            if length > MAX_BODY_BYTES {
                return Err(corrupt("has an impossible length"));
            }
            DECOMPRESSOR.with_borrow_mut(|slot| {
                if slot.is_none() {
                    *slot = Decompressor::with_prepared_dictionary(&DECODER).ok();
                }
                let json =
                    slot.as_mut().and_then(|decompressor| decompressor.decompress(compressed, length).ok());
                json.map(Cow::from).ok_or_else(|| corrupt("does not decompress"))
            })
        }
        Some((format, _)) => {
            Err(corrupt(&format!("has the unknown format {format}: a newer version wrote it")))
        }
        None => Err(corrupt("is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_back_byte_for_byte() {
        let long = "{\"a\":[".to_string() + &"1,".repeat(100_000) + "1]}";
        for json in ["", "{}", r#"{"kind":"Component","metadata":{"name":"a"}}"#, &long] {
            assert_eq!(&*decompress(&compress(json.as_bytes())).unwrap(), json.as_bytes());
        }
    }

    #[test]
    fn descriptors_shrink_to_a_fraction() {
        let json = r#"{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{"annotations":{"backstage.io/managed-by-location":"url:https://example.com/a.yaml","backstage.io/managed-by-origin-location":"url:https://example.com/a.yaml"},"name":"playlist-mixer"},"spec":{"type":"service","lifecycle":"production","owner":"group:default/sound"}}"#;
        let body = compress(json.as_bytes());
        assert!(body.len() * 3 < json.len(), "{} of {} bytes", body.len(), json.len());
    }

    #[test]
    fn damage_is_an_error() {
        for body in [&b""[..], b"\x01", b"\x01\xff\xff\xff\xffabc", b"\x01\x03\0\0\0abc", b"\x07abc"] {
            assert!(decompress(body).is_err(), "{body:?}");
        }
    }
}
