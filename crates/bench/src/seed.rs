//! Fills a database as a server would leave it when it has read everything.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use callboard_model::{EntityRef, content_hash};
use callboard_store::{
    Document, DocumentHash, DueEntity, Ingestion, NewClaim, Processing, ProcessingCommit, ProcessingOutcome,
    ProcessorCacheUpdate, ProviderMutation, ProviderName, StitchCommit, StitchInput, StitchOutcome,
    Stitching, StoredRelation,
};
use callboard_store_sqlite::SqliteStore;
use callboard_synthetic::SyntheticCatalog;
use jiff::Timestamp;
use serde_json::{Value, json};

/// How many entities are made at a time.
const BATCH: usize = 5000;

/// Writes the catalog into a new database file.
pub(crate) async fn seed(file: &Path, catalog: SyntheticCatalog) -> Result<()> {
    let store = SqliteStore::open(file).await?;
    let provider = ProviderName::new("bench");
    for start in (0..catalog.size).step_by(BATCH) {
        let numbers = start..(start + BATCH).min(catalog.size);
        let added = numbers.map(|n| claim(catalog, n)).collect();
        let mutation = ProviderMutation::Delta { added, removed: Vec::new() };
        store.apply_mutation(&provider, mutation, Timestamp::now()).await?;
        process(&store).await?;
        stitch(&store).await?;
    }
    store.close().await;
    Ok(())
}

fn claim(catalog: SyntheticCatalog, n: usize) -> NewClaim {
    let json: Arc<[u8]> = catalog.entity(n).to_string().into_bytes().into();
    NewClaim {
        entity_ref: catalog.entity_ref(n),
        location_key: None,
        document: Document { hash: number_as_hash(n), json },
    }
}

async fn process(store: &SqliteStore) -> Result<()> {
    loop {
        let due = store.claim_due(BATCH, Timestamp::now(), later(), later()).await?;
        if due.is_empty() {
            return Ok(());
        }
        let batch = due.into_iter().map(processed).collect::<Result<Vec<_>>>()?;
        store.commit_processed(batch, Timestamp::now()).await?;
    }
}

fn processed(due: DueEntity) -> Result<ProcessingCommit> {
    let entity: Value = serde_json::from_slice(&due.document.json)?;
    let relations = entity["relations"].as_array().context("an entity without relations")?;
    let relations = relations.iter().map(|relation| {
        let target = relation["targetRef"].as_str().unwrap_or_default();
        Ok(StoredRelation {
            source: due.entity_ref.clone(),
            relation_type: relation["type"].as_str().unwrap_or_default().into(),
            target: EntityRef::parse_canonical(target)?,
        })
    });
    Ok(ProcessingCommit {
        uid: due.uid,
        document_hash: due.document.hash,
        outcome: ProcessingOutcome::Succeeded {
            processed: due.document.json.clone(),
            relations: relations.collect::<Result<Vec<_>>>()?,
            children: Vec::new(),
            refresh_keys: Vec::new(),
            result_hash: due.document.hash,
        },
        entity_ref: due.entity_ref,
        cache: ProcessorCacheUpdate::Keep,
        next_due: later(),
    })
}

async fn stitch(store: &SqliteStore) -> Result<()> {
    loop {
        let inputs = store.claim_stitches(BATCH, Timestamp::now(), later()).await?;
        if inputs.is_empty() {
            return Ok(());
        }
        let batch = inputs.into_iter().map(stitched).collect::<Result<Vec<_>>>()?;
        store.commit_stitched(batch, Timestamp::now()).await?;
    }
}

fn stitched(input: StitchInput) -> Result<StitchCommit> {
    let processed = input.processed.context("an entity that was not processed")?;
    let mut entity: Value = serde_json::from_slice(&processed)?;
    entity["metadata"]["uid"] = json!(input.uid.to_string());
    let etag = content_hash(&entity);
    let mut hash = [0; 20];
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&etag[2 * place..2 * place + 2], 16)?;
    }
    entity["metadata"]["etag"] = json!(etag);
    Ok(StitchCommit {
        entity_ref: input.entity_ref,
        uid: input.uid,
        ticket: input.ticket,
        outcome: StitchOutcome::Changed { body: entity.to_string().into_bytes().into(), hash },
    })
}

/// Different for every entity, which is all that is asked of it here.
fn number_as_hash(n: usize) -> DocumentHash {
    DocumentHash::new(u128::try_from(n).unwrap_or_default().to_le_bytes())
}

/// Long after any measurement.
fn later() -> Timestamp {
    Timestamp::now() + Duration::from_hours(24)
}
