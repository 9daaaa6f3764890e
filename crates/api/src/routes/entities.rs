//! `GET /entities`: the older list of entities.
//!
//! With any of `limit`, `offset` and `after` it answers one page; without, it streams everything there is.

use std::convert::Infallible;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use callboard_engine::Catalog;
use callboard_index::{
    AfterCursor, Cursor, EntityQuery, FieldSelection, Hit, IndexReader, ListPage, ListQuery, OrderField,
    Predicate, TotalItems, parse_filters,
};
use url::form_urlencoded;

use super::projection::project;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::mount;
use crate::openapi::documented_parameters;
use crate::openapi::schemas::EntityPart;
use crate::request::{FIELDS, FILTER, Parameter, Parameters};
use crate::response::{JsonList, stream_list};
use crate::visibility::Visibility;

const PARAMETERS: &[Parameter] = &[
    FILTER,
    FIELDS,
    Parameter::texts("order")
        .described(
            "What to sort by: `asc:` or `desc:`, and a field. Without paging, only the first one counts.",
        )
        .example("asc:metadata.name"),
    Parameter::natural("offset").described("How many entities to leave out at the start."),
    Parameter::natural("limit").at_least(1).described("The most entities to answer."),
    Parameter::text("after")
        .described("From the `link` header of the page before; takes the place of `limit` and `offset`."),
];

documented_parameters!(Query = PARAMETERS);

/// How many entities of a stream are taken from the index at a time.
const BATCH_SIZE: usize = 512;

/// List entities
///
/// The older list. With any of `limit`, `offset` and `after` it answers one page, and the next one is in the header
/// `link`. Without, it streams all entities; if that fails half way, the connection is cut.
#[utoipa::path(
    get,
    path = "/entities",
    tag = "entities",
    operation_id = "listEntities",
    params(Query),
    responses((
        status = 200,
        description = "The entities.",
        body = Vec<EntityPart>,
        headers(("link" = String, description = "The next page, if there is one: `<url>; rel=\"next\"`.")),
    ))
)]
pub(crate) async fn get(
    State(catalog): State<Catalog>,
    caller: Caller,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let parameters = Parameters::parse(query.as_deref(), PARAMETERS)?;
    let predicate = parse_filters(parameters.texts("filter"))?;
    let fields = FieldSelection::parse(parameters.texts("fields"))?;
    let order: Vec<OrderField> = parameters
        .texts("order")
        .iter()
        .map(|order| OrderField::parse_prefixed(order))
        .collect::<Result<_, _>>()?;
    let slice = slice(&parameters)?;
    let visibility = caller.visibility().await?;
    if visibility.is_nothing() {
        return Ok(JsonList::bare(Vec::new()).into_tagged_response());
    }
    let Some(slice) = slice else {
        return Ok(everything(catalog.index(), predicate, order, fields, &visibility));
    };
    let query = ListQuery {
        predicate,
        restriction: visibility.restriction(),
        order,
        limit: slice.limit,
        offset: slice.offset.unwrap_or(0),
    };
    let page = catalog.index().read().list(&query);
    page_response(page, slice.limit, fields, &uri).await
}

/// The part of the list that is asked for; none if no parameter says so.
fn slice(parameters: &Parameters) -> Result<Option<AfterCursor>, ApiError> {
    let limit = parameters.natural("limit");
    let offset = parameters.natural("offset");
    let after = parameters.text("after");
    if limit == Some(0) {
        return Err(ApiError::input("Invalid limit, must be greater than zero"));
    }
    if let Some(after) = after {
        return Ok(Some(AfterCursor::decode(after)?));
    }
    Ok((limit.is_some() || offset.is_some()).then_some(AfterCursor { limit, offset }))
}

async fn page_response(
    page: ListPage,
    limit: Option<usize>,
    fields: Option<FieldSelection>,
    uri: &Uri,
) -> Result<Response, ApiError> {
    let link = page.next_offset.map(|offset| next_link(uri, AfterCursor { limit, offset: Some(offset) }));
    let mut response = match fields {
        Some(fields) => JsonList::bare(project(page.items, fields).await?).into_tagged_response(),
        None => JsonList::bare(page.items.into_iter().map(|hit| hit.body).collect()).into_stored_response(),
    };
    if let Some(link) = link.and_then(|link| HeaderValue::try_from(link).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The `link` header: the same request, with `after` in place of `offset`.
fn next_link(uri: &Uri, after: AfterCursor) -> String {
    let url = mount::relative_url(uri);
    let (path, query) = url.split_once('?').unwrap_or((&url, ""));
    let mut parameters: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(name, _)| name != "offset").collect();
    match parameters.iter_mut().find(|(name, _)| name == "after") {
        Some((_, value)) => *value = after.encode(),
        None => parameters.push(("after".to_owned(), after.encode())),
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("<{path}?{query}>; rel=\"next\"")
}

fn everything(
    index: &IndexReader,
    predicate: Option<Predicate>,
    order: Vec<OrderField>,
    fields: Option<FieldSelection>,
    visibility: &Visibility,
) -> Response {
    let query = EntityQuery {
        predicate,
        order,
        limit: BATCH_SIZE,
        total: TotalItems::Exclude,
        restriction: visibility.restriction(),
        ..EntityQuery::default()
    };
    let mut rows = Rows::new(index.clone(), &query).peekable();
    if rows.peek().is_none() {
        return JsonList::bare(Vec::new()).into_tagged_response();
    }
    let Some(fields) = fields else {
        return stream_list(rows.map(|hit| Ok::<_, Infallible>(hit.body)));
    };
    stream_list(rows.map(move |hit| fields.project_bytes(&hit.body).map(Bytes::from)))
}

/// All rows of a query, taken from the index in batches. No view of the index is held in between.
struct Rows {
    index: IndexReader,
    restriction: Option<Predicate>,
    batch: std::vec::IntoIter<Hit>,
    next: Option<Cursor>,
}

impl Rows {
    fn new(index: IndexReader, query: &EntityQuery) -> Self {
        let page = index.read().page(query);
        Self {
            index,
            restriction: query.restriction.clone(),
            batch: page.items.into_iter(),
            next: page.next_cursor,
        }
    }

    fn next_batch(&mut self) -> Option<Hit> {
        let cursor = self.next.take()?;
        let query = EntityQuery {
            restriction: self.restriction.clone(),
            ..EntityQuery::from_cursor(cursor, BATCH_SIZE)
        };
        let page = self.index.read().page(&query);
        self.batch = page.items.into_iter();
        self.next = page.next_cursor;
        self.batch.next()
    }
}

impl Iterator for Rows {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        self.batch.next().or_else(|| self.next_batch())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links() {
        let after = AfterCursor { limit: Some(2), offset: Some(3) };
        let token = "eyJsaW1pdCI6Miwib2Zmc2V0IjozfQ%3D%3D";
        let cases = [
            ("/entities?limit=2&offset=1", "</entities?limit=2&after=TOKEN>; rel=\"next\""),
            (
                "/entities?after=x&filter=kind=user&fields=a,b%20c",
                "</entities?after=TOKEN&filter=kind%3Duser&fields=a%2Cb+c>; rel=\"next\"",
            ),
        ];
        for (url, expected) in cases {
            let uri = format!("/api/catalog{url}").parse().unwrap();
            assert_eq!(next_link(&uri, after), expected.replace("TOKEN", token), "{url}");
        }
    }
}
