//! Large sources: passes, crashes between their pages, and what is removed at their end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use callboard_engine::{IncrementalState, WorkerState};
use callboard_model::EntityRef;
use callboard_sdk::{
    Burst, CancelIngestion, DeferredEntity, Event, IncrementalChange, IncrementalEntityProvider,
    IncrementalOptions, Page, ProviderError, RemovalGuards, TaskScheduler as _, async_trait,
};
use callboard_store::{
    Incremental as _, IngestionAction, IngestionMark, IngestionPass, IngestionStatus, ProviderName,
    Refusals as _, Uid,
};
use callboard_store_sqlite::SqliteStore;
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::json;

use crate::puppet::located;
use crate::support::{FakeClock, PATIENCE, World, component, entity_ref};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);

/// What the source does at a page, instead of giving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Hang,
    Fail,
    Panic,
    Cancel,
}

/// What a test can change while it runs.
#[derive(Default)]
struct Stage {
    pages: Vec<Vec<String>>,
    trouble: Option<(usize, Trouble)>,
    /// How long each page takes.
    page_takes: Duration,
    /// The pages that were asked for.
    asked: Vec<usize>,
}

#[derive(Clone)]
struct Paged {
    stage: Arc<Mutex<Stage>>,
    clock: Arc<FakeClock>,
}

#[async_trait]
impl IncrementalEntityProvider for Paged {
    type Cursor = usize;
    type Context = ();

    fn name(&self) -> &'static str {
        "paged"
    }

    async fn around(&self, burst: Burst<'_, Self>) -> Result<(), ProviderError> {
        burst.run(&()).await
    }

    async fn next(&self, (): &(), cursor: Option<usize>) -> Result<Page<usize>, ProviderError> {
        let number = cursor.unwrap_or_default();
        let (trouble, names, is_last) = {
            let mut stage = self.stage.lock();
            stage.asked.push(number);
            self.clock.advance(stage.page_takes);
            let trouble = stage.trouble.filter(|(at, _)| *at == number).map(|(_, trouble)| trouble);
            (trouble, stage.pages.get(number).cloned().unwrap_or_default(), number + 1 >= stage.pages.len())
        };
        match trouble {
            Some(Trouble::Hang) => std::future::pending().await,
            Some(Trouble::Fail) => return Err("the page is broken".into()),
            Some(Trouble::Panic) => panic!("the page is hot"),
            Some(Trouble::Cancel) => return Err(CancelIngestion.into()),
            None => {}
        }
        let deferred =
            |name: &String| DeferredEntity { entity: located(&component(name)), location_key: None };
        let entities = names.iter().map(deferred).collect();
        Ok(if is_last { Page::Last { entities } } else { Page::More { entities, cursor: number + 1 } })
    }

    fn event_topics(&self) -> Vec<String> {
        vec!["stage".to_owned()]
    }

    async fn on_event(&self, event: &Event) -> Result<Option<IncrementalChange>, ProviderError> {
        let Some(name) = event.payload["enters"].as_str() else { return Ok(None) };
        let entity = located(&component(name));
        let leaves = event.payload["leaves"].as_str().unwrap_or_default();
        Ok(Some(IncrementalChange {
            added: vec![DeferredEntity { entity, location_key: None }],
            removed: vec![entity_ref(leaves)],
        }))
    }
}

/// A world with one large source.
struct Theatre {
    world: World,
    source: Paged,
}

fn provider() -> ProviderName {
    ProviderName::new("paged")
}

fn options() -> IncrementalOptions {
    IncrementalOptions {
        burst_interval: SECOND,
        burst_length: HOUR,
        rest_length: 24 * HOUR,
        ..IncrementalOptions::default()
    }
}

fn pages(pages: &[&[&str]]) -> Vec<Vec<String>> {
    pages.iter().map(|page| page.iter().map(ToString::to_string).collect()).collect()
}

impl Theatre {
    async fn new(first: Vec<Vec<String>>, options: IncrementalOptions) -> Self {
        let clock = Arc::new(FakeClock::default());
        let stage = Arc::new(Mutex::new(Stage { pages: first, ..Stage::default() }));
        let source = Paged { stage, clock: Arc::clone(&clock) };
        let mut world = World::new().await;
        world.clock = clock;
        world.settings.task_poll_interval = Duration::from_millis(10);
        world.registry.add_incremental_provider(source.clone(), options);
        Self { world, source }
    }

