use std::sync::{Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What a processor remembers of an entity from one run to the next.
///
/// A processor sees its own entries only; while reading a location, only those of that location. It reads what
/// the *previous* run left. As soon as it sets anything, what it set in this run replaces everything it had.
///
/// ```
/// use callboard_sdk::ProcessorCache;
///
/// let cache = ProcessorCache::default();
/// cache.set("v1", serde_json::json!(["an etag", 5]));
/// assert_eq!(cache.get("v1"), None);
///
/// let next_run = ProcessorCache::new(cache.into_state());
/// assert_eq!(next_run.get_as::<(String, u32)>("v1"), Some(("an etag".to_owned(), 5)));
/// assert_eq!(next_run.get_as::<bool>("v1"), None);
/// ```
#[derive(Debug, Default)]
pub struct ProcessorCache {
    previous: Map<String, Value>,
    next: Mutex<Option<Map<String, Value>>>,
}

impl ProcessorCache {
    /// A cache that holds what the previous run left.
    pub fn new(previous: Map<String, Value>) -> Self {
        Self { previous, next: Mutex::new(None) }
    }

    /// What the previous run set under this key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.previous.get(key)
    }

    /// The same, read into a type. What does not fit counts as not there: another version of the processor may have
    /// left it.
    pub fn get_as<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        T::deserialize(self.get(key)?).ok()
    }

    /// Remembers a value for the next run.
    pub fn set(&self, key: impl Into<String>, value: Value) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.get_or_insert_default().insert(key.into(), value);
    }

    /// Whether anything was set in this run.
    pub fn changed(&self) -> bool {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What the next run will see: what was set in this one, or else what was there before.
    pub fn into_state(self) -> Map<String, Value> {
        let next = self.next.into_inner().unwrap_or_else(PoisonError::into_inner);
        next.unwrap_or(self.previous)
    }
}
