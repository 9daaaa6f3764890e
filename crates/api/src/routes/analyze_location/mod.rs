//! `POST /analyze-location`: what a repository's descriptor might look like, for a page that helps to write one.
//!
//! Nothing is fetched: all that is known comes from the address.

mod git_url;

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_permissions::Permission;
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
/// What its descriptor might say, for a page that helps to write one.
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
    State(options): State<Arc<ApiOptions>>,
    caller: Caller,
    _: NoParameters,
    body: JsonBody,
) -> Result<Response, ApiError> {
    let members = body.required()?;
    // Which file to look for; nothing is looked for.
    members.text("catalogFilename")?;
    let target = target(&members)?;
    caller.authorize(Permission::LOCATION_ANALYZE).await?;
    let repository =
        GitUrl::parse(target).ok_or_else(|| ApiError::input("The given location.target is not a URL"))?;
    let answer = json!({
        "existingEntityFiles": [],
        "generateEntities": [{ "entity": component(&repository, &options), "fields": [] }],
    });
    Ok(tagged_json(StatusCode::OK, &answer))
}

fn target<'a>(members: &Members<'a>) -> Result<&'a str, ApiError> {
    let location = members.require("location", members.object("location")?)?;
    location.require("type", location.text("type")?)?;
    let target = location.require("target", location.text("target")?)?;
    location.only(&["type", "target"])?;
    Ok(target)
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
