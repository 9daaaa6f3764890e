//! Problems drawn into the file they are in, with secrets blotted out.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, Severity, SourceCode};

use crate::error::Problem;
use crate::origin::Origin;
use crate::secret::{is_secret_key, without_url_password};

/// Errors or warnings of a configuration for people to read; goes into a `miette::Report`.
#[derive(Debug)]
pub struct ConfigDiagnostic {
    message: String,
    help: Option<String>,
    severity: Severity,
    marked: Option<(NamedSource<String>, LabeledSpan)>,
    related: Vec<ConfigDiagnostic>,
}

impl ConfigDiagnostic {
    pub(crate) fn of_message(message: String, help: Option<String>) -> Self {
        Self { message, help, severity: Severity::Error, marked: None, related: Vec::new() }
    }

    pub(crate) fn of_problems(problems: &[Problem]) -> Self {
        if let [only] = problems {
            return Self::of_problem(only, Severity::Error);
        }
        let message = format!("the configuration has {} errors", problems.len());
        let related = problems.iter().map(|problem| Self::of_problem(problem, Severity::Error)).collect();
        Self { related, ..Self::of_message(message, None) }
    }

    pub(crate) fn of_warning(problem: &Problem) -> Self {
        Self::of_problem(problem, Severity::Warning)
    }

    fn of_problem(problem: &Problem, severity: Severity) -> Self {
        let marked = problem.snippet.as_ref().map(Snippet::marked);
        // The drawing names file and line already.
        let message = if marked.is_some() { problem.title() } else { problem.to_string() };
        Self { message, help: problem.help.clone(), severity, marked, related: Vec::new() }
    }
}

impl fmt::Display for ConfigDiagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for ConfigDiagnostic {}

impl Diagnostic for ConfigDiagnostic {
    fn severity(&self) -> Option<Severity> {
        Some(self.severity)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let help = self.help.as_deref()?;
        Some(Box::new(help))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        let (source, _) = self.marked.as_ref()?;
        Some(source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let (_, label) = self.marked.as_ref()?;
        Some(Box::new(std::iter::once(label.clone())))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(self.related.iter().map(|diagnostic| diagnostic as &dyn Diagnostic)))
    }
}

/// A place in a text, ready to be drawn.
#[derive(Clone, Debug)]
pub(crate) struct Snippet {
    file: String,
    text: Arc<str>,
    offset: usize,
    length: usize,
}

impl Snippet {
    fn marked(&self) -> (NamedSource<String>, LabeledSpan) {
        let source = NamedSource::new(&self.file, self.text.to_string());
        (source, LabeledSpan::new(Some("here".to_owned()), self.offset, self.length))
    }
}

/// The texts of all files that were read, to draw problems into.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceFiles {
    texts: BTreeMap<Arc<Path>, Arc<str>>,
}

impl SourceFiles {
    /// Keeps the text of a file, without its secrets.
    pub(crate) fn add(&mut self, path: &Arc<Path>, text: &str) {
        self.texts.insert(Arc::clone(path), blot_out_secrets(text).into());
    }

    pub(crate) fn snippet(&self, origin: &Origin) -> Option<Snippet> {
        let Origin::File { path, line, column } = origin else { return None };
        let text = self.texts.get(path)?;
        let line_start = start_of_line(text, *line)?;
        let line_text = text[line_start..].lines().next().unwrap_or_default();
        let columns_before = usize::try_from(column.saturating_sub(1)).ok()?;
        let in_line = line_text.char_indices().nth(columns_before).map_or(line_text.len(), |(at, _)| at);
        let marked = &line_text[in_line..];
        let without_comment = marked.split(" #").next().unwrap_or(marked).trim_end();
        Some(Snippet {
            file: path.display().to_string(),
            text: Arc::clone(text),
            offset: line_start + in_line,
            length: without_comment.len(),
        })
    }
}

