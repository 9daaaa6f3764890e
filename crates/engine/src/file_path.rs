//! Paths as text, with `.` and `..` taken out, as they stand in locations and refresh keys.

use std::path::{Component, Path, PathBuf};

/// The path without `.` and inner `..`; what leads above the root stays at the root.
pub(crate) fn normalize(path: &Path) -> String {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match parts.components().next_back() {
                Some(Component::Normal(_)) => {
                    parts.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => parts.push(".."),
            },
            other => parts.push(other),
        }
    }
    if parts.as_os_str().is_empty() {
        return ".".to_owned();
    }
    parts.to_string_lossy().into_owned()
}

/// `target`, as written in the file `base`: only targets that begin with a dot are relative to its directory.
pub(crate) fn resolve(target: &str, base: &str) -> String {
    if !target.starts_with('.') {
        return target.to_owned();
    }
    let directory = Path::new(base).parent().unwrap_or(Path::new(""));
    normalize(&directory.join(target))
}

#[cfg(test)]
mod tests {
    use super::{normalize, resolve};
    use std::path::Path;

    #[test]
    fn targets_that_begin_with_a_dot_are_relative_to_the_parent_file() {
        let cases = [
            ("./a.yaml", "/x/y/root.yaml", "/x/y/a.yaml"),
            ("../a.yaml", "/x/y/root.yaml", "/x/a.yaml"),
            ("../../../a.yaml", "/x/y/root.yaml", "/a.yaml"),
            ("sub/a.yaml", "/x/y/root.yaml", "sub/a.yaml"),
            ("/a.yaml", "/x/y/root.yaml", "/a.yaml"),
            ("./*/b.yaml", "/x/root.yaml", "/x/*/b.yaml"),
            (".hidden/b.yaml", "/x/root.yaml", "/x/.hidden/b.yaml"),
            ("./a.yaml", "root.yaml", "a.yaml"),
            ("../a.yaml", "root.yaml", "../a.yaml"),
        ];
        for (target, base, expected) in cases {
            assert_eq!(resolve(target, base), expected, "{target} in {base}");
        }
    }

    #[test]
    fn dots_are_taken_out() {
        for (path, expected) in [("/a/./b/../c", "/a/c"), ("a/../..", ".."), ("./", "."), ("/..", "/")] {
            assert_eq!(normalize(Path::new(path)), expected, "{path}");
        }
    }
}
