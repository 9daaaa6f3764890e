//! The OpenAPI document: put together from what the handlers say of themselves.
//!
//! A handler has its path, parameters and answers in an attribute; the table in `routes/mod.rs` collects them together
//! with the handlers, so that no route can be without an entry. Here they get what all of them share: how the API is
//! called, who is let in, and how requests fail.

mod page;
mod refusals;
pub(crate) mod schemas;

use std::sync::LazyLock;

use bytes::Bytes;
use serde_json::Value;
use utoipa::OpenApi;
use utoipa::openapi::path::{Operation, PathItem, Paths};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, ComponentsBuilder, Content, RefOr, Schema};

use crate::mount::{self, MOUNT_PATH};
use crate::routes::{self, Declared};

/// What the document says of the API as a whole.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Callboard",
        description = "The HTTP API of a software catalog. It is the API of the Backstage catalog backend, so that \
                       clients of that work unchanged.\n\n\
                       Fixed parts of paths may be written in any letter case, and paths may end with a slash. Query \
                       parameters that a route does not know are refused, as are empty ones. Bodies are JSON, and so \
                       are answers. HEAD is answered like GET, without the body.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This server")),
    security(("bearer" = [])),
    tags(
        (name = "entities", description = "Reading entities."),
        (name = "locations", description = "Where descriptor files are read."),
        (name = "processing", description = "How entities come to be."),
        (name = "permissions", description = "What the permission backend asks."),
        (name = "actions", description = "What other programs can have the catalog do."),
        (name = "server", description = "The server itself."),
    )
)]
struct Shared;

/// The document, in the forms in which it is served.
pub(crate) struct Documentation {
    /// As JSON text.
    pub(crate) json: Bytes,
    /// As a page to read.
    pub(crate) page: Bytes,
}

/// The document of all routes there are.
pub(crate) fn documentation() -> &'static Documentation {
    static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
        let document = document(routes::catalog(), routes::root());
        Documentation {
            json: format!("{document:#}").into(),
            page: page::render(&document).into_string().into(),
        }
    });
    &DOCUMENTATION
}

fn document(catalog: Vec<Declared>, root: Vec<Declared>) -> Value {
    let mut document = Shared::openapi();
    let mut components = document.components.take().unwrap_or_default();
    let mut paths = Paths::new();
    for (mount_path, routes) in [(MOUNT_PATH, catalog), ("", root)] {
        for Declared { paths: declared, schemas, .. } in routes {
            components.schemas.extend(schemas);
            for (path, mut item) in declared.paths {
                let path = format!("{mount_path}{path}");
                operations(&mut item).for_each(|operation| complete(operation, &path));
                paths.paths.insert(path, item);
            }
        }
    }
    document.paths = paths;
    document.components = Some(with_shared(components));
    // Serialising what was made from literals does not fail.
    serde_json::to_value(document).unwrap_or_default()
}

fn with_shared(components: Components) -> Components {
    let bearer = SecurityScheme::Http(
        Http::builder()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "A token of a Backstage user or backend, or one that the configuration names. Not needed where the \
                 server lets everyone in.",
            ))
            .build(),
    );
    let Components { schemas, responses, .. } = components;
    let mut shared = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .schema("Error", <schemas::ErrorBody as utoipa::PartialSchema>::schema())
        .security_scheme("bearer", bearer)
        .build();
    let mut nested = Vec::new();
    <schemas::ErrorBody as utoipa::ToSchema>::schemas(&mut nested);
    shared.schemas.extend(nested);
    shared.responses.extend(responses);
    shared.responses.extend(refusals::responses());
    shared
}

/// Adds what a request gets before it reaches the handler.
fn complete(operation: &mut Operation, path: &str) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.content.values_mut().for_each(without_null);
    }
    if !mount::is_guarded(path) {
        operation.security = Some(Vec::new());
        return;
    }
    refusals::add(operation);
}

/// A body that may be absent is declared as `Option`, which allows for `null`; the routes do not.
fn without_null(content: &mut RefOr<Content>) {
    let RefOr::T(Content { schema: Some(schema), .. }) = content else { return };
    if let RefOr::T(Schema::OneOf(alternatives)) = schema {
        alternatives.items.retain(|item| matches!(item, RefOr::Ref(_)));
        if let (Some(only), true) = (alternatives.items.pop(), alternatives.items.is_empty()) {
            *schema = only;
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, .. } = item;
    [get, put, post, delete].into_iter().flatten()
}

/// Declares a type that stands for the query parameters of a route in the document: `name = constant`.
macro_rules! documented_parameters {
    ($name:ident = $declared:expr) => {
        /// The parameters of the query string.
        struct $name;

        impl utoipa::IntoParams for $name {
            fn into_params(
                _: impl Fn() -> Option<utoipa::openapi::path::ParameterIn>,
            ) -> Vec<utoipa::openapi::path::Parameter> {
                $declared.iter().map($crate::request::Parameter::documented).collect()
            }
        }
    };
}
pub(crate) use documented_parameters;
