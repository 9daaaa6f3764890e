//! The configuration as modules see it.

use std::sync::Arc;

use callboard_config::{Config, ConfigPath, Step};
use callboard_sdk::{ConfigSource, ConfigStep, ModuleConfig};
use serde_json::Value;

/// A view on the whole configuration.
pub(crate) fn module_config(config: &Config) -> ModuleConfig {
    ModuleConfig::new(Arc::new(View(config.clone())))
}

struct View(Config);

impl ConfigSource for View {
    fn value(&self, path: &[ConfigStep]) -> Option<&Value> {
        self.0.get(config_path(path))
    }

    fn describe(&self, path: &[ConfigStep], message: &str) -> String {
        self.0.value_problem(&config_path(path), message).to_string()
    }
}

fn config_path(path: &[ConfigStep]) -> ConfigPath {
    let step = |step: &ConfigStep| match step {
        ConfigStep::Key(key) => Step::Key(key.clone()),
        ConfigStep::Index(index) => Step::Index(*index),
    };
    path.iter().map(step).collect()
}
