//! `POST /analyze-location`: which descriptor files a repository has, for a page that helps to register them.
//!
//! Where none is found, or nobody could look, an entity is made up from the address alone.

mod git_url;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::Catalog;
use callboard_permissions::Permission;
use callboard_sdk::{AnalysisRequest, GeneratedEntity, LocationAnalysis};
use serde_json::{Map, Value, json};

use self::git_url::GitUrl;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::{Analysis, AnalyzeRequest};
use crate::options::{ApiOptions, ScmKind};
use crate::request::{JsonBody, Members, NoParameters};
use crate::response::tagged_json;

/// Look at a repository
///
/// Which descriptor files it has, or what one might say. Files are only looked for where somebody can.
#[utoipa::path(
    post,
    path = "/analyze-location",
    tag = "locations",
    operation_id = "analyzeLocation",
    request_body(content = AnalyzeRequest, example = json!({
        "location": { "type": "url", "target": "https://github.com/acme/shop" },
    })),
    responses((status = 200, description = "What is known.", body = Analysis))
)]
pub(crate) async fn post(
    State(catalog): State<Catalog>,
    State(options): State<Arc<ApiOptions>>,
    caller: Caller,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let request = analysis_request(&body.required()?)?;
    caller.authorize(Permission::LOCATION_ANALYZE).await?;
    let repository = GitUrl::parse(&request.target);
    let is_ours = options.location_analyzers.replacement.is_none();
    if repository.is_none() && is_ours {
        return Err(ApiError::input("The given location.target is not a URL"));
    }
    let found = options.location_analyzers.analyze(&request, &catalog).await?;
    let analysis = found.unwrap_or_else(|| LocationAnalysis {
        existing_entity_files: Vec::new(),
        generate_entities: repository.iter().map(|repository| generated(repository, &options)).collect(),
    });
    Ok(tagged_json(StatusCode::OK, &analysis))
}

fn analysis_request(members: &Members<'_>) -> Result<AnalysisRequest, ApiError> {
    let catalog_filename = members.text("catalogFilename")?.map(str::to_owned);
    let location = members.require("location", members.object("location")?)?;
    let location_type = location.require("type", location.text("type")?)?.to_owned();
    let target = location.require("target", location.text("target")?)?.to_owned();
    location.only(&["type", "target"])?;
    Ok(AnalysisRequest { location_type, target, catalog_filename })
}

fn generated(repository: &GitUrl, options: &ApiOptions) -> GeneratedEntity {
    GeneratedEntity { entity: component(repository, options), fields: Vec::new() }
}

/// A Component with what can be told from the address.
fn component(repository: &GitUrl, options: &ApiOptions) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".to_owned(), json!(repository.name));
    let kind = repository.host.as_ref().and_then(|host| options.integrations.get(host));
    if let (Some(annotation), false) = (kind.copied().and_then(slug_annotation), repository.owner.is_empty())
    {
        let slug = format!("{}/{}", repository.owner, repository.name);
        metadata.insert("annotations".to_owned(), json!({ annotation: slug }));
    }
    json!({
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "Component",
        "metadata": metadata,
        "spec": { "type": "other", "lifecycle": "unknown" },
    })
}

/// The annotation with which entities name their repository on such a host.
fn slug_annotation(kind: ScmKind) -> Option<&'static str> {
    match kind {
        ScmKind::Github => Some("github.com/project-slug"),
        ScmKind::Gitlab => Some("gitlab.com/project-slug"),
        ScmKind::Bitbucket => Some("bitbucket.org/project-slug"),
        ScmKind::Azure => Some("dev.azure.com/project-slug"),
        ScmKind::BitbucketCloud | ScmKind::BitbucketServer | ScmKind::Other => None,
    }
}
