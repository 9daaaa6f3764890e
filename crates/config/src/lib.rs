//! app-config.yaml: layers, includes, environment, typed sections with origins.
