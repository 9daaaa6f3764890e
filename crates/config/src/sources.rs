//! Which files make a configuration, and in what order.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::environment::Environment;
use crate::error::ConfigError;
use crate::include::Includer;
use crate::node::Node;
use crate::origin::{Mark, Origin};
use crate::overrides::override_layer;

/// Where a configuration is read from.
#[derive(Clone, Debug, Default)]
pub struct ConfigSources {
    /// Files in the order of their `--config` options: a later one lies over an earlier one. If there are
    /// none, the default files of [`directory`](Self::directory) are read.
    pub files: Vec<PathBuf>,
    /// What relative names of files are relative to, and where the default files are: `app-config.yaml`,
    /// `app-config.local.yaml` and, if the variable `BACKSTAGE_ENV` is set, `app-config.<it>.yaml` and
    /// `app-config.<it>.local.yaml`. Empty for the working directory of the process.
    pub directory: PathBuf,
    /// What `${VARIABLE}` and `$env` refer to, and where `APP_CONFIG_*` come from.
    pub environment: Environment,
}

/// Reads all sources and merges them: objects key by key, everything else replaced by the later one, and
/// a null removes what an earlier one gave.
///
/// # Errors
///
/// If there is no file, one cannot be read, one is broken, an include leads nowhere or in a circle, or an
/// `APP_CONFIG_*` variable names no key. A variable that is not set is no error: the value counts as not
/// given, see [`Config::dropped`].
pub fn load(sources: &ConfigSources) -> Result<Config, ConfigError> {
    let mut includer = Includer::new(&sources.environment);
    let mut merged = Node::empty_object(Mark::Fixed(Origin::Program));
    for file in files_of(sources)? {
        if let Some(layer) = includer.read_layer(&file)? {
            merged.merge(layer);
        }
    }
    merged.merge(override_layer(&sources.environment)?);
    let skip_check = sources.environment.get("BACKSTAGE_CATALOG_SKIP_MISSING_PROCESSORS_CHECK");
    Ok(Config::new(merged, includer.files, includer.dropped)
        .skipping_location_type_check(skip_check.is_some_and(|value| !value.is_empty())))
}

fn files_of(sources: &ConfigSources) -> Result<Vec<PathBuf>, ConfigError> {
    if !sources.files.is_empty() {
        return Ok(sources.files.iter().map(|file| sources.directory.join(file)).collect());
    }
    let main = sources.directory.join("app-config.yaml");
    if !main.is_file() {
        let is_here = sources.directory.as_os_str().is_empty();
        let directory = if is_here { Path::new(".") } else { &sources.directory }.to_owned();
        return Err(ConfigError::NoFile { directory });
    }
    let stage = sources.environment.get("BACKSTAGE_ENV").filter(|stage| !stage.is_empty());
    let optional = [
        stage.map(|stage| format!("app-config.{stage}.yaml")),
        Some("app-config.local.yaml".to_owned()),
        stage.map(|stage| format!("app-config.{stage}.local.yaml")),
    ];
    let optional = optional.into_iter().flatten().map(|name| sources.directory.join(name));
    Ok(std::iter::once(main).chain(optional.filter(|path| path.is_file())).collect())
}
