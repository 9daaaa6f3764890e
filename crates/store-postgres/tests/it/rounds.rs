//! Rounds of refreshes: what they cost, and that nothing falls out of them.

use std::collections::BTreeSet;

use callboard_model::EntityRef;
use callboard_store::{
    Document, DocumentHash, DueEntity, Ingestion, Inspection, Membership, NewClaim, Processing,
    ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate, ProviderMutation, ProviderName,
};
use callboard_store_postgres::PostgresStore;
use callboard_testkit::postgres_database;
use jiff::{SignedDuration, Timestamp};
use rand::RngExt as _;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// Entities that were all processed, and come up an hour after `now`.
async fn processed(store: &PostgresStore, count: usize, now: Timestamp) {
    let claims = (0..count).map(|number| NewClaim {
        entity_ref: EntityRef::new("component", "default", &format!("e{number:03}")),
        location_key: None,
        document: Document { json: b"{}".as_slice().into(), hash: DocumentHash::new([7; 16]) },
    });
    let mutation = ProviderMutation::Full(claims.collect());
    store.apply_mutation(&ProviderName::new("p"), mutation, now).await.unwrap();
    let due = take(store, count, now).await;
    assert_eq!(due.len(), count);
    finish(store, &due, now, now + HOUR).await;
}

async fn take(store: &PostgresStore, limit: usize, now: Timestamp) -> Vec<DueEntity> {
    store.claim_due(limit, now, now + HOUR, now + HOUR).await.unwrap()
}

async fn finish(store: &PostgresStore, due: &[DueEntity], now: Timestamp, next_due: Timestamp) {
    let commits = due.iter().map(|due| ProcessingCommit {
        entity_ref: due.entity_ref.clone(),
        uid: due.uid,
        document_hash: due.document.hash,
        outcome: ProcessingOutcome::Failed {
            errors: b"[]".as_slice().into(),
            result_hash: DocumentHash::new([8; 16]),
        },
        cache: ProcessorCacheUpdate::Keep,
        next_due,
    });
    store.commit_processed(commits.collect(), now).await.unwrap();
}

fn names(due: &[DueEntity]) -> BTreeSet<EntityRef> {
    due.iter().map(|due| due.entity_ref.clone()).collect()
}

/// What a query gives, as one text.
async fn look(url: &str, query: &str) -> String {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let found: Option<String> =
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&mut connection).await.unwrap();
    found.unwrap_or_default()
}

async fn alter(url: &str, statements: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
}

#[tokio::test]
async fn a_refresh_writes_no_row_of_an_entity() {
    const VERSIONS: &str = "SELECT string_agg(id || ctid::text || xmin, ' ' ORDER BY id) FROM entities";
    let url = postgres_database().await;
    let store = crate::open(&url).await;
    let now = Timestamp::now();
    processed(&store, 100, now).await;
    let before = look(&url, VERSIONS).await;
    let mut later = now;
    for _ in 0..3 {
        later += HOUR;
        assert_eq!(take(&store, 200, later).await.len(), 100);
        assert_eq!(take(&store, 200, later).await.len(), 0);
        assert_eq!(store.next_due().await.unwrap(), Some(in_milliseconds(later + HOUR)));
    }
    assert_eq!(look(&url, VERSIONS).await, before);
    assert_eq!(store.violations().await.unwrap(), []);
}

/// Times are stored in milliseconds.
fn in_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap()
}

#[tokio::test]
async fn a_round_may_be_taken_up_piece_by_piece() {
    let store = crate::store().await;
    let now = Timestamp::now();
    processed(&store, 100, now).await;
    let later = now + HOUR;
    let mut taken = Vec::new();
    for _ in 0..200 {
        let some = take(&store, 7, later).await;
        if some.is_empty() {
            break;
        }
        assert!(some.len() <= 7);
        taken.extend(some);
    }
    assert_eq!((taken.len(), names(&taken).len()), (100, 100));
    assert_eq!(store.violations().await.unwrap(), []);
}

#[tokio::test]
async fn pieces_come_together_again() {
    let url = postgres_database().await;
    let store = crate::open(&url).await;
    let mut now = Timestamp::now();
    processed(&store, 64, now).await;
    let pieces = async || -> usize {
        look(&url, "SELECT sum(cardinality(dues))::text FROM refresh_rounds").await.parse().unwrap()
    };
    let rounds: usize = look(&url, "SELECT count(*)::text FROM refresh_rounds").await.parse().unwrap();
    now += HOUR;
    for place in 0..64 {
        let next_due = now + HOUR + SECOND * place;
        assert_eq!(store.claim_due(1, now, next_due, next_due).await.unwrap().len(), 1);
    }
    assert!(pieces().await > rounds, "{} pieces of {rounds} rounds", pieces().await);
    for _ in 0..2000 {
        now = store.next_due().await.unwrap().unwrap();
        let next_due = now + HOUR.mul_f64(rand::rng().random_range(1.0..1.5));
        store.claim_due(512, now, next_due, next_due).await.unwrap();
        if pieces().await == rounds {
            assert_eq!(store.violations().await.unwrap(), []);
            return;
        }
    }
    panic!("{} pieces of {rounds} rounds", pieces().await);
}

