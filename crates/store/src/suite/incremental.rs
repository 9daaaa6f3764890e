//! Large sources: passes, their marks, and what is swept away.

use jiff::{SignedDuration, Timestamp};

use super::scene::{Scene, claim, entity};
use crate::{
    BucketShare, IngestionAction, IngestionCounts, IngestionMark, IngestionPass, IngestionStatus, NewClaim,
    ProviderMutation, ProviderName, Store, Swept, Uid,
};

fn provider() -> ProviderName {
    ProviderName::new("large")
}

fn pass(now: Timestamp) -> IngestionPass {
    IngestionPass {
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
    }
}

fn mark(scene: &Scene<'_>, pass: &IngestionPass, sequence: u64) -> IngestionMark {
    let cursor = (sequence < 9).then(|| format!("{{\"page\":{sequence}}}"));
    IngestionMark { id: Uid::random(), pass: pass.id, sequence, cursor, created_at: scene.now }
}

async fn page(scene: &Scene<'_>, pass: &IngestionPass, sequence: u64, names: &[&str]) -> bool {
    let claims: Vec<NewClaim> = names.iter().map(|name| claim(name, "1")).collect();
    let mark = mark(scene, pass, sequence);
    let report = scene.store.apply_page(&provider(), mark, claims, scene.now).await.unwrap();
    scene.check().await;
    report.is_some()
}

/// Ends it, so that another can begin.
async fn end(store: &dyn Store, pass: IngestionPass) {
    let ended = IngestionPass {
        status: IngestionStatus::Complete,
        next_action: IngestionAction::NothingDone,
        rest_completed_at: Some(pass.created_at),
        ..pass
    };
    assert!(store.update_pass(ended).await.unwrap());
}

async fn unseen(scene: &Scene<'_>, pass: &IngestionPass) -> (u64, u64) {
    let BucketShare { total, part } = scene.store.unseen(&provider(), pass.id).await.unwrap();
    (total, part)
}

/// Sweeps to the end; how many claims went with each part.
async fn sweep(scene: &Scene<'_>, pass: &IngestionPass, limit: usize) -> Vec<usize> {
    let mut released = Vec::new();
    let mut after = None;
    loop {
        let swept = scene.store.sweep(&provider(), pass.id, after, limit, scene.now).await.unwrap();
        scene.check().await;
        if swept.report.released > 0 {
            released.push(swept.report.released);
        }
        if swept.next.is_none() {
            return released;
        }
        assert_ne!(swept.next, after, "it goes on");
        after = swept.next;
    }
}

/// Whoever begins another one gets it.
pub async fn one_pass_is_open_at_a_time(store: &dyn Store) {
    let scene = Scene::new(store);
    assert_eq!(store.open_pass(&provider()).await.unwrap(), None);
    assert!(store.incremental_providers().await.unwrap().is_empty());
    let first = store.begin_pass(pass(scene.now)).await.unwrap();
    assert_eq!(store.begin_pass(pass(scene.now)).await.unwrap(), first);
    assert_eq!(store.open_pass(&provider()).await.unwrap(), Some(first.clone()));
    assert_eq!(store.incremental_providers().await.unwrap(), [provider()]);
    end(store, first.clone()).await;
    assert_eq!(store.open_pass(&provider()).await.unwrap(), None);
    assert_ne!(store.begin_pass(pass(scene.now)).await.unwrap().id, first.id);
}

/// The second is told, and changes nothing.
pub async fn of_two_changes_at_once_one_counts(store: &dyn Store) {
    let scene = Scene::new(store);
    let open = store.begin_pass(pass(scene.now)).await.unwrap();
    let resting = IngestionPass {
        status: IngestionStatus::Resting,
        next_action: IngestionAction::Rest,
        next_action_at: scene.now + SignedDuration::from_hours(1),
        last_error: Some("no".to_owned()),
        attempts: 2,
        ingestion_completed_at: Some(scene.now),
        ..open.clone()
    };
    assert!(store.update_pass(resting.clone()).await.unwrap());
    let canceled = IngestionPass { next_action: IngestionAction::Cancel, ..open };
    assert!(!store.update_pass(canceled).await.unwrap());
    let now = store.open_pass(&provider()).await.unwrap().unwrap();
    assert_eq!(now, IngestionPass { version: 1, ..resting });
}

