//! Decides what runs, and cuts off what has run too long.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use callboard_store::{StoreError, StoredTask, TaskRun, TaskTicket};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::entry::{Entry, LiveRun, StopReason};
use super::run::run;
use super::scheduler::Scheduler;
use crate::clock::later;

/// How long before a run that nobody releases counts as lost, beyond its timeout: its own node ends it earlier.
const GRACE: Duration = Duration::from_secs(10);
/// The least time between two looks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

/// Looks after the tasks until `stopping`; runs are tasks of `tasks`, and end with it, too.
pub(crate) async fn look_after(scheduler: Scheduler, tasks: TaskTracker, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        let pause = match look(&scheduler, &tasks, &stopping).await {
            Ok(next) => pause(&scheduler, next),
            Err(error) => {
                scheduler.database.note(&error);
                tracing::warn!(error = &error as &dyn std::error::Error, "could not look after the tasks");
                scheduler.poll_interval
            }
        };
        tokio::select! {
            () = stopping.cancelled() => {}
            () = scheduler.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    // What tasks do leads back to the engine, which owns them.
    scheduler.forget_all();
}

fn pause(scheduler: &Scheduler, next: Option<Timestamp>) -> Duration {
    let Some(next) = next else { return scheduler.poll_interval };
    let until = Duration::try_from(scheduler.clock.now().duration_until(next)).unwrap_or_default();
    until.clamp(SHORTEST_PAUSE, scheduler.poll_interval.max(SHORTEST_PAUSE))
}

/// One look; returns when the next thing is to happen.
async fn look(
    scheduler: &Scheduler,
    tasks: &TaskTracker,
    stopping: &CancellationToken,
) -> Result<Option<Timestamp>, StoreError> {
    let entries = scheduler.entries();
    let mut rows = HashMap::new();
    if entries.iter().any(|entry| entry.is_global()) {
        introduce(scheduler, &entries).await?;
        for id in scheduler.store.expire_tasks(scheduler.clock.now()).await? {
            tracing::warn!(task = id, "a run of the task has not ended in time; its node may have died");
        }
        rows = scheduler.store.tasks().await?.into_iter().map(|row| (row.id.clone(), row)).collect();
    }
    let mut next = None;
    for entry in &entries {
        let attention = attend(scheduler, entry, rows.get(entry.task.id()), tasks, stopping).await?;
        next = [next, attention].into_iter().flatten().min();
    }
    Ok(next)
}

/// Begins to know tasks that are new here.
async fn introduce(scheduler: &Scheduler, entries: &[Arc<Entry>]) -> Result<(), StoreError> {
    for entry in entries.iter().filter(|entry| entry.is_global()) {
        if entry.worker.lock().waits_until.is_some() {
            continue;
        }
        let now = scheduler.clock.now();
        let next_run = entry.next_run(now, now);
        scheduler.store.register_task(entry.task.id(), entry.first_run(now), next_run).await?;
        entry.worker.lock().waits_until = Some(later(now, entry.task.schedule().initial_delay));
    }
    Ok(())
}

/// Does what is to be done about one task; returns when there is more.
async fn attend(
    scheduler: &Scheduler,
    entry: &Arc<Entry>,
    row: Option<&StoredTask>,
    tasks: &TaskTracker,
    stopping: &CancellationToken,
) -> Result<Option<Timestamp>, StoreError> {
    let now = scheduler.clock.now();
    let live = entry.worker.lock().run.as_ref().map(|run| run.row);
    if let Some(live) = live {
        return Ok(watch(entry, live, row, now));
    }
    let due = {
        let mut worker = entry.worker.lock();
        if worker.waits_until.is_none() {
            // Only local tasks get here unseen.
            worker.local.next_run = entry.first_run(now);
            worker.waits_until = Some(later(now, entry.task.schedule().initial_delay));
        }
        let due = if entry.is_global() { row.and_then(|row| row.next_run) } else { worker.local.next_run };
        due.map(|due| due.max(worker.waits_until.unwrap_or(due)))
    };
    let Some(due) = due else { return Ok(None) };
    if due > now || row.is_some_and(|row| row.run.is_some()) {
        return Ok((due > now).then_some(due));
    }
    let timeout = entry.task.schedule().timeout;
    let ticket = TaskTicket::random();
    let claimed = TaskRun { ticket, started: now, expires: later(later(now, timeout), GRACE) };
    if entry.is_global() && !scheduler.store.claim_task(entry.task.id(), claimed).await? {
        return Ok(None);
    }
    let (stop, stopped) = oneshot::channel();
    let live = TaskRun { expires: later(now, timeout), ..claimed };
    entry.worker.lock().run = Some(LiveRun { row: live, stop: Some(stop) });
    tasks.spawn(run(scheduler.clone(), Arc::clone(entry), live, stopped, stopping.clone()));
    Ok(Some(live.expires))
}

/// Looks whether a run of this node may go on; returns when its time is over.
fn watch(entry: &Entry, live: TaskRun, row: Option<&StoredTask>, now: Timestamp) -> Option<Timestamp> {
    if live.expires <= now {
        entry.stop(live.ticket, StopReason::TimedOut);
        return None;
    }
    let holds = row.and_then(|row| row.run).is_some_and(|run| run.ticket == live.ticket);
    // Somebody cancelled it on another node, or the database lost sight of this one.
    if entry.is_global() && !holds {
        entry.stop(live.ticket, StopReason::Cancelled);
        return None;
    }
    Some(live.expires)
}
