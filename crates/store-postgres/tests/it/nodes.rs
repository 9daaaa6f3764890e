//! Several nodes: leases, signs of life, clocks.

use std::time::Duration;

use callboard_model::EntityRef;
use callboard_store::{
    Document, DocumentHash, DueEntity, EventQueue, EventTicket, Ingestion, Inspection, Membership, NewClaim,
    NewEvent, Processing, ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate, ProviderMutation,
    ProviderName, StitchCommit, StitchOutcome, Stitching, StoredRelation, TakeUp, Uid, Wakeup,
};
use callboard_store_postgres::{PostgresOptions, PostgresStore};
use callboard_testkit::{postgres_database, until};
use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection as _, Executor as _};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

fn mutation(count: usize) -> ProviderMutation {
    let claims = (0..count).map(|number| NewClaim {
        entity_ref: EntityRef::new("component", "default", &format!("e{number}")),
        location_key: None,
        document: Document { json: b"{}".as_slice().into(), hash: DocumentHash::new([7; 16]) },
    });
    ProviderMutation::Full(claims.collect())
}

async fn fill(store: &PostgresStore, count: usize, now: Timestamp) {
    store.apply_mutation(&ProviderName::new("p"), mutation(count), now).await.unwrap();
}

async fn take(store: &PostgresStore, limit: usize, now: Timestamp) -> Vec<DueEntity> {
    store.claim_due(limit, now, now + MINUTE, now + MINUTE).await.unwrap()
}

async fn fail(store: &PostgresStore, due: &DueEntity, now: Timestamp) -> usize {
    let commit = ProcessingCommit {
        entity_ref: due.entity_ref.clone(),
        uid: due.uid,
        document_hash: due.document.hash,
        outcome: ProcessingOutcome::Failed {
            errors: b"[]".as_slice().into(),
            result_hash: DocumentHash::new([8; 16]),
        },
        cache: ProcessorCacheUpdate::Keep,
        next_due: now + MINUTE,
    };
    store.commit_processed(vec![commit], now).await.unwrap().dropped
}

#[tokio::test]
async fn what_a_mutation_takes_up_comes_to_others_when_the_node_is_gone() {
    let url = postgres_database().await;
    let (one, other) = (crate::open(&url).await, crate::open(&url).await);
    let now = Timestamp::now();
    let provider = ProviderName::new("p");
    let take_up = TakeUp { limit: 150, lease_until: now + SignedDuration::from_hours(1) };
    let applying = one.apply_and_take_up(&provider, mutation(200), now, take_up);
    let (report, taken) = applying.await.unwrap();
    assert_eq!((report.added, taken.len()), (200, 150));
    assert_eq!(take(&other, 1000, now).await.len(), 50);
    assert!(take(&one, 1000, now).await.is_empty());
    assert_eq!(fail(&one, &taken[0], now).await, 0);

    one.close().await;
    other.heartbeat(now).await.unwrap();
    let again = take(&other, 1000, now + SignedDuration::from_secs(30)).await;
    assert!(again.iter().all(|due| due.entity_ref != taken[0].entity_ref), "it is done");
    assert_eq!(again.len(), 149);
}

