//! What each stage of a store costs, without an engine around it: for benchmarks of databases.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use callboard_model::EntityRef;
use jiff::Timestamp;

use super::scene::hash;
use crate::{
    ChangeSequence, Document, NewClaim, ProcessingCommit, ProcessingOutcome, ProcessorCacheUpdate,
    ProviderMutation, ProviderName, Result, StitchCommit, StitchOutcome, Store, StoredRelation,
};

const BATCH: usize = 512;

/// How long a stage took for all entities.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// What was done.
    pub name: &'static str,
    /// How long it took.
    pub elapsed: Duration,
}

/// Sends so many entities through all stages of an empty store.
///
/// # Errors
///
/// [`StoreError`](crate::StoreError).
pub async fn measure(store: &dyn Store, count: usize) -> Result<Vec<Stage>> {
    let mut stages = Vec::new();
    claims(store, count, &mut stages).await?;
    outcomes(store, count, &mut stages).await?;
    final_entities(store, &mut stages).await?;
    let start = Instant::now();
    let mut after = ChangeSequence::default();
    while let Some(last) = store.changes_since(after, BATCH).await?.last() {
        after = last.sequence;
    }
    stages.push(Stage { name: "read the change log", elapsed: start.elapsed() });
    let start = Instant::now();
    let mut export = store.export().await?;
    while !export.entities(BATCH).await?.is_empty() {}
    stages.push(Stage { name: "export", elapsed: start.elapsed() });
    Ok(stages)
}

/// A table with a line for each stage, and the bytes that the database takes.
pub fn table(stages: &[Stage], count: usize, bytes: u64) -> String {
    let mut lines = vec![format!("{:<32} {:>10} {:>14}", "stage", "seconds", "entities/s")];
    for Stage { name, elapsed } in stages {
        let seconds = elapsed.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a figure for people to read")]
        let rate = count as f64 / seconds;
        lines.push(format!("{name:<32} {seconds:>10.2} {rate:>14.0}"));
    }
    lines.push(format!("{:<32} {:>10}", "bytes on disk per entity", bytes / count.max(1) as u64));
    lines.join("\n")
}

async fn claims(store: &dyn Store, count: usize, stages: &mut Vec<Stage>) -> Result<()> {
    let provider = ProviderName::new("bench");
    let claims: Vec<NewClaim> = (0..count).map(claim).collect();
    for name in ["full mutation, all new", "full mutation, nothing changed"] {
        let mutation = ProviderMutation::Full(claims.clone());
        let start = Instant::now();
        store.apply_mutation(&provider, mutation, Timestamp::now()).await?;
        stages.push(Stage { name, elapsed: start.elapsed() });
    }
    Ok(())
}

async fn outcomes(store: &dyn Store, count: usize, stages: &mut Vec<Stage>) -> Result<()> {
    let (mut claiming, mut committing) = (Duration::ZERO, Duration::ZERO);
    loop {
        let start = Instant::now();
        let due = store.claim_due(BATCH, Timestamp::now(), later(), later()).await?;
        claiming += start.elapsed();
        if due.is_empty() {
            break;
        }
        let batch = due.into_iter().map(|due| {
            let number: usize =
                due.entity_ref.name().rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            ProcessingCommit {
                uid: due.uid,
                document_hash: due.document.hash,
                outcome: ProcessingOutcome::Succeeded {
                    processed: due.document.json,
                    relations: relations(number, count),
                    children: Vec::new(),
                    refresh_keys: Vec::new(),
                    result_hash: hash(&number.to_string()),
                },
                entity_ref: due.entity_ref,
                cache: ProcessorCacheUpdate::Keep,
                next_due: later(),
            }
        });
        let batch: Vec<ProcessingCommit> = batch.collect();
        let start = Instant::now();
        store.commit_processed(batch, Timestamp::now()).await?;
        committing += start.elapsed();
    }
    stages.push(Stage { name: "claim what is due", elapsed: claiming });
    stages.push(Stage { name: "commit outcomes", elapsed: committing });
    Ok(())
}

