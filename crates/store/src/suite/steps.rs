//! What can happen to a store, at random: few names, so that things meet.

use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;

use crate::{NewClaim, ProcessingOutcome, ProcessorCacheUpdate};

use super::scene::{Output, claim, failure, keyed, relation};

pub(super) const ENTITIES: [&str; 6] = ["a", "b", "c", "d", "location:default/e", "location:default/f"];
pub(super) const PROVIDERS: [&str; 3] = ["p", "q", "r"];
pub(super) const REFRESH_KEYS: [&str; 2] = ["one", "two"];

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Full {
        provider: &'static str,
        claims: Vec<NewClaim>,
    },
    Delta {
        provider: &'static str,
        added: Vec<NewClaim>,
        removed: Vec<&'static str>,
    },
    /// Takes entities off the queue.
    Take {
        limit: usize,
    },
    /// Ends one of the runs that are under way.
    Commit {
        run: usize,
        outcome: ProcessingOutcome,
        cache: ProcessorCacheUpdate,
    },
    Delete {
        entity: &'static str,
    },
    Sweep,
    RefreshByKey {
        key: &'static str,
    },
    Reclaim,
    /// Takes marks.
    TakeStitches {
        limit: usize,
    },
    /// Answers one of the marks that were taken.
    CommitStitch {
        stitch: usize,
    },
    Wait {
        seconds: i64,
    },
}

pub(super) fn histories() -> impl Strategy<Value = Vec<Step>> {
    vec(steps(), 1..40)
}

fn steps() -> impl Strategy<Value = Step> {
    let provider = || prop::sample::select(&PROVIDERS[..]);
    let limit = || prop_oneof![Just(2_usize), Just(100)];
    prop_oneof![
        3 => (provider(), vec(claims(), 0..5)).prop_map(|(provider, claims)| Step::Full { provider, claims }),
        3 => (provider(), vec(claims(), 0..3), vec(entities(), 0..3)).prop_map(delta),
        5 => limit().prop_map(|limit| Step::Take { limit }),
        9 => (0_usize..4, outcomes(), caches())
            .prop_map(|(run, outcome, cache)| Step::Commit { run, outcome, cache }),
        1 => entities().prop_map(|entity| Step::Delete { entity }),
        1 => Just(Step::Sweep),
        1 => prop::sample::select(&REFRESH_KEYS[..]).prop_map(|key| Step::RefreshByKey { key }),
        1 => Just(Step::Reclaim),
        2 => limit().prop_map(|limit| Step::TakeStitches { limit }),
        2 => (0_usize..4).prop_map(|stitch| Step::CommitStitch { stitch }),
        2 => prop_oneof![Just(1_i64), Just(100), Just(4000)].prop_map(|seconds| Step::Wait { seconds }),
    ]
}

/// Nothing is removed and added in one delta: what that means is not laid down.
fn delta((provider, added, removed): (&'static str, Vec<NewClaim>, Vec<&'static str>)) -> Step {
    let is_added = |name: &str| added.iter().any(|claim| claim.entity_ref == super::scene::entity(name));
    let removed = removed.into_iter().filter(|name| !is_added(name)).collect();
    Step::Delta { provider, added, removed }
}

fn entities() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&ENTITIES[..])
}

fn claims() -> impl Strategy<Value = NewClaim> {
    let keys = prop::sample::select(&["k", "l", "m"][..]);
    (entities(), weighted(0.6, keys), prop::sample::select(&["1", "2"][..])).prop_map(
        |(entity, key, text)| match key {
            Some(key) => keyed(entity, key, text),
            None => claim(entity, text),
        },
    )
}

fn outcomes() -> impl Strategy<Value = ProcessingOutcome> {
    let relations = (entities(), prop::sample::select(&["uses", "owns"][..]), entities())
        .prop_map(|(source, kind, target)| relation(&format!("{source} {kind} {target}")));
    let refresh_keys = prop::sample::select(&REFRESH_KEYS[..]).prop_map(str::to_owned);
    let output = (
        prop::sample::select(&["x", "y", "z"][..]),
        vec(claims(), 0..4),
        vec(relations, 0..4),
        vec(refresh_keys, 0..2),
    );
    prop_oneof![
        1 => Just(ProcessingOutcome::Unchanged),
        1 => prop::sample::select(&["[bad]", "[worse]"][..]).prop_map(failure),
        6 => output.prop_map(|(processed, children, relations, refresh_keys)| {
            Output { processed: processed.to_owned(), children, relations, refresh_keys }.outcome()
        }),
    ]
}

fn caches() -> impl Strategy<Value = ProcessorCacheUpdate> {
    prop_oneof![
        4 => Just(ProcessorCacheUpdate::Keep),
        1 => prop::sample::select(&["s", "t"][..])
            .prop_map(|text| ProcessorCacheUpdate::Replace(text.as_bytes().into())),
        1 => Just(ProcessorCacheUpdate::Clear),
    ]
}
