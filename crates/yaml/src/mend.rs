//! Two things that YAML allows and the parser gets wrong are taken out of a text before it is parsed for
//! good: a tab between a `:` and its value, and spaces without a line break at the end of the file.

use std::borrow::Cow;

use saphyr_parser::{Event, Marker, Parser};

use crate::{
    budget::{Budget, DEEPEST},
    cut,
};

const COMPLAINT: &str = "':' must be followed by a valid YAML whitespace";

/// The text of a document as the parser understands it rightly. No character changes its place.
pub(crate) fn mend<'text>(text: &'text str, budget: &mut Budget<'_>) -> Cow<'text, str> {
    let mut mended = Cow::Borrowed(without_last_indent(text));
    // Only the parser knows which tabs separate and which are part of a text, and it tells one line at a
    // time, so a text is parsed once more for each. What the budget does not pay for is refused later.
    while mended.contains(":\t") && budget.spend_mending(mended.len()) {
        let Some(marker) = first_complaint(&mended) else { break };
        let Some(end) = byte_offset(&mended, marker) else { break };
        let start = mended[..end].trim_end_matches('\t').len();
        if start == end {
            break;
        }
        mended.to_mut().replace_range(start..end, &" ".repeat(end - start));
    }
    mended
}

/// The text without a last line of nothing but indentation, which the parser would take for one more line
/// break at the end of a text in a block. Deeper spaces than on the line before are a text of their own.
fn without_last_indent(text: &str) -> &str {
    let trimmed = text.trim_end_matches(' ');
    if trimmed.len() == text.len() || !trimmed.ends_with(['\n', '\r']) {
        return text;
    }
    let written = trimmed.trim_ascii_end();
    let last_line = written.rsplit(['\n', '\r']).next().unwrap_or_default();
    let indentation = last_line.len() - last_line.trim_start_matches(' ').len();
    if text.len() - trimmed.len() <= indentation { trimmed } else { text }
}

/// Where the parser first complains of a tab, unless it complains of something else before or the text
/// nests so deep that it will be refused anyway.
fn first_complaint(text: &str) -> Option<Marker> {
    let mut depth = 0_usize;
    for event in Parser::new_from_str(text) {
        match event {
            Err(error) => return (error.info() == COMPLAINT).then(|| *error.marker()),
            Ok((Event::SequenceStart(..) | Event::MappingStart(..), _)) => depth += 1,
            Ok((Event::SequenceEnd | Event::MappingEnd, _)) => depth = depth.saturating_sub(1),
            Ok(_) => {}
        }
        if depth > DEEPEST {
            return None;
        }
    }
    None
}

/// Byte offset of a marker. Its own index is not to be trusted: the parser counts bytes in some places and
/// characters in others.
fn byte_offset(text: &str, marker: Marker) -> Option<usize> {
    let before: usize = cut::lines(text).take(marker.line().saturating_sub(1)).map(str::len).sum();
    let (column, _) = text.get(before..)?.char_indices().nth(marker.col())?;
    Some(before + column)
}
