//! Key sets of others, kept for a while.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::Algorithm;
use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::clock::{Clock, is_within};
use crate::key_set::{KeySet, VerifyError};
use crate::token::Token;

/// How many key sets are kept. Tokens name the plugin whose keys they want, so anyone can ask for any number.
const MAX_SETS: usize = 64;
/// How many key sets are loaded at a time.
const MAX_LOADS: usize = 8;
/// How long a key set is taken for the present one.
const FRESH: SignedDuration = SignedDuration::from_mins(10);
/// How long an old key set does while no newer one can be had. After that a key that was withdrawn is dead.
const USABLE: SignedDuration = SignedDuration::from_hours(1);
/// How long a set is not asked for again only because a token names a key that is not in it.
const COOL_DOWN: SignedDuration = SignedDuration::from_secs(30);
/// How often sets are asked for in any minute, in all, only because tokens name keys that are not in them: anyone can
/// make such tokens up.
const MAX_FORCED_LOADS: usize = 10;
const FORCED_LOADS_WINDOW: SignedDuration = SignedDuration::from_mins(1);
/// How long a set is not asked for again after a failure. Shorter: others may just be starting.
const FAILURE_COOL_DOWN: SignedDuration = SignedDuration::from_secs(5);
/// How long loading may take in all, waiting for other loads included.
const LOAD_LIMIT: Duration = Duration::from_secs(10);

/// Gets key sets from where they are published.
#[async_trait]
pub trait JwksSource: Send + Sync {
    /// The JSON document behind a URL, at most some hundred kilobytes of it.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be had in reasonable time.
    async fn load(&self, url: &str) -> Result<Vec<u8>, LoadError>;
}

/// A key set cannot be had at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct LoadError(String);

impl LoadError {
    /// With what went wrong, for the log.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Why a token could not be verified.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum RemoteVerifyError {
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error("the key set is not available")]
    Load(#[from] LoadError),
}

/// The key sets that were needed lately, by URL.
pub(crate) struct JwksCache {
    source: Arc<dyn JwksSource>,
    clock: Arc<dyn Clock>,
    sets: Arc<Mutex<HashMap<String, CachedSet>>>,
    loads: Arc<Semaphore>,
    /// When sets were loaded for the sake of an unknown key, within the last minute.
    forced: Mutex<VecDeque<Timestamp>>,
}

struct CachedSet {
    keys: Option<Loaded>,
    /// The end of the last attempt, and whether it failed.
    attempt: Option<(Timestamp, bool)>,
    /// What all who want the set wait for.
    loading: Option<Loading>,
    used_at: Timestamp,
}

#[derive(Clone)]
struct Loaded {
    keys: Arc<KeySet>,
    at: Timestamp,
}

type Loading = Shared<BoxFuture<'static, Result<Loaded, LoadError>>>;

