use callboard_model::LocationRef;

use crate::Emission;

/// Turns the bytes of a descriptor file into entities.
///
/// It is called for whatever a `file` or `url` location gives, off the async runtime's threads for large files.
/// What cannot be parsed is an [`Emission::Error`], so that the good documents beside it are still reported.
///
/// For formats that are YAML or JSON, the engine's `YamlParser` has `parse_with`, which gives the documents one by one.
///
/// ```
/// use callboard_sdk::model::{EntityError, LocationRef};
/// use callboard_sdk::{ChildKey, Emission, EntityParser};
/// use serde_json::json;
///
/// /// A name and an owner in each line.
/// struct Lines;
///
/// impl EntityParser for Lines {
///     fn parse(&self, data: &[u8], location: &LocationRef) -> Vec<Emission> {
///         let text = String::from_utf8_lossy(data);
///         let entity = |line: &str| match line.split_once(' ') {
///             Some((name, owner)) => Emission::Entity {
///                 location: location.clone(),
///                 entity: json!({
///                     "apiVersion": "backstage.io/v1alpha1",
///                     "kind": "Component",
///                     "metadata": { "name": name },
///                     "spec": { "type": "service", "lifecycle": "production", "owner": owner },
///                 }),
///                 key: ChildKey::Location,
///             },
///             None => Emission::Error(EntityError::input(format!("{line:?} at {location} has no owner"))),
///         };
///         text.lines().map(entity).collect()
///     }
/// }
///
/// let location = LocationRef::parse("url:https://example.com/services")?;
/// let emissions = Lines.parse(b"shop makers\nbooking", &location);
/// assert!(matches!(&*emissions, [Emission::Entity { .. }, Emission::Error(_)]));
/// # Ok::<(), callboard_sdk::model::LocationRefError>(())
/// ```
pub trait EntityParser: Send + Sync {
    /// Parses one file. Results come in the order of the file.
    fn parse(&self, data: &[u8], location: &LocationRef) -> Vec<Emission>;
}
