//! Public keys of all nodes, until they expire.

use jiff::{SignedDuration, Timestamp};

use crate::{PublishedKey, Store};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn after(seconds: i64) -> Timestamp {
    NOW + SignedDuration::from_secs(seconds)
}

fn key(id: &str, expires_after: i64) -> PublishedKey {
    PublishedKey { id: id.to_owned(), key: format!("key of {id}"), expires_at: after(expires_after) }
}

async fn ids(store: &dyn Store, now: Timestamp) -> Vec<String> {
    store.published_keys(now).await.unwrap().into_iter().map(|key| key.id).collect()
}

/// Whoever asks gets the keys of all, whole.
pub async fn keys_of_all_nodes_are_published(store: &dyn Store) {
    assert!(store.published_keys(NOW).await.unwrap().is_empty());
    store.publish_key(key("b", 20), NOW).await.unwrap();
    store.publish_key(key("a", 30), NOW).await.unwrap();
    store.publish_key(key("c", 10), NOW).await.unwrap();
    assert_eq!(store.published_keys(NOW).await.unwrap(), [key("c", 10), key("b", 20), key("a", 30)]);
}

/// The moment of expiry is the first at which a key is not there.
pub async fn keys_expire(store: &dyn Store) {
    store.publish_key(key("a", 10), NOW).await.unwrap();
    store.publish_key(key("b", 20), NOW).await.unwrap();
    assert_eq!(ids(store, after(9)).await, ["a", "b"]);
    assert_eq!(ids(store, after(10)).await, ["b"]);
    store.publish_key(key("c", 40), after(15)).await.unwrap();
    assert_eq!(ids(store, NOW).await, ["b", "c"], "an expired key is forgotten when another comes");
}

/// Nobody can put another key in the place of one.
pub async fn a_key_is_never_replaced(store: &dyn Store) {
    store.publish_key(key("a", 10), NOW).await.unwrap();
    let other = PublishedKey { key: "another".to_owned(), ..key("a", 50) };
    store.publish_key(other, NOW).await.unwrap();
    assert_eq!(store.published_keys(NOW).await.unwrap(), [key("a", 10)]);
}
