//! `app-config.yaml` as Backstage reads it: layers of files, includes, environment variables, and typed
//! sections in which every value knows the file and line it came from.
//!
//! This crate reads configuration files and nothing else. It must not know what the settings do: it starts
//! no server, opens no database, has no entity model, and hands sections of extensions on as values. It
//! takes the environment as an argument and never looks at the process.
//!
//! A newcomer starts at [`load`] in `sources`, follows a file through `file` (text into values with
//! places), `include` (`${VARIABLE}`, `$env`, `$file`, `$include`) and `node` (merging), and then reads
//! [`Config`] and one of the `sections`.
//!
//! ```
//! use callboard_config::Config;
//! use serde_json::json;
//!
//! let config = Config::from_value(&json!({ "backend": { "listen": ":7007" }, "catalog": { "readonly": true } }));
//! assert_eq!(config.backend()?.listen.port, 7007);
//! assert!(config.catalog(&[])?.readonly);
//! # Ok::<(), callboard_config::ConfigError>(())
//! ```

mod sources;

mod environment;
mod file;
mod include;
mod node;
mod origin;
mod overrides;
mod substitution;

mod config;
mod known_keys;
mod path;
mod print;

pub mod sections;

mod lenient;
mod secret;
mod untyped;

mod diagnostic;
mod error;

pub use callboard_duration::{ConfigDuration, DurationError};
pub use config::Config;
pub use diagnostic::ConfigDiagnostic;
pub use environment::Environment;
pub use error::{ConfigError, Problem};
pub use include::Dropped;
pub use origin::Origin;
pub use path::{ConfigPath, Step};
pub use secret::{Secret, is_secret_key};
pub use sources::{ConfigSources, load};
pub use untyped::Untyped;
