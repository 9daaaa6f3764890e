//! Reading requests: query parameters and JSON bodies, checked against what a route declares.

mod json_body;
mod members;
mod number;
mod parameter;
mod path;
mod query_string;

pub(crate) use json_body::{JsonBody, parse_json, read_body};
pub(crate) use members::Members;
pub(crate) use number::whole_number;
pub(crate) use parameter::{FIELDS, FILTER, Parameter};
pub(crate) use path::{FromPath, PathParameters, Value, decode};
pub(crate) use query_string::{NoParameters, Parameters};
