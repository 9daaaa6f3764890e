//! Ingestion, processing and stitching; the built-in processors and providers.
