//! A directory with configuration files in it.

use std::fs;
use std::path::{Path, PathBuf};

use callboard_config::{Config, ConfigError, ConfigSources, Environment, load};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) struct Project {
    directory: TempDir,
    environment: Environment,
}

impl Project {
    /// A directory with files, each given by its name and text.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        for (name, text) in files {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
            fs::write(path, text).expect("a file");
        }
        Self { directory, environment: Environment::default() }
    }

    /// With only an `app-config.yaml`.
    pub(crate) fn with_main(text: &str) -> Self {
        Self::new(&[("app-config.yaml", text)])
    }

    pub(crate) fn environment<const COUNT: usize>(mut self, variables: [(&str, &str); COUNT]) -> Self {
        self.environment = variables.into();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        self.load_files(&[])
    }

    pub(crate) fn load_files(&self, files: &[&str]) -> Result<Config, ConfigError> {
        load(&ConfigSources {
            files: files.iter().map(PathBuf::from).collect(),
            directory: self.path().to_owned(),
            environment: self.environment.clone(),
        })
    }

    pub(crate) fn value(&self) -> Value {
        let config = self.load().unwrap_or_else(|error| panic!("{error}"));
        config.get("").expect("a root").clone()
    }

    /// The error of loading, with the directory's name taken out.
    pub(crate) fn error(&self) -> String {
        self.relative(&self.load().expect_err("an error").to_string())
    }

    /// A text with the directory's name taken out.
    pub(crate) fn relative(&self, text: &str) -> String {
        let real = self.path().canonicalize().expect("a real path");
        let shown = |path: &Path| format!("{}/", path.display());
        text.replace(&shown(&real), "").replace(&shown(self.path()), "")
    }
}
