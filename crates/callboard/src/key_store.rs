//! `backend.auth.pluginKeyStore`: where the server's own keys come from.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use callboard_auth::{Clock, KeyLedger, LedgerError, PublicKeyRecord, SettingsError, SigningKeys, StaticKey};
use callboard_config::{Config, ConfigError};
use callboard_store::{PublishedKey, Store};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

const SECTION: &str = "backend.auth.pluginKeyStore";

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum KeyStore {
    Database,
    Static { r#static: StaticSection },
}

#[derive(Deserialize)]
struct StaticSection {
    keys: Vec<KeyFiles>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyFiles {
    public_key_file: String,
    private_key_file: Option<String>,
    key_id: String,
    algorithm: Option<String>,
}

/// The keys that tokens of this plugin are signed with. Unless they are in files, their public halves are in the
/// database.
///
/// # Errors
///
/// The section is not what it must be, or a file cannot be read or is no key.
pub(crate) fn signing_keys(
    config: &Config,
    plugin: &str,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    working_directory: &Path,
) -> Result<SigningKeys> {
    let key_store = match config.backend()?.auth.plugin_key_store.value() {
        Value::Null => KeyStore::Database,
        value => serde_json::from_value(value.clone()).map_err(|error| {
            let message = format!("expected type: database, or type: static with static.keys: {error}");
            ConfigError::Invalid(vec![config.problem(SECTION, message)])
        })?,
    };
    match key_store {
        KeyStore::Database => Ok(SigningKeys::published_in(plugin, Arc::new(DatabaseLedger(store)), clock)),
        KeyStore::Static { r#static } => {
            let read = |(index, files): (usize, &KeyFiles)| read_key(files, index, working_directory);
            let keys = r#static.keys.iter().enumerate().map(read).collect::<Result<Vec<_>>>()?;
            let invalid = |error: SettingsError| {
                let path = format!("{SECTION}.static.keys{}", error.path);
                ConfigError::Invalid(vec![config.problem(path.as_str(), error.message)])
            };
            Ok(SigningKeys::of_files(plugin, &keys, clock).map_err(invalid)?)
        }
    }
}

fn read_key(files: &KeyFiles, index: usize, working_directory: &Path) -> Result<StaticKey> {
    let read = |file: &str, key: &str| {
        let file = working_directory.join(file);
        let path = format!("{SECTION}.static.keys[{index}].{key}");
        std::fs::read_to_string(&file).with_context(|| format!("{path}: cannot read {}", file.display()))
    };
    if files.key_id.is_empty() {
        bail!("{SECTION}.static.keys[{index}].keyId: expected a text that is not empty");
    }
    Ok(StaticKey {
        id: files.key_id.clone(),
        algorithm: files.algorithm.clone().unwrap_or_else(|| "ES256".to_owned()),
        public_pem: read(&files.public_key_file, "publicKeyFile")?,
        private_pem: files
            .private_key_file
            .as_deref()
            .map(|file| read(file, "privateKeyFile"))
            .transpose()?,
    })
}

/// The public keys of all nodes, in the database.
struct DatabaseLedger(Arc<dyn Store>);

#[async_trait]
impl KeyLedger for DatabaseLedger {
    async fn add(&self, key: PublicKeyRecord, now: Timestamp) -> Result<(), LedgerError> {
        let key = PublishedKey { id: key.id, key: key.jwk, expires_at: key.expires_at };
        self.0.publish_key(key, now).await.map_err(LedgerError::new)
    }

    async fn keys(&self, now: Timestamp) -> Result<Vec<PublicKeyRecord>, LedgerError> {
        let keys = self.0.published_keys(now).await.map_err(LedgerError::new)?;
        let record =
            |key: PublishedKey| PublicKeyRecord { id: key.id, jwk: key.key, expires_at: key.expires_at };
        Ok(keys.into_iter().map(record).collect())
    }
}
