//! Configuration, translated into layers of the model.

use anyhow::{Result, bail};
use callboard_config::{Config, ConfigPath};
use callboard_model::layers::{AI_RESOURCES, MCP_SERVER, ModelLayer, ai_resources, mcp_server};
use serde_json::Value;

const KEY: &str = "callboard.modelLayers";

/// The layers of `callboard.modelLayers`: names of built-in ones, and whole layers.
///
/// # Errors
///
/// An entry is neither.
pub(crate) fn model_layers(config: &Config) -> Result<Vec<ModelLayer>> {
    let entries = match config.get(KEY) {
        None => return Ok(Vec::new()),
        Some(Value::Array(entries)) => entries,
        Some(_) => bail!("{KEY}: expected a list of layers"),
    };
    let mut layers = Vec::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        layers.push(match entry.as_str() {
            Some(AI_RESOURCES) => ai_resources(),
            Some(MCP_SERVER) => mcp_server(),
            Some(other) => bail!(
                "{KEY}.{place}: there is no built-in layer {other:?}; there are {AI_RESOURCES} and {MCP_SERVER}. A \
                 layer in a file comes in with $include"
            ),
            None => {
                let layer: ModelLayer = config.section(ConfigPath::from(KEY).index(place))?;
                if layer.id.is_empty() {
                    bail!("{KEY}.{place}: a layer needs an id");
                }
                layer
            }
        });
    }
    Ok(layers)
}