impl JwksCache {
    pub(crate) fn new(source: Arc<dyn JwksSource>, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            clock,
            sets: Arc::default(),
            loads: Arc::new(Semaphore::new(MAX_LOADS)),
            forced: Mutex::default(),
        }
    }

    /// Verifies a token with the key set behind a URL. Loads it if it is not there or too old, and again if the key
    /// is not in it.
    pub(crate) async fn verify(
        &self,
        url: &str,
        token: &Token<'_>,
        allowed: Option<&[Algorithm]>,
    ) -> Result<(), RemoteVerifyError> {
        let set = self.set(url, Wanted::Present).await?;
        match set.keys.verify(token, allowed) {
            Err(VerifyError::UnknownKey) => {
                let newer = self.set(url, Wanted::Newer).await?;
                Ok(newer.keys.verify(token, allowed)?)
            }
            verified => Ok(verified?),
        }
    }

    /// The set if it is young enough, else a newer one if there is one to be had.
    async fn set(&self, url: &str, wanted: Wanted) -> Result<Loaded, LoadError> {
        let now = self.clock.now();
        let (old, loading) = match self.look_up(url, wanted, now) {
            Found::Fresh(loaded) => return Ok(loaded),
            Found::Loading(old, loading) => (old, loading),
            Found::CoolingDown(old) => {
                return usable(old, now).ok_or_else(|| LoadError::new("it failed just now"));
            }
        };
        match loading.await {
            Ok(loaded) => Ok(loaded),
            Err(error) => usable(old, now).ok_or(error),
        }
    }

    fn look_up(&self, url: &str, wanted: Wanted, now: Timestamp) -> Found {
        let mut sets = self.sets.lock();
        if !sets.contains_key(url) {
            make_room(&mut sets);
        }
        let set = sets.entry(url.to_owned()).or_insert_with(|| CachedSet::new(now));
        set.used_at = now;
        if let Some(loaded) = set.keys.as_ref().filter(|loaded| is_within(wanted.age(), loaded.at, now)) {
            return Found::Fresh(loaded.clone());
        }
        if let Some(loading) = &set.loading {
            return Found::Loading(set.keys.clone(), loading.clone());
        }
        if let Some((at, true)) = set.attempt
            && is_within(FAILURE_COOL_DOWN, at, now)
        {
            return Found::CoolingDown(set.keys.clone());
        }
        if wanted == Wanted::Newer && !self.may_force(now) {
            return Found::CoolingDown(set.keys.clone());
        }
        let loading = self.load(url.to_owned());
        set.loading = Some(loading.clone());
        Found::Loading(set.keys.clone(), loading)
    }

    /// Whether a set may be loaded for the sake of an unknown key; if so, it counts.
    fn may_force(&self, now: Timestamp) -> bool {
        let mut forced = self.forced.lock();
        forced.retain(|at| is_within(FORCED_LOADS_WINDOW, *at, now));
        let may = forced.len() < MAX_FORCED_LOADS;
        if may {
            forced.push_back(now);
        }
        may
    }

    /// Loads a set and puts it in its place. It goes on as long as anyone waits for it.
    fn load(&self, url: String) -> Loading {
        let (source, clock, sets, loads) = (
            Arc::clone(&self.source),
            Arc::clone(&self.clock),
            Arc::clone(&self.sets),
            Arc::clone(&self.loads),
        );
        let loading = async move {
            let attempt = async {
                // It is never closed.
                let _permit = loads.acquire().await;
                source.load(&url).await
            };
            let document = tokio::time::timeout(LOAD_LIMIT, attempt).await;
            let document = document.unwrap_or_else(|_| Err(LoadError::new("it took too long")));
            let at = clock.now();
            let loaded = document.and_then(|document| {
                let keys = KeySet::parse(&document)
                    .map_err(|error| LoadError::new(format!("no key set: {error}")))?;
                Ok(Loaded { keys: Arc::new(keys), at })
            });
            if let Err(error) = &loaded {
                tracing::warn!(url, %error, "a key set could not be loaded");
            }
            if let Some(set) = sets.lock().get_mut(&url) {
                set.loading = None;
                set.attempt = Some((at, loaded.is_err()));
                set.keys = loaded.as_ref().ok().cloned().or_else(|| set.keys.take());
            }
            loaded
        };
        loading.boxed().shared()
    }
}

/// Which set is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// One that is fresh.
    Present,
    /// One that may know a key which the present one does not.
    Newer,
}

impl Wanted {
    /// How old it may be.
    fn age(self) -> SignedDuration {
        match self {
            Self::Present => FRESH,
            Self::Newer => COOL_DOWN,
        }
    }
}

enum Found {
    Fresh(Loaded),
    Loading(Option<Loaded>, Loading),
    CoolingDown(Option<Loaded>),
}

impl CachedSet {
    fn new(now: Timestamp) -> Self {
        Self { keys: None, attempt: None, loading: None, used_at: now }
    }
}

fn usable(old: Option<Loaded>, now: Timestamp) -> Option<Loaded> {
    old.filter(|loaded| is_within(USABLE, loaded.at, now))
}

