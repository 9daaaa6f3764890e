use async_trait::async_trait;
use callboard_store::{
    LocationId, LocationRegistration, Locations, MutationReport, NewClaim, ProviderMutation, ProviderName,
    RegisteredLocation, Result, Wakeup,
};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::PostgresStore;
use crate::error::database_error;
use crate::hashing::hash_of;
use crate::ingestion::{mutate, texts};
use crate::interning::{Interned, entity_ref};
use crate::locks::ClaimLock;
use crate::retries::retrying;
use crate::writing::Writing;

const ALL: &str = "SELECT id, type, target, entity_ref FROM locations ORDER BY number";
const BY_ID: &str = "SELECT id, type, target, entity_ref FROM locations WHERE id = $1";
const BY_TARGET: &str = "SELECT id, type, target, entity_ref FROM locations WHERE hash = $1";
const INSERT: &str = "INSERT INTO locations (id, hash, type, target, entity_ref) VALUES ($1, $2, $3, $4, $5)";
const UPDATE: &str = "UPDATE locations SET hash = $2, type = $3, target = $4 WHERE id = $1";
const DELETE: &str = "DELETE FROM locations WHERE id = $1";

/// All of them, in order of registration.
pub(crate) async fn all_locations(connection: &mut PgConnection) -> Result<Vec<RegisteredLocation>> {
    let rows: Vec<LocationRow> = sqlx::query_as(ALL).fetch_all(connection).await.map_err(database_error)?;
    rows.into_iter().map(registered).collect()
}

/// Registrations change rarely: each has the claim lock alone, which also keeps two from taking one target.
#[async_trait]
impl Locations for PostgresStore {
    async fn locations(&self) -> Result<Vec<RegisteredLocation>> {
        retrying!(self, self.read_locations())
    }

    async fn claim_locations(
        &self,
        known: &[RegisteredLocation],
        provider: &ProviderName,
        claims: Vec<NewClaim>,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let mutation = ProviderMutation::Full(claims);
        let interned = self.intern(&texts(&mutation)).await?;
        let report = retrying!(self, self.try_claim_locations(known, provider, &mutation, &interned, now))?;
        self.notify(&[Wakeup::Processing, Wakeup::Stitching, Wakeup::Index]).await;
        Ok(report)
    }

    async fn location(&self, id: LocationId) -> Result<Option<RegisteredLocation>> {
        retrying!(self, self.read_location(id))
    }

    async fn location_by_target(
        &self,
        location_type: &str,
        target: &str,
    ) -> Result<Option<RegisteredLocation>> {
        retrying!(self, self.read_location_by_target(location_type, target))
    }

    async fn add_location(
        &self,
        location: RegisteredLocation,
        provider: &ProviderName,
        claim: NewClaim,
        now: Timestamp,
    ) -> Result<LocationRegistration> {
        let mutation = ProviderMutation::Delta { added: vec![claim], removed: Vec::new() };
        let interned = self.intern(&texts(&mutation)).await?;
        let registration =
            retrying!(self, self.try_add_location(&location, provider, &mutation, &interned, now))?;
        self.notify(&[Wakeup::Processing, Wakeup::Stitching]).await;
        Ok(registration)
    }

    async fn update_location(
        &self,
        location: RegisteredLocation,
        provider: &ProviderName,
        claim: NewClaim,
        now: Timestamp,
    ) -> Result<LocationRegistration> {
        let mutation = ProviderMutation::Delta { added: vec![claim], removed: Vec::new() };
        let interned = self.intern(&texts(&mutation)).await?;
        let registration =
            retrying!(self, self.try_update_location(&location, provider, &mutation, &interned, now))?;
        self.notify(&[Wakeup::Processing, Wakeup::Stitching, Wakeup::Index]).await;
        Ok(registration)
    }

    async fn remove_location(
        &self,
        id: LocationId,
        provider: &ProviderName,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let Some(location) = self.location(id).await? else { return Ok(None) };
        // The entity of a location never changes, so it may be looked up beforehand.
        let mutation = ProviderMutation::Delta { added: Vec::new(), removed: vec![location.entity_ref] };
        let interned = self.intern(&texts(&mutation)).await?;
        let report = retrying!(self, self.try_remove_location(id, provider, &mutation, &interned, now))?;
        self.notify(&[Wakeup::Processing, Wakeup::Stitching, Wakeup::Index]).await;
        Ok(report)
    }
}

impl PostgresStore {
    async fn read_locations(&self) -> Result<Vec<RegisteredLocation>> {
        let mut transaction = self.read().await?;
        all_locations(&mut transaction).await
    }