fn start_of_line(text: &str, line: u32) -> Option<usize> {
    let lines_before = usize::try_from(line.checked_sub(1)?).ok()?;
    if lines_before == 0 {
        return Some(0);
    }
    text.match_indices('\n').nth(lines_before - 1).map(|(at, _)| at + 1)
}

/// Stars over all that follows a secret's key, on its line and on the deeper lines below it.
///
/// It works on lines rather than on values because it has to serve broken files too.
fn blot_out_secrets(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut secret_indent = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        let ending = &line[content.len()..];
        let indent = content.len() - content.trim_start().len();
        let is_blank = content.trim().is_empty();
        if secret_indent.is_some_and(|outer| is_blank || indent > outer) {
            shown.push_str(&content[..indent]);
            blot(&mut shown, &content[indent..]);
        } else if let Some(value_start) = start_of_secret(content) {
            secret_indent = Some(indent);
            shown.push_str(&content[..value_start]);
            blot(&mut shown, &content[value_start..]);
        } else {
            secret_indent = None;
            let safe = without_url_password(content);
            // Places in the text must stay where they are, so another length means: blot the line.
            if safe == content { shown.push_str(content) } else { blot(&mut shown, content) }
        }
        shown.push_str(ending);
    }
    shown
}

/// Where the value of the first secret key of a line begins.
fn start_of_secret(line: &str) -> Option<usize> {
    for (colon, _) in line.match_indices(':') {
        let before = line[..colon].trim_end().trim_end_matches(['"', '\'']);
        let key_start = before
            .rfind(|character: char| !character.is_alphanumeric() && !"_-".contains(character))
            .map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
        if is_secret_key(before[key_start..].trim_start_matches('-')) {
            let after_colon = colon + 1;
            let spaces = line[after_colon..].len() - line[after_colon..].trim_start().len();
            return Some(after_colon + spaces);
        }
    }
    None
}

/// Stars over a text, unless it only says where the secret is kept.
fn blot(shown: &mut String, text: &str) {
    if is_reference(text) {
        shown.push_str(text);
        return;
    }
    for character in text.chars() {
        // As many bytes as before, so that places in the text stay where they are.
        let star = if character.is_whitespace() { " " } else { "*" };
        shown.push_str(&star.repeat(character.len_utf8()));
    }
}

/// Whether a value is `$env`, `$file` or `$include` and its name, or a single `${VARIABLE}`.
fn is_reference(value: &str) -> bool {
    let bare = value.trim().trim_matches(['{', '}', '"', '\'', ' ']);
    let is_include = ["$env:", "$file:", "$include:"].iter().any(|key| bare.starts_with(key));
    let is_variable = bare.starts_with('$') && value.trim_end_matches(['"', '\'', ' ']).ends_with('}');
    let is_single = !bare.contains([',', '}', ' ']) || is_include && !bare.contains([',', '}']);
    (is_include || is_variable) && is_single && !bare.contains(":-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_out() {
        let text = "\
host: example.com
token: abc def # mine
key: |
  -----BEGIN

  line
after: { apiToken: 'x', next: y }
db: postgres://u:p@h/d
\"password\": ü
secret: ${SECRET}
token: { $env: TOKEN }
pwd:
  $file: secret.txt
passphrase: ${A:-b}
password: ${A}b
none:
";
        let shown = "\
host: example.com
token: *** *** * ****
key: *
  **********

  ****
after: { apiToken: **** ***** * *
*** ******************
\"password\": **
secret: ${SECRET}
token: { $env: TOKEN }
pwd:
  $file: secret.txt
passphrase: *******
password: *****
none:
";
        assert_eq!(blot_out_secrets(text), shown);
    }

    #[test]
    fn places_are_those_of_an_editor() {
        let path: Arc<Path> = Path::new("a.yaml").into();
        let mut files = SourceFiles::default();
        files.add(&path, "a: 1\nü: two words # three\n");
        let origin = Origin::File { path, line: 2, column: 4 };
        let snippet = files.snippet(&origin).expect("the file is known");
        assert_eq!(&snippet.text[snippet.offset..snippet.offset + snippet.length], "two words");
    }
}
