//! What an extension author sees: providers, processors, policies, parsers, readers.
