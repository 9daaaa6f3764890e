//! What processors remember of one entity, as it is stored: `{"ttl": 5, "cache": {processor: {…}}}`.

use std::sync::Arc;

use callboard_sdk::ProcessorCache;
use serde_json::{Map, Value, json};

/// How many failed runs in a row a cache outlives.
const FRESH_TTL: u64 = 5;
/// From so many bytes on, reading one takes more than a millisecond.
const LARGE: usize = 128 * 1024;

/// The caches of one run: one for each processor, and for readers one for each target.
#[derive(Default)]
pub(crate) struct RunCache {
    previous: Map<String, Value>,
    ttl: Option<u64>,
    processors: Vec<(usize, String, ProcessorCache)>,
    targets: Vec<(String, String, ProcessorCache)>,
}

/// What is to be stored after the run.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CacheChange {
    Keep,
    Replace(Vec<u8>),
    Clear,
}

impl RunCache {
    /// What the last run left. What cannot be read counts as nothing: a cache may always be lost.
    pub(crate) fn from_stored(stored: Option<&[u8]>) -> Self {
        let stored = stored.and_then(|bytes| serde_json::from_slice::<Map<String, Value>>(bytes).ok());
        let Some(mut stored) = stored else { return Self::default() };
        let ttl = stored.get("ttl").and_then(Value::as_u64);
        match stored.remove("cache") {
            Some(Value::Object(previous)) => Self { previous, ttl, ..Self::default() },
            _ => Self::default(),
        }
    }

    /// The same; a large one is read off the runtime's threads.
    pub(crate) async fn load(stored: Option<Arc<[u8]>>) -> Self {
        match stored {
            Some(stored) if stored.len() > LARGE => {
                tokio::task::spawn_blocking(move || Self::from_stored(Some(&stored)))
                    .await
                    .unwrap_or_default()
            }
            stored => Self::from_stored(stored.as_deref()),
        }
    }

    /// The cache of the processor at this place of the chain; one and the same for all its hooks.
    pub(crate) fn of_processor(&mut self, place: usize, name: &str) -> &ProcessorCache {
        let found = self.processors.iter().position(|(at, _, _)| *at == place);
        let index = found.unwrap_or_else(|| {
            let previous = self.previous.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
            self.processors.push((place, name.to_owned(), ProcessorCache::new(previous)));
            self.processors.len() - 1
        });
        &self.processors[index].2
    }

    /// The cache of a reader for one target; a target that is named twice has one each.
    pub(crate) fn of_target(&mut self, name: &str, target: &str) -> &ProcessorCache {
        // Taken out, not copied: what readers remember can be large. It is put back at the end.
        let previous = match self.previous.get_mut(name).and_then(|of_name| of_name.get_mut(target)) {
            Some(Value::Object(entries)) => std::mem::take(entries),
            _ => Map::new(),
        };
        self.targets.push((name.to_owned(), target.to_owned(), ProcessorCache::new(previous)));
        let last = self.targets.len() - 1;
        &self.targets[last].2
    }

    /// What is to be stored after a run that went well.
    pub(crate) fn after_success(self) -> CacheChange {
        let changed = self.processors.iter().any(|(_, _, cache)| cache.changed())
            || self.targets.iter().any(|(_, _, cache)| cache.changed());
        let worn = self.ttl.is_some_and(|ttl| ttl < FRESH_TTL);
        if !changed && !worn {
            return CacheChange::Keep;
        }
        let state = self.into_state();
        if state.is_empty() { CacheChange::Clear } else { CacheChange::Replace(stored(FRESH_TTL, state)) }
    }

    fn into_state(self) -> Map<String, Value> {
        let mut state = self.previous;
        for (_, name, cache) in self.processors {
            if cache.changed() {
                state.insert(name, Value::Object(cache.into_state()));
            }
        }
        for (name, target, cache) in self.targets {
            put(&mut state, &name, &target, cache.into_state());
        }
        state
    }
}

/// What is to be stored after a run that failed: what was there, for a limited number of times.
pub(crate) fn after_failure(stored_before: Option<&[u8]>) -> CacheChange {
    let RunCache { previous, ttl: Some(ttl), .. } = RunCache::from_stored(stored_before) else {
        return CacheChange::Keep;
    };
    match ttl.checked_sub(1) {
        Some(ttl) => CacheChange::Replace(stored(ttl, previous)),
        None => CacheChange::Clear,
    }
}

fn put(state: &mut Map<String, Value>, name: &str, target: &str, entries: Map<String, Value>) {
    if entries.is_empty() {
        return;
    }
    let of_name = state.entry(name).or_insert_with(|| json!({}));
    if let Some(of_name) = of_name.as_object_mut() {
        of_name.insert(target.to_owned(), Value::Object(entries));
    }
}

fn stored(ttl: u64, cache: Map<String, Value>) -> Vec<u8> {
    let cache = Value::Object(cache);
    format!(r#"{{"ttl":{ttl},"cache":{cache}}}"#).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::{CacheChange, RunCache, after_failure};
    use serde_json::json;

    const STORED: &str = r#"{"ttl":5,"cache":{"reader":{"t1":{"etag":"a"},"t2":{"etag":"b"}}}}"#;

    fn text(change: CacheChange) -> String {
        match change {
            CacheChange::Replace(bytes) => String::from_utf8(bytes).unwrap(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_run_that_sets_nothing_keeps_the_cache() {
        let mut cache = RunCache::from_stored(Some(STORED.as_bytes()));
        assert_eq!(cache.of_target("reader", "t1").get("etag"), Some(&json!("a")));
        assert!(cache.of_processor(0, "other").get("x").is_none());
        assert_eq!(cache.after_success(), CacheChange::Keep);
        assert_eq!(RunCache::from_stored(None).after_success(), CacheChange::Keep);
    }

    #[test]
    fn what_one_target_sets_replaces_its_part_only() {
        let mut cache = RunCache::from_stored(Some(STORED.as_bytes()));
        cache.of_target("reader", "t1").set("etag", json!("c"));
        cache.of_target("reader", "t3").set("etag", json!("d"));
        cache.of_processor(0, "own").set("x", json!(1));
        assert!(cache.of_processor(0, "own").get("x").is_none(), "only the next run sees it");
        insta::assert_snapshot!(
            text(cache.after_success()),
            @r#"{"ttl":5,"cache":{"reader":{"t1":{"etag":"c"},"t2":{"etag":"b"},"t3":{"etag":"d"}},"own":{"x":1}}}"#
        );
    }

    #[test]
    fn a_cache_outlives_five_failures() {
        let mut stored = STORED.to_owned();
        for ttl in [4, 3, 2, 1, 0] {
            stored = text(after_failure(Some(stored.as_bytes())));
            assert!(stored.starts_with(&format!("{{\"ttl\":{ttl},")), "{stored}");
        }
        assert_eq!(after_failure(Some(stored.as_bytes())), CacheChange::Clear);
        assert_eq!(after_failure(None), CacheChange::Keep);
    }

    #[test]
    fn a_good_run_gives_a_worn_cache_its_time_back() {
        let worn = text(after_failure(Some(STORED.as_bytes())));
        let cache = RunCache::from_stored(Some(worn.as_bytes()));
        assert_eq!(text(cache.after_success()), STORED);
    }
}
