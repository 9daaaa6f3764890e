//! Keys that replace each other, published where all nodes can see them.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::clock::is_within;
use crate::error::IssueError;
use crate::signing_key::SigningKey;

/// How long tokens are signed with one key.
const ROTATION: SignedDuration = SignedDuration::from_hours(1);
/// How long a key is published: until its last token has expired everywhere, whatever the clocks say.
const PUBLICATION: SignedDuration = SignedDuration::from_hours(3);

/// A public key as it is kept where all nodes see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKeyRecord {
    /// The `kid` of the tokens that it verifies.
    pub id: String,
    /// The key as a JWK, in JSON.
    pub jwk: String,
    /// From when on nobody needs it any more.
    pub expires_at: Timestamp,
}

/// Where the public keys of all nodes are kept. What is there outlives the process.
#[async_trait]
pub trait KeyLedger: Send + Sync {
    /// Puts a key in. When this returns, all nodes see it.
    ///
    /// # Errors
    ///
    /// It cannot be kept; nothing may be signed with its private half then.
    async fn add(&self, key: PublicKeyRecord, now: Timestamp) -> Result<(), LedgerError>;

    /// The keys that have not expired.
    ///
    /// # Errors
    ///
    /// They cannot be had at the moment.
    async fn keys(&self, now: Timestamp) -> Result<Vec<PublicKeyRecord>, LedgerError>;
}

/// The place where public keys are kept does not answer.
#[derive(Debug, Clone, Error)]
#[error("the public keys cannot be reached")]
pub struct LedgerError(#[source] Arc<dyn std::error::Error + Send + Sync>);

impl LedgerError {
    /// With the reason.
    pub fn new(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(cause))
    }
}

/// Keeps public keys in memory, for one process that nobody has to know again.
#[derive(Debug, Default)]
pub struct MemoryLedger(Mutex<Vec<PublicKeyRecord>>);

#[async_trait]
impl KeyLedger for MemoryLedger {
    async fn add(&self, key: PublicKeyRecord, now: Timestamp) -> Result<(), LedgerError> {
        let mut keys = self.0.lock();
        keys.retain(|key| now < key.expires_at);
        keys.push(key);
        Ok(())
    }

    async fn keys(&self, now: Timestamp) -> Result<Vec<PublicKeyRecord>, LedgerError> {
        Ok(self.0.lock().iter().filter(|key| now < key.expires_at).cloned().collect())
    }
}

/// The key of this process, made when it is needed.
pub(crate) struct RotatingKeys {
    ledger: Arc<dyn KeyLedger>,
    current: Mutex<Option<Current>>,
    /// One key is made at a time, however many tokens wait for it.
    making: Semaphore,
}

#[derive(Clone)]
struct Current {
    key: SigningKey,
    made_at: Timestamp,
}

impl RotatingKeys {
    pub(crate) fn new(ledger: Arc<dyn KeyLedger>) -> Self {
        Self { ledger, current: Mutex::default(), making: Semaphore::new(1) }
    }

    /// The key to sign with now; a new one if the last has served its time. It is published before it is used.
    pub(crate) async fn current(&self, now: Timestamp) -> Result<SigningKey, IssueError> {
        if let Some(key) = self.still_good(now) {
            return Ok(key);
        }
        // It is never closed.
        let _permit = self.making.acquire().await;
        if let Some(key) = self.still_good(now) {
            return Ok(key);
        }
        let key = SigningKey::generate().map_err(IssueError::Signing)?;
        let record = PublicKeyRecord {
            id: key.id.clone(),
            jwk: key.public.to_string(),
            expires_at: now.saturating_add(PUBLICATION).unwrap_or(Timestamp::MAX),
        };
        self.ledger.add(record, now).await?;
        *self.current.lock() = Some(Current { key: key.clone(), made_at: now });
        Ok(key)
    }

    /// The public keys of all nodes. One that cannot be read is left out: the others are good all the same.
    pub(crate) async fn published(&self, now: Timestamp) -> Result<Vec<Value>, LedgerError> {
        let keys = self.ledger.keys(now).await?;
        let parsed = keys.iter().filter_map(|key| match serde_json::from_str(&key.jwk) {
            Ok(jwk) => Some(jwk),
            Err(error) => {
                tracing::warn!(key.id, %error, "a public key that is kept is no key");
                None
            }
        });
        Ok(parsed.collect())
    }

    fn still_good(&self, now: Timestamp) -> Option<SigningKey> {
        let current = self.current.lock();
        current.as_ref().filter(|current| is_within(ROTATION, current.made_at, now)).map(|it| it.key.clone())
    }
}
