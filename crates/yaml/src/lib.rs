//! Descriptor files: isolated documents, a position on every node, limits on everything.