#[tokio::test]
async fn what_one_node_takes_up_another_does_not() {
    let url = postgres_database().await;
    let (one, other) = (crate::open(&url).await, crate::open(&url).await);
    let now = Timestamp::now();
    fill(&one, 200, now).await;
    let (mut taken, more) = tokio::join!(take(&one, 150, now), take(&other, 150, now));
    taken.extend(more);
    taken.extend(take(&one, 200, now).await);
    let mut names: Vec<_> = taken.iter().map(|due| due.entity_ref.clone()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!((names.len(), taken.len()), (200, 200));
}

#[tokio::test]
async fn the_work_of_a_silent_node_is_done_by_others_and_it_cannot_write_over_that() {
    let url = postgres_database().await;
    let options = PostgresOptions {
        node_timeout: Duration::from_millis(100),
        ..PostgresOptions::new(url.parse().unwrap())
    };
    let silent = PostgresStore::open(options.clone()).await.unwrap();
    let lively = PostgresStore::open(options).await.unwrap();
    let now = Timestamp::now();
    fill(&silent, 1, now).await;
    let taken = take(&silent, 10, now).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(take(&lively, 10, now).await.len(), 0, "it is leased");
    let reclaimed = until("the silent node to be missed", Duration::from_secs(30), async || {
        let heartbeat = lively.heartbeat(Timestamp::now()).await.unwrap();
        (heartbeat.reclaimed > 0).then_some(heartbeat)
    })
    .await;
    assert_eq!((reclaimed.reclaimed, reclaimed.others), (1, 0));
    let again = take(&lively, 10, Timestamp::now()).await;
    assert_eq!(again.len(), 1);
    assert_eq!(fail(&silent, &taken[0], Timestamp::now()).await, 1, "another node has it now");
    assert_eq!(fail(&lively, &again[0], Timestamp::now()).await, 0);
    // It notices that it was given up, and is a node again.
    silent.heartbeat(Timestamp::now()).await.unwrap();
    assert_eq!(lively.heartbeat(Timestamp::now()).await.unwrap().others, 1);
    assert_eq!(lively.violations().await.unwrap(), []);
}

#[tokio::test]
async fn a_node_that_leaves_hands_over_at_once() {
    let url = postgres_database().await;
    let (one, other) = (crate::open(&url).await, crate::open(&url).await);
    let now = Timestamp::now();
    fill(&one, 3, now).await;
    assert_eq!(take(&one, 10, now).await.len(), 3);
    one.close().await;
    assert_eq!(take(&other, 10, Timestamp::now()).await.len(), 3);
}

#[tokio::test]
async fn nodes_whose_clocks_are_apart_agree_on_what_is_due() {
    let url = postgres_database().await;
    let (slow, fast) = (crate::open(&url).await, crate::open(&url).await);
    let slow_now = || Timestamp::now() - SignedDuration::from_hours(5);
    let fast_now = || Timestamp::now() + SignedDuration::from_hours(7);
    for (store, now) in [(&slow, slow_now()), (&fast, fast_now())] {
        store.heartbeat(now).await.unwrap();
    }
    fill(&fast, 2, fast_now()).await;
    until("work of the fast node on the slow one", Duration::from_secs(10), async || {
        let due = take(&slow, 1, slow_now()).await;
        let since = due.first()?.due_since;
        assert!((slow_now() - since).total(jiff::Unit::Second).unwrap().abs() < 60.0, "{since}");
        Some(())
    })
    .await;
    assert_eq!(take(&fast, 10, fast_now()).await.len(), 1, "the other is leased for a minute");
    assert_eq!(take(&slow, 10, slow_now()).await.len(), 0);
    let next = slow.next_due().await.unwrap().unwrap();
    assert!(next > slow_now() && next < slow_now() + MINUTE + MINUTE, "{next}");
}

#[tokio::test]
async fn nodes_wake_each_other_and_a_lost_or_doubled_word_does_no_harm() {
    let url = postgres_database().await;
    let (one, other) = (crate::open(&url).await, crate::open(&url).await);
    one.heartbeat(Timestamp::now()).await.unwrap();
    // The first is that it listens.
    assert_eq!(other.next_wakeups().await.len(), 4);
    for _ in 0..2 {
        fill(&one, 1, Timestamp::now()).await;
        assert!(other.next_wakeups().await.contains(&Wakeup::Processing));
    }
    assert_eq!(take(&other, 10, Timestamp::now()).await.len(), 1);
}

fn success(due: &DueEntity, relations: Vec<StoredRelation>, run: u8) -> ProcessingCommit {
    ProcessingCommit {
        entity_ref: due.entity_ref.clone(),
        uid: due.uid,
        document_hash: due.document.hash,
        outcome: ProcessingOutcome::Succeeded {
            processed: due.document.json.clone(),
            relations,
            children: Vec::new(),
            refresh_keys: Vec::new(),
            result_hash: DocumentHash::new([run; 16]),
        },
        cache: ProcessorCacheUpdate::Keep,
        next_due: due.due_since + MINUTE,
    }
}

/// Takes up and commits what is marked for stitching; returns how many relations each had.
async fn stitch(store: &PostgresStore, now: Timestamp) -> Vec<(EntityRef, usize)> {
    let inputs = store.claim_stitches(10, now + MINUTE, now + MINUTE + MINUTE).await.unwrap();
    let found = inputs.iter().map(|input| (input.entity_ref.clone(), input.relations.len())).collect();
    let commits = inputs.into_iter().map(|input| StitchCommit {
        outcome: StitchOutcome::Changed { body: input.processed.unwrap(), hash: [1; 20] },
        entity_ref: input.entity_ref,
        uid: input.uid,
        ticket: input.ticket,
    });
    store.commit_stitched(commits.collect(), now).await.unwrap();
    found
}

#[tokio::test]
async fn a_relation_that_one_node_writes_is_not_lost_while_another_stitches_its_source() {
    let url = postgres_database().await;
    let (one, other) = (crate::open(&url).await, crate::open(&url).await);
    let now = Timestamp::now();
    fill(&one, 2, now).await;
    let (originator, source) = (take(&one, 1, now).await.remove(0), take(&other, 1, now).await.remove(0));
    one.commit_processed(vec![success(&originator, Vec::new(), 1)], now).await.unwrap();

    // The transaction that writes the relation is held up at its end, when it marks what is to be stitched.
    let mut holding = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut held = holding.begin().await.unwrap();
    held.execute("SELECT entity_id FROM stitch_marks FOR UPDATE").await.unwrap();
    let relation = StoredRelation {
        source: source.entity_ref.clone(),
        relation_type: "ownerOf".into(),
        target: originator.entity_ref.clone(),
    };
    let writing = tokio::spawn({
        let (one, commit) = (one.clone(), success(&originator, vec![relation], 2));
        async move { one.commit_processed(vec![commit], now).await.unwrap() }
    });
    let mut watching = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut held_up = async || -> Option<()> {
        let blocked = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let count: i64 = sqlx::query_scalar(blocked).fetch_one(&mut watching).await.unwrap();
        (count > 0).then_some(())
    };
    until("the transaction to be held up", Duration::from_secs(10), &mut held_up).await;
    other.commit_processed(vec![success(&source, Vec::new(), 1)], now).await.unwrap();
    assert_eq!(stitch(&other, now).await, [(source.entity_ref.clone(), 0)]);
    held.rollback().await.unwrap();
    writing.await.unwrap();

    let stitched = stitch(&other, now).await;
    assert!(stitched.contains(&(source.entity_ref.clone(), 1)), "{stitched:?}");
    assert_eq!(one.violations().await.unwrap(), []);
}

/// Whoever ended without a word has no lease any more, as soon as it is known to be gone.
#[tokio::test]
async fn the_events_of_a_node_that_is_gone_are_given_to_others() {
    let url = postgres_database().await;
    let (one, other) = (crate::open(&url).await, crate::open(&url).await);
    let now = Timestamp::now();
    one.heartbeat(now).await.unwrap();
    other.heartbeat(now).await.unwrap();
    one.subscribe("s", &["t".to_owned()], now).await.unwrap();
    let event = |number: u8| NewEvent {
        id: Uid::random(),
        topic: "t".to_owned(),
        payload: vec![number].into(),
        metadata: Vec::new().into(),
    };
    assert_eq!(one.enqueue_events(vec![event(1), event(2)], now).await.unwrap(), 2);
    let day = now + SignedDuration::from_hours(24);
    let take = async |store: &PostgresStore| {
        let taken = store.take_events("s", EventTicket::random(), 8, now, day).await.unwrap();
        taken.iter().map(|event| event.payload[0]).collect::<Vec<_>>()
    };
    assert_eq!(take(&one).await, [1, 2]);
    // It starts again and says who it is: the node that it was is still there.
    other.subscribe("s", &["t".to_owned()], now).await.unwrap();
    assert_eq!(take(&other).await, [0; 0]);
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    connection.execute("DELETE FROM nodes WHERE id = (SELECT min(id) FROM nodes)").await.unwrap();
    other.heartbeat(now).await.unwrap();
    assert_eq!(take(&other).await, [1, 2]);
}

/// However many nodes write at a time: whoever has read up to an event has missed none before it.
#[tokio::test]
async fn no_event_is_missed_while_others_are_written() {
    const EVENTS: u16 = 200;
    let url = postgres_database().await;
    let reader = crate::open(&url).await;
    let now = Timestamp::now();
    reader.subscribe("s", &["t".to_owned()], now).await.unwrap();
    let write = async |node: u16| {
        let store = crate::open(&url).await;
        for number in 0..EVENTS {
            let payload = (node * EVENTS + number).to_be_bytes().to_vec();
            let event = NewEvent {
                id: Uid::random(),
                topic: "t".to_owned(),
                payload: payload.into(),
                metadata: Vec::new().into(),
            };
            store.enqueue_events(vec![event], now).await.unwrap();
        }
    };
    let read = async {
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < usize::from(3 * EVENTS) {
            let ticket = EventTicket::random();
            let taken = reader.take_events("s", ticket, 64, now, now + MINUTE).await.unwrap();
            for event in &taken {
                assert!(seen.insert(event.payload.to_vec()), "once");
            }
            if let Some(last) = taken.last() {
                assert!(reader.acknowledge_events("s", ticket, last.sequence, None).await.unwrap());
            }
        }
    };
    let all = Box::pin(async { tokio::join!(write(0), write(1), write(2), read) });
    tokio::time::timeout(Duration::from_mins(1), all).await.expect("every event comes");
}
