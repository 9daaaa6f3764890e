//! Texts that repeat, as numbers.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callboard_model::{EntityRef, LocationKey};
use callboard_store::{ProviderName, Result, StoreError};
use foldhash::{HashMap, HashMapExt as _};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::PostgresStore;
use crate::connection::commit;
use crate::error::database_error;
use crate::hashing::text_hash;
use crate::retries::retrying;

/// Ids that were committed, so that most texts need no statement. Rows of these tables are never deleted.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    refs: Mutex<HashMap<EntityRef, i64>>,
    keys: Mutex<HashMap<LocationKey, i64>>,
    relation_types: Mutex<HashMap<Arc<str>, i64>>,
    /// The other way round.
    ref_names: Mutex<HashMap<i64, EntityRef>>,
    key_names: Mutex<HashMap<i64, LocationKey>>,
    relation_type_names: Mutex<HashMap<i64, Arc<str>>>,
}

/// Above this many the refs are forgotten and learnt again: about 30 MB.
const REMEMBERED_REFS: usize = 200_000;
const REMEMBERED_KEYS: usize = 20_000;
/// From so many unknown refs on, two transactions number them.
const MANY_REFS: usize = 2000;

/// Texts that are about to be written.
#[derive(Debug, Default)]
pub(crate) struct Texts<'a> {
    pub(crate) refs: Vec<&'a EntityRef>,
    pub(crate) keys: Vec<&'a LocationKey>,
    pub(crate) relation_types: Vec<&'a Arc<str>>,
}

/// The ids of texts.
#[derive(Debug, Default)]
pub(crate) struct Interned {
    pub(crate) refs: HashMap<EntityRef, i64>,
    keys: HashMap<LocationKey, i64>,
    relation_types: HashMap<Arc<str>, i64>,
}

impl Interned {
    /// The id of a ref that was interned before.
    pub(crate) fn entity(&self, entity_ref: &EntityRef) -> Result<i64> {
        self.refs.get(entity_ref).copied().ok_or_else(|| missing(entity_ref.as_str()))
    }

    /// The id of a key that was interned before.
    pub(crate) fn key(&self, key: Option<&LocationKey>) -> Result<Option<i64>> {
        key.map(|key| self.keys.get(key).copied().ok_or_else(|| missing(key.as_str()))).transpose()
    }

    /// The id of a relation type that was interned before.
    pub(crate) fn relation_type(&self, name: &str) -> Result<i64> {
        self.relation_types.get(name).copied().ok_or_else(|| missing(name))
    }
}

fn missing(text: &str) -> StoreError {
    StoreError::Corrupt(format!("{text:?} has no number: its row vanished"))
}

struct Statements {
    select: &'static str,
    insert: &'static str,
}

macro_rules! statements {
    ($table:literal) => {
        Statements {
            select: concat!("SELECT hash, id FROM ", $table, " WHERE hash = ANY($1)"),
            insert: concat!(
                "INSERT INTO ",
                $table,
                " (hash, text) SELECT * FROM unnest($1::uuid[], $2::text[]) ON CONFLICT DO NOTHING RETURNING hash, id"
            ),
        }
    };
}

const REFS: Statements = statements!("refs");
const KEYS: Statements = statements!("location_keys");
const RELATION_TYPES: Statements = statements!("relation_types");

impl Interner {
    /// Forgets all ids: those that were learnt last may not be there after a failover.
    pub(crate) fn forget(&self) {
        lock(&self.refs).clear();
        lock(&self.keys).clear();
        lock(&self.relation_types).clear();
        lock(&self.ref_names).clear();
        lock(&self.key_names).clear();
        lock(&self.relation_type_names).clear();
    }
}

impl PostgresStore {
    /// Gives every text a number, making rows as needed. In a transaction of its own, so that nobody waits for
    /// these rows; one that is not needed after all does no harm.
    pub(crate) async fn intern(&self, texts: &Texts<'_>) -> Result<Interned> {
        retrying!(self, self.try_intern(texts))
    }

