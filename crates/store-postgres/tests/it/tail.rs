//! The change log under many writers.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use callboard_model::EntityRef;
use callboard_store::{
    Change, ChangeLog, ChangeSequence, Document, DocumentHash, Ingestion, Inspection, NewClaim, Processing,
    ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate, ProviderMutation, ProviderName, StitchCommit,
    StitchOutcome, Stitching,
};
use callboard_store_postgres::PostgresStore;
use callboard_testkit::postgres_database;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use sqlx::{Connection as _, Executor as _};

const NODES: usize = 5;
const ROUNDS: usize = 25;
const NAMES: usize = 12;
/// Smaller than what comes at a time, so that pages are cut within transactions.
const PAGE: usize = 3;

/// Every commit that writes to the log takes its time, and some are rolled back at the last moment.
const DISTURB: &str = "
    CREATE FUNCTION disturb() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(random() * 0.01);
        IF random() < 0.04 THEN RAISE EXCEPTION 'disturbed' USING ERRCODE = '40001'; END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER disturb AFTER INSERT OR UPDATE ON final_entities
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION disturb();
    CREATE CONSTRAINT TRIGGER disturb AFTER INSERT OR UPDATE ON tombstones
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION disturb();";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_is_skipped_and_none_comes_twice() {
    let url = postgres_database().await;
    let reader = crate::open(&url).await;
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    connection.execute(DISTURB).await.unwrap();

    let done = Arc::new(AtomicBool::new(false));
    let follower = tokio::spawn(follow(reader.clone(), Arc::clone(&done)));
    let mut writers = Vec::new();
    for node in 0..NODES {
        writers.push(tokio::spawn(write(crate::open(&url).await, node)));
    }
    let mut retries = 0;
    for writer in writers {
        retries += writer.await.unwrap();
    }
    done.store(true, Ordering::Release);
    let index = follower.await.unwrap();

    assert!(retries > 0, "no transaction was rolled back");
    let page = reader.next_page(None, 1000).await.unwrap().unwrap();
    let stored = reader.final_entities(page).await.unwrap();
    let stored: BTreeMap<EntityRef, Vec<u8>> =
        stored.into_iter().map(|found| (found.entity_ref, found.body.to_vec())).collect();
    assert_eq!(index, stored);
    assert_eq!(reader.violations().await.unwrap(), []);
}

/// Follows the log as an index does, and returns what it came to.
async fn follow(store: PostgresStore, done: Arc<AtomicBool>) -> BTreeMap<EntityRef, Vec<u8>> {
    let mut entities = BTreeMap::new();
    let mut reached = ChangeSequence::default();
    let mut seen = HashSet::new();
    loop {
        let last_round = done.load(Ordering::Acquire);
        let head = store.head().await.unwrap();
        let page = store.changes_since(reached, PAGE).await.unwrap();
        let is_full = page.len() == PAGE;
        for logged in page {
            assert!(logged.sequence > reached, "{:?} is not after {reached:?}", logged.sequence);
            assert!(seen.insert(logged.sequence.0), "{:?} came twice", logged.sequence);
            reached = logged.sequence;
            match logged.change {
                Change::Upserted(found) => drop(entities.insert(found.entity_ref, found.body.to_vec())),
                Change::Removed(gone) => drop(entities.remove(&gone)),
            }
        }
        if !is_full {
            // What is committed later must not come before this.
            reached = reached.max(head);
            if last_round {
                return entities;
            }
        }
    }
}

/// Changes, processes, stitches and deletes at random. Returns how often that was tried again.
async fn write(store: PostgresStore, node: usize) -> u64 {
    let provider = ProviderName::new(&format!("provider-{node}"));
    for _ in 0..ROUNDS {
        let now = Timestamp::now();
        let later = now + SignedDuration::from_mins(1);
        let claims: Vec<NewClaim> =
            (0..NAMES).filter(|_| rand::random_bool(0.5)).map(|name| claim(name, rand::random())).collect();
        store.apply_mutation(&provider, ProviderMutation::Full(claims), now).await.unwrap();
        let due = store.claim_due(20, now, later, later).await.unwrap();
        let commits = due.into_iter().map(|due| ProcessingCommit {
            entity_ref: due.entity_ref,
            uid: due.uid,
            document_hash: due.document.hash,
            outcome: ProcessingOutcome::Succeeded {
                processed: due.document.json,
                relations: Vec::new(),
                children: Vec::new(),
                refresh_keys: Vec::new(),
                result_hash: due.document.hash,
            },
            cache: ProcessorCacheUpdate::Keep,
            next_due: later,
        });
        store.commit_processed(commits.collect(), now).await.unwrap();
        // What was seen before is only due a little later.
        let then = now + SignedDuration::from_secs(10);
        let limit = rand::rng().random_range(1..8);
        let inputs = store.claim_stitches(limit, then, then).await.unwrap();
        let commits = inputs.into_iter().map(|input| {
            let outcome = match input.processed {
                Some(body) => StitchOutcome::Changed { body, hash: rand::random() },
                None => StitchOutcome::Unchanged,
            };
            StitchCommit { entity_ref: input.entity_ref, uid: input.uid, ticket: input.ticket, outcome }
        });
        store.commit_stitched(commits.collect(), now).await.unwrap();
    }
    store.retries().deadlocks
}

fn claim(name: usize, content: u32) -> NewClaim {
    let mut hash = [0; 16];
    hash[..4].copy_from_slice(&content.to_be_bytes());
    NewClaim {
        entity_ref: EntityRef::new("component", "default", &format!("e{name}")),
        location_key: None,
        document: Document {
            json: format!("{{\"content\":{content}}}").into_bytes().into(),
            hash: DocumentHash::new(hash),
        },
    }
}
