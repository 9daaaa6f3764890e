//! Tasks: when they run, where, and what becomes of those that fail, hang or panic.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use callboard_engine::{TaskDescription, WorkerState};
use callboard_sdk::{
    ConnectionError, EntityProvider, ProviderConnection, ProviderError, SchedulerError, Task, TaskSchedule,
    TaskScheduler as _, TaskScope, async_trait,
};
use callboard_store::{TaskEnd, TaskRun, TaskTicket, Tasks as _};
use tokio::sync::watch;

use crate::support::{FakeClock, PATIENCE, World};

const MINUTE: Duration = Duration::from_mins(1);

/// Counts runs, and does to them what the test says.
#[derive(Clone, Default)]
struct Work {
    begun: watch::Sender<usize>,
    ended: Arc<AtomicUsize>,
}

impl Work {
    fn task(&self, id: &str, schedule: TaskSchedule, behaviour: Behaviour) -> Task {
        let work = self.clone();
        Task::new(id, schedule, move || {
            let work = work.clone();
            async move {
                work.begun.send_modify(|begun| *begun += 1);
                match behaviour {
                    Behaviour::Succeed => {}
                    Behaviour::Fail => return Err("no luck".into()),
                    Behaviour::Hang => std::future::pending::<()>().await,
                    Behaviour::Panic => panic!("oh"),
                }
                work.ended.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }
        })
    }

    fn begun(&self) -> usize {
        *self.begun.borrow()
    }

    async fn until_begun(&self, count: usize) {
        let mut begun = self.begun.subscribe();
        let reached = begun.wait_for(|begun| *begun >= count);
        tokio::time::timeout(PATIENCE, reached).await.expect("it begins").unwrap();
    }
}

#[derive(Clone, Copy)]
enum Behaviour {
    Succeed,
    Fail,
    Hang,
    Panic,
}

async fn world(tasks: Vec<Task>) -> (World, Arc<FakeClock>) {
    let clock = Arc::new(FakeClock::default());
    let mut world = World::new().await;
    world.clock = Arc::<FakeClock>::clone(&clock);
    world.settings.task_poll_interval = Duration::from_millis(10);
    world.registry.tasks = tasks;
    (world, clock)
}

async fn task(world: &World, id: &str) -> TaskDescription {
    let tasks = world.catalog().scheduler().tasks().await.unwrap();
    tasks.into_iter().find(|task| task.id == id).expect("it is known")
}

