//! The sections Callboard reads, as types. Keys that are not listed here are ignored when reading;
//! [`Config::warnings`](crate::Config::warnings) names those that were probably meant to do something.

mod backend;
mod catalog;
mod catalog_options;
mod catalog_rules;
mod database;
mod database_target;
mod http;
mod integrations;
mod listen;
mod permission;
mod rate_limit;
mod server;

pub use backend::{AuthSection, BackendSection, Lifecycle, ReadingAllow, ReadingSection, SharedKey};
pub use catalog::{CatalogSection, ConfiguredLocation};
pub use catalog_options::{
    LocationConflictStrategy, OrphanStrategy, ProcessingInterval, ProcessorOptions, ProviderOptions,
    ScmEvents, StitchingStrategy,
};
pub use catalog_rules::{AllowedKind, CatalogRule, LocationMatcher, LocationRule};
pub use database::{
    Connection, ConnectionParts, DatabaseClient, DatabaseSection, KnexConfig, PluginDatabase,
    PluginDivisionMode, PoolOptions, PostgresTls,
};
pub use database_target::{DatabaseTarget, PostgresServer, PostgresTarget};
pub use http::{Certificate, ContentSecurityPolicy, Cors, Health, Https, Referrer};
pub use integrations::{Integration, IntegrationsSection};
pub use listen::Listen;
pub use permission::{DiscoveryEndpoint, DiscoverySection, DiscoveryTarget, PermissionSection};
pub use rate_limit::{RateLimit, RateLimitWindow};
pub use server::ServerSection;
