//! The guide shows nothing but what is in the programs, and what is run.

use std::path::{Path, PathBuf};

/// Documents whose snippets are parts of programs, of their configurations and of what they read; and whether a test
/// runs the commands that they show.
const DOCUMENTS: [(&str, bool); 5] = [
    ("docs/extending.md", true),
    ("docs/events.md", true),
    ("docs/push-providers.md", true),
    ("docs/custom-kinds.md", false),
    ("docs/webhooks.md", false),
];
/// Languages of programs and configurations.
const LANGUAGES: [&str; 3] = ["rust", "python", "yaml"];
/// In a snippet, what was left out.
const LEFT_OUT: [&str; 2] = ["// …", "# …"];

#[test]
fn every_snippet_is_a_part_of_a_program() {
    let mut sources = Vec::new();
    collect(Path::new(env!("CARGO_MANIFEST_DIR")), &mut sources);
    let mut strange = Vec::new();
    let mut found = 0;
    for (document, _) in DOCUMENTS {
        for snippet in snippets(document).iter().filter(|snippet| LANGUAGES.contains(&&*snippet.language)) {
            for part in parts(&snippet.text) {
                found += 1;
                if !sources.iter().any(|source| contains(source, &part)) {
                    strange.push(format!("{document}:{}:\n{}", snippet.line, part.join("\n")));
                }
            }
        }
    }
    assert!(found > 20, "only {found} snippets were found");
    assert!(strange.is_empty(), "in no program under examples/programs:\n{}", strange.join("\n\n"));
}

#[test]
fn every_command_is_run() {
    for (document, is_run) in DOCUMENTS {
        assert_eq!(!commands(document).is_empty(), is_run, "{document}");
        let strange: Vec<String> = snippets(document)
            .into_iter()
            .filter(|snippet| !LANGUAGES.contains(&&*snippet.language))
            .filter(|snippet| !["sh", "json", "text"].contains(&&*snippet.language))
            .map(|snippet| format!("{}: {}", snippet.line, snippet.language))
            .collect();
        assert!(strange.is_empty(), "{document}: nobody looks at these: {strange:?}");
    }
}

/// The commands that a document shows. Those that make a program of one's own are run by `.ci/outside`, outside of the
/// checkout.
pub(crate) fn commands(document: &str) -> Vec<String> {
    let is_outside = |snippet: &Snippet| snippet.section == OUTSIDE;
    let commands = snippets(document).into_iter().filter(|snippet| snippet.language == "sh");
    commands.filter(|snippet| !is_outside(snippet)).map(|snippet| snippet.text).collect()
}

/// The section that `.ci/outside` follows.
const OUTSIDE: &str = "A server of your own in five minutes";

struct Snippet {
    section: String,
    language: String,
    line: usize,
    text: String,
}

/// All snippets of a document.
fn snippets(document: &str) -> Vec<Snippet> {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document);
    let text = std::fs::read_to_string(text).unwrap();
    let mut snippets = Vec::new();
    let mut section = "";
    let mut open: Option<Snippet> = None;
    for (index, line) in text.lines().enumerate() {
        open = match (open, line.strip_prefix("```")) {
            (None, Some(language)) => Some(Snippet {
                section: section.to_owned(),
                language: language.to_owned(),
                line: index + 1,
                text: String::new(),
            }),
            (Some(snippet), Some(_)) => {
                snippets.push(snippet);
                None
            }
            (Some(snippet), None) => Some(Snippet { text: snippet.text + line + "\n", ..snippet }),
            (None, None) => {
                section = line.strip_prefix("## ").unwrap_or(section);
                None
            }
        };
    }
    snippets
}

/// The texts of all sources.
fn collect(folder: &Path, sources: &mut Vec<Vec<String>>) {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in paths {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            collect(&path, sources);
        } else if matches!(extension, Some("rs" | "py" | "yaml")) && !path.ends_with("it/guide.rs") {
            sources.push(lines(&std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A snippet, cut where something was left out.
fn parts(snippet: &str) -> Vec<Vec<String>> {
    let is_left_out = |line: &String| LEFT_OUT.iter().any(|mark| line.trim_start().starts_with(mark));
    let lines = lines(snippet);
    lines.split(is_left_out).filter(|part| !part.is_empty()).map(<[String]>::to_vec).collect()
}

/// Lines without empty ones: programs have more room than a guide.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Whether these lines stand in a source in one piece, all of them indented further by the same.
fn contains(source: &[String], part: &[String]) -> bool {
    source.windows(part.len()).any(|window| {
        let Some(indentation) = window[0].strip_suffix(&*part[0]) else { return false };
        indentation.trim().is_empty()
            && window.iter().zip(part).all(|(line, shown)| line.strip_prefix(indentation) == Some(shown))
    })
}