    async fn try_intern(&self, texts: &Texts<'_>) -> Result<Interned> {
        let mut interned = Interned::default();
        let refs = recall(&self.interner.refs, &mut interned.refs, &texts.refs);
        let keys = recall(&self.interner.keys, &mut interned.keys, &texts.keys);
        let types =
            recall(&self.interner.relation_types, &mut interned.relation_types, &texts.relation_types);
        if refs.is_empty() && keys.is_empty() && types.is_empty() {
            return Ok(interned);
        }
        let (many, few) = if refs.len() < MANY_REFS { (Vec::new(), refs) } else { (refs, Vec::new()) };
        // Boxed: it is rarely needed, and larger than all the rest.
        let mut refs = Box::pin(self.number_many(many)).await?;
        let mut transaction = self.write().await?;
        refs.extend(number(&mut transaction, &REFS, few, EntityRef::as_str).await?);
        let keys = number(&mut transaction, &KEYS, keys, LocationKey::as_str).await?;
        let types = number(&mut transaction, &RELATION_TYPES, types, AsRef::as_ref).await?;
        commit(transaction).await?;
        learn(&self.interner.ref_names, &turned(&refs), REMEMBERED_REFS);
        learn(&self.interner.key_names, &turned(&keys), REMEMBERED_KEYS);
        learn(&self.interner.relation_type_names, &turned(&types), REMEMBERED_KEYS);
        learn(&self.interner.refs, &refs, REMEMBERED_REFS);
        learn(&self.interner.keys, &keys, REMEMBERED_KEYS);
        learn(&self.interner.relation_types, &types, REMEMBERED_KEYS);
        interned.refs.extend(refs);
        interned.keys.extend(keys);
        interned.relation_types.extend(types);
        Ok(interned)
    }

    /// Numbers very many refs in two transactions side by side, since everybody waits for this when a catalog is taken in.
    async fn number_many(&self, refs: Vec<&EntityRef>) -> Result<Vec<(EntityRef, i64)>> {
        let is_lower = |entity: &&EntityRef| text_hash(entity.as_str()).as_bytes()[0] < 0x80;
        let (lower, upper) = refs.into_iter().partition(is_lower);
        let (mut numbered, others) = tokio::try_join!(self.number_apart(lower), self.number_apart(upper))?;
        numbered.extend(others);
        Ok(numbered)
    }

    async fn number_apart(&self, refs: Vec<&EntityRef>) -> Result<Vec<(EntityRef, i64)>> {
        if refs.is_empty() {
            return Ok(Vec::new());
        }
        let mut transaction = self.write().await?;
        let numbered = number(&mut transaction, &REFS, refs, EntityRef::as_str).await?;
        commit(transaction).await?;
        Ok(numbered)
    }
}

const REF_NAMES: &str = "SELECT id, text FROM refs WHERE id = ANY($1)";
const KEY_NAMES: &str = "SELECT id, text FROM location_keys WHERE id = ANY($1)";
const RELATION_TYPE_NAMES: &str = "SELECT id, text FROM relation_types WHERE id = ANY($1)";

impl Interner {
    /// The refs that have these ids.
    pub(crate) async fn ref_names(
        &self,
        connection: &mut PgConnection,
        ids: &[i64],
    ) -> Result<HashMap<i64, EntityRef>> {
        names(connection, REF_NAMES, &self.ref_names, REMEMBERED_REFS, ids, entity_ref).await
    }

    /// The location keys that have these ids.
    pub(crate) async fn key_names(
        &self,
        connection: &mut PgConnection,
        ids: &[i64],
    ) -> Result<HashMap<i64, LocationKey>> {
        let known = &self.key_names;
        names(connection, KEY_NAMES, known, REMEMBERED_KEYS, ids, |text| Ok(LocationKey::new(text))).await
    }

    /// The relation types that have these ids.
    pub(crate) async fn relation_type_names(
        &self,
        connection: &mut PgConnection,
        ids: &[i64],
    ) -> Result<HashMap<i64, Arc<str>>> {
        let known = &self.relation_type_names;
        names(connection, RELATION_TYPE_NAMES, known, REMEMBERED_KEYS, ids, |text| Ok(text.into())).await
    }
}

/// Finds the texts of ids; most of them are remembered.
async fn names<T: Clone>(
    connection: &mut PgConnection,
    sql: &'static str,
    remembered: &Mutex<HashMap<i64, T>>,
    limit: usize,
    ids: &[i64],
    parse: impl Fn(&str) -> Result<T>,
) -> Result<HashMap<i64, T>> {
    let mut names = HashMap::new();
    let unknown = recall(remembered, &mut names, &ids.iter().collect::<Vec<_>>());
    if unknown.is_empty() {
        return Ok(names);
    }
    let mut unknown: Vec<i64> = unknown.into_iter().copied().collect();
    unknown.sort_unstable();
    unknown.dedup();
    let query = sqlx::query_as(sql).bind(unknown);
    let rows: Vec<(i64, String)> = query.fetch_all(connection).await.map_err(database_error)?;
    let found: Vec<(i64, T)> =
        rows.iter().map(|(id, text)| Ok((*id, parse(text)?))).collect::<Result<_>>()?;
    learn(remembered, &found, limit);
    names.extend(found);
    Ok(names)
}

