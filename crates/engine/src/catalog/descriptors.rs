//! Looking at descriptor files that the catalog does not read, or not yet.

use callboard_index::{EntityQuery, Predicate, TotalItems};
use callboard_model::{EntityError, LocationRef, LocationSpec, annotation};
use callboard_sdk::{Emission, FoundEntity, ReadError};
use serde_json::Value;

use super::Catalog;

impl Catalog {
    /// The entities in all descriptor files of this name in the repository that a URL leads to. `None` if no URL reader
    /// can search it. Files that cannot be parsed have none.
    ///
    /// # Errors
    ///
    /// [`ReadError`].
    pub async fn find_descriptors(
        &self,
        url: &str,
        file_name: &str,
    ) -> Result<Option<Vec<FoundEntity>>, ReadError> {
        let Some(found) = self.core.pipeline.reader.find_files(url, file_name).await? else {
            return Ok(None);
        };
        let mut entities = Vec::new();
        for file in found.files {
            let Ok(location) = LocationRef::new("url", &*file.url) else { continue };
            for parsed in self.parse_descriptor(&file.data, &location) {
                match parsed {
                    Ok(entity) => entities.push(FoundEntity { url: file.url.clone(), entity }),
                    Err(error) => {
                        tracing::debug!(url = file.url, %error, "a descriptor file was not understood");
                    }
                }
            }
        }
        Ok(Some(entities))
    }

    /// The entities of a descriptor file, and what is wrong with it, by the parser that is installed.
    pub fn parse_descriptor(&self, data: &[u8], location: &LocationRef) -> Vec<Result<Value, EntityError>> {
        let emissions = self.core.pipeline.parser.parse(data, location).into_iter();
        emissions
            .filter_map(|emission| match emission {
                Emission::Entity { entity, .. } => Some(Ok(entity)),
                Emission::Error(error) => Some(Err(error)),
                Emission::Location(_) | Emission::Relation(_) | Emission::RefreshKey(_) => None,
            })
            .collect()
    }

    /// Whether some entity of the catalog was read at a location.
    pub fn reads_from(&self, location: &LocationSpec) -> bool {
        let field = format!("metadata.annotations.{}", annotation::MANAGED_BY_LOCATION);
        let location = format!("{}:{}", location.location_type, location.target);
        let query = EntityQuery {
            predicate: Some(Predicate::equals(&field, location.as_str())),
            limit: 1,
            total: TotalItems::Exclude,
            ..EntityQuery::default()
        };
        !self.core.index.read().page(&query).items.is_empty()
    }
}
