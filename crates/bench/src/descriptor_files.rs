//! Folders of descriptor files, for what both servers can only be told by a location.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// How many documents are in a file.
const PER_FILE: usize = 1000;

/// Writes so many documents, and returns the target of a location that covers them.
pub(crate) fn write(folder: &Path, count: usize, document: impl Fn(usize) -> String) -> Result<String> {
    for file in 0..count.div_ceil(PER_FILE) {
        let mut text = String::new();
        for number in file * PER_FILE..count.min((file + 1) * PER_FILE) {
            writeln!(text, "---\n{}", document(number))?;
        }
        std::fs::write(folder.join(format!("entities-{file:04}.yaml")), text)?;
    }
    Ok(folder.join("*.yaml").to_str().context("the folder has no name in UTF-8")?.to_owned())
}
