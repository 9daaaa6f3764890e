//! Registered locations on their way from one server to another: as lines of JSON, or by the API.

use std::io::{BufRead, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use callboard_auth::backend_client;
use serde::{Deserialize, Serialize};

/// The version of the format.
const VERSION: u32 = 1;
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
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Header {
    callboard_export: HeaderContent,
}

#[derive(Serialize, Deserialize)]
struct HeaderContent {
    version: u32,
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

/// Reads a list.
pub(crate) fn read(file: impl BufRead) -> Result<Vec<ListedLocation>> {
    let mut lines = file.lines().enumerate();
    let header = match lines.next() {
        Some((_, line)) => serde_json::from_str::<Header>(&line?).ok(),
        None => None,
    };
    match header {
        Some(Header { callboard_export: HeaderContent { version: VERSION } }) => {}
        Some(Header { callboard_export: HeaderContent { version } }) => {
            bail!("this is an export of version {version}, and this program reads version {VERSION}")
        }
        None => bail!("line 1: this is not what callboard export writes"),
    }
    let mut locations = Vec::new();
    for (index, line) in lines {
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
    let locations = items.into_iter().map(|item| item.data);
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
        };
        let locations = vec![location("1"), location("2")];
        let mut file = Vec::new();
        write(&mut file, &locations).unwrap();
        assert_eq!(read(file.as_slice()).unwrap(), locations);
        assert_eq!(std::str::from_utf8(&file).unwrap().lines().count(), 3);
    }

    #[test]
    fn what_is_no_list() {
        let cases = [
            ("", "line 1: this is not what callboard export writes"),
            ("[]", "line 1: this is not what callboard export writes"),
            (
                r#"{"callboardExport":{"version":2}}"#,
                "this is an export of version 2, and this program reads version 1",
            ),
            ("{\"callboardExport\":{\"version\":1}}\n\n{}", "line 3"),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), expected);
        }
    }
}
