//! Durable state in the words of the domain, as traits, with the suite every implementation passes.
