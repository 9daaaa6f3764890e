//! Patterns of paths, and how paths are matched against them.
//!
//! Clients of the catalog may write the fixed parts of a path in any letter case and end it with a slash.

use std::borrow::Cow;
use std::str::Utf8Error;

use percent_encoding::percent_decode_str;

/// A pattern, such as `/locations/{id}`.
#[derive(Debug)]
pub(crate) struct PathPattern {
    text: String,
    /// How much of it comes before its first parameter; all of it if there is none.
    fixed: usize,
    /// What comes after that, split at slashes.
    segments: Vec<Segment>,
}

#[derive(Debug)]
enum Segment {
    Literal(String),
    /// With its name.
    Parameter(String),
}

impl PathPattern {
    pub(crate) fn new(text: &str) -> Self {
        let segment = |part: &str| match part.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => Segment::Parameter(name.to_owned()),
            None => Segment::Literal(part.to_owned()),
        };
        let fixed = text.find("/{").map_or(text.len(), |slash| slash + 1);
        let rest = &text[fixed..];
        let segments = if rest.is_empty() { Vec::new() } else { rest.split('/').map(segment).collect() };
        Self { text: text.to_owned(), fixed, segments }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// How many parameters it has.
    pub(crate) fn parameter_count(&self) -> usize {
        self.segments.iter().filter(|segment| matches!(segment, Segment::Parameter(_))).count()
    }

    /// Whether a path with as many slashes is one of this pattern. The slash at its end is taken off already.
    pub(crate) fn matches(&self, path: &str) -> bool {
        let fixed = &self.text[..self.fixed];
        path.get(..self.fixed).is_some_and(|start| start.eq_ignore_ascii_case(fixed))
            && (!self.segments.is_empty() || path.len() == self.fixed)
            && self.parts(path).all(|(segment, part)| match segment {
                Segment::Literal(literal) => literal.eq_ignore_ascii_case(part),
                Segment::Parameter(_) => !part.is_empty(),
            })
    }

    /// The parameters in a path of this pattern, in their order: name, and value as it is written.
    pub(crate) fn parameters<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, Encoded<'a>)> {
        self.parts(without_last_slash(path)).filter_map(|(segment, part)| match segment {
            Segment::Parameter(name) => Some((name.as_str(), Encoded(part))),
            Segment::Literal(_) => None,
        })
    }

    fn parts<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a Segment, &'a str)> {
        self.segments.iter().zip(path.get(self.fixed..).unwrap_or_default().split('/'))
    }
}

/// The value of a parameter, percent-encoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Encoded<'a>(&'a str);

impl<'a> Encoded<'a> {
    pub(crate) fn decode(self) -> Result<Cow<'a, str>, Utf8Error> {
        percent_decode_str(self.0).decode_utf8()
    }
}

/// A path without the slash that it may end with.
pub(crate) fn without_last_slash(path: &str) -> &str {
    path.strip_suffix('/').unwrap_or(path)
}