#[tokio::test]
async fn of_two_nodes_one_takes_a_round() {
    let url = postgres_database().await;
    let (one, other) = (crate::open(&url).await, crate::open(&url).await);
    let now = Timestamp::now();
    processed(&one, 400, now).await;
    let later = now + HOUR;
    let drain = async |store: &PostgresStore| {
        let mut taken = Vec::new();
        // What the other has locked at one moment it may leave at the next.
        for _ in 0..40 {
            taken.extend(take(store, 50, later).await);
        }
        taken
    };
    let (mut taken, more) = tokio::join!(drain(&one), drain(&other));
    taken.extend(more);
    taken.extend(drain(&one).await);
    assert_eq!((taken.len(), names(&taken).len()), (400, 400));
}

async fn work(url: String, mut now: Timestamp) {
    let store = crate::open(&url).await;
    for _ in 0..40 {
        now += HOUR;
        let limit = rand::rng().random_range(1..80);
        let due = take(&store, limit, now).await;
        finish(&store, &due, now, now + SECOND).await;
        let asked: [usize; 2] = std::array::from_fn(|_| rand::rng().random_range(0..80));
        for name in asked {
            let entity = EntityRef::new("component", "default", &format!("e{name:03}"));
            store.refresh_entity(&entity, now).await.unwrap();
        }
    }
}

/// Each takes, finishes and asks for: rounds come, change and go under their hands.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_falls_out_of_its_round_under_many_hands() {
    let url = postgres_database().await;
    let store = crate::open(&url).await;
    let now = Timestamp::now();
    processed(&store, 80, now).await;
    let tasks: Vec<_> = (0..4).map(|_| tokio::spawn(work(url.clone(), now))).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.violations().await.unwrap(), []);
    let end = now + HOUR * 1000;
    let mut taken = take(&store, 200, end).await;
    taken.extend(take(&store, 200, end).await);
    assert_eq!(names(&taken).len(), 80);
}

#[tokio::test]
async fn what_is_gone_leaves_its_round_when_it_comes_up() {
    let url = postgres_database().await;
    let store = crate::open(&url).await;
    let now = Timestamp::now();
    processed(&store, 70, now).await;
    let removal = ProviderMutation::Full(Vec::new());
    store.apply_mutation(&ProviderName::new("p"), removal, now).await.unwrap();
    assert_eq!(store.next_due().await.unwrap(), None);
    assert_eq!(take(&store, 10, now + HOUR).await.len(), 0);
    assert_eq!(look(&url, "SELECT count(*)::text FROM refresh_rounds").await, "0");
    assert_eq!(store.violations().await.unwrap(), []);
}

#[tokio::test]
async fn a_missing_round_is_found_and_mended() {
    let url = postgres_database().await;
    let store = crate::open(&url).await;
    let now = Timestamp::now();
    processed(&store, 70, now).await;
    for damage in [
        "DELETE FROM refresh_rounds",
        "UPDATE refresh_rounds SET members[1] = members[1] & 85",
        "UPDATE refresh_rounds SET due = due + 1000000000",
        "UPDATE refresh_rounds SET dues = '{}'",
    ] {
        alter(&url, damage).await;
        let violations = store.violations().await.unwrap();
        assert!(
            violations.iter().any(|violation| violation.invariant == "queued"),
            "{damage}: {violations:?}"
        );
        let repairs = store.repair(now).await.unwrap();
        assert!(repairs.iter().any(|repair| repair.invariant == "queued"), "{damage}: {repairs:?}");
        assert_eq!(store.violations().await.unwrap(), [], "{damage}");
    }
    assert_eq!(take(&store, 100, now + HOUR).await.len(), 70);
}

#[tokio::test]
async fn a_database_from_before_there_were_rounds_gets_them() {
    let url = postgres_database().await;
    let store = crate::open(&url).await;
    let now = Timestamp::now();
    processed(&store, 70, now).await;
    store.refresh_entity(&EntityRef::new("component", "default", "e007"), now).await.unwrap();
    store.close().await;
    alter(
        &url,
        "DROP TABLE refresh_rounds; DROP INDEX entities_by_urgency;
        CREATE INDEX entities_by_due ON entities (urgency, due);
        DELETE FROM _sqlx_migrations WHERE version = 7",
    )
    .await;
    let store = crate::open(&url).await;
    assert_eq!(store.violations().await.unwrap(), []);
    assert_eq!(names(&take(&store, 100, now).await).len(), 1);
    assert_eq!(take(&store, 100, now + SECOND).await.len(), 0);
    assert_eq!(take(&store, 100, now + HOUR - SECOND).await.len(), 0);
    assert_eq!(take(&store, 100, now + HOUR + SECOND).await.len(), 70);
}

/// It knows of no rounds, and only sets the time in the row.
#[tokio::test]
async fn what_an_older_node_has_finished_is_taken_in_when_it_leaves() {
    let url = postgres_database().await;
    let (store, older) = (crate::open(&url).await, crate::open(&url).await);
    let now = Timestamp::now();
    processed(&store, 70, now).await;
    store.heartbeat(now).await.unwrap();
    alter(&url, "DELETE FROM refresh_rounds WHERE round = 0").await;
    store.heartbeat(now).await.unwrap();
    assert_ne!(store.violations().await.unwrap(), [], "it is still there");
    older.close().await;
    store.heartbeat(now).await.unwrap();
    assert_eq!(store.violations().await.unwrap(), []);
    assert_eq!(take(&store, 100, now + HOUR).await.len(), 70);
}
