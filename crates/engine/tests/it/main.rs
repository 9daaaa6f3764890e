//! The engine through its public face, on a store in memory and with a fake outside world.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "what is not there fails the test")]

mod puppet;
mod support;

mod conflicts;
mod custom_parser;
mod events;
mod extensions;
mod files;
mod guards;
mod incremental;
mod locations;
mod placeholders;
mod providers;
mod reading;
mod recovery;
mod restarts;
mod rules;
mod scheduling;
mod scm_events;
mod tasks;
mod validation;
