//! What there is to know of entities that are taken up.

use std::cmp::Reverse;

use callboard_model::{EntityRef, LocationKey};
use callboard_store::{Document, DueEntity, Result, StoreError};
use callboard_store_body::decompress;
use foldhash::{HashMap, HashMapExt as _};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::PostgresStore;
use crate::error::database_error;
use crate::hashing::{document_hash, uid};

/// An entity that was taken up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    pub(crate) id: i64,
    /// Since when it is due, in milliseconds by the clock of the database.
    pub(crate) due: i64,
    pub(crate) urgent: bool,
}

/// Table by table, and put together here: that costs a third of a join that looks each row up in all of them. One
/// statement, so that all is from the same moment.
const FACTS: &str = "SELECT id, uid, document_hash, key_id, NULL::uuid, NULL::bytea, NULL::bytea
        FROM entities WHERE id = ANY($1)
    UNION ALL SELECT entity_id, NULL, NULL, NULL, result_hash, NULL, NULL FROM outputs
        WHERE entity_id = ANY($1) AND result_hash IS NOT NULL
    UNION ALL SELECT entity_id, NULL, NULL, NULL, NULL, cache, NULL FROM processor_caches
        WHERE entity_id = ANY($1)
    UNION ALL SELECT entity_id, NULL, NULL, NULL, NULL, NULL, document FROM claims
        WHERE id = ANY(ARRAY(SELECT claim_id FROM entities WHERE id = ANY($1)))
    UNION ALL SELECT entity_id, NULL, NULL, NULL, NULL, NULL, document FROM orphans
        WHERE entity_id = ANY($1)";

type FactRow = (i64, Option<Uuid>, Option<Uuid>, Option<i64>, Option<Uuid>, Option<Vec<u8>>, Option<Vec<u8>>);

/// What several rows say of one entity.
#[derive(Default)]
struct Facts {
    uid: Option<Uuid>,
    document_hash: Option<Uuid>,
    key: Option<i64>,
    result_hash: Option<Uuid>,
    cache: Option<Vec<u8>>,
    document: Option<Vec<u8>>,
}

impl Facts {
    /// What an earlier row said stays: a claim's document comes before that of an orphan.
    fn add(&mut self, (_, uid, document_hash, key, result_hash, cache, document): FactRow) {
        self.uid = self.uid.or(uid);
        self.document_hash = self.document_hash.or(document_hash);
        self.key = self.key.or(key);
        self.result_hash = self.result_hash.or(result_hash);
        self.cache = self.cache.take().or(cache);
        self.document = self.document.take().or(document);
    }
}

/// Everything that is needed to put due entities together.
pub(crate) struct DueRows {
    taken: Vec<Taken>,
    facts: HashMap<i64, Facts>,
    refs: HashMap<i64, EntityRef>,
    keys: HashMap<i64, LocationKey>,
}

impl DueRows {
    /// Reads what is known of what was taken up.
    pub(crate) async fn read(
        store: &PostgresStore,
        connection: &mut PgConnection,
        mut taken: Vec<Taken>,
    ) -> Result<Self> {
        taken.sort_by_key(|taken| (Reverse(taken.urgent), taken.due));
        let ids: Vec<i64> = taken.iter().map(|taken| taken.id).collect();
        let mut facts: HashMap<i64, Facts> = HashMap::with_capacity(ids.len());
        if !ids.is_empty() {
            let query = sqlx::query_as(FACTS).bind(&ids);
            let rows: Vec<FactRow> = query.fetch_all(&mut *connection).await.map_err(database_error)?;
            for row in rows {
                facts.entry(row.0).or_default().add(row);
            }
        }
        let keys: Vec<i64> = facts.values().filter_map(|facts| facts.key).collect();
        let keys = store.interner.key_names(connection, &keys).await?;
        let refs = store.interner.ref_names(connection, &ids).await?;
        Ok(Self { taken, facts, refs, keys })
    }

    /// What is urgent comes first, and of both kinds what has waited longest.
    pub(crate) fn into_due_entities(mut self, store: &PostgresStore) -> Result<Vec<DueEntity>> {
        let mut due = Vec::with_capacity(self.taken.len());
        for taken in self.taken {
            let facts = self.facts.remove(&taken.id).unwrap_or_default();
            // A routine one may have been deleted since it was found; an urgent one is locked.
            let Some((stored_uid, hash)) = facts.uid.zip(facts.document_hash) else { continue };
            let entity_ref = self.refs.get(&taken.id).ok_or_else(|| lacks(taken.id, "name"))?;
            let document = facts.document.ok_or_else(|| lacks(taken.id, "document"))?;
            let key = |id: i64| self.keys.get(&id).cloned().ok_or_else(|| lacks(taken.id, "location key"));
            due.push(DueEntity {
                entity_ref: entity_ref.clone(),
                uid: uid(stored_uid),
                document: Document { json: decompress(&document)?, hash: document_hash(hash) },
                location_key: facts.key.map(key).transpose()?,
                result_hash: facts.result_hash.map(document_hash),
                cache: facts.cache.as_deref().map(decompress).transpose()?,
                due_since: store.local_time(taken.due)?,
                urgent: taken.urgent,
            });
        }
        Ok(due)
    }
}

fn lacks(id: i64, what: &str) -> StoreError {
    StoreError::Corrupt(format!("the entity with the number {id} has no {what}: a row vanished"))
}
