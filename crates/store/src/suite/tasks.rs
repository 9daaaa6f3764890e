//! Tasks: one run at a time, and the state of the last.

use jiff::{SignedDuration, Timestamp};

use crate::{Store, StoredTask, TaskEnd, TaskRun, TaskTicket, TaskTrigger};

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_900_000_000 + seconds)
}

fn run_at(seconds: i64) -> TaskRun {
    TaskRun { ticket: TaskTicket::random(), started: at(seconds), expires: at(seconds + 60) }
}

fn idle(id: &str, next_run: Option<i64>) -> StoredTask {
    StoredTask {
        id: id.to_owned(),
        next_run: next_run.map(at),
        run: None,
        last_error: None,
        last_ended: None,
    }
}

/// Also if that is when somebody asks.
pub async fn a_new_task_is_due_at_its_first_run(store: &dyn Store) {
    store.register_task("b", Some(at(5)), Some(at(1))).await.unwrap();
    store.register_task("a", None, None).await.unwrap();
    assert_eq!(store.tasks().await.unwrap(), [idle("a", None), idle("b", Some(5))]);
}

/// So that restarts do not put it off for ever; unless it is not to run by itself any more.
pub async fn a_task_that_comes_again_is_never_due_later(store: &dyn Store) {
    store.register_task("a", Some(at(5)), Some(at(5))).await.unwrap();
    for (next_run, expected) in [(Some(9), Some(5)), (Some(3), Some(3)), (None, None), (Some(7), Some(7))] {
        store.register_task("a", Some(at(0)), next_run.map(at)).await.unwrap();
        assert_eq!(store.tasks().await.unwrap(), [idle("a", expected)]);
    }
}

/// And none before its time.
pub async fn one_run_goes_on_at_a_time(store: &dyn Store) {
    store.register_task("a", Some(at(5)), None).await.unwrap();
    assert!(!store.claim_task("a", run_at(4)).await.unwrap(), "it is too early");
    assert!(!store.claim_task("b", run_at(5)).await.unwrap(), "there is none");
    let first = run_at(5);
    assert!(store.claim_task("a", first).await.unwrap());
    assert!(!store.claim_task("a", run_at(5)).await.unwrap(), "it runs");
    let expected = StoredTask { run: Some(first), ..idle("a", Some(5)) };
    assert_eq!(store.tasks().await.unwrap(), [expected]);
}

/// With any other nothing changes.
pub async fn only_the_ticket_ends_a_run(store: &dyn Store) {
    store.register_task("a", Some(at(5)), None).await.unwrap();
    let run = run_at(5);
    assert!(store.claim_task("a", run).await.unwrap());
    let end =
        |error: Option<&str>| TaskEnd { at: at(8), error: error.map(str::to_owned), next_run: Some(at(10)) };
    assert!(!store.release_task("a", TaskTicket::random(), end(None)).await.unwrap());
    assert!(store.release_task("a", run.ticket, end(Some("no"))).await.unwrap());
    assert!(!store.release_task("a", run.ticket, end(None)).await.unwrap());
    let failed =
        StoredTask { last_error: Some("no".to_owned()), last_ended: Some(at(8)), ..idle("a", Some(10)) };
    assert_eq!(store.tasks().await.unwrap(), [failed]);

    let run = run_at(10);
    assert!(store.claim_task("a", run).await.unwrap());
    assert!(store.release_task("a", run.ticket, end(None)).await.unwrap());
    let fine = StoredTask { last_ended: Some(at(8)), ..idle("a", Some(10)) };
    assert_eq!(store.tasks().await.unwrap(), [fine]);
}

/// Unless it runs already.
pub async fn what_is_triggered_is_due_now(store: &dyn Store) {
    assert_eq!(store.trigger_task("a", at(1)).await.unwrap(), TaskTrigger::Unknown);
    store.register_task("a", None, None).await.unwrap();
    assert_eq!(store.trigger_task("a", at(1)).await.unwrap(), TaskTrigger::Due);
    assert_eq!(store.tasks().await.unwrap(), [idle("a", Some(1))]);
    assert!(store.claim_task("a", run_at(1)).await.unwrap());
    assert_eq!(store.trigger_task("a", at(2)).await.unwrap(), TaskTrigger::Running);
}

/// Its node has died, or has lost the database.
pub async fn what_expires_is_due_again(store: &dyn Store) {
    for id in ["a", "b"] {
        store.register_task(id, Some(at(5)), None).await.unwrap();
    }
    let run = run_at(5);
    assert!(store.claim_task("a", run).await.unwrap());
    assert!(store.expire_tasks(at(64)).await.unwrap().is_empty());
    assert_eq!(store.expire_tasks(at(65)).await.unwrap(), ["a"]);
    let tasks = store.tasks().await.unwrap();
    assert_eq!(tasks[0].run, None);
    assert_eq!(tasks[0].next_run, Some(at(5)));
    assert!(tasks[0].last_error.is_some());
    assert_eq!(tasks[0].last_ended, Some(at(65)));
    let late = TaskEnd { at: at(66), error: None, next_run: None };
    assert!(!store.release_task("a", run.ticket, late).await.unwrap(), "its run has ended");
    assert!(store.claim_task("a", run_at(66)).await.unwrap());
}
