//! Texts that repeat, as numbers.

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callboard_model::{EntityRef, LocationKey};
use callboard_store::{ProviderName, Result, StoreError};
use foldhash::{HashMap, HashMapExt as _};
use sqlx::SqliteConnection;

use crate::database_error;
use crate::row_set::{id_list, text_list};

/// Ids that were committed, so that most texts need no statement. Rows of these tables are never deleted.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    refs: Mutex<HashMap<EntityRef, i64>>,
    keys: Mutex<HashMap<LocationKey, i64>>,
    relation_types: Mutex<HashMap<Arc<str>, i64>>,
    /// The other way round, of refs and types that were asked for by their numbers.
    named_refs: Mutex<HashMap<i64, EntityRef>>,
    named_types: Mutex<HashMap<i64, Arc<str>>>,
}

/// Above this many the refs are forgotten and learnt again: about 20 MB.
const REMEMBERED_REFS: usize = 200_000;
const REMEMBERED_KEYS: usize = 20_000;

/// The ids of one transaction's texts. What it learnt may be remembered only once it is committed, since
/// a rollback takes the rows away: call [`Interned::remember`] then.
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

    pub(crate) fn remember(self, interner: &Interner) {
        learn(&interner.refs, self.refs, REMEMBERED_REFS);
        learn(&interner.keys, self.keys, REMEMBERED_KEYS);
        learn(&interner.relation_types, self.relation_types, REMEMBERED_KEYS);
    }
}

fn missing(text: &str) -> StoreError {
    StoreError::Corrupt(format!("{text:?} has no number: its row vanished within a transaction"))
}

const INSERT_REFS: &str =
    "INSERT INTO refs (ref) SELECT value FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";
const SELECT_REFS: &str = "SELECT ref, id FROM refs WHERE ref IN (SELECT value FROM json_each(?1))";
const INSERT_KEYS: &str =
    "INSERT INTO location_keys (key) SELECT value FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";
const SELECT_KEYS: &str = "SELECT key, id FROM location_keys WHERE key IN (SELECT value FROM json_each(?1))";
const INSERT_TYPES: &str =
    "INSERT INTO relation_types (name) SELECT value FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING";
const SELECT_TYPES: &str =
    "SELECT name, id FROM relation_types WHERE name IN (SELECT value FROM json_each(?1))";
const INSERT_PROVIDER: &str = "INSERT INTO providers (name) VALUES (?1) ON CONFLICT DO NOTHING";
const SELECT_PROVIDER: &str = "SELECT -id FROM providers WHERE name = ?1";

impl Interner {
    /// Gives every ref a number, making rows as needed.
    pub(crate) async fn refs<'a>(
        &self,
        connection: &mut SqliteConnection,
        interned: &mut Interned,
        refs: impl IntoIterator<Item = &'a EntityRef>,
    ) -> Result<()> {
        let unknown = recall(&self.refs, &mut interned.refs, refs);
        for (text, id) in
            intern(connection, INSERT_REFS, SELECT_REFS, unknown.iter().map(|r| r.as_str())).await?
        {
            interned.refs.insert(entity_ref(&text)?, id);
        }
        Ok(())
    }

    /// Gives every location key a number, making rows as needed.
    pub(crate) async fn keys<'a>(
        &self,
        connection: &mut SqliteConnection,
        interned: &mut Interned,
        keys: impl IntoIterator<Item = &'a LocationKey>,
    ) -> Result<()> {
        let unknown = recall(&self.keys, &mut interned.keys, keys);
        for (text, id) in
            intern(connection, INSERT_KEYS, SELECT_KEYS, unknown.iter().map(|k| k.as_str())).await?
        {
            interned.keys.insert(LocationKey::new(&text), id);
        }
        Ok(())
    }

    /// Gives every relation type a number, making rows as needed.
    pub(crate) async fn relation_types<'a>(
        &self,
        connection: &mut SqliteConnection,
        interned: &mut Interned,
        types: impl IntoIterator<Item = &'a Arc<str>>,
    ) -> Result<()> {
        let unknown = recall(&self.relation_types, &mut interned.relation_types, types);
        for (text, id) in
            intern(connection, INSERT_TYPES, SELECT_TYPES, unknown.iter().map(AsRef::as_ref)).await?
        {
            interned.relation_types.insert(text.into(), id);
        }
        Ok(())
    }
}

const REFS_BY_ID: &str = "SELECT r.id, r.ref FROM json_each(?1) j JOIN refs r ON r.id = j.value";
const TYPES_BY_ID: &str = "SELECT t.id, t.name FROM json_each(?1) j JOIN relation_types t ON t.id = j.value";

