use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

/// The hash of a document's canonical JSON. Two documents with one hash count as the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct DocumentHash([u8; 16]);

impl DocumentHash {
    /// A hash from its bytes. The store only compares; which function made it is the engine's choice, so long
    /// as it stays the same for as long as the database lives.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for DocumentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A JSON document as bytes, with the hash of its content.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// UTF-8 JSON, uncompressed, in the key order that clients are to see.
    pub json: Arc<[u8]>,
    /// The hash of its content, independent of key order.
    pub hash: DocumentHash,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({:?}, {})", self.hash, String::from_utf8_lossy(&self.json))
    }
}

/// What `metadata.uid` shows: given when an entity first gets a claim, gone when it is deleted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(Uuid);

impl Uid {
    /// A new random one.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }

    /// A new one for an entity: no less than those that this process gave before. So neighbours in time are neighbours in
    /// every index of uids, which is cheaper to add to than one in which each new entry is somewhere else.
    pub fn successive() -> Self {
        Self(Uuid::now_v7())
    }

    /// From the 16 bytes that a database keeps.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// From text, if it has the form of a UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