    async fn read_location(&self, id: LocationId) -> Result<Option<RegisteredLocation>> {
        let mut transaction = self.read().await?;
        let query = sqlx::query_as(BY_ID).bind(stored_id(id));
        let row = query.fetch_optional(&mut *transaction).await.map_err(database_error)?;
        row.map(registered).transpose()
    }

    async fn read_location_by_target(
        &self,
        location_type: &str,
        target: &str,
    ) -> Result<Option<RegisteredLocation>> {
        let mut transaction = self.read().await?;
        by_target(&mut transaction, location_type, target).await
    }

    async fn try_claim_locations(
        &self,
        known: &[RegisteredLocation],
        provider: &ProviderName,
        mutation: &ProviderMutation,
        interned: &Interned,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let mut writing = Writing::begin(self, ClaimLock::Alone, now).await?;
        if all_locations(&mut writing).await? != known {
            return Ok(None);
        }
        finish(writing, provider, mutation, interned).await.map(Some)
    }

    async fn try_add_location(
        &self,
        location: &RegisteredLocation,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        interned: &Interned,
        now: Timestamp,
    ) -> Result<LocationRegistration> {
        let mut writing = Writing::begin(self, ClaimLock::Alone, now).await?;
        if let Some(taken) = by_target(&mut writing, &location.location_type, &location.target).await? {
            return Ok(LocationRegistration::Taken(taken));
        }
        let query = sqlx::query(INSERT)
            .bind(stored_id(location.id))
            .bind(hash_of(&[&location.location_type, &location.target]))
            .bind(&location.location_type)
            .bind(&location.target)
            .bind(location.entity_ref.as_str());
        query.execute(&mut *writing).await.map_err(database_error)?;
        finish(writing, provider, mutation, interned).await.map(LocationRegistration::Done)
    }

    async fn try_update_location(
        &self,
        location: &RegisteredLocation,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        interned: &Interned,
        now: Timestamp,
    ) -> Result<LocationRegistration> {
        let mut writing = Writing::begin(self, ClaimLock::Alone, now).await?;
        if let Some(taken) = by_target(&mut writing, &location.location_type, &location.target).await?
            && taken.id != location.id
        {
            return Ok(LocationRegistration::Taken(taken));
        }
        let query = sqlx::query(UPDATE)
            .bind(stored_id(location.id))
            .bind(hash_of(&[&location.location_type, &location.target]))
            .bind(&location.location_type)
            .bind(&location.target);
        let done = query.execute(&mut *writing).await.map_err(database_error)?;
        if done.rows_affected() == 0 {
            return Ok(LocationRegistration::Unknown);
        }
        finish(writing, provider, mutation, interned).await.map(LocationRegistration::Done)
    }

    async fn try_remove_location(
        &self,
        id: LocationId,
        provider: &ProviderName,
        mutation: &ProviderMutation,
        interned: &Interned,
        now: Timestamp,
    ) -> Result<Option<MutationReport>> {
        let mut writing = Writing::begin(self, ClaimLock::Alone, now).await?;
        let query = sqlx::query(DELETE).bind(stored_id(id));
        let done = query.execute(&mut *writing).await.map_err(database_error)?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        finish(writing, provider, mutation, interned).await.map(Some)
    }
}

/// Applies the mutation that goes with a change of a location, and commits both.
async fn finish(
    mut writing: Writing,
    provider: &ProviderName,
    mutation: &ProviderMutation,
    interned: &Interned,
) -> Result<MutationReport> {
    // Whoever has the claim lock alone is never asked to come again with it.
    let mut report = mutate(&mut writing, interned, provider, mutation).await?.unwrap_or_default();
    report.sequence = writing.finish().await?;
    Ok(report)
}

type LocationRow = (Uuid, String, String, String);

fn registered((id, location_type, target, text): LocationRow) -> Result<RegisteredLocation> {
    let entity_ref = entity_ref(&text)?;
    let id = LocationId::from_bytes(id.into_bytes());
    Ok(RegisteredLocation { id, location_type, target, entity_ref })
}

fn stored_id(id: LocationId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

async fn by_target(
    connection: &mut PgConnection,
    location_type: &str,
    target: &str,
) -> Result<Option<RegisteredLocation>> {
    let query = sqlx::query_as(BY_TARGET).bind(hash_of(&[location_type, target]));
    let row = query.fetch_optional(connection).await.map_err(database_error)?;
    row.map(registered).transpose()
}