impl Interner {
    /// The refs that have these numbers.
    pub(crate) async fn named_refs(
        &self,
        connection: &mut SqliteConnection,
        ids: impl IntoIterator<Item = i64>,
    ) -> Result<HashMap<i64, EntityRef>> {
        named(connection, REFS_BY_ID, &self.named_refs, REMEMBERED_REFS, ids, |text| entity_ref(&text)).await
    }

    /// The relation types that have these numbers.
    pub(crate) async fn named_types(
        &self,
        connection: &mut SqliteConnection,
        ids: impl IntoIterator<Item = i64>,
    ) -> Result<HashMap<i64, Arc<str>>> {
        named(connection, TYPES_BY_ID, &self.named_types, REMEMBERED_KEYS, ids, |text| Ok(text.into())).await
    }
}

/// Looks up what numbers mean, and remembers it: what was read has been committed, or is of this transaction, which
/// only reads.
async fn named<T: Clone>(
    connection: &mut SqliteConnection,
    select: &'static str,
    remembered: &Mutex<HashMap<i64, T>>,
    limit: usize,
    ids: impl IntoIterator<Item = i64>,
    parse: impl Fn(String) -> Result<T>,
) -> Result<HashMap<i64, T>> {
    let mut found = HashMap::new();
    let mut unknown = Vec::new();
    {
        let remembered = lock(remembered);
        for id in ids {
            match remembered.get(&id) {
                Some(name) => _ = found.insert(id, name.clone()),
                None => unknown.push(id),
            }
        }
    }
    if !unknown.is_empty() {
        unknown.sort_unstable();
        unknown.dedup();
        let query = sqlx::query_as(select).bind(id_list(unknown));
        let rows: Vec<(i64, String)> = query.fetch_all(connection).await.map_err(database_error)?;
        let mut learnt = HashMap::with_capacity(rows.len());
        for (id, text) in rows {
            learnt.insert(id, parse(text)?);
        }
        found.extend(learnt.iter().map(|(id, name)| (*id, name.clone())));
        learn(remembered, learnt, limit);
    }
    Ok(found)
}

/// The (negative) source id of a provider, if it ever had a bucket.
pub(crate) async fn provider_source(
    connection: &mut SqliteConnection,
    provider: &ProviderName,
) -> Result<Option<i64>> {
    let id = sqlx::query_scalar(SELECT_PROVIDER).bind(provider.as_str());
    id.fetch_optional(connection).await.map_err(database_error)
}

/// The (negative) source id of a provider, which gets a bucket if it has none.
pub(crate) async fn intern_provider(
    connection: &mut SqliteConnection,
    provider: &ProviderName,
) -> Result<i64> {
    sqlx::query(INSERT_PROVIDER)
        .bind(provider.as_str())
        .execute(&mut *connection)
        .await
        .map_err(database_error)?;
    let source = provider_source(connection, provider).await?;
    source.ok_or_else(|| missing(provider.as_str()))
}

/// A ref as it was stored.
pub(crate) fn entity_ref(text: &str) -> Result<EntityRef> {
    EntityRef::parse_canonical(text).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// Moves what is remembered into `known`, and returns what is not.
fn recall<'a, T: Clone + Eq + Hash>(
    remembered: &Mutex<HashMap<T, i64>>,
    known: &mut HashMap<T, i64>,
    texts: impl IntoIterator<Item = &'a T>,
) -> Vec<&'a T> {
    let remembered = lock(remembered);
    let mut unknown = Vec::new();
    for text in texts {
        if known.contains_key(text) {
            continue;
        }
        match remembered.get(text) {
            Some(id) => _ = known.insert(text.clone(), *id),
            None => unknown.push(text),
        }
    }
    unknown
}

async fn intern<'a>(
    connection: &mut SqliteConnection,
    insert: &'static str,
    select: &'static str,
    texts: impl Iterator<Item = &'a str>,
) -> Result<Vec<(String, i64)>> {
    let list = text_list(texts);
    if list == "[]" {
        return Ok(Vec::new());
    }
    sqlx::query(insert).bind(&list).execute(&mut *connection).await.map_err(database_error)?;
    sqlx::query_as(select).bind(&list).fetch_all(connection).await.map_err(database_error)
}

fn learn<K: Eq + Hash, V>(remembered: &Mutex<HashMap<K, V>>, learnt: HashMap<K, V>, limit: usize) {
    let mut remembered = lock(remembered);
    if remembered.len() + learnt.len() > limit {
        remembered.clear();
    }
    remembered.extend(learnt);
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs under the lock, and a half-filled map would only cost statements.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
