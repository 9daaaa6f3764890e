use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

/// A location that somebody thinks of registering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisRequest {
    /// Its type, such as `url`.
    pub location_type: String,
    /// Its target; of a `url`, often a repository rather than a file.
    pub target: String,
    /// The name of the descriptor files to look for, if another one than usual.
    pub catalog_filename: Option<String>,
}

/// What is at a location. Either list may be empty.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LocationAnalysis {
    /// The entities of descriptor files that are there.
    pub existing_entity_files: Vec<ExistingEntity>,
    /// What a descriptor file might say.
    pub generate_entities: Vec<GeneratedEntity>,
}

/// An entity in a descriptor file that is there.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExistingEntity {
    /// Where the file is.
    pub location: ExistingLocation,
    /// Whether the catalog reads that file already.
    pub is_registered: bool,
    /// As it is in the file.
    pub entity: Value,
}

/// Where a descriptor file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExistingLocation {
    /// Its type, such as `url`.
    #[serde(rename = "type")]
    pub location_type: String,
    /// Its target.
    pub target: String,
}

/// The beginning of an entity.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GeneratedEntity {
    /// What is known of it.
    pub entity: Value,
    /// What somebody should look at.
    pub fields: Vec<GeneratedField>,
}

/// A field of an entity that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GeneratedField {
    /// Its path, such as `spec.owner`.
    pub field: String,
    /// What the analysis came to.
    pub state: FieldState,
    /// What it might be.
    pub value: Option<String>,
    /// Why.
    pub description: String,
}

/// What an analysis came to for a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum FieldState {
    /// There is a value that may be right.
    AnalysisSuggestedValue,
    /// It may be right to have none.
    AnalysisSuggestedNoValue,
    /// Somebody has to say.
    NeedsUserInput,
}

/// Why a location could not be analysed.
#[derive(Debug, Error)]
pub enum AnalysisError {
    /// It cannot be one; the message is for the client.
    #[error("{0}")]
    Input(String),
    /// It failed. The cause is logged.
    #[error("the location could not be analysed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Takes the place of all that is built in for looking at a location that somebody thinks of registering.
#[async_trait]
pub trait LocationAnalyzer: Send + Sync {
    /// Looks at a location.
    ///
    /// # Errors
    ///
    /// [`AnalysisError`].
    async fn analyze(&self, request: &AnalysisRequest) -> Result<LocationAnalysis, AnalysisError>;
}

/// Looks for descriptor files on some source code hosts.
///
/// The first one that supports a URL is asked. If it finds entities, these are the answer; if not, an entity is made up
/// from the URL.
///
/// ```
/// use callboard_sdk::{AnalysisError, FoundEntity, ScmLocationAnalyzer, async_trait};
/// use serde_json::json;
///
/// /// On this host, every repository is a component.
/// struct Forge;
///
/// #[async_trait]
/// impl ScmLocationAnalyzer for Forge {
///     fn supports(&self, url: &str) -> bool {
///         url.starts_with("https://forge.example.com/")
///     }
///
///     async fn analyze(
///         &self,
///         url: &str,
///         catalog_filename: Option<&str>,
///     ) -> Result<Vec<FoundEntity>, AnalysisError> {
///         let file = format!("{url}/{}", catalog_filename.unwrap_or("catalog-info.yaml"));
///         let name = url.rsplit('/').next();
///         let entity = json!({ "apiVersion": "v1", "kind": "Component", "metadata": { "name": name } });
///         Ok(vec![FoundEntity { url: file, entity }])
///     }
/// }
///
/// assert!(Forge.supports("https://forge.example.com/shop"));
/// ```
#[async_trait]
pub trait ScmLocationAnalyzer: Send + Sync {
    /// Whether this analyzer is the one for a URL.
    fn supports(&self, url: &str) -> bool;

    /// The entities that are there. Whether the catalog has them is found out by the server.
    ///
    /// # Errors
    ///
    /// [`AnalysisError`].
    async fn analyze(
        &self,
        url: &str,
        catalog_filename: Option<&str>,
    ) -> Result<Vec<FoundEntity>, AnalysisError>;
}

/// An entity that an analyzer found.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundEntity {
    /// The URL of the file that it is in.
    pub url: String,
    /// As it is in the file.
    pub entity: Value,
}
