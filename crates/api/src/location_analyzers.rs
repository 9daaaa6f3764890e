//! Who looks at locations before they are registered.

use std::fmt;
use std::sync::Arc;

use callboard_engine::Catalog;
use callboard_model::{LocationPresence, LocationSpec};
use callboard_sdk::{
    AnalysisError, AnalysisRequest, ExistingEntity, ExistingLocation, FoundEntity, LocationAnalysis,
    LocationAnalyzer, ReadError, ScmLocationAnalyzer,
};

use crate::error::ApiError;

/// What descriptor files are called, if the request does not say.
const CATALOG_FILENAME: &str = "catalog-info.yaml";

/// Who looks at locations before they are registered.
#[derive(Clone, Default)]
pub struct LocationAnalyzers {
    /// Takes the place of everything else.
    pub replacement: Option<Arc<dyn LocationAnalyzer>>,
    /// Look for descriptor files: the first one that supports a URL. Where none does, the URL reader of the catalog is
    /// asked to search.
    pub scm: Vec<Arc<dyn ScmLocationAnalyzer>>,
}

impl LocationAnalyzers {
    /// What is at a location, if anything but its address tells. None: nothing was found, or nobody could look.
    pub(crate) async fn analyze(
        &self,
        request: &AnalysisRequest,
        catalog: &Catalog,
    ) -> Result<Option<LocationAnalysis>, ApiError> {
        if let Some(analyzer) = &self.replacement {
            return Ok(Some(analyzer.analyze(request).await?));
        }
        let found = match self.scm.iter().find(|analyzer| analyzer.supports(&request.target)) {
            Some(analyzer) => analyzer.analyze(&request.target, request.catalog_filename.as_deref()).await?,
            None => search(request, catalog).await,
        };
        let existing: Vec<ExistingEntity> = found.into_iter().map(|found| existing(found, catalog)).collect();
        let analysis = LocationAnalysis { existing_entity_files: existing, generate_entities: Vec::new() };
        Ok((!analysis.existing_entity_files.is_empty()).then_some(analysis))
    }
}

/// What the URL reader finds. If it may not look, or fails, there is still the address to go by.
async fn search(request: &AnalysisRequest, catalog: &Catalog) -> Vec<FoundEntity> {
    let file_name = request.catalog_filename.as_deref().unwrap_or(CATALOG_FILENAME);
    match catalog.find_descriptors(&request.target, file_name).await {
        Ok(found) => found.unwrap_or_default(),
        Err(ReadError::NotAllowed(_) | ReadError::NotFound(_) | ReadError::NotModified) => Vec::new(),
        Err(error) => {
            tracing::warn!(target = request.target, %error, "a repository could not be searched");
            Vec::new()
        }
    }
}

fn existing(found: FoundEntity, catalog: &Catalog) -> ExistingEntity {
    let spec = LocationSpec {
        location_type: "url".to_owned(),
        target: found.url,
        presence: LocationPresence::Required,
    };
    ExistingEntity {
        is_registered: catalog.reads_from(&spec),
        location: ExistingLocation { location_type: spec.location_type, target: spec.target },
        entity: found.entity,
    }
}

impl fmt::Debug for LocationAnalyzers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocationAnalyzers")
            .field("is_replaced", &self.replacement.is_some())
            .field("scm", &self.scm.len())
            .finish()
    }
}

impl From<AnalysisError> for ApiError {
    fn from(error: AnalysisError) -> Self {
        match error {
            AnalysisError::Input(message) => Self::Input(message),
            AnalysisError::Failed(cause) => Self::internal(cause),
        }
    }
}