/// Ends when the task is as it is wanted.
async fn until(world: &World, id: &str, wanted: impl Fn(&TaskDescription) -> bool) -> TaskDescription {
    let waiting = async {
        loop {
            let task = task(world, id).await;
            if wanted(&task) {
                return task;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes to that")
}

/// After so many ended runs, idle.
fn rests(task: &TaskDescription) -> bool {
    task.worker == WorkerState::Idle
        && task.state.as_ref().is_some_and(|state| state.run.is_none() && state.last_ended.is_some())
}

fn scopes() -> [TaskScope; 2] {
    [TaskScope::Global, TaskScope::Local]
}

#[tokio::test]
async fn a_task_runs_again_and_again() {
    for scope in scopes() {
        let work = Work::default();
        let schedule = TaskSchedule::every(10 * MINUTE, MINUTE).after(MINUTE).scope(scope);
        let (world, clock) = world(vec![work.task("t", schedule, Behaviour::Succeed)]).await;
        let world = world.start().await;
        let waiting = until(&world, "t", |task| task.state.is_some()).await;
        assert_eq!(waiting.worker, WorkerState::InitialWait);
        assert_eq!(waiting.state.unwrap().next_run, Some(clock.after(MINUTE)));
        assert_eq!(work.begun(), 0);
        clock.advance(MINUTE);
        work.until_begun(1).await;
        let task = until(&world, "t", rests).await;
        assert_eq!(task.state.unwrap().next_run, Some(clock.after(10 * MINUTE)), "{scope:?}");
        clock.advance(10 * MINUTE);
        work.until_begun(2).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn what_fails_hangs_or_panics_is_tried_again() {
    for scope in scopes() {
        let work = Work::default();
        let task = |id: &str, behaviour| {
            let schedule = TaskSchedule::every(10 * MINUTE, MINUTE).scope(scope);
            work.task(id, schedule, behaviour)
        };
        let tasks = vec![task("f", Behaviour::Fail), task("h", Behaviour::Hang), task("p", Behaviour::Panic)];
        let (world, clock) = world(tasks).await;
        let world = world.start().await;
        work.until_begun(3).await;
        let hanging = until(&world, "h", |task| task.state.as_ref().is_some_and(|s| s.run.is_some())).await;
        assert_eq!(hanging.worker, WorkerState::Running);
        clock.advance(MINUTE);
        for (id, error) in [("f", "no luck"), ("h", "it took longer than 60 s"), ("p", "it panicked: oh")] {
            let task = until(&world, id, rests).await;
            assert_eq!(task.state.unwrap().last_error.as_deref(), Some(error));
        }
        clock.advance(10 * MINUTE);
        work.until_begun(6).await;
        world.stop().await;
    }
}

#[tokio::test]
async fn cron_and_manual_tasks() {
    let cron = TaskSchedule::cron("*/15 * * * *", MINUTE).unwrap();
    let by_cron = Work::default();
    let by_hand = Work::default();
    let tasks = vec![
        by_cron.task("cron", cron, Behaviour::Succeed),
        by_hand.task("hand", TaskSchedule::manual(MINUTE), Behaviour::Succeed),
    ];
    let (world, clock) = world(tasks).await;
    let world = world.start().await;
    let state = until(&world, "cron", |task| task.state.is_some()).await.state.unwrap();
    assert_eq!(state.next_run, Some(clock.after(15 * MINUTE)), "the clock began at the full hour");
    clock.advance(15 * MINUTE);
    by_cron.until_begun(1).await;

    let state = until(&world, "hand", |task| task.state.is_some()).await.state.unwrap();
    assert_eq!((state.next_run, by_hand.begun()), (None, 0));
    world.catalog().scheduler().trigger("hand").await.unwrap();
    by_hand.until_begun(1).await;
    let state = until(&world, "hand", rests).await.state.unwrap();
    assert_eq!(state.next_run, None);
    world.stop().await;
}

#[tokio::test]
async fn tasks_are_triggered_and_cancelled() {
    for scope in scopes() {
        let work = Work::default();
        let schedule = TaskSchedule::manual(MINUTE).scope(scope);
        let (world, _clock) = world(vec![work.task("t", schedule, Behaviour::Hang)]).await;
        let world = world.start().await;
        until(&world, "t", |task| task.state.is_some()).await;
        let catalog = world.catalog();
        let scheduler = catalog.scheduler();
        for result in [scheduler.trigger("none").await, scheduler.cancel("none").await] {
            assert!(matches!(result, Err(SchedulerError::Unknown(_))), "{result:?}");
        }
        let result = scheduler.cancel("t").await;
        assert!(matches!(result, Err(SchedulerError::NotRunning(_))), "{result:?}");
        scheduler.trigger("t").await.unwrap();
        work.until_begun(1).await;
        let result = scheduler.trigger("t").await;
        assert!(matches!(result, Err(SchedulerError::Running(_))), "{result:?}");
        scheduler.cancel("t").await.unwrap();
        let task = until(&world, "t", rests).await;
        assert_eq!(task.state.unwrap().last_error.as_deref(), Some("it was cancelled"));
        assert_eq!(work.ended.load(Ordering::SeqCst), 0);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_cancellation_on_another_node_is_noticed_here() {
    let work = Work::default();
    let schedule = TaskSchedule::every(10 * MINUTE, MINUTE);
    let (world, clock) = world(vec![work.task("t", schedule, Behaviour::Hang)]).await;
    let world = world.start().await;
    work.until_begun(1).await;
    let ticket = world.store.tasks().await.unwrap()[0].run.unwrap().ticket;
    let end = TaskEnd { at: clock.now_is(), error: Some("elsewhere".to_owned()), next_run: None };
    assert!(world.store.release_task("t", ticket, end).await.unwrap());
    let task = until(&world, "t", rests).await;
    assert_eq!(task.state.unwrap().last_error.as_deref(), Some("elsewhere"));
    world.stop().await;
}

#[tokio::test]
async fn the_state_survives_restarts() {
    let work = Work::default();
    let schedule = TaskSchedule::every(10 * MINUTE, MINUTE);
    let (world, clock) = world(vec![work.task("t", schedule, Behaviour::Succeed)]).await;
    let world = world.start().await;
    work.until_begun(1).await;
    let before = until(&world, "t", rests).await.state;
    let world = world.restart().await;
    let after = until(&world, "t", |task| task.state.is_some()).await.state;
    assert_eq!(before, after);
    assert_eq!(work.begun(), 1, "it is not due");

    // A run that a crash cut off is taken up at the start.
    let world = world.stop().await;
    clock.advance(10 * MINUTE);
    let lost =
        TaskRun { ticket: TaskTicket::random(), started: clock.now_is(), expires: clock.after(MINUTE) };
    assert!(world.store.claim_task("t", lost).await.unwrap());
    let world = world.start().await;
    work.until_begun(2).await;
    world.stop().await;
}

#[tokio::test]
async fn a_stop_cuts_tasks_off_and_the_next_start_takes_them_up() {
    let work = Work::default();
    let schedule = TaskSchedule::every(10 * MINUTE, MINUTE);
    let (world, _clock) = world(vec![work.task("t", schedule, Behaviour::Hang)]).await;
    let world = world.start().await;
    work.until_begun(1).await;
    let world = world.restart().await;
    work.until_begun(2).await;
    world.stop().await;
}

/// Counts its refreshes.
struct Periodic {
    work: Work,
    schedule: TaskSchedule,
}

#[async_trait]
impl EntityProvider for Periodic {
    fn name(&self) -> &'static str {
        "periodic"
    }

    fn schedule(&self) -> Option<TaskSchedule> {
        Some(self.schedule.clone())
    }

    async fn refresh(&self, connection: &dyn ProviderConnection) -> Result<(), ProviderError> {
        let mutation = callboard_sdk::EntityMutation::Full(Vec::new());
        connection.apply_mutation(mutation).await.map_err(|error: ConnectionError| error.to_string())?;
        self.work.begun.send_modify(|begun| *begun += 1);
        Ok(())
    }
}

#[tokio::test]
async fn providers_are_refreshed_by_their_schedule_or_that_of_the_configuration() {
    let work = Work::default();
    let (mut world, clock) = world(Vec::new()).await;
    let schedule = TaskSchedule::every(10 * MINUTE, MINUTE);
    world.registry.providers =
        vec![Arc::new(Periodic { work: work.clone(), schedule: TaskSchedule::manual(MINUTE) })];
    world.settings.provider_schedules.insert("periodic".to_owned(), schedule.clone());
    let world = world.start().await;
    work.until_begun(1).await;
    assert_eq!(until(&world, "periodic:refresh", rests).await.schedule, schedule);
    clock.advance(10 * MINUTE);
    work.until_begun(2).await;
    world.stop().await;
}

#[tokio::test]
async fn ids_are_unique() {
    let work = Work::default();
    let task = || work.task("t", TaskSchedule::manual(MINUTE), Behaviour::Succeed);
    let (world, _clock) = world(vec![task()]).await;
    let world = world.start().await;
    let result = world.catalog().scheduler().schedule(task());
    assert!(matches!(result, Err(SchedulerError::Taken(id)) if id == "t"));
    world.stop().await;
}
