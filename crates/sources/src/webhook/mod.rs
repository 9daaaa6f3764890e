//! Processors that are programs of their own, called over HTTP.

mod answer;
mod circuit;
mod processor;
mod settings;

pub use processor::WebhookProcessor;
pub use settings::WebhookSettings;
