//! Where one document ends and the next begins.
//!
//! A line that begins with `---` cannot occur inside a document, whatever is open there, so the text is
//! cut at such lines before it is parsed: a broken document then does not hide its neighbours, and each
//! gets a parser of its own.

use crate::position::Position;

/// The text of one document with the directives and comments before it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chunk<'input> {
    pub(crate) text: &'input str,
    /// Lines of the input before the chunk.
    pub(crate) lines_before: u32,
    /// Where the document begins, directives and comments left aside.
    pub(crate) start: Position,
    /// Just after the last character.
    pub(crate) end: Position,
    pub(crate) directives: Directives,
}

/// Cuts a text into documents.
pub(crate) struct Chunks<'input> {
    /// What has not been cut off yet; begins at the start of a line.
    rest: &'input str,
    lines_before: u32,
}

impl<'input> Chunks<'input> {
    pub(crate) fn new(text: &'input str) -> Self {
        Self { rest: text, lines_before: 0 }
    }
}

impl<'input> Iterator for Chunks<'input> {
    type Item = Chunk<'input>;

    fn next(&mut self) -> Option<Chunk<'input>> {
        let lines_before = self.lines_before;
        let mut lines = lines_before;
        let mut length = 0;
        let mut last_column = 1;
        let mut start = None;
        let mut directives = Directives::default();
        while let Some(line) = first_line(&self.rest[length..]) {
            let at = Position { line: lines.saturating_add(1), column: 1 };
            let looks = Line::of(line);
            if start.is_some() && looks == Line::DocumentStart {
                break;
            }
            if start.is_none() {
                match looks {
                    Line::Directive => directives.note(line, at),
                    Line::Blank => {}
                    Line::DocumentStart | Line::DocumentEnd | Line::Content => start = Some(at),
                }
            }
            length += line.len();
            if line.ends_with(['\n', '\r']) {
                lines = lines.saturating_add(1);
            } else {
                // Only the very last line of an input.
                last_column = column_after(line);
            }
            if looks == Line::DocumentEnd {
                break;
            }
        }
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.lines_before = lines;
        let end = Position { line: lines.saturating_add(1), column: last_column };
        // Comments and directives that no document follows are nothing.
        Some(Chunk { text, lines_before, start: start?, end, directives })
    }
}

/// What is odd about the directives of a document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Directives {
    /// A `%YAML` directive for another version than 1.2.
    pub(crate) other_version: Option<Position>,
    /// A line of more than [`LONGEST_DIRECTIVE`] bytes.
    pub(crate) too_long: Option<Position>,
}

/// In bytes. The parser copies the prefix of a `%TAG` line to each tag that uses it, so a long one would
/// cost its length times the number of tags.
pub(crate) const LONGEST_DIRECTIVE: usize = 1024;

impl Directives {
    fn note(&mut self, line: &str, at: Position) {
        if line.len() > LONGEST_DIRECTIVE {
            self.too_long.get_or_insert(at);
        }
        let mut words = line.trim_start_matches('\u{feff}').split_ascii_whitespace();
        if words.next() == Some("%YAML") && words.next().is_some_and(|version| version != "1.2") {
            self.other_version.get_or_insert(at);
        }
    }
}

/// What a line is, seen from between two documents. Inside of a document only the markers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    DocumentStart,
    DocumentEnd,
    Directive,
    /// Nothing, or a comment.
    Blank,
    Content,
}

impl Line {
    fn of(line: &str) -> Self {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        if is_marker(line, "---") {
            return Self::DocumentStart;
        }
        if is_marker(line, "...") {
            return Self::DocumentEnd;
        }
        if line.starts_with('%') {
            return Self::Directive;
        }
        match line.trim_ascii_start().as_bytes().first() {
            None | Some(b'#') => Self::Blank,
            Some(_) => Self::Content,
        }
    }
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| matches!(rest.as_bytes().first(), None | Some(b' ' | b'\t' | b'\n' | b'\r')))
}

/// The first line of a text with its line break: `\n`, `\r\n`, or `\r` alone, as the parser sees it.
fn first_line(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let length = match bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
        Some(at) if bytes[at..].starts_with(b"\r\n") => at + 2,
        Some(at) => at + 1,
        None => text.len(),
    };
    text.get(..length).filter(|line| !line.is_empty())
}

/// The lines of a text with their line breaks.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let line = first_line(rest)?;
        rest = &rest[line.len()..];
        Some(line)
    })
}

/// The place just after a text.
pub(crate) fn end_of(text: &str) -> Position {
    let mut position = Position { line: 1, column: 1 };
    for line in lines(text) {
        if line.ends_with(['\n', '\r']) {
            position.line = position.line.saturating_add(1);
        } else {
            position.column = column_after(line);
        }
    }
    position
}

/// The column of what stands just after this part of a line.
pub(crate) fn column_after(part: &str) -> u32 {
    u32::try_from(part.chars().count()).unwrap_or(u32::MAX).saturating_add(1)
}
