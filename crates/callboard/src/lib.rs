//! A software catalog server: Callboard::builder() for your own binary, and the callboard binary.
