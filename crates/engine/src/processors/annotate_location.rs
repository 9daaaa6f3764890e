//! Writes into each entity where it was read from, and where people can see and change that.

use std::sync::Arc;

use callboard_model::{Entity, EntityError, LocationRef, annotation};
use callboard_sdk::{Hooks, ProcessContext, Processor, UrlReader, async_trait};

pub(crate) const NAME: &str = "AnnotateLocationEntityProcessor";

pub(crate) struct AnnotateLocationProcessor {
    reader: Arc<dyn UrlReader>,
}

impl AnnotateLocationProcessor {
    pub(crate) fn new(reader: Arc<dyn UrlReader>) -> Self {
        Self { reader }
    }

    /// The annotations in the order in which they are shown.
    fn annotations(&self, location: &LocationRef, origin: &LocationRef) -> Vec<(&'static str, String)> {
        let mut annotations = vec![
            (annotation::MANAGED_BY_LOCATION, location.to_string()),
            (annotation::MANAGED_BY_ORIGIN_LOCATION, origin.to_string()),
        ];
        if location.location_type() != "url" {
            return annotations;
        }
        let target = location.target();
        annotations.push((annotation::VIEW_URL, target.to_owned()));
        if let Some(file) = self.reader.scm_file(target) {
            // A link to one commit leads to something that cannot be edited.
            if let Some(edit_url) = file.edit_url.filter(|_| !names_a_commit(target)) {
                annotations.push((annotation::EDIT_URL, edit_url));
            }
            annotations.push((annotation::SOURCE_LOCATION, format!("url:{}", file.directory_url)));
        }
        annotations
    }
}

#[async_trait]
impl Processor for AnnotateLocationProcessor {
    fn name(&self) -> &str {
        NAME
    }

    fn hooks(&self) -> Hooks {
        Hooks { pre_process: true, ..Hooks::NONE }
    }

    async fn pre_process(
        &self,
        mut entity: Entity,
        location: &LocationRef,
        origin: &LocationRef,
        _context: ProcessContext<'_>,
    ) -> Result<Entity, EntityError> {
        let annotations = self.annotations(location, origin);
        let defaults: Vec<(&str, &str)> =
            annotations.iter().map(|(key, value)| (*key, value.as_str())).collect();
        entity.add_default_annotations(&defaults);
        Ok(entity)
    }
}

/// Whether there is a whole word of 40 or more hexadecimal digits in the text.
fn names_a_commit(target: &str) -> bool {
    target
        .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .any(|word| word.len() >= 40 && word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

#[cfg(test)]
mod tests {
    use super::names_a_commit;

    #[test]
    fn a_commit_is_forty_digits_or_more() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        for (target, expected) in [
            (format!("https://host/o/r/blob/{commit}/a.yaml"), true),
            (format!("https://host/o/r/blob/{commit}89/a.yaml"), true),
            (format!("https://host/o/r/blob/x{commit}/a.yaml"), false),
            ("https://host/o/r/blob/main/a.yaml".to_owned(), false),
        ] {
            assert_eq!(names_a_commit(&target), expected, "{target}");
        }
    }
}
