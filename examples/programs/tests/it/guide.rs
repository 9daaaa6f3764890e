//! The guide shows nothing but what is in the programs.

use std::path::{Path, PathBuf};

/// Documents, and what their snippets are parts of.
const DOCUMENTS: [&str; 2] = ["docs/extending.md", "docs/webhooks.md"];
/// In a snippet, what was left out.
const LEFT_OUT: [&str; 2] = ["// …", "# …"];

#[test]
fn every_snippet_is_a_part_of_a_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = Vec::new();
    collect(&root.join("examples/programs"), &mut sources);
    let mut strange = Vec::new();
    let mut found = 0;
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        for (line, snippet) in snippets(&text) {
            for part in parts(&snippet) {
                found += 1;
                if !sources.iter().any(|source| source.contains(&part)) {
                    strange.push(format!("{document}:{line}:\n{part}"));
                }
            }
        }
    }
    assert!(found > 10, "only {found} snippets were found");
    assert!(strange.is_empty(), "in no program under examples/programs:\n{}", strange.join("\n\n"));
}

/// The texts of all sources, without indentation.
fn collect(folder: &Path, sources: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    for path in paths {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            collect(&path, sources);
        } else if matches!(extension, Some("rs" | "py" | "yaml")) && !path.ends_with("it/guide.rs") {
            sources.push(flattened(&std::fs::read_to_string(&path).unwrap()));
        }
    }
}

/// Snippets in the languages of the programs, with the numbers of their lines.
fn snippets(document: &str) -> Vec<(usize, String)> {
    let mut snippets = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in document.lines().enumerate() {
        open = match (open, line.strip_prefix("```")) {
            (None, Some("rust" | "python")) => Some((index + 1, String::new())),
            (Some(snippet), Some(_)) => {
                snippets.push(snippet);
                None
            }
            (Some((start, text)), None) => Some((start, text + line + "\n")),
            (None, _) => None,
        };
    }
    snippets
}

/// A snippet, cut where something was left out, without indentation.
fn parts(snippet: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for line in snippet.lines() {
        if LEFT_OUT.iter().any(|mark| line.trim_start().starts_with(mark)) {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            *part += line;
            *part += "\n";
        }
    }
    parts.iter().map(|part| flattened(part)).filter(|part| !part.trim().is_empty()).collect()
}

/// Lines without their indentation and empty ones: a snippet may begin anywhere.
fn flattened(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}
