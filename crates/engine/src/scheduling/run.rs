//! One run of one task.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use callboard_sdk::TaskError;
use callboard_store::{TaskEnd, TaskRun};
use futures::FutureExt as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::entry::{Entry, StopReason};
use super::scheduler::{CANCELLED, Scheduler};
use crate::outage::Outage;
use crate::processing::hook::words;

/// What the state of a task says that the stop of the server cut off.
const STOPPED: &str = "the server stopped";

/// Runs a task once, and writes down how it ended.
pub(super) async fn run(
    scheduler: Scheduler,
    entry: Arc<Entry>,
    row: TaskRun,
    stop: oneshot::Receiver<StopReason>,
    stopping: CancellationToken,
) {
    let id = entry.task.id();
    tracing::debug!(task = id, "the task begins");
    // Made inside, so that a panic of the closure itself stays the task's, too.
    let work = AssertUnwindSafe(async { entry.task.run().await }).catch_unwind();
    let (outcome, stopped) = tokio::select! {
        biased;
        () = stopping.cancelled() => (Err(STOPPED.to_owned()), true),
        Ok(reason) = stop => (Err(reason_text(reason, &entry)), false),
        outcome = work => (outcome.unwrap_or_else(|panic| {
            Err(TaskError::from(format!("it panicked: {}", words(&*panic))))
        }).map_err(|error| chain(&*error)), false),
    };
    match &outcome {
        Ok(()) => tracing::debug!(task = id, "the task has ended"),
        Err(error) if stopped => tracing::debug!(task = id, "the task ends: {error}"),
        Err(error) => tracing::warn!(task = id, "the task failed: {error}"),
    }
    let now = scheduler.clock.now();
    // What a stop cuts off is done at the next start.
    let next_run = if stopped { Some(now) } else { entry.next_run(row.started, now) };
    let end = TaskEnd { at: now, error: outcome.err(), next_run };
    finish(&scheduler, &entry, row, end, &stopping).await;
    scheduler.wake.notify_one();
}

async fn finish(
    scheduler: &Scheduler,
    entry: &Entry,
    row: TaskRun,
    end: TaskEnd,
    stopping: &CancellationToken,
) {
    if entry.is_global() {
        let mut outage = Outage::to_the_end(&scheduler.database, stopping);
        let released = loop {
            // A run that was cancelled has been released already.
            match scheduler.store.release_task(entry.task.id(), row.ticket, end.clone()).await {
                Err(error) if outage.outlasts(&error).await => {}
                result => break result,
            }
        };
        if let Err(error) = released {
            tracing::warn!(
                task = entry.task.id(),
                error = &error as &dyn std::error::Error,
                "the end of a task could not be written down; it runs again when its time is over"
            );
        }
        entry.worker.lock().run = None;
    } else {
        let mut worker = entry.worker.lock();
        worker.run = None;
        worker.local.next_run = end.next_run;
        worker.local.last_error = end.error;
        worker.local.last_ended = Some(end.at);
    }
}

fn reason_text(reason: StopReason, entry: &Entry) -> String {
    match reason {
        StopReason::TimedOut => {
            format!("it took longer than {} s", entry.task.schedule().timeout.as_secs_f64())
        }
        StopReason::Cancelled => CANCELLED.to_owned(),
    }
}

/// An error with its causes.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
