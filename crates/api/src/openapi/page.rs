//! The document as a page, for people.
//!
//! Plain HTML without scripts, so that it needs no exception from the content security policy and no other host.

use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value};

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); }
details { border-bottom: 1px solid color-mix(in srgb, currentColor 25%, transparent); padding: .4rem 0; }
summary { cursor: pointer; }
summary b { display: inline-block; min-width: 4.5rem; text-transform: uppercase; font-size: .8em; }
summary span { opacity: .75; margin-left: .75rem; }
.text { white-space: pre-line; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; }
";

/// Operations are shown in this order.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

pub(super) fn render(document: &Value) -> Markup {
    let info = &document["info"];
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (text(&info["title"])) " API" }
                style { (STYLE) }
            }
            body {
                h1 { (text(&info["title"])) " API " small { (text(&info["version"])) } }
                p.text { (text(&info["description"])) }
                p { "For programs: " a href="openapi.json" { "openapi.json" } }
                @for tag in items(&document["tags"]) {
                    h2 { (text(&tag["description"])) }
                    @for (path, method, operation) in operations(document, text(&tag["name"])) {
                        (operation_section(document, path, method, operation))
                    }
                }
                h2 { "Schemas" }
                @for (name, schema) in members(&document["components"]["schemas"]) {
                    details id=(name) {
                        summary { code { (name) } span { (text(&schema["description"])) } }
                        pre { code { (format!("{schema:#}")) } }
                    }
                }
            }
        }
    }
}

fn operation_section(document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    let body = &operation["requestBody"];
    html! {
        details id=(text(&operation["operationId"])) {
            summary { b { (method) } code { (path) } span { (text(&operation["summary"])) } }
            p.text { (text(&operation["description"])) }
            @if !items(&operation["parameters"]).is_empty() {
                h3 { "Parameters" }
                table {
                    @for parameter in items(&operation["parameters"]) {
                        tr {
                            td { code { (text(&parameter["name"])) } }
                            td {
                                (text(&parameter["in"]))
                                @if parameter["required"] == true && parameter["in"] != "path" { ", required" }
                            }
                            td { (type_of(&parameter["schema"])) }
                            td { (text(&parameter["description"])) }
                        }
                    }
                }
            }
            @if body.is_object() {
                h3 { "Body" @if body["required"] != true { " (may be left out)" } }
                (content(body))
            }
            h3 { "Answers" }
            table {
                @for (status, response) in members(&operation["responses"]) {
                    @let response = resolved(document, response);
                    tr {
                        td { code { (status) } }
                        td { (text(&response["description"])) }
                        td { (content_type(response)) }
                    }
                }
            }
        }
    }
}

/// The schema and the example of a body.
fn content(body: &Value) -> Markup {
    html! {
        @for (_, content) in members(&body["content"]) {
            p { (type_of(&content["schema"])) }
            @if !content["example"].is_null() {
                pre { code { (format!("{:#}", content["example"])) } }
            }
        }
    }
}

fn content_type(response: &Value) -> Markup {
    html! {
        @for (_, content) in members(&response["content"]) { (type_of(&content["schema"])) }
    }
}

/// A schema in a word or two.
fn type_of(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return html! { a href=(format!("#{name}")) { (name) } };
    }
    if schema["type"] == "array" {
        return html! { "list of " (type_of(&schema["items"])) };
    }
    let words: Vec<&str> = items(&schema["enum"]).iter().filter_map(Value::as_str).collect();
    let name = if words.is_empty() { text(&schema["type"]).to_owned() } else { words.join(" or ") };
    html! { (name) @if let Some(minimum) = schema["minimum"].as_u64() { ", at least " (minimum) } }
}

/// All operations of a tag, with their paths and methods.
fn operations<'a>(document: &'a Value, tag: &str) -> Vec<(&'a str, &'static str, &'a Value)> {
    let all = members(&document["paths"]).flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| Some((path.as_str(), method, item.get(method)?)))
    });
    all.filter(|(_, _, operation)| operation["tags"][0] == tag).collect()
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
