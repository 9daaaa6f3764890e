//! The HTTP API of the catalog: routes, wire types, error envelope.
