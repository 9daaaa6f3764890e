//! Registered locations on their way from one server to another: as lines of JSON, or by the API.

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use callboard_auth::backend_client;
use serde::{Deserialize, Serialize};

use super::full_export_lines::{self, Header, HeaderContent};

/// The version of the format that has nothing but locations.
const VERSION: u32 = 1;
/// No header is longer.
const MAX_HEADER_BYTES: u64 = 1024;
/// How long a server may take to answer.
const LIMIT: Duration = Duration::from_mins(2);
/// A type that older servers wrote for themselves and nobody reads.
const BOOTSTRAP: &str = "bootstrap";

/// A location that somebody registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedLocation {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) location_type: String,
    pub(crate) target: String,
    /// Its entity, in a full export.
    #[serde(rename = "entityRef", default, skip_serializing_if = "Option::is_none")]
    pub(crate) entity_ref: Option<String>,
}

/// Every other line.
#[derive(Serialize, Deserialize)]
struct Line {
    location: ListedLocation,
}

/// What a server answers.
#[derive(Deserialize)]
struct ApiItem {
    data: ListedLocation,
}

/// Writes a list.
pub(crate) fn write(mut file: impl Write, locations: &[ListedLocation]) -> Result<()> {
    let header = Header { callboard_export: HeaderContent { version: VERSION } };
    writeln!(file, "{}", serde_json::to_string(&header)?)?;
    for location in locations {
        writeln!(file, "{}", serde_json::to_string(&Line { location: location.clone() })?)?;
    }
    Ok(file.flush()?)
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Nothing but locations.
    Locations,
    /// All that the sources said.
    Full,
}

/// Looks at the first line of a file.
pub(crate) fn format_of(file: impl BufRead) -> Result<Format> {
    let mut line = Vec::new();
    file.take(MAX_HEADER_BYTES).read_until(b'\n', &mut line)?;
    match serde_json::from_slice::<Header>(&line) {
        Ok(Header { callboard_export: HeaderContent { version: VERSION } }) => Ok(Format::Locations),
        Ok(Header { callboard_export: HeaderContent { version: full_export_lines::VERSION } }) => {
            Ok(Format::Full)
        }
        Ok(Header { callboard_export: HeaderContent { version } }) => bail!(
            "this is an export of version {version}, and this program reads versions {VERSION} and {}: take the \
             program that wrote it, or a newer one",
            full_export_lines::VERSION
        ),
        Err(_) => bail!("line 1: this is not what callboard export writes"),
    }
}

/// Reads a list, whose first line says that it is one.
pub(crate) fn read(file: impl BufRead) -> Result<Vec<ListedLocation>> {
    let mut locations = Vec::new();
    for (index, line) in file.lines().enumerate().skip(1) {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let parsed = serde_json::from_str::<Line>(&line).with_context(|| format!("line {}", index + 1))?;
        locations.push(parsed.location);
    }
    Ok(locations)
}

/// The locations of a running Callboard or Backstage.
pub(crate) async fn fetch(api: &str, token: Option<&str>) -> Result<Vec<ListedLocation>> {
    let address = format!("{}/locations", api.trim_end_matches('/'));
    let request = backend_client()?.get(&address).timeout(LIMIT);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    let answer = request.send().await.with_context(|| format!("cannot ask {address}"))?;
    let status = answer.status();
    let body = answer.bytes().await.with_context(|| format!("no whole answer from {address}"))?;
    if !status.is_success() {
        let help = match status.as_u16() {
            401 | 403 => ": a token is needed that may read locations",
            404 => ": does the address end with /api/catalog?",
            _ => "",
        };
        bail!("{address} answers {status}{help}");
    }
    let items: Vec<ApiItem> = serde_json::from_slice(&body)
        .with_context(|| format!("{address} does not answer as a catalog does"))?;
    let locations = items.into_iter().map(|item| ListedLocation { entity_ref: None, ..item.data });
    Ok(locations.filter(|location| location.location_type != BOOTSTRAP).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let location = |id: &str| ListedLocation {
            id: id.to_owned(),
            location_type: "url".to_owned(),
            target: format!("https://host/{id}\n\"x\""),
            entity_ref: None,
        };
        let locations = vec![location("1"), location("2")];
        let mut file = Vec::new();
        write(&mut file, &locations).unwrap();
        assert_eq!(format_of(file.as_slice()).unwrap(), Format::Locations);
        assert_eq!(read(file.as_slice()).unwrap(), locations);
        assert_eq!(std::str::from_utf8(&file).unwrap().lines().count(), 3);
    }

    #[test]
    fn what_is_no_list() {
        let cases = [
            ("", "line 1: this is not what callboard export writes"),
            ("[]", "line 1: this is not what callboard export writes"),
            (
                r#"{"callboardExport":{"version":3}}"#,
                "this is an export of version 3, and this program reads versions 1 and 2: take the program that \
                 wrote it, or a newer one",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(format_of(text.as_bytes()).unwrap_err().to_string(), expected);
        }
        let broken = "{\"callboardExport\":{\"version\":1}}\n\n{}";
        assert_eq!(read(broken.as_bytes()).unwrap_err().to_string(), "line 3");
    }
}
