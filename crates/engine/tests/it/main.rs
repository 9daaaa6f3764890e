//! The engine through its public face, on a store in memory and with a fake outside world.

mod support;

mod conflicts;
mod extensions;
mod files;
mod locations;
mod placeholders;
mod providers;
mod reading;
mod recovery;
mod restarts;
mod rules;
mod scheduling;
mod validation;