/// Both or neither; a page is written once.
pub async fn a_page_comes_with_its_mark(store: &dyn Store) {
    let scene = Scene::new(store);
    let pass = store.begin_pass(pass(scene.now)).await.unwrap();
    assert!(page(&scene, &pass, 0, &["a", "b"]).await);
    assert!(page(&scene, &pass, 1, &["c"]).await);
    assert!(!page(&scene, &pass, 1, &["d"]).await, "somebody else has written it");
    let marks = store.marks(pass.id, 10).await.unwrap();
    let known: Vec<(u64, Option<&str>)> =
        marks.iter().map(|mark| (mark.sequence, mark.cursor.as_deref())).collect();
    assert_eq!(known, [(1, Some("{\"page\":1}")), (0, Some("{\"page\":0}"))]);
    assert_eq!(store.marks(pass.id, 1).await.unwrap(), marks[..1]);
    assert_eq!(store.bucket_share(&provider(), &[entity("d")]).await.unwrap().total, 3);

    let canceled = IngestionPass { next_action: IngestionAction::Cancel, ..pass.clone() };
    assert!(store.update_pass(canceled).await.unwrap());
    assert!(!page(&scene, &pass, 2, &["e"]).await, "it reads no more pages");
}

/// Whatever became of earlier sweeps, and whatever other providers have.
pub async fn what_a_pass_has_not_seen_is_swept(store: &dyn Store) {
    let scene = Scene::new(store);
    let other = ProviderName::new("other");
    let others = ProviderMutation::Full(vec![claim("x", "1"), claim("b", "other")]);
    store.apply_mutation(&other, others, scene.now).await.unwrap();

    let first = store.begin_pass(pass(scene.now)).await.unwrap();
    assert!(page(&scene, &first, 0, &["a", "b", "c", "d"]).await);
    assert_eq!(unseen(&scene, &first).await, (4, 0));
    end(store, first).await;

    // Not swept: refused, perhaps.
    let second = store.begin_pass(pass(scene.now)).await.unwrap();
    assert!(page(&scene, &second, 0, &["a", "d"]).await);
    assert_eq!(unseen(&scene, &second).await, (4, 2));
    end(store, second).await;

    let third = store.begin_pass(pass(scene.now)).await.unwrap();
    assert!(page(&scene, &third, 0, &["a"]).await);
    assert_eq!(unseen(&scene, &third).await, (4, 3), "all that was not seen, also before");
    assert_eq!(sweep(&scene, &third, 2).await, [2, 1]);
    assert_eq!(unseen(&scene, &third).await, (1, 0));
    assert_eq!(store.bucket_share(&other, &[]).await.unwrap().total, 2);
}

/// In parts of any size, wherever it is among what was seen; also what was written before anything was known of passes.
pub async fn a_sweep_goes_through_the_bucket_once(store: &dyn Store) {
    for limit in 1..=5 {
        let scene = Scene::new(store);
        let before = ["u", "v", "w"].map(|name| claim(name, "1")).to_vec();
        let before = ProviderMutation::Delta { added: before, removed: Vec::new() };
        store.apply_mutation(&provider(), before, scene.now).await.unwrap();
        let first = store.begin_pass(pass(scene.now)).await.unwrap();
        assert!(page(&scene, &first, 0, &["a", "b", "c", "d", "e", "f", "g"]).await);
        end(store, first).await;
        let second = store.begin_pass(pass(scene.now)).await.unwrap();
        assert!(page(&scene, &second, 0, &["b", "d", "e", "v", "x"]).await);
        assert_eq!(unseen(&scene, &second).await, (11, 6), "a, c, f, g, u and w");
        let swept = sweep(&scene, &second, limit).await;
        assert!(swept.iter().all(|released| *released <= limit), "{swept:?}");
        assert_eq!(swept.iter().sum::<usize>(), 6, "{swept:?}");
        assert_eq!(unseen(&scene, &second).await, (5, 0));
        let kept = ["b", "d", "e", "v", "x"].map(entity);
        assert_eq!(store.bucket_share(&provider(), &kept).await.unwrap(), BucketShare { total: 5, part: 5 });
        assert_eq!(sweep(&scene, &second, limit).await, [0; 0], "nothing is left");
        let all = ProviderMutation::Full(Vec::new());
        store.apply_mutation(&provider(), all, scene.now).await.unwrap();
        store.purge(pass(scene.now)).await.unwrap();
        end(store, store.open_pass(&provider()).await.unwrap().unwrap()).await;
    }
}

