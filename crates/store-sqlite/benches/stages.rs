//! What each stage of the store costs, without an engine around it: `cargo bench -p callboard-store-sqlite`.
//!
//! Prints one table: entities per second of each stage, and bytes on disk per entity. `ENTITIES` sets how many
//! (20 000 if not given).

#![expect(clippy::print_stdout, clippy::cast_precision_loss, reason = "it prints a table")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use callboard_model::EntityRef;
use callboard_store::{
    ChangeLog, ChangeSequence, Document, DocumentHash, Ingestion, NewClaim, Processing, ProcessingCommit,
    ProcessingOutcome, ProcessorCacheUpdate, ProviderMutation, ProviderName, StitchCommit, StitchOutcome,
    Stitching, StoredRelation,
};
use callboard_store_sqlite::SqliteStore;
use jiff::Timestamp;

const BATCH: usize = 512;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::var("ENTITIES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("catalog.sqlite");
    let store = SqliteStore::open(&file).await?;
    println!("{:<32} {:>10} {:>14}", "stage", "seconds", "entities/s");
    let report = |stage: &str, elapsed: Duration| {
        let rate = count as f64 / elapsed.as_secs_f64();
        println!("{stage:<32} {:>10.2} {rate:>14.0}", elapsed.as_secs_f64());
    };

    let provider = ProviderName::new("bench");
    let claims: Vec<NewClaim> = (0..count).map(claim).collect();
    let start = Instant::now();
    store.apply_mutation(&provider, ProviderMutation::Full(claims.clone()), now()).await?;
    report("full mutation, all new", start.elapsed());

    let start = Instant::now();
    store.apply_mutation(&provider, ProviderMutation::Full(claims), now()).await?;
    report("full mutation, nothing changed", start.elapsed());

    let (mut claiming, mut committing) = (Duration::ZERO, Duration::ZERO);
    loop {
        let start = Instant::now();
        let due = store.claim_due(BATCH, now(), later(), later()).await?;
        claiming += start.elapsed();
        if due.is_empty() {
            break;
        }
        let batch = due.into_iter().map(|due| {
            let i: usize = due.entity_ref.name().rsplit('-').next().and_then(|n| n.parse().ok()).unwrap_or(0);
            ProcessingCommit {
                uid: due.uid,
                document_hash: due.document.hash,
                outcome: ProcessingOutcome::Succeeded {
                    processed: due.document.json,
                    relations: relations(i, count),
                    children: Vec::new(),
                    refresh_keys: Vec::new(),
                    result_hash: hash(&i.to_le_bytes()),
                },
                entity_ref: due.entity_ref,
                cache: ProcessorCacheUpdate::Keep,
                next_due: later(),
            }
        });
        let batch: Vec<ProcessingCommit> = batch.collect();
        let start = Instant::now();
        store.commit_processed(batch, now()).await?;
        committing += start.elapsed();
    }
    report("claim what is due", claiming);
    report("commit outcomes", committing);

    let (mut claiming, mut committing) = (Duration::ZERO, Duration::ZERO);
    loop {
        let start = Instant::now();
        let inputs = store.claim_stitches(BATCH, now(), later()).await?;
        claiming += start.elapsed();
        if inputs.is_empty() {
            break;
        }
        let batch = inputs.into_iter().map(|input| {
            let mut body = input.processed.as_deref().unwrap_or_default().to_vec();
            for (relation_type, target) in &input.relations {
                body.extend_from_slice(
                    format!("{{\"type\":\"{relation_type}\",\"targetRef\":\"{target}\"}},").as_bytes(),
                );
            }
            let mut etag = [0; 20];
            etag[..16].copy_from_slice(hash(&body).as_bytes());
            StitchCommit {
                entity_ref: input.entity_ref,
                uid: input.uid,
                ticket: input.ticket,
                outcome: StitchOutcome::Changed { body: body.into(), hash: etag },
            }
        });
        let batch = batch.collect();
        let start = Instant::now();
        store.commit_stitched(batch, now()).await?;
        committing += start.elapsed();
    }
    report("claim stitch marks", claiming);
    report("commit final entities", committing);

    let start = Instant::now();
    let mut after = ChangeSequence::default();
    loop {
        let changes = store.changes_since(after, BATCH).await?;
        let Some(last) = changes.last() else { break };
        after = last.sequence;
    }
    report("read the change log", start.elapsed());

    store.close().await;
    let size = std::fs::metadata(&file)?.len();
    println!("{:<32} {:>10}", "bytes on disk per entity", size / u64::try_from(count)?);
    Ok(())
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn later() -> Timestamp {
    Timestamp::now() + Duration::from_hours(1)
}

fn hash(bytes: &[u8]) -> DocumentHash {
    let mut hash = [0; 16];
    hash.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    DocumentHash::new(hash)
}

fn name(kind: &str, i: usize) -> EntityRef {
    const WORDS: [&str; 8] =
        ["stage", "curtain", "prompt", "chorus", "limelight", "matinee", "props", "understudy"];
    let (one, two) = (WORDS[i * 7 % 8], WORDS[i / 8 * 5 % 8]);
    EntityRef::new(kind, "default", &format!("{one}-{two}-{kind}-{i:06}"))
}

/// A descriptor of about 1.2 KB, as real ones are.
fn claim(i: usize) -> NewClaim {
    let entity_ref = name("component", i);
    let words = |salt: usize, count: usize| -> String {
        let list: Vec<String> =
            (0..count).map(|k| hash(&(i * 31 + salt + k).to_le_bytes()).as_bytes()[0].to_string()).collect();
        list.join(" ")
    };
    let json = serde_json::json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": {
            "name": entity_ref.name(),
            "title": words(1, 4),
            "description": words(5, 24),
            "annotations": {
                "backstage.io/managed-by-location": format!("url:https://git.example.com/shows/{i}/catalog-info.yaml"),
                "backstage.io/managed-by-origin-location": format!("url:https://git.example.com/shows/{i}/catalog-info.yaml"),
                "backstage.io/source-location": format!("url:https://git.example.com/shows/{i}/"),
                "example.com/on-call": words(9, 2),
                "example.com/cost-centre": words(11, 1),
            },
            "labels": { "example.com/tier": words(13, 1), "example.com/region": words(15, 1) },
            "tags": [words(17, 1), words(19, 1), words(23, 1)],
            "links": [{ "url": format!("https://dashboards.example.com/{i}"), "title": "Dashboard", "icon": "dashboard" }],
        },
        "spec": { "type": "service", "lifecycle": "production", "owner": name("group", i % 500).as_str(),
            "system": name("system", i % 300).as_str(), "dependsOn": [name("component", i / 2).as_str()] },
    });
    let json: Arc<[u8]> = json.to_string().into_bytes().into();
    NewClaim { entity_ref, location_key: None, document: Document { hash: hash(&json), json } }
}

/// About as many relations as a real component has, both directions counted.
fn relations(i: usize, count: usize) -> Vec<StoredRelation> {
    let own = name("component", i);
    let pairs = [
        ("ownedBy", "ownerOf", name("group", i % 500)),
        ("partOf", "hasPart", name("system", i % 300)),
        ("dependsOn", "dependencyOf", name("component", (i * 7 + 3) % count)),
    ];
    let both = pairs.into_iter().flat_map(|(there, back, other)| {
        let forward =
            StoredRelation { source: own.clone(), relation_type: there.into(), target: other.clone() };
        let backward = StoredRelation { source: other, relation_type: back.into(), target: own.clone() };
        [forward, backward]
    });
    both.collect()
}