async fn final_entities(store: &dyn Store, stages: &mut Vec<Stage>) -> Result<()> {
    let (mut claiming, mut committing) = (Duration::ZERO, Duration::ZERO);
    loop {
        let start = Instant::now();
        let inputs = store.claim_stitches(BATCH, Timestamp::now(), later()).await?;
        claiming += start.elapsed();
        if inputs.is_empty() {
            break;
        }
        let batch = inputs.into_iter().map(|input| {
            let mut body =
                String::from_utf8_lossy(input.processed.as_deref().unwrap_or_default()).into_owned();
            for (relation_type, target) in &input.relations {
                _ = write!(body, "{{\"type\":\"{relation_type}\",\"targetRef\":\"{target}\"}},");
            }
            let mut etag = [0; 20];
            etag[..16].copy_from_slice(hash(&body).as_bytes());
            StitchCommit {
                entity_ref: input.entity_ref,
                uid: input.uid,
                ticket: input.ticket,
                outcome: StitchOutcome::Changed { body: body.into_bytes().into(), hash: etag },
            }
        });
        let batch = batch.collect();
        let start = Instant::now();
        store.commit_stitched(batch, Timestamp::now()).await?;
        committing += start.elapsed();
    }
    stages.push(Stage { name: "claim stitch marks", elapsed: claiming });
    stages.push(Stage { name: "commit final entities", elapsed: committing });
    Ok(())
}

fn later() -> Timestamp {
    Timestamp::now() + Duration::from_hours(1)
}

fn name(kind: &str, number: usize) -> EntityRef {
    const WORDS: [&str; 8] =
        ["stage", "curtain", "prompt", "chorus", "limelight", "matinee", "props", "understudy"];
    let (one, two) = (WORDS[number * 7 % 8], WORDS[number / 8 * 5 % 8]);
    EntityRef::new(kind, "default", &format!("{one}-{two}-{kind}-{number:06}"))
}

/// A descriptor of about 1.2 KB, as real ones are.
fn claim(number: usize) -> NewClaim {
    let entity_ref = name("component", number);
    let words = |salt: usize, count: usize| -> String {
        let word = |k: usize| hash(&(number * 31 + salt + k).to_string()).as_bytes()[0].to_string();
        (0..count).map(word).collect::<Vec<_>>().join(" ")
    };
    let json = format!(
        r#"{{"apiVersion":"backstage.io/v1alpha1","kind":"Component","metadata":{{"name":"{name}","title":"{title}","description":"{description}","annotations":{{"backstage.io/managed-by-location":"url:https://git.example.com/shows/{number}/catalog-info.yaml","backstage.io/managed-by-origin-location":"url:https://git.example.com/shows/{number}/catalog-info.yaml","backstage.io/source-location":"url:https://git.example.com/shows/{number}/","example.com/on-call":"{on_call}","example.com/cost-centre":"{cost_centre}"}},"labels":{{"example.com/tier":"{tier}","example.com/region":"{region}"}},"tags":["{one}","{two}","{three}"],"links":[{{"url":"https://dashboards.example.com/{number}","title":"Dashboard","icon":"dashboard"}}]}},"spec":{{"type":"service","lifecycle":"production","owner":"{owner}","system":"{system}","dependsOn":["{dependency}"]}}}}"#,
        name = entity_ref.name(),
        title = words(1, 4),
        description = words(5, 24),
        on_call = words(9, 2),
        cost_centre = words(11, 1),
        tier = words(13, 1),
        region = words(15, 1),
        one = words(17, 1),
        two = words(19, 1),
        three = words(23, 1),
        owner = name("group", number % 500),
        system = name("system", number % 300),
        dependency = name("component", number / 2),
    );
    let document = Document { hash: hash(&json), json: json.into_bytes().into() };
    NewClaim { entity_ref, location_key: None, document }
}

/// About as many relations as a real component has, both directions counted.
fn relations(number: usize, count: usize) -> Vec<StoredRelation> {
    let own = name("component", number);
    let pairs = [
        ("ownedBy", "ownerOf", name("group", number % 500)),
        ("partOf", "hasPart", name("system", number % 300)),
        ("dependsOn", "dependencyOf", name("component", (number * 7 + 3) % count)),
    ];
    let both = pairs.into_iter().flat_map(|(there, back, other)| {
        let forward =
            StoredRelation { source: own.clone(), relation_type: there.into(), target: other.clone() };
        let backward = StoredRelation { source: other, relation_type: back.into(), target: own.clone() };
        [forward, backward]
    });
    both.collect()
}
