//! The parser's complaints in the words of someone who has to mend a file.

use saphyr_parser::ScanError;

use crate::{
    error::{ErrorKind, YamlError, excerpt},
    position::Position,
};

const INDENT_WITH_SPACES: &str = "use spaces instead of tabs";
const CHECK_INDENTATION: &str = "check the indentation of this line and the ones before it";
const CLOSE_QUOTE: &str = "close the quote, and indent every line of a quoted text";
const QUOTE_TEXT: &str = "put quotes around a text that contains ': ', or check the indentation";

/// A parser's complaint as an error at a position. `opened` is where the innermost collection begins.
pub(crate) fn error(complaint: &ScanError, at: Position, opened: Option<Position>) -> YamlError {
    let info = complaint.info();
    let (what, hint) = unclosed(info, opened).or_else(|| bad_first_character(info)).unwrap_or_else(|| {
        let (what, hint) = reword(info);
        (excerpt(what), hint)
    });
    YamlError::at(at, ErrorKind::Syntax { what, hint })
}

/// For an open bracket or brace, where it was opened.
fn unclosed(complaint: &str, opened: Option<Position>) -> Option<(String, Option<&'static str>)> {
    let opened = opened?;
    match complaint {
        "while parsing a flow mapping, did not find expected ',' or '}'" => {
            let what = format!("expected ',' or '}}' in the mapping that begins at {opened}");
            Some((what, Some("close the brace")))
        }
        "while parsing a flow sequence, expected ',' or ']'" => {
            let what = format!("expected ',' or ']' in the list that begins at {opened}");
            Some((what, Some("close the bracket")))
        }
        _ => None,
    }
}

fn bad_first_character(complaint: &str) -> Option<(String, Option<&'static str>)> {
    let character = complaint.strip_prefix("unexpected character: `")?.trim_end_matches('\'');
    Some((format!("a text cannot begin with '{character}'"), Some("put quotes around it")))
}

/// What is wrong and how to mend it. Complaints that are clear or rare stay as they are.
fn reword(complaint: &str) -> (&str, Option<&'static str>) {
    match complaint {
        "tabs disallowed in this context"
        | "tabs disallowed within this context (block indentation)"
        | "tab cannot be used as indentation"
        | "while scanning a plain scalar, found a tab"
        | "a block scalar content cannot start with a tab"
        | "':' must be followed by a valid YAML whitespace"
        | "'-' must be followed by a valid YAML whitespace" => {
            ("a tab where only spaces may stand", Some(INDENT_WITH_SPACES))
        }
        "mapping values are not allowed in this context" | "illegal placement of ':' indicator" => {
            ("a ':' is not allowed here", Some(QUOTE_TEXT))
        }
        "while scanning a quoted scalar, found unexpected end of stream"
        | "while scanning a quoted scalar, found unexpected document indicator" => {
            ("a quoted text is not closed", Some(CLOSE_QUOTE))
        }
        "invalid indentation in quoted scalar" => {
            ("a line of a quoted text is not indented enough", Some(CLOSE_QUOTE))
        }
        "while parsing node, found unknown anchor" => (
            "the alias names an anchor that is not set before it",
            Some("set it with '&', or put quotes around a text that begins with '*'"),
        ),
        "while parsing a block mapping, did not find expected key"
        | "while parsing a block collection, did not find expected '-' indicator"
        | "invalid indentation"
        | "wrongly indented line in block scalar" => {
            ("this does not line up with what is above it", Some(CHECK_INDENTATION))
        }
        "simple key expect ':'" | "simple key expected" => {
            ("a key without ':' after it", Some("write 'key: value', on one line up to the ':'"))
        }
        "block sequence entries are not allowed in this context" => {
            ("a '-' item is not allowed here", Some("begin the list on a line of its own below its key"))
        }
        "invalid indentation in flow construct" => {
            ("a line inside of brackets or braces is not indented enough", Some(CHECK_INDENTATION))
        }
        "misplaced bracket" => ("a bracket or brace is closed that was not opened", None),
        "while parsing a node, did not find expected node content" => ("expected a value", None),
        "the handle wasn't declared" => {
            ("the tag has a prefix that no %TAG line declares", Some("declare it, or remove the tag"))
        }
        "did not find expected <document start>" => {
            ("expected a '---' line", Some("put a '---' line after lines that begin with '%'"))
        }
        "recursion limit exceeded" => ("brackets and braces nest too deep", None),
        "while parsing a quoted scalar, found unknown escape character" => (
            "a '\\' is followed by a character that makes no escape",
            Some("double the '\\', or use single quotes"),
        ),
        "found unprintable character" => {
            ("a character that cannot be printed", Some("the file may be binary or damaged"))
        }
        clear => (clear, None),
    }
}
