//! Files beside a descriptor on disk, for placeholders of entities that were read from there.

use std::path::Path;

use bytes::Bytes;
use callboard_model::{EntityError, LocationRef};

/// Larger files are not what a descriptor refers to.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// The path of a relative target, if the entity is from a file: in the folder of that file or below.
///
/// # Errors
///
/// The path leads out of the folder.
pub(crate) fn resolve(target: &str, location: &LocationRef) -> Result<String, EntityError> {
    let folder = folder(location);
    let path = crate::file_path::normalize(&folder.join(target));
    if Path::new(target).is_absolute() || !Path::new(&path).starts_with(folder) {
        return Err(outside(target));
    }
    Ok(path)
}

/// Reads a path that [`resolve`] gave.
///
/// # Errors
///
/// The file is not there, cannot be read, is too large, or is a link that leads out of the folder.
pub(crate) async fn read(path: &str, location: &LocationRef) -> Result<Bytes, EntityError> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => EntityError::not_found(format!("file {path} does not exist")),
        _ => EntityError::general(format!("file {path} could not be read: {error}")),
    };
    let folder = tokio::fs::canonicalize(folder(location)).await.map_err(failed)?;
    let file = tokio::fs::canonicalize(path).await.map_err(failed)?;
    if !file.starts_with(folder) {
        return Err(outside(path));
    }
    let size = tokio::fs::metadata(&file).await.map_err(failed)?.len();
    if size > MAX_FILE_BYTES {
        return Err(EntityError::input(format!("file {path} has {size} bytes, more than {MAX_FILE_BYTES}")));
    }
    tokio::fs::read(&file).await.map(Bytes::from).map_err(failed)
}

fn folder(location: &LocationRef) -> &Path {
    Path::new(location.target()).parent().unwrap_or(Path::new(""))
}

fn outside(target: &str) -> EntityError {
    EntityError::not_allowed(format!(
        "Placeholder may only reference files in the folder of the entity's own file or below, not {target}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(file: &Path) -> LocationRef {
        LocationRef::new("file", file.to_string_lossy()).unwrap()
    }

    #[test]
    fn targets_stay_in_the_folder() {
        let location = location(Path::new("/stage/left/props.yaml"));
        let cases = [
            ("./list.txt", Some("/stage/left/list.txt")),
            ("list.txt", Some("/stage/left/list.txt")),
            ("sub/../list.txt", Some("/stage/left/list.txt")),
            ("../right/list.txt", None),
            ("sub/../../right.txt", None),
            ("/etc/passwd", None),
        ];
        for (target, expected) in cases {
            assert_eq!(resolve(target, &location).ok().as_deref(), expected, "{target}");
        }
    }

    #[tokio::test]
    async fn links_that_lead_outside_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join("inside");
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(folder.path().join("secret"), "s").unwrap();
        std::fs::write(inside.join("open"), "o").unwrap();
        std::os::unix::fs::symlink(folder.path().join("secret"), inside.join("link")).unwrap();
        let location = location(&inside.join("a.yaml"));
        let path = |name: &str| inside.join(name).to_string_lossy().into_owned();
        assert_eq!(read(&path("open"), &location).await.unwrap(), "o");
        assert_eq!(read(&path("link"), &location).await.unwrap_err().name, "NotAllowedError");
        assert_eq!(read(&path("none"), &location).await.unwrap_err().name, "NotFoundError");
    }
}