/// What comes meanwhile stays, and so does everything from the moment on in which the pass is given up.
pub async fn a_sweep_heeds_what_happens_meanwhile(store: &dyn Store) {
    let scene = Scene::new(store);
    let first = store.begin_pass(pass(scene.now)).await.unwrap();
    assert!(page(&scene, &first, 0, &["a", "b", "c", "d", "e", "f"]).await);
    end(store, first).await;
    let second = store.begin_pass(pass(scene.now)).await.unwrap();
    let Swept { report, next } = store.sweep(&provider(), second.id, None, 1, scene.now).await.unwrap();
    assert_eq!(report.released, 1);
    let come = ["a", "b", "c", "d"].map(|name| claim(name, "1")).to_vec();
    store.apply_between_pages(&provider(), come, Vec::new(), scene.now).await.unwrap();
    let (_, left) = unseen(&scene, &second).await;
    let Swept { report, .. } = store.sweep(&provider(), second.id, next, 9, scene.now).await.unwrap();
    scene.check().await;
    assert_eq!(report.released as u64, left);
    assert_eq!(unseen(&scene, &second).await, (4, 0));
    end(store, second).await;

    let third = store.begin_pass(pass(scene.now)).await.unwrap();
    let canceled = IngestionPass { next_action: IngestionAction::Cancel, ..third.clone() };
    assert!(store.update_pass(canceled).await.unwrap());
    for after in [next, None] {
        assert_eq!(store.sweep(&provider(), third.id, after, 9, scene.now).await.unwrap(), Swept::default());
    }
    let fourth = pass(scene.now);
    store.purge(fourth.clone()).await.unwrap();
    for after in [next, None] {
        assert_eq!(store.sweep(&provider(), third.id, after, 9, scene.now).await.unwrap(), Swept::default());
    }
    assert_eq!(unseen(&scene, &fourth).await, (4, 4));
    scene.check().await;
}

/// In whatever state the pass is; without one, it is swept by the next.
pub async fn what_comes_between_pages_counts_as_seen(store: &dyn Store) {
    let scene = Scene::new(store);
    let change = async |added: &[&str], removed: &[&str]| {
        let added = added.iter().map(|name| claim(name, "1")).collect();
        let removed = removed.iter().map(|name| entity(name)).collect();
        scene.store.apply_between_pages(&provider(), added, removed, scene.now).await.unwrap();
        scene.check().await;
    };
    change(&["early"], &[]).await;
    let pass = store.begin_pass(pass(scene.now)).await.unwrap();
    assert_eq!(unseen(&scene, &pass).await, (1, 1));
    assert!(page(&scene, &pass, 0, &["a", "b"]).await);
    change(&["new"], &["a"]).await;
    assert_eq!(unseen(&scene, &pass).await, (3, 1));
}

/// Ended passes, or all of it; entities stay.
pub async fn passes_are_forgotten(store: &dyn Store) {
    let scene = Scene::new(store);
    let first = store.begin_pass(pass(scene.now)).await.unwrap();
    assert!(page(&scene, &first, 0, &["a", "b"]).await);
    end(store, first.clone()).await;
    let second = store.begin_pass(pass(scene.now)).await.unwrap();
    assert!(page(&scene, &second, 0, &["a"]).await);
    let counts = store.forget_ended(&provider()).await.unwrap();
    assert_eq!(counts, IngestionCounts { passes: 1, marks: 1, seen: 0 });
    assert!(store.marks(first.id, 9).await.unwrap().is_empty());
    assert_eq!(store.marks(second.id, 9).await.unwrap().len(), 1);
    assert_eq!(unseen(&scene, &second).await, (2, 1), "what it has not seen is still known");

    let fresh = pass(scene.now);
    let counts = store.purge(fresh.clone()).await.unwrap();
    assert_eq!(counts, IngestionCounts { passes: 1, marks: 1, seen: 2 });
    assert_eq!(store.open_pass(&provider()).await.unwrap(), Some(fresh.clone()));
    assert_eq!(unseen(&scene, &fresh).await, (2, 2));
}
