//! Which files a `file` target stands for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use thiserror::Error;

/// How far below its fixed part a pattern with `**` reaches.
const MAX_DEPTH: usize = 64;
/// How many directory entries one pattern may look at.
const MAX_VISITED: usize = 200_000;
/// How many files one pattern may stand for.
const MAX_MATCHES: usize = 20_000;

/// Why a target could not be expanded.
#[derive(Debug, Error)]
pub(crate) enum GlobError {
    #[error("not a pattern: {0}")]
    Pattern(#[from] globset::Error),
    #[error("the pattern covers more than {0} directory entries; make it more specific")]
    TooManyVisited(usize),
    #[error("the pattern stands for more than {0} files; make it more specific")]
    TooManyMatches(usize),
}

/// The files that a path or pattern stands for, in alphabetical order. Blocks on the file system.
pub(crate) fn expand(target: &str) -> Result<Vec<PathBuf>, GlobError> {
    // A path that is there is what it says, whatever characters are in it.
    if Path::new(target).is_file() {
        return Ok(vec![PathBuf::from(target)]);
    }
    if !is_pattern(target) {
        return Ok(Vec::new());
    }
    let mut walk = Walk::new(target)?;
    let (base, depth) = (fixed_part(target), walk.depth);
    walk.directory(&base, depth)?;
    walk.matches.sort();
    Ok(walk.matches)
}

struct Walk {
    matcher: GlobMatcher,
    depth: usize,
    follows_links: bool,
    sees_hidden: bool,
    visited: usize,
    matches: Vec<PathBuf>,
}

impl Walk {
    fn new(target: &str) -> Result<Self, GlobError> {
        let matcher = GlobBuilder::new(target).literal_separator(true).empty_alternates(true).build()?;
        let parts = || target.split('/').skip_while(|part| !is_pattern(part));
        let crosses_directories = target.contains("**") || target.contains('{');
        Ok(Self {
            matcher: matcher.compile_matcher(),
            depth: if crosses_directories { MAX_DEPTH } else { parts().count() },
            // With `**`, a link to a directory further up would lead round in circles.
            follows_links: !crosses_directories,
            sees_hidden: parts().any(|part| part.starts_with('.')),
            visited: 0,
            matches: Vec::new(),
        })
    }

    fn directory(&mut self, directory: &Path, depth: usize) -> Result<(), GlobError> {
        // What cannot be listed has no files to offer.
        let Ok(entries) = fs::read_dir(directory) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            self.visited += 1;
            if self.visited > MAX_VISITED {
                return Err(GlobError::TooManyVisited(MAX_VISITED));
            }
            if !self.sees_hidden && entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = entry.path();
            match self.is_directory(&entry, &path) {
                Ok(true) if depth > 1 => self.directory(&path, depth - 1)?,
                Ok(false) if self.matcher.is_match(&path) => self.matches.push(path),
                _ => {}
            }
            if self.matches.len() > MAX_MATCHES {
                return Err(GlobError::TooManyMatches(MAX_MATCHES));
            }
        }
        Ok(())
    }

    fn is_directory(&self, entry: &fs::DirEntry, path: &Path) -> io::Result<bool> {
        let kind = entry.file_type()?;
        if !kind.is_symlink() {
            return Ok(kind.is_dir());
        }
        let target = fs::metadata(path)?;
        if target.is_dir() && !self.follows_links {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(target.is_dir())
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// The directories in front of the first one with a pattern in it.
fn fixed_part(target: &str) -> PathBuf {
    let fixed: Vec<&str> = target.split('/').take_while(|part| !is_pattern(part)).collect();
    match fixed.join("/").as_str() {
        "" if target.starts_with('/') => PathBuf::from("/"),
        "" => PathBuf::from("."),
        path => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::expand;
    use std::fs;

    fn found(target: &str) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        for file in [
            "a.yaml",
            "b.yml",
            "x/info.yaml",
            "y/info.yaml",
            "y/deep/er/info.yaml",
            ".h/info.yaml",
            "y/[z].yaml",
        ] {
            let path = directory.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        let root = directory.path().to_str().unwrap();
        expand(&format!("{root}/{target}"))
            .unwrap()
            .into_iter()
            .map(|path| path.strip_prefix(root).unwrap().to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn targets_stand_for_files() {
        let cases: [(&str, &[&str]); 11] = [
            ("a.yaml", &["a.yaml"]),
            ("none.yaml", &[]),
            ("x", &[]),
            ("*/info.yaml", &["x/info.yaml", "y/info.yaml"]),
            ("**/info.yaml", &["x/info.yaml", "y/deep/er/info.yaml", "y/info.yaml"]),
            ("*.{yaml,yml}", &["a.yaml", "b.yml"]),
            ("?.yaml", &["a.yaml"]),
            (".*/info.yaml", &[".h/info.yaml"]),
            ("y/[z].yaml", &["y/[z].yaml"]),
            ("[xy]/info.yaml", &["x/info.yaml", "y/info.yaml"]),
            ("none/*.yaml", &[]),
        ];
        for (target, expected) in cases {
            assert_eq!(found(target), expected, "{target}");
        }
    }
}