    async fn start(self) -> Self {
        Self { world: self.world.start().await, ..self }
    }

    async fn restart(self) -> Self {
        let world = self.world.stop().await;
        // So that the run that was cut off is not taken for the next one.
        self.source.clock.advance(SECOND);
        Self { world: world.start().await, ..self }
    }

    /// Ends when the task has ended a run after that time.
    async fn until_ended(&self, after: jiff::Timestamp) {
        let waiting = async {
            loop {
                let tasks = self.world.catalog().scheduler().tasks().await.unwrap();
                let ended = tasks.iter().any(|task| {
                    let last = task.state.as_ref().and_then(|state| state.last_ended);
                    task.worker != WorkerState::Running && last.is_some_and(|last| last >= after)
                });
                if ended {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the step ends");
    }

    /// One more run of the task, after so much time.
    async fn step_after(&self, time: Duration) -> IncrementalState {
        self.source.clock.advance(time);
        self.until_ended(self.source.clock.now_is()).await;
        self.state().await
    }

    /// The first run, which begins with the start.
    async fn first_step(&self) -> IncrementalState {
        self.until_ended(self.source.clock.now_is()).await;
        self.state().await
    }

    async fn state(&self) -> IncrementalState {
        self.world.catalog().incremental().state(&provider()).await.unwrap()
    }

    async fn until_asked(&self, page: usize) {
        let waiting = async {
            while self.source.stage.lock().asked.last() != Some(&page) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the page is asked for");
    }

    /// From a state at rest: the rest ends, and a new pass runs to its end.
    async fn whole_pass(&self) -> IncrementalState {
        let between = self.step_after(25 * HOUR).await;
        assert_eq!(between, IncrementalState::BetweenPasses);
        self.step_after(SECOND).await
    }

    fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut self.source.stage.lock().asked)
    }

    fn set(&self, change: impl FnOnce(&mut Stage)) {
        change(&mut self.source.stage.lock());
    }

    /// Panics unless the bucket holds just these.
    async fn assert_holds(&self, names: &[&str]) {
        holds(&self.world.store, names).await;
        self.world.check().await;
    }
}

async fn holds(store: &SqliteStore, names: &[&str]) {
    let refs: Vec<EntityRef> =
        names.iter().map(|name| entity_ref(&format!("component:default/{name}"))).collect();
    let share = store.bucket_share(&provider(), &refs).await.unwrap();
    assert_eq!((share.total, share.part), (names.len() as u64, names.len() as u64), "{names:?}");
}

fn open(state: IncrementalState) -> IngestionPass {
    match state {
        IncrementalState::Open(pass) => pass,
        other => panic!("no pass: {other:?}"),
    }
}

#[tokio::test]
async fn a_pass_reads_all_pages_and_the_next_one_removes_what_is_gone() {
    let theatre = Theatre::new(pages(&[&["i1", "i2"], &["i3"], &["i4"]]), options()).await.start().await;
    let pass = open(theatre.first_step().await);
    assert_eq!((pass.status, pass.next_action), (IngestionStatus::Resting, IngestionAction::Rest));
    assert_eq!(theatre.asked(), [0, 1, 2]);
    theatre.assert_holds(&["i1", "i2", "i3", "i4"]).await;
    theatre.world.until_there(&["component:default/i4"]).await;

    theatre.step_after(HOUR).await;
    assert_eq!(theatre.asked(), [0_usize; 0], "it rests");
    theatre.set(|stage| stage.pages = pages(&[&["i1"], &["i3"], &["i4"]]));
    let second = open(theatre.whole_pass().await);
    assert_ne!(second.id, pass.id);
    assert_eq!(second.last_error, None);
    theatre.assert_holds(&["i1", "i3", "i4"]).await;
    theatre.world.stop().await;
}

#[tokio::test]
async fn a_burst_ends_in_time_and_the_next_goes_on() {
    let theatre = Theatre::new(pages(&[&["a"], &["b"], &["c"]]), options()).await;
    theatre.set(|stage| stage.page_takes = HOUR);
    let theatre = theatre.start().await;
    let pass = open(theatre.first_step().await);
    assert_eq!(pass.status, IngestionStatus::Interstitial);
    theatre.assert_holds(&["a"]).await;
    theatre.step_after(SECOND).await;
    theatre.assert_holds(&["a", "b"]).await;
    let pass = open(theatre.step_after(SECOND).await);
    assert_eq!(pass.status, IngestionStatus::Resting);
    assert_eq!(theatre.asked(), [0, 1, 2]);
    theatre.world.stop().await;
}

#[tokio::test]
async fn a_crash_at_any_page_boundary_ends_in_the_same_state() {
    for at in 0..3 {
        let theatre = Theatre::new(pages(&[&["gone", "a"], &["b"], &["c"]]), options()).await.start().await;
        theatre.first_step().await;
        theatre.asked();
        theatre.set(|stage| {
            stage.pages = pages(&[&["a"], &["b", "new"], &["c"]]);
            stage.trouble = Some((at, Trouble::Hang));
        });
        theatre.step_after(25 * HOUR).await;
        theatre.source.clock.advance(SECOND);
        theatre.until_asked(at).await;
        theatre.set(|stage| stage.trouble = None);
        let theatre = theatre.restart().await;
        let pass = open(theatre.first_step().await);
        assert_eq!(pass.status, IngestionStatus::Resting);
        let expected: Vec<usize> = (0..=at).chain(at..3).collect();
        assert_eq!(theatre.asked(), expected, "it goes on where it was");
        theatre.assert_holds(&["a", "b", "c", "new"]).await;
        theatre.world.stop().await;
    }
}

#[tokio::test]
async fn a_crash_between_the_last_page_and_the_sweep_is_made_up_for() {
    let theatre = Theatre::new(pages(&[&["a"]]), options()).await;
    let store = theatre.world.store.clone();
    let now = theatre.source.clock.now_is();
    // As it is after a crash: what a former pass had brought in, and the last page of this one.
    let claim = |name: &str| callboard_store::NewClaim {
        entity_ref: entity_ref(&format!("component:default/{name}")),
        location_key: None,
        document: callboard_store::Document {
            json: located(&component(name)).to_json_bytes().into(),
            hash: callboard_store::DocumentHash::new(*b"any hash is fine"),
        },
    };
    store.apply_between_pages(&provider(), vec![claim("old")], Vec::new(), now).await.unwrap();
    let pass = IngestionPass {
        id: Uid::random(),
        provider: provider(),
        status: IngestionStatus::Bursting,
        next_action: IngestionAction::Ingest,
        next_action_at: now,
        last_error: None,
        attempts: 0,
        created_at: now,
        ingestion_completed_at: None,
        rest_completed_at: None,
        version: 0,
    };
    let pass = store.begin_pass(pass).await.unwrap();
    let mark = IngestionMark { id: Uid::random(), pass: pass.id, sequence: 0, cursor: None, created_at: now };
    store.apply_page(&provider(), mark, vec![claim("a")], now).await.unwrap().unwrap();
    holds(&store, &["a", "old"]).await;

    let theatre = theatre.start().await;
    let rested = open(theatre.first_step().await);
    assert_eq!((rested.id, rested.status), (pass.id, IngestionStatus::Resting));
    assert_eq!(theatre.asked(), [0_usize; 0]);
    theatre.assert_holds(&["a"]).await;
    theatre.world.stop().await;
}

#[tokio::test]
async fn failures_are_tried_again_after_ever_longer_pauses() {
    for trouble in [Trouble::Fail, Trouble::Panic] {
        let options = IncrementalOptions { backoff: vec![HOUR, 2 * HOUR], ..options() };
        let theatre = Theatre::new(pages(&[&["a"], &["b"]]), options).await;
        theatre.set(|stage| stage.trouble = Some((1, trouble)));
        let theatre = theatre.start().await;
        let mut pass = open(theatre.first_step().await);
        for (attempt, pause) in [(1, HOUR), (2, 2 * HOUR), (3, 2 * HOUR)] {
            assert_eq!((pass.status, pass.attempts), (IngestionStatus::BackingOff, attempt));
            assert_eq!(pass.next_action_at, theatre.source.clock.after(pause));
            assert!(pass.last_error.is_some());
            theatre.asked();
            theatre.step_after(pause.checked_sub(SECOND).unwrap()).await;
            let due = open(theatre.step_after(SECOND).await);
            assert_eq!((due.next_action, theatre.asked()), (IngestionAction::Ingest, vec![]));
            pass = open(theatre.step_after(SECOND).await);
        }
        theatre.set(|stage| stage.trouble = None);
        theatre.step_after(3 * HOUR).await;
        let pass = open(theatre.step_after(SECOND).await);
        assert_eq!((pass.status, pass.attempts, pass.last_error), (IngestionStatus::Resting, 0, None));
        theatre.world.stop().await;
    }
}

#[tokio::test]
async fn a_provider_can_give_its_pass_up() {
    let theatre = Theatre::new(pages(&[&["a"], &["b"]]), options()).await;
    theatre.set(|stage| stage.trouble = Some((1, Trouble::Cancel)));
    let theatre = theatre.start().await;
    let pass = open(theatre.first_step().await);
    assert_eq!((pass.status, pass.next_action), (IngestionStatus::Canceling, IngestionAction::Cancel));
    theatre.set(|stage| stage.trouble = None);
    assert_eq!(theatre.step_after(SECOND).await, IncrementalState::BetweenPasses);
    theatre.asked();
    let next = open(theatre.step_after(SECOND).await);
    assert_eq!((next.status, theatre.asked()), (IngestionStatus::Resting, vec![0, 1]));
    theatre.world.stop().await;
}

#[tokio::test]
async fn what_a_guard_keeps_is_looked_at_again() {
    let guards = RemovalGuards { reject_removals_above_percentage: 40.0, ..RemovalGuards::default() };
    let options = IncrementalOptions { guards, ..options() };
    let theatre = Theatre::new(pages(&[&["a", "b"], &["c", "d"]]), options).await.start().await;
    theatre.first_step().await;
    theatre.set(|stage| stage.pages = pages(&[&["a"], &["c"]]));
    let pass = open(theatre.whole_pass().await);
    let error = pass.last_error.expect("it says why");
    assert!(error.starts_with("REMOVAL_THRESHOLD exceeded: refused to remove 2 of 4 entities"), "{error}");
    assert_eq!(theatre.world.catalog().refused_removals().await.unwrap().len(), 1);
    theatre.assert_holds(&["a", "b", "c", "d"]).await;

    // Fewer are missing now: those that are go, also what was kept before.
    theatre.set(|stage| stage.pages = pages(&[&["a", "b"], &["c"]]));
    theatre.whole_pass().await;
    theatre.assert_holds(&["a", "b", "c"]).await;
    assert!(theatre.world.catalog().refused_removals().await.unwrap().is_empty());

    theatre.set(|stage| stage.pages = Vec::new());
    theatre.whole_pass().await;
    theatre.assert_holds(&["a", "b", "c"]).await;
    assert!(theatre.world.catalog().confirm_removals(&provider()).await.unwrap());
    // A confirmation holds for a day, and so long it rests.
    theatre.world.catalog().incremental().start(&provider()).await.unwrap();
    theatre.step_after(SECOND).await;
    theatre.step_after(SECOND).await;
    theatre.assert_holds(&[]).await;
    theatre.world.stop().await;
}

#[tokio::test]
async fn passes_are_stopped_started_and_forgotten() {
    let theatre = Theatre::new(pages(&[&["a"], &["b"]]), options()).await;
    theatre.set(|stage| stage.trouble = Some((1, Trouble::Hang)));
    let theatre = theatre.start().await;
    theatre.until_asked(1).await;
    let control = theatre.world.catalog().incremental();
    let unknown = control.cancel(&ProviderName::new("none")).await.unwrap();
    assert_eq!(unknown, IncrementalState::Unknown);

    // While it reads: it is given up, and nothing happens until somebody has it start.
    assert_eq!(open(control.cancel(&provider()).await.unwrap()).status, IngestionStatus::Bursting);
    theatre.set(|stage| stage.trouble = None);
    // The page that hangs is cut off by hand; otherwise, the time of the burst would have to pass.
    theatre.world.catalog().scheduler().cancel("paged").await.unwrap();
    theatre.first_step().await;
    let pass = open(theatre.step_after(48 * HOUR).await);
    assert_eq!((pass.status, pass.next_action), (IngestionStatus::Resting, IngestionAction::NothingDone));
    control.start(&provider()).await.unwrap();
    theatre.asked();
    let pass = open(theatre.step_after(SECOND).await);
    assert_eq!((pass.status, theatre.asked()), (IngestionStatus::Resting, vec![0, 1]));

    let counts = control.purge(&provider()).await.unwrap();
    assert_eq!((counts.passes, counts.marks, counts.seen), (2, 3, 2));
    theatre.assert_holds(&["a", "b"]).await;
    assert_eq!(open(theatre.step_after(HOUR).await).status, IngestionStatus::Resting);
    theatre.world.stop().await;
}

#[tokio::test]
async fn events_change_it_between_pages() {
    let theatre = Theatre::new(pages(&[&["a", "b"]]), options()).await.start().await;
    theatre.first_step().await;
    let bus = theatre.world.catalog().event_bus();
    bus.publish(Event::new("stage", json!({ "applause": true })));
    bus.publish(Event::new("stage", json!({ "enters": "c", "leaves": "component:default/a" })));
    theatre.world.until_there(&["component:default/c"]).await;
    theatre.assert_holds(&["b", "c"]).await;
    // The next pass has the last word.
    theatre.whole_pass().await;
    theatre.assert_holds(&["a", "b"]).await;
    theatre.world.stop().await;
}

/// Looks, before each page, whether the last one has left memory.
struct Steady {
    store: SqliteStore,
    pages: usize,
    asked: Arc<Mutex<usize>>,
}

const ROWS_A_PAGE: usize = 500;

#[async_trait]
impl IncrementalEntityProvider for Steady {
    type Cursor = usize;
    type Context = ();

    fn name(&self) -> &'static str {
        "paged"
    }

    async fn around(&self, burst: Burst<'_, Self>) -> Result<(), ProviderError> {
        burst.run(&()).await
    }

    async fn next(&self, (): &(), cursor: Option<usize>) -> Result<Page<usize>, ProviderError> {
        let number = cursor.unwrap_or_default();
        let written = self.store.bucket_share(&provider(), &[]).await?.total;
        assert_eq!(written, (number * ROWS_A_PAGE) as u64, "no page but this one is in memory");
        *self.asked.lock() += 1;
        let entity = |row| located(&component(&format!("row-{number}-{row}")));
        let entities =
            (0..ROWS_A_PAGE).map(|row| DeferredEntity { entity: entity(row), location_key: None }).collect();
        let is_last = number + 1 == self.pages;
        Ok(if is_last { Page::Last { entities } } else { Page::More { entities, cursor: number + 1 } })
    }
}

#[tokio::test]
async fn no_more_than_one_page_is_in_memory() {
    const PAGES: usize = 20;
    let mut world = World::new().await;
    world.settings.processing_interval = None;
    world.settings.task_poll_interval = Duration::from_millis(10);
    let asked = Arc::new(Mutex::new(0));
    let source = Steady { store: world.store.clone(), pages: PAGES, asked: Arc::clone(&asked) };
    world.registry.add_incremental_provider(source, options());
    let world = world.start().await;
    let waiting = async {
        loop {
            let state = world.catalog().incremental().state(&provider()).await.unwrap();
            if let IncrementalState::Open(pass) = state {
                assert_ne!(pass.status, IngestionStatus::BackingOff, "{pass:?}");
                if pass.status == IngestionStatus::Resting {
                    return;
                }
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(2 * PATIENCE, waiting).await.expect("all pages are read");
    assert_eq!(*asked.lock(), PAGES);
    world.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever a source has in each of its passes, and wherever the server is stopped: after a pass that was not
    /// refused, the bucket holds what the source had in it.
    #[test]
    fn passes_end_in_what_the_source_has(
        passes in prop::collection::vec(
            (prop::collection::vec(prop::collection::btree_set(0..12_u8, 0..4), 1..4), 0..4_usize),
            1..4,
        ),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut theatre = Theatre::new(Vec::new(), options()).await.start().await;
            theatre.first_step().await;
            for (source, crash) in passes {
                let mut all = BTreeSet::new();
                let names = |page: &BTreeSet<u8>| page.iter().map(|row| format!("r{row}")).collect::<Vec<_>>();
                let pages: Vec<Vec<String>> = source.iter().map(names).collect();
                all.extend(pages.iter().flatten().cloned());
                let crashes = crash < pages.len();
                theatre.set(|stage| {
                    stage.pages = pages;
                    stage.trouble = crashes.then_some((crash, Trouble::Hang));
                });
                theatre.step_after(25 * HOUR).await;
                if crashes {
                    theatre.source.clock.advance(SECOND);
                    theatre.until_asked(crash).await;
                    theatre.set(|stage| stage.trouble = None);
                    theatre = theatre.restart().await;
                    theatre.first_step().await;
                } else {
                    theatre.step_after(SECOND).await;
                }
                let expected: Vec<&str> = all.iter().map(String::as_str).collect();
                theatre.assert_holds(&expected).await;
                theatre.asked();
            }
            theatre.world.stop().await;
        });
    }
}
