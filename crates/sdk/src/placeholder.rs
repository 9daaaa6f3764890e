use async_trait::async_trait;
use bytes::Bytes;
use callboard_model::EntityError;
use serde_json::Value;

use crate::Emit;

/// What a placeholder is resolved with.
#[async_trait]
pub trait PlaceholderContext: Send + Sync {
    /// The URL of the file that the entity was read from.
    fn base_url(&self) -> &str;

    /// Makes a relative target absolute.
    ///
    /// # Errors
    ///
    /// It cannot be resolved, or leads outside the entity's own repository.
    fn resolve_url(&self, target: &str) -> Result<String, EntityError>;

    /// Reads a URL, and makes the entity depend on it.
    ///
    /// # Errors
    ///
    /// It cannot be read, or reading from there is not allowed.
    async fn read(&self, url: &str) -> Result<Bytes, EntityError>;

    /// Takes what else the resolver has to say.
    fn emit(&self) -> &Emit;
}

/// Gives the value that takes the place of `{ $key: value }` in an entity.
///
/// ```
/// use callboard_sdk::model::EntityError;
/// use callboard_sdk::{PlaceholderContext, PlaceholderResolver, async_trait};
/// use serde_json::Value;
///
/// /// `{ $lines: ./owners.txt }` is a list of the lines of that file.
/// struct Lines;
///
/// #[async_trait]
/// impl PlaceholderResolver for Lines {
///     async fn resolve(
///         &self,
///         key: &str,
///         value: &Value,
///         context: &dyn PlaceholderContext,
///     ) -> Result<Value, EntityError> {
///         let target = value.as_str().ok_or_else(|| EntityError::input(format!("${key} needs a file")))?;
///         let file = context.read(&context.resolve_url(target)?).await?;
///         Ok(String::from_utf8_lossy(&file).lines().collect())
///     }
/// }
/// ```
#[async_trait]
pub trait PlaceholderResolver: Send + Sync {
    /// Resolves one placeholder; `key` is without its `$`.
    ///
    /// # Errors
    ///
    /// It cannot be resolved; the whole entity fails then.
    async fn resolve(
        &self,
        key: &str,
        value: &Value,
        context: &dyn PlaceholderContext,
    ) -> Result<Value, EntityError>;
}
