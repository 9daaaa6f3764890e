//! The way in: bytes to documents.

use std::borrow::Cow;

use crate::{
    budget::Budget,
    build::Builder,
    cut::{Chunk, Chunks, LONGEST_DIRECTIVE, end_of},
    document::{Document, Warning},
    error::{ErrorKind, YamlError},
    mend::mend,
    options::Options,
};

/// Loads every document of `input`.
///
/// An input of nothing but comments has no documents; a document of nothing is `null`. A byte order mark
/// is skipped. Bytes that are not UTF-8 are read as U+FFFD, as the reference does, with a warning.
///
/// # Errors
///
/// Only for what concerns the input as a whole: it is longer than
/// [`Limits::bytes`](crate::Limits::bytes), or holds more documents than
/// [`Limits::documents`](crate::Limits::documents). What is wrong with one document is in its
/// [`Document::content`].
pub fn load(input: &[u8], options: &Options) -> Result<Vec<Document>, YamlError> {
    let limits = &options.limits;
    if input.len() > limits.bytes {
        return Err(YamlError::whole_input(ErrorKind::Limit {
            what: "the file has too many bytes",
            limit: limits.bytes,
        }));
    }
    let decoded = String::from_utf8_lossy(input);
    let text = decoded.strip_prefix('\u{feff}').unwrap_or(&decoded);

    let mut budget = Budget::new(limits);
    let mut documents = Vec::new();
    for (index, chunk) in Chunks::new(text).enumerate() {
        if index == limits.documents {
            let what = "the file has too many documents";
            return Err(YamlError::at(chunk.start, ErrorKind::Limit { what, limit: limits.documents }));
        }
        documents.push(load_document(index, &chunk, options, &mut budget));
    }
    if let Cow::Owned(_) = decoded {
        warn_of_bad_utf8(input, &mut documents);
    }
    Ok(documents)
}

fn load_document(index: usize, chunk: &Chunk<'_>, options: &Options, budget: &mut Budget<'_>) -> Document {
    let mut warnings = Vec::new();
    if let Some(position) = chunk.directives.other_version {
        let message = "the document asks for another version of YAML, it is read as version 1.2".to_owned();
        warnings.push(Warning { position, message });
    }
    budget.begin_document();
    let content = match chunk.directives.too_long {
        Some(position) => Err(YamlError::at(
            position,
            ErrorKind::Limit { what: "a '%' line has too many bytes", limit: LONGEST_DIRECTIVE },
        )),
        None => Builder::build(chunk, &mend(chunk.text, budget), options, budget, &mut warnings),
    };
    Document { index, start: chunk.start, content, warnings }
}

/// Warns of the first bytes that are not UTF-8, in the document they stand in.
fn warn_of_bad_utf8(input: &[u8], documents: &mut [Document]) {
    let Err(error) = std::str::from_utf8(input) else { return };
    let Ok(good) = std::str::from_utf8(input.get(..error.valid_up_to()).unwrap_or_default()) else { return };
    let position = end_of(good.strip_prefix('\u{feff}').unwrap_or(good));

    let place = documents.partition_point(|document| document.start <= position);
    if let Some(document) = documents.get_mut(place.saturating_sub(1)) {
        let message = "bytes that are not UTF-8 are read as U+FFFD; save the file as UTF-8".to_owned();
        document.warnings.insert(0, Warning { position, message });
    }
}
