//! One file of a configuration: read, parsed, with a place for each value.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use callboard_yaml::{Content, Document, Options, Position, YamlError, load};
use serde_json::Value;

use crate::diagnostic::SourceFiles;
use crate::error::{ConfigError, Problem};
use crate::node::Node;
use crate::origin::{MarkedFile, Origin};
use crate::path::ConfigPath;

/// Longest file that is read, in bytes: one that is longer was named by mistake.
const MAX_LENGTH: u64 = 64 * 1024 * 1024;

pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > MAX_LENGTH {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "longer than 64 MiB"));
    }
    fs::read_to_string(path)
}

/// Parses YAML or, by the name of the file, JSON. A file without content is null.
pub(crate) fn parse_file(path: &Path, text: &str, files: &mut SourceFiles) -> Result<Node, ConfigError> {
    let mut file = MarkedFile { path: path.into(), content: None };
    files.add(&file.path, text);
    let path = Arc::clone(&file.path);
    let problem = |position: Option<Position>, message: String, help: Option<String>| {
        let position_or_start = position.unwrap_or(Position { line: 1, column: 1 });
        let origin = Origin::at(&path, position_or_start);
        let snippet = position.and_then(|_| files.snippet(&origin));
        ConfigError::problem(Problem {
            origin: Some(origin),
            key: ConfigPath::root(),
            message,
            help,
            snippet,
        })
    };

    let documents = load(text.as_bytes(), &Options::default());
    if path.extension().is_some_and(|extension| extension == "json") {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let line = u32::try_from(error.line()).unwrap_or(1).max(1);
            let column = u32::try_from(error.column()).unwrap_or(1).max(1);
            problem(Some(Position { line, column }), format!("not JSON: {error}"), None)
        })?;
        // JSON decides on the value; the YAML reader is only asked where things stand.
        file.content = documents.ok().and_then(|documents| only_content(documents).ok().flatten());
        return Ok(Node::of_file(&value, &Arc::new(file)));
    }

    let yaml_problem = |error: YamlError| {
        problem(error.position, format!("not YAML: {}", error.message()), error.hint().map(str::to_owned))
    };
    let documents = documents.map_err(yaml_problem)?;
    if let [_, second, ..] = documents.as_slice() {
        let message = "a configuration file holds one document, and here a second one begins".to_owned();
        let help = Some("move it to a file of its own and name both with --config".to_owned());
        return Err(problem(Some(second.start), message, help));
    }
    let mut content = only_content(documents).map_err(yaml_problem)?;
    let value = content.as_mut().map(|content| std::mem::take(&mut content.value)).unwrap_or_default();
    file.content = content;
    Ok(Node::of_file(&value, &Arc::new(file)))
}

fn only_content(documents: Vec<Document>) -> Result<Option<Content>, YamlError> {
    documents.into_iter().next().map(|document| document.content).transpose()
}
