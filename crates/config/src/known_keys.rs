//! Which keys there are, so that a misspelt one is noticed instead of silently doing nothing.

use serde_json::Value;

use crate::path::ConfigPath;

/// A key that will have no effect.
pub(crate) struct Doubt {
    pub(crate) path: ConfigPath,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

/// Keys of the sections Callboard owns that it does not know, in the order of the configuration.
pub(crate) fn doubts(configuration: &Value) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    look_at(configuration, &ROOT, &ConfigPath::root(), &mut doubts);
    doubts
}

/// What may stand at a place.
enum Known {
    /// Whatever anyone wants.
    Anything,
    /// An object with these keys and no others. Other kinds of values are the section's to judge.
    Keys(&'static [(&'static str, Known)]),
    /// An object of which a few keys are looked into and the others are somebody else's.
    Among(&'static [(&'static str, Known)]),
    /// An object with names as keys, or a list; all values alike.
    Each(&'static Known),
    /// A key that once did something; with what to do now.
    Removed(&'static str),
}

use Known::{Among, Anything, Each, Keys, Removed};

static ROOT: Known = Among(&[("catalog", CATALOG), ("backend", Among(&[("database", DATABASE)]))]);

const CATALOG: Known = Keys(&[
    ("rules", Each(&Keys(&[("allow", Each(&ALLOW)), ("locations", Each(&LOCATION_MATCHER))]))),
    ("locations", Each(&LOCATION)),
    ("readonly", Anything),
    ("processingInterval", Anything),
    ("orphanStrategy", Anything),
    ("orphanProviderStrategy", Anything),
    ("stitchingStrategy", STITCHING),
    ("defaultLocationConflictStrategy", Anything),
    (
        "providerOptions",
        Each(&Keys(&[
            ("disabled", Anything),
            ("rejectRemovalsAbovePercentage", Anything),
            ("rejectEmptySourceCollections", Anything),
        ])),
    ),
    ("processorOptions", Each(&Keys(&[("disabled", Anything), ("priority", Anything)]))),
    ("disableDefaultProcessors", Anything),
    ("scmEvents", Keys(&[("refresh", Anything), ("unregister", Anything), ("move", Anything)])),
    ("providers", Anything),
    ("processors", Anything),
    ("actions", Anything),
    // Read by the frontend's import page.
    ("import", Anything),
    // A switch of Backstage's URL reading that changes nothing here.
    ("useUrlReadersSearch", Anything),
    ("enableRelationsCompatibility", RELATIONS_COMPATIBILITY),
    ("disableRelationsCompatibility", RELATIONS_COMPATIBILITY),
]);

const ALLOW: Known = Keys(&[("kind", Anything), ("spec.type", Anything)]);
const LOCATION_MATCHER: Known = Keys(&[("type", Anything), ("exact", Anything), ("pattern", Anything)]);
const LOCATION: Known = Keys(&[
    ("type", Anything),
    ("target", Anything),
    ("presence", Anything),
    ("rules", Each(&Keys(&[("allow", Anything)]))),
]);
const STITCHING: Known = Keys(&[
    ("pollingInterval", Anything),
    ("stitchTimeout", Anything),
    ("mode", Removed("remove it: stitching is always deferred")),
]);
const RELATIONS_COMPATIBILITY: Known =
    Removed("remove it: relations always come with targetRef and never with target");

const DATABASE: Known = Keys(&[
    ("client", Anything),
    ("connection", Anything),
    ("prefix", Anything),
    ("pluginDivisionMode", Anything),
    ("ensureExists", Anything),
    ("ensureSchemaExists", Anything),
    ("role", Anything),
    ("pool", Anything),
    ("knexConfig", Anything),
    ("skipMigrations", Anything),
    ("plugin", Among(&[("catalog", PLUGIN_DATABASE)])),
]);

const PLUGIN_DATABASE: Known = Keys(&[
    ("client", Anything),
    ("connection", Anything),
    ("ensureExists", Anything),
    ("ensureSchemaExists", Anything),
    ("role", Anything),
    ("pool", Anything),
    ("knexConfig", Anything),
    ("skipMigrations", Anything),
]);

fn look_at(value: &Value, known: &Known, path: &ConfigPath, doubts: &mut Vec<Doubt>) {
    match (known, value) {
        (Removed(help), _) => doubts.push(Doubt {
            path: path.clone(),
            message: "no longer has an effect".to_owned(),
            help: Some((*help).to_owned()),
        }),
        (Each(known), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                look_at(item, known, &path.index(index), doubts);
            }
        }
        (Each(known), Value::Object(entries)) => {
            for (key, entry) in entries {
                look_at(entry, known, &path.key(key), doubts);
            }
        }
        (Keys(keys) | Among(keys), Value::Object(entries)) => {
            for (key, entry) in entries {
                let path = path.key(key);
                match keys.iter().find(|(name, _)| name == key) {
                    Some((_, known)) => look_at(entry, known, &path, doubts),
                    None if matches!(known, Keys(_)) => doubts.push(unknown_key(key, keys, path)),
                    None => {}
                }
            }
        }
        _ => {}
    }
}

fn unknown_key(key: &str, keys: &[(&str, Known)], path: ConfigPath) -> Doubt {
    let names = keys.iter().filter(|(_, known)| !matches!(known, Removed(_))).map(|(name, _)| *name);
    let nearest = names.map(|name| (distance(key, name), name)).min();
    let is_near = |distance: usize, name: &str| distance <= name.chars().count().div_ceil(3);
    let help = nearest
        .filter(|(distance, name)| is_near(*distance, name))
        .map(|(_, name)| format!("did you mean \"{name}\"?"));
    Doubt { path, message: "unknown key, it has no effect".to_owned(), help }
}

/// How many letters to change, forgetting about case.
fn distance(left: &str, right: &str) -> usize {
    strsim::damerau_levenshtein(&left.to_lowercase(), &right.to_lowercase())
}
