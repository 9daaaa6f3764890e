use async_trait::async_trait;
use callboard_model::EntityRef;
use jiff::Timestamp;
use std::fmt;

use crate::{MutationReport, NewClaim, ProviderName, Result, Uid};

/// The id of a registered location.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocationId(Uid);

impl LocationId {
    /// A new random one.
    pub fn random() -> Self {
        Self(Uid::random())
    }

    /// From text, if it has the form of a UUID.
    pub fn parse(text: &str) -> Option<Self> {
        Uid::parse(text).map(Self)
    }

    /// From the 16 bytes that a database keeps.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uid::from_bytes(bytes))
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for LocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for LocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A location that a user registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredLocation {
    /// Its id.
    pub id: LocationId,
    /// `url`, mostly.
    pub location_type: String,
    /// What to read.
    pub target: String,
    /// The Location entity made for it. Given at registration; does not change with the target.
    pub entity_ref: EntityRef,
}

/// How asking for a registration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationRegistration {
    /// It is registered (or changed), and its Location entity claimed, in one transaction.
    Done(MutationReport),
    /// This location has that type and target already; nothing was changed.
    Taken(RegisteredLocation),
    /// There is no location with that id; nothing was changed.
    Unknown,
}

/// What users registered. Each location's row and the claim on its Location entity change together.
#[async_trait]
pub trait Locations: Send + Sync {
    /// All of them, in order of registration.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn locations(&self) -> Result<Vec<RegisteredLocation>>;

    /// Makes `claims` all that `provider` claims, if `known` are still all registered locations, in order; `None`, and
    /// nothing is changed, if they are not: what was registered meanwhile must not lose its claim.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn claim_locations(
        &self,
        known: &[RegisteredLocation],
        provider: &ProviderName,
        claims: Vec<NewClaim>,
        now: Timestamp,
    ) -> Result<Option<MutationReport>>;

    /// One of them.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn location(&self, id: LocationId) -> Result<Option<RegisteredLocation>>;

    /// The one with exactly this type and target.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn location_by_target(
        &self,
        location_type: &str,
        target: &str,
    ) -> Result<Option<RegisteredLocation>>;

    /// Registers a location, and writes the claim on its entity into `provider`'s bucket.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn add_location(
        &self,
        location: RegisteredLocation,
        provider: &ProviderName,
        claim: NewClaim,
        now: Timestamp,
    ) -> Result<LocationRegistration>;

    /// Gives a location another type and target, and its entity another claim. The entity ref of the row
    /// stays.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn update_location(
        &self,
        location: RegisteredLocation,
        provider: &ProviderName,
        claim: NewClaim,
        now: Timestamp,
    ) -> Result<LocationRegistration>;

    /// Takes a location away, and with it everything that only it brought in. `None`: there is none with
    /// that id.
    ///
    /// # Errors
    ///
    /// [`StoreError`](crate::StoreError).
    async fn remove_location(
        &self,
        id: LocationId,
        provider: &ProviderName,
        now: Timestamp,
    ) -> Result<Option<MutationReport>>;
}