/// Lets go of the set that will be missed least: one without keys before one that has some, then the one that was
/// not used for longest.
fn make_room(sets: &mut HashMap<String, CachedSet>) {
    if sets.len() < MAX_SETS {
        return;
    }
    let least = sets.iter().min_by_key(|(_, set)| (set.keys.is_some(), set.used_at));
    if let Some(url) = least.map(|(url, _)| url.clone()) {
        sets.remove(&url);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Hands(Mutex<Timestamp>);

    impl Hands {
        fn turn(&self, seconds: i64) {
            let mut now = self.0.lock();
            *now += SignedDuration::from_secs(seconds);
        }
    }

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            *self.0.lock()
        }
    }

    #[derive(Default)]
    struct Counting {
        loads: AtomicUsize,
        down: Mutex<bool>,
    }

    #[async_trait]
    impl JwksSource for Counting {
        async fn load(&self, url: &str) -> Result<Vec<u8>, LoadError> {
            self.loads.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            if *self.down.lock() || url.contains("down") {
                return Err(LoadError::new("down"));
            }
            Ok(br#"{"keys":[]}"#.to_vec())
        }
    }

    fn cache() -> (Arc<Hands>, Arc<Counting>, JwksCache) {
        let hands = Arc::new(Hands(Mutex::new(Timestamp::UNIX_EPOCH)));
        let source = Arc::new(Counting::default());
        let cache = JwksCache::new(Arc::clone(&source) as _, Arc::clone(&hands) as _);
        (hands, source, cache)
    }

    #[tokio::test]
    async fn sets_are_loaded_when_they_are_needed_and_not_more_often() {
        let (hands, source, cache) = cache();
        let loads = || source.loads.load(Ordering::Relaxed);
        let concurrent = (0..50).map(|_| cache.set("a", Wanted::Present));
        assert!(futures::future::join_all(concurrent).await.iter().all(Result::is_ok));
        assert_eq!(loads(), 1, "those who come at the same time share one load");
        hands.turn(29);
        assert!(cache.set("a", Wanted::Newer).await.is_ok());
        assert_eq!(loads(), 1, "an unknown key is looked for only now and then");
        hands.turn(1);
        assert!(cache.set("a", Wanted::Newer).await.is_ok());
        assert_eq!(loads(), 2);
        hands.turn(599);
        assert!(cache.set("a", Wanted::Present).await.is_ok());
        assert_eq!(loads(), 2);
        hands.turn(1);
        assert!(cache.set("a", Wanted::Present).await.is_ok());
        assert_eq!(loads(), 3);
    }

    #[tokio::test]
    async fn old_keys_do_for_a_while_when_there_are_no_new_ones() {
        let (hands, source, cache) = cache();
        assert!(cache.set("a", Wanted::Present).await.is_ok());
        *source.down.lock() = true;
        hands.turn(700);
        assert!(cache.set("a", Wanted::Present).await.is_ok());
        assert!(cache.set("a", Wanted::Present).await.is_ok());
        assert_eq!(source.loads.load(Ordering::Relaxed), 2, "failures are not repeated at once");
        hands.turn(3000);
        assert!(cache.set("a", Wanted::Present).await.is_err());
        *source.down.lock() = false;
        assert!(cache.set("a", Wanted::Present).await.is_err());
        hands.turn(5);
        assert!(cache.set("a", Wanted::Present).await.is_ok());
    }

    #[tokio::test]
    async fn made_up_issuers_do_not_push_real_ones_out() {
        let (_, source, cache) = cache();
        assert!(cache.set("real", Wanted::Present).await.is_ok());
        for i in 0..200 {
            assert!(cache.set(&format!("down-{i}"), Wanted::Present).await.is_err());
        }
        assert_eq!(cache.sets.lock().len(), MAX_SETS);
        let before = source.loads.load(Ordering::Relaxed);
        assert!(cache.set("real", Wanted::Present).await.is_ok());
        assert_eq!(source.loads.load(Ordering::Relaxed), before);
    }

    #[tokio::test]
    async fn a_caller_who_goes_away_holds_nobody_up() {
        let (_, source, cache) = cache();
        {
            let mut left = Box::pin(cache.set("a", Wanted::Present));
            assert!(futures::poll!(&mut left).is_pending());
        }
        assert!(cache.set("a", Wanted::Present).await.is_ok());
        assert_eq!(source.loads.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn unknown_keys_cause_ten_loads_a_minute_in_all() {
        let (hands, source, cache) = cache();
        let loads = || source.loads.load(Ordering::Relaxed);
        for i in 0..20 {
            assert!(cache.set(&format!("set-{i}"), Wanted::Present).await.is_ok());
        }
        hands.turn(31);
        for i in 0..20 {
            assert!(cache.set(&format!("set-{i}"), Wanted::Newer).await.is_ok(), "the old set does");
        }
        assert_eq!(loads(), 30);
        hands.turn(59);
        assert!(cache.set("set-15", Wanted::Newer).await.is_ok());
        assert_eq!(loads(), 30);
        hands.turn(1);
        assert!(cache.set("set-15", Wanted::Newer).await.is_ok());
        assert_eq!(loads(), 31);
    }

    /// Never answers.
    struct Hanging;

    #[async_trait]
    impl JwksSource for Hanging {
        async fn load(&self, _: &str) -> Result<Vec<u8>, LoadError> {
            std::future::pending().await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_hangs_is_given_up() {
        let hands = Hands(Mutex::new(Timestamp::UNIX_EPOCH));
        let cache = JwksCache::new(Arc::new(Hanging), Arc::new(hands));
        let began = tokio::time::Instant::now();
        let all = futures::future::join_all((0..20).map(|_| cache.set("a", Wanted::Present))).await;
        for given_up in all {
            assert_eq!(given_up.err(), Some(LoadError::new("it took too long")));
        }
        let at_once = cache.set("a", Wanted::Present).await;
        assert_eq!(at_once.err(), Some(LoadError::new("it failed just now")));
        assert_eq!(began.elapsed(), LOAD_LIMIT, "all waited for one load, and nobody for another");
    }
}
