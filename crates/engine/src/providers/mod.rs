//! How providers reach the catalog, and the providers that are built in.

pub(crate) mod config_locations;
pub(crate) mod connection;
pub(crate) mod guard;
pub(crate) mod location_store;
pub(crate) mod push;
pub(crate) mod startup;
