//! Hashes and ids as the database keeps them: as UUIDs, which are 16 bytes and nothing else.

use callboard_store::{DocumentHash, Uid};
use uuid::Uuid;

/// The hash by which a text is found.
pub(crate) fn text_hash(text: &str) -> Uuid {
    hash_of(&[text])
}

/// The hash of several texts in order.
pub(crate) fn hash_of(texts: &[&str]) -> Uuid {
    let mut hasher = blake3::Hasher::new();
    for text in texts {
        hasher.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    Uuid::from_bytes(bytes)
}

pub(crate) fn stored_hash(hash: &DocumentHash) -> Uuid {
    Uuid::from_bytes(*hash.as_bytes())
}

pub(crate) fn document_hash(stored: Uuid) -> DocumentHash {
    DocumentHash::new(stored.into_bytes())
}

pub(crate) fn stored_uid(uid: Uid) -> Uuid {
    Uuid::from_bytes(*uid.as_bytes())
}

pub(crate) fn uid(stored: Uuid) -> Uid {
    Uid::from_bytes(stored.into_bytes())
}
