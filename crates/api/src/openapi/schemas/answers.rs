//! Bodies of answers.

use std::collections::HashMap;

use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Entity;

/// The values of each facet that was asked for.
#[derive(ToSchema)]
pub(crate) struct FacetCounts {
    facets: HashMap<String, Vec<FacetCount>>,
}

/// A value, and how many entities have it.
#[derive(ToSchema)]
struct FacetCount {
    #[schema(examples("service"))]
    value: String,
    #[schema(minimum = 1)]
    count: u64,
}

/// An entity and all above it.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Ancestry {
    #[schema(examples("component:default/shop"))]
    root_entity_ref: String,
    /// The entity itself first, and each once.
    items: Vec<Ancestor>,
}

/// An entity on the way up.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Ancestor {
    entity: Entity,
    /// The entities that brought it in.
    parent_entity_refs: Vec<String>,
}

/// Why an entity is not valid.
#[derive(ToSchema)]
pub(crate) struct ErrorList {
    errors: Vec<EntityProblem>,
}

/// What is wrong with an entity.
#[derive(ToSchema)]
pub(crate) struct EntityProblem {
    #[schema(examples("InputError"))]
    name: String,
    message: String,
    /// What led to it, of the same form.
    #[schema(required = false)]
    cause: Map<String, Value>,
}

/// What is at a location.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Analysis {
    /// The entities of descriptor files that are there.
    existing_entity_files: Vec<ExistingEntity>,
    /// What a descriptor file might say, where there is none.
    generate_entities: Vec<ProposedEntity>,
}

/// An entity of a descriptor file.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ExistingEntity {
    location: FoundLocation,
    /// Whether the location is registered.
    is_registered: bool,
    /// As it is in the file.
    entity: Map<String, Value>,
}

/// Where a descriptor file is.
#[derive(ToSchema)]
struct FoundLocation {
    #[schema(rename = "type", examples("url"))]
    location_type: String,
    target: String,
}

/// An entity to begin with.
#[derive(ToSchema)]
struct ProposedEntity {
    entity: Map<String, Value>,
    fields: Vec<ProposedField>,
}

/// A field that somebody has to look at.
#[derive(ToSchema)]
struct ProposedField {
    field: String,
    state: FieldState,
    /// What it might be.
    value: Option<String>,
    description: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
enum FieldState {
    AnalysisSuggestedValue,
    AnalysisSuggestedNoValue,
    NeedsUserInput,
}

/// Entities that wait for their first processing.
#[derive(ToSchema)]
pub(crate) struct UnprocessedPending {
    #[schema(rename = "type", pattern = "^pending$")]
    list: String,
    entities: Vec<UnprocessedRow>,
}

/// Entities whose processing failed every time.
#[derive(ToSchema)]
pub(crate) struct UnprocessedFailed {
    #[schema(rename = "type", pattern = "^failed$")]
    list: String,
    entities: Vec<UnprocessedRow>,
}

/// An entity that is not there yet.
#[derive(ToSchema)]
struct UnprocessedRow {
    entity_id: String,
    entity_ref: String,
    /// As its source says.
    unprocessed_entity: Map<String, Value>,
    /// After its last processing that went well.
    processed_entity: Option<Map<String, Value>>,
    /// What processors remember of it.
    cache: Map<String, Value>,
    errors: Vec<Map<String, Value>>,
    #[schema(format = DateTime)]
    next_update_at: String,
    #[schema(format = DateTime)]
    last_discovery_at: String,
    location_key: Option<String>,
    result_hash: Option<String>,
    unprocessed_hash: String,
    hash: Option<String>,
    final_entity: Option<Map<String, Value>>,
    last_updated_at: Option<String>,
}

/// Public keys, as a JSON Web Key Set.
#[derive(ToSchema)]
pub(crate) struct KeySet {
    keys: Vec<Map<String, Value>>,
}

/// What an examination of the server found.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct DoctorReport {
    entities: u64,
    final_entities: u64,
    violations: Vec<BrokenInvariant>,
    /// What was mended.
    repairs: Vec<RepairedInvariant>,
}

/// A place where an invariant does not hold.
#[derive(ToSchema)]
struct BrokenInvariant {
    invariant: String,
    detail: String,
}

/// Something that was mended.
#[derive(ToSchema)]
struct RepairedInvariant {
    invariant: String,
    action: String,
    times: u64,
}

/// Until when a cookie holds.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct CookieExpiry {
    /// When the user's token expires, in ISO 8601.
    expires_at: String,
}

/// How the server is.
#[derive(ToSchema)]
pub(crate) struct Health {
    status: HealthStatus,
    /// Why it is not well.
    #[schema(required = false)]
    message: String,
    /// What is wrong with the database: it does not answer, or it cannot be written to. Reads go on.
    #[schema(required = false)]
    database: DatabaseTrouble,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum DatabaseTrouble {
    Unreachable,
    Unwritable,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum HealthStatus {
    Ok,
    Error,
}

/// What can be called.
#[derive(ToSchema)]
pub(crate) struct ActionList {
    actions: Vec<ActionEntry>,
}

/// Something that can be called.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ActionEntry {
    #[schema(examples("catalog:get-catalog-entity"))]
    id: String,
    name: String,
    title: String,
    description: String,
    plugin_id: String,
    attributes: ActionTraits,
    /// How it is called.
    #[schema(required = false)]
    examples: Vec<ActionSample>,
    schema: ActionSchemas,
}

/// An example of a call.
#[derive(ToSchema)]
struct ActionSample {
    title: String,
    #[schema(required = false)]
    description: String,
    input: Value,
    /// What the action gives for it.
    #[schema(required = false)]
    output: Value,
}

/// What calling it means.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct ActionTraits {
    /// Something may be gone afterwards.
    destructive: bool,
    /// Doing it twice is the same as doing it once.
    idempotent: bool,
    /// Nothing is changed.
    read_only: bool,
}

/// JSON Schemas of draft 7.
#[derive(ToSchema)]
struct ActionSchemas {
    input: Map<String, Value>,
    output: Map<String, Value>,
}

/// What an action gave.
#[derive(ToSchema)]
pub(crate) struct ActionOutput {
    /// As its schema says.
    output: Value,
}