fn turned<T: Clone>(numbered: &[(T, i64)]) -> Vec<(i64, T)> {
    numbered.iter().map(|(text, id)| (*id, text.clone())).collect()
}

/// Numbers texts that are not known here: most are known to the database.
async fn number<T: Clone>(
    connection: &mut PgConnection,
    statements: &Statements,
    texts: Vec<&T>,
    as_text: fn(&T) -> &str,
) -> Result<Vec<(T, i64)>> {
    let mut wanted: HashMap<Uuid, &T> =
        texts.into_iter().map(|text| (text_hash(as_text(text)), text)).collect();
    let mut numbered = Vec::with_capacity(wanted.len());
    // Looked for first: an insert that finds a row uses up a number all the same. Looked for last: another
    // transaction may have made it meanwhile.
    for insert in [false, true, false] {
        if wanted.is_empty() {
            break;
        }
        // In order, so that two transactions that make the same rows do not wait for each other.
        let mut rows: Vec<(Uuid, &T)> = wanted.iter().map(|(hash, text)| (*hash, *text)).collect();
        rows.sort_unstable_by_key(|(hash, _)| *hash);
        let hashes: Vec<Uuid> = rows.iter().map(|(hash, _)| *hash).collect();
        let found: Vec<(Uuid, i64)> = if insert {
            let texts: Vec<&str> = rows.iter().map(|(_, text)| as_text(text)).collect();
            let query = sqlx::query_as(statements.insert).bind(hashes).bind(texts);
            query.fetch_all(&mut *connection).await.map_err(database_error)?
        } else {
            let query = sqlx::query_as(statements.select).bind(hashes);
            query.fetch_all(&mut *connection).await.map_err(database_error)?
        };
        numbered.extend(found.into_iter().filter_map(|(hash, id)| Some((wanted.remove(&hash)?.clone(), id))));
    }
    Ok(numbered)
}

const SELECT_PROVIDER: &str = "SELECT -id FROM providers WHERE name = $1 FOR NO KEY UPDATE";
const INSERT_PROVIDER: &str = "INSERT INTO providers (name) VALUES ($1) ON CONFLICT DO NOTHING";

/// The (negative) source id of a provider, which gets a bucket if it has none. The bucket is locked.
pub(crate) async fn lock_provider(connection: &mut PgConnection, provider: &ProviderName) -> Result<i64> {
    for _ in 0..2 {
        let select = sqlx::query_scalar(SELECT_PROVIDER).bind(provider.as_str());
        if let Some(source) = select.fetch_optional(&mut *connection).await.map_err(database_error)? {
            return Ok(source);
        }
        let insert = sqlx::query(INSERT_PROVIDER).bind(provider.as_str());
        insert.execute(&mut *connection).await.map_err(database_error)?;
    }
    Err(missing(provider.as_str()))
}

/// A ref as it was stored.
pub(crate) fn entity_ref(text: &str) -> Result<EntityRef> {
    EntityRef::parse_canonical(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Copies what is remembered into `known`, and returns what is not.
fn recall<'a, K: Clone + Eq + Hash, V: Clone>(
    remembered: &Mutex<HashMap<K, V>>,
    known: &mut HashMap<K, V>,
    keys: &[&'a K],
) -> Vec<&'a K> {
    let remembered = lock(remembered);
    let mut unknown = Vec::new();
    for key in keys {
        if known.contains_key(*key) {
            continue;
        }
        match remembered.get(*key) {
            Some(value) => _ = known.insert((*key).clone(), value.clone()),
            None => unknown.push(*key),
        }
    }
    unknown
}

fn learn<K: Clone + Eq + Hash, V: Clone>(remembered: &Mutex<HashMap<K, V>>, learnt: &[(K, V)], limit: usize) {
    let mut remembered = lock(remembered);
    if remembered.len() + learnt.len() > limit {
        remembered.clear();
    }
    remembered.extend(learnt.iter().cloned());
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under the lock, and a half-filled map would only cost statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
