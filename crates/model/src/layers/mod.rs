//! Kinds, relations and metadata that are declared, in layers that lie over each other.
//!
//! A [`ModelLayer`] says what it adds, changes and takes away; [`CompiledModel::compile`] puts layers together and
//! refuses what does not fit. Where the tables of [`kinds`](crate::kinds) are for what never changes, layers are for
//! what an installation says of its own catalog, in its configuration or in code.

mod built_in;
mod compile;
mod compiled;
mod full_schema;
mod layer;
mod merge;
mod schema_of_rule;

pub use built_in::{
    AI_RESOURCES, DEFAULT_LAYER, MCP_SERVER, ai_resources, default_layer, mcp_server, scaffolder,
};
pub use compile::LayerError;
pub use compiled::{CompiledModel, DeclaredKind, DeclaredRelation, DeclaredVersion};
pub use layer::{
    FieldNamespace, KindChange, KindDeclaration, LayerRelationField, MetadataChange, MetadataDeclaration,
    ModelLayer, RelationEnd, RelationPair, RelationPairChange, VersionChange, VersionDeclaration,
};
