use async_trait::async_trait;
use callboard_store::{
    LocationId, LocationRegistration, Locations, MutationReport, NewClaim, ProviderMutation, ProviderName,
    RegisteredLocation, Result, StoreError,
};
use jiff::Timestamp;
use sqlx::SqliteConnection;

use crate::interning::entity_ref;
use crate::{SqliteStore, database_error};

const ALL: &str = "SELECT id, type, target, entity_ref FROM locations ORDER BY rowid";
const BY_ID: &str = "SELECT id, type, target, entity_ref FROM locations WHERE id = ?1";
const BY_TARGET: &str = "SELECT id, type, target, entity_ref FROM locations WHERE type = ?1 AND target = ?2";
const INSERT: &str = "INSERT INTO locations (id, type, target, entity_ref) VALUES (?1, ?2, ?3, ?4)";
const UPDATE: &str = "UPDATE locations SET type = ?2, target = ?3 WHERE id = ?1";
const DELETE: &str = "DELETE FROM locations WHERE id = ?1";

/// All of them, in order of registration.
pub(crate) async fn all_locations(connection: &mut SqliteConnection) -> Result<Vec<RegisteredLocation>> {
    let rows: Vec<LocationRow> = sqlx::query_as(ALL).fetch_all(connection).await.map_err(database_error)?;
    rows.into_iter().map(registered).collect()
}

#[async_trait]
impl Locations for SqliteStore {
    async fn locations(&self) -> Result<Vec<RegisteredLocation>> {
        let mut transaction = self.read().await?;
        all_locations(&mut transaction).await
    }

    async fn claim_locations(
        &self,
        known: &[RegisteredLocation],
        provider: &ProviderName,
        claims: Vec<NewClaim>,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let mut transaction = self.write().await?;
        if all_locations(&mut transaction).await? != known {
            return Ok(None);
        }
        self.mutate_and_commit(transaction, provider, &ProviderMutation::Full(claims), now).await.map(Some)
    }

    async fn location(&self, id: LocationId) -> Result<Option<RegisteredLocation>> {
        let mut transaction = self.read().await?;
        by_id(&mut transaction, id).await
    }

    async fn location_by_target(
        &self,
        location_type: &str,
        target: &str,
    ) -> Result<Option<RegisteredLocation>> {
        let mut transaction = self.read().await?;
        by_target(&mut transaction, location_type, target).await
    }

    async fn add_location(
        &self,
        location: RegisteredLocation,
        provider: &ProviderName,
        claim: NewClaim,
        now: Timestamp,
    ) -> Result<LocationRegistration> {
        let mut transaction = self.write().await?;
        if let Some(taken) = by_target(&mut transaction, &location.location_type, &location.target).await? {
            return Ok(LocationRegistration::Taken(taken));
        }
        let query = sqlx::query(INSERT).bind(&location.id.as_bytes()[..]).bind(&location.location_type);
        let query = query.bind(&location.target).bind(location.entity_ref.as_str());
        query.execute(&mut *transaction).await.map_err(database_error)?;
        let mutation = ProviderMutation::Delta { added: vec![claim], removed: Vec::new() };
        let report = self.mutate_and_commit(transaction, provider, &mutation, now).await?;
        Ok(LocationRegistration::Done(report))
    }

    async fn update_location(
        &self,
        location: RegisteredLocation,
        provider: &ProviderName,
        claim: NewClaim,
        now: Timestamp,
    ) -> Result<LocationRegistration> {
        let mut transaction = self.write().await?;
        if let Some(taken) = by_target(&mut transaction, &location.location_type, &location.target).await?
            && taken.id != location.id
        {
            return Ok(LocationRegistration::Taken(taken));
        }
        let query = sqlx::query(UPDATE).bind(&location.id.as_bytes()[..]);
        let query = query.bind(&location.location_type).bind(&location.target);
        let done = query.execute(&mut *transaction).await.map_err(database_error)?;
        if done.rows_affected() == 0 {
            return Ok(LocationRegistration::Unknown);
        }
        let mutation = ProviderMutation::Delta { added: vec![claim], removed: Vec::new() };
        let report = self.mutate_and_commit(transaction, provider, &mutation, now).await?;
        Ok(LocationRegistration::Done(report))
    }

    async fn remove_location(
        &self,
        id: LocationId,
        provider: &ProviderName,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let mut transaction = self.write().await?;
        let Some(location) = by_id(&mut transaction, id).await? else { return Ok(None) };
        let query = sqlx::query(DELETE).bind(&id.as_bytes()[..]);
        query.execute(&mut *transaction).await.map_err(database_error)?;
        let mutation = ProviderMutation::Delta { added: Vec::new(), removed: vec![location.entity_ref] };
        self.mutate_and_commit(transaction, provider, &mutation, now).await.map(Some)
    }
}

type LocationRow = (Vec<u8>, String, String, String);

fn registered((id, location_type, target, text): LocationRow) -> Result<RegisteredLocation> {
    let id =
        <[u8; 16]>::try_from(id).map_err(|_| StoreError::Corrupt("a location id has not 16 bytes".into()))?;
    let entity_ref = entity_ref(&text)?;
    Ok(RegisteredLocation { id: LocationId::from_bytes(id), location_type, target, entity_ref })
}

async fn by_id(connection: &mut SqliteConnection, id: LocationId) -> Result<Option<RegisteredLocation>> {
    let query = sqlx::query_as(BY_ID).bind(&id.as_bytes()[..]);
    let row = query.fetch_optional(connection).await.map_err(database_error)?;
    row.map(registered).transpose()
}

async fn by_target(
    connection: &mut SqliteConnection,
    location_type: &str,
    target: &str,
) -> Result<Option<RegisteredLocation>> {
    let query = sqlx::query_as(BY_TARGET).bind(location_type).bind(target);
    let row = query.fetch_optional(connection).await.map_err(database_error)?;
    row.map(registered).transpose()
}
