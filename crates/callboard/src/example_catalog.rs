use anyhow::{Context, Result};
use callboard_config::Config;
use include_dir::{Dir, include_dir};
use serde_json::json;
use tempfile::TempDir;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../examples/catalog");

/// The example catalog, unpacked into a folder of its own that goes when this is dropped.
pub(crate) struct ExampleCatalog {
    folder: TempDir,
}

impl ExampleCatalog {
    pub(crate) fn unpack() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("callboard-example-").tempdir();
        let folder = folder.context("cannot make a folder for the example catalog")?;
        FILES.extract(folder.path()).context("cannot unpack the example catalog")?;
        Ok(Self { folder })
    }

    /// A configuration that serves it from a database in memory, to this machine only.
    pub(crate) fn config(&self) -> Config {
        let root = self.folder.path().join("catalog-info.yaml");
        Config::from_value(&json!({
            "backend": {
                "listen": { "host": "127.0.0.1", "port": 7007 },
                "database": { "client": "better-sqlite3", "connection": ":memory:" },
            },
            "catalog": {
                "locations": [{ "type": "file", "target": root }],
                "rules": [{ "allow": [
                    "Component", "API", "Resource", "System", "Domain", "Group", "User", "Location", "Template",
                ] }],
                "processingInterval": { "seconds": 10 },
            },
            "callboard": { "templateKind": true, "filePlaceholders": true },
        }))
    }
}
