//! The kit, used as authors of extensions use it.

mod catalog;
mod processor_run;
