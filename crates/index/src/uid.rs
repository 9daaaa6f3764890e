//! The uids of entities, in few bytes.

use std::cmp::Ordering;

use uuid::Uuid;
use uuid::fmt::Hyphenated;

/// A uid. It compares as its text does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Uid {
    /// One that is written as UUIDs usually are: what the store gives.
    Uuid([u8; 16]),
    /// Any other text.
    Text(Box<str>),
}

/// Where the text of a UUID is written to.
pub(crate) type UidBuffer = [u8; Hyphenated::LENGTH];

/// To make a [`UidBuffer`] of.
pub(crate) const UID_BUFFER: UidBuffer = [0; Hyphenated::LENGTH];

impl Uid {
    /// The text, which is in the buffer if it is not kept as text.
    pub(crate) fn text<'a>(&'a self, buffer: &'a mut UidBuffer) -> &'a str {
        match self {
            Self::Uuid(bytes) => Uuid::from_bytes(*bytes).as_hyphenated().encode_lower(buffer),
            Self::Text(text) => text,
        }
    }

    /// The first bytes as a number, if it is a UUID. In the order of such uids, and tells also those apart that were made
    /// at about the same time.
    pub(crate) fn uuid_head(&self) -> Option<u64> {
        match self {
            Self::Uuid([b0, b1, b2, b3, b4, b5, b6, b7, ..]) => {
                Some(u64::from_be_bytes([*b0, *b1, *b2, *b3, *b4, *b5, *b6, *b7]))
            }
            Self::Text(_) => None,
        }
    }

    /// The first bytes of the text as a number, in the order of all uids.
    pub(crate) fn text_head(&self) -> u64 {
        let mut buffer = UID_BUFFER;
        let text = self.text(&mut buffer).as_bytes();
        let mut bytes = [0; 8];
        let length = text.len().min(bytes.len());
        bytes[..length].copy_from_slice(&text[..length]);
        u64::from_be_bytes(bytes)
    }

    /// Memory behind the enum itself, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Uuid(_) => 0,
            Self::Text(text) => text.len(),
        }
    }
}

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        let is_usual = |uuid: &Uuid| uuid.as_hyphenated().encode_lower(&mut { UID_BUFFER }) == text;
        match Uuid::try_parse(text).ok().filter(is_usual) {
            Some(uuid) => Self::Uuid(uuid.into_bytes()),
            None => Self::Text(text.into()),
        }
    }
}

impl Ord for Uid {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            // The digits of each byte are at the same place in every text, and digits are sorted as their values are.
            (Self::Uuid(left), Self::Uuid(right)) => left.cmp(right),
            _ => self.text(&mut { UID_BUFFER }).cmp(other.text(&mut { UID_BUFFER })),
        }
    }
}

impl PartialOrd for Uid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts() -> impl Strategy<Value = String> {
        let uuid = any::<u128>().prop_map(|number| Uuid::from_u128(number).to_string());
        prop_oneof![
            uuid.clone(),
            uuid.prop_map(|text| text.to_uppercase()),
            "[0-9a-f]{32}",
            "[0-9a-f]{0,3}-?z?",
        ]
    }

    proptest! {
        #[test]
        fn uids_are_what_their_texts_are(left in texts(), right in texts()) {
            let (left_uid, right_uid) = (Uid::from(left.as_str()), Uid::from(right.as_str()));
            let mut buffer = UID_BUFFER;
            prop_assert_eq!(left_uid.text(&mut buffer), &left);
            prop_assert_eq!(left_uid.cmp(&right_uid), left.cmp(&right));
            prop_assert_eq!(left_uid == right_uid, left == right);
            if left_uid.text_head() < right_uid.text_head() {
                prop_assert!(left_uid < right_uid);
            }
            let heads = left_uid.uuid_head().zip(right_uid.uuid_head());
            if heads.is_some_and(|(left, right)| left < right) {
                prop_assert!(left_uid < right_uid);
            }
        }
    }
}
