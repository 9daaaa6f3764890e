//! The shape of a whole entity, apart from what its kind demands of the spec.

use super::rule::{ObjectRule, Rule, Unlisted};
use super::violation::SchemaViolation;
use crate::Entity;

const ENTITY: ObjectRule = ObjectRule {
    required: &["apiVersion", "kind", "metadata"],
    fields: &[
        ("apiVersion", Rule::NonEmptyText),
        ("kind", Rule::NonEmptyText),
        ("metadata", Rule::Object(METADATA)),
        ("spec", Rule::ANY_OBJECT),
        ("relations", Rule::ListOf(&Rule::Object(RELATION))),
        ("status", Rule::Object(STATUS)),
    ],
    unlisted: Unlisted::Forbidden,
};

const METADATA: ObjectRule = ObjectRule {
    required: &["name"],
    fields: &[
        ("uid", Rule::NonEmptyText),
        ("etag", Rule::NonEmptyText),
        ("name", Rule::NonEmptyText),
        ("namespace", Rule::NonEmptyText),
        ("title", Rule::NonEmptyText),
        ("description", Rule::Text),
        ("labels", Rule::TextByKey),
        ("annotations", Rule::TextByKey),
        ("tags", Rule::NON_EMPTY_TEXTS),
        ("links", Rule::ListOf(&Rule::Object(LINK))),
    ],
    unlisted: Unlisted::Allowed,
};

const LINK: ObjectRule = ObjectRule {
    required: &["url"],
    fields: &[
        ("url", Rule::NonEmptyText),
        ("title", Rule::NonEmptyText),
        ("icon", Rule::NonEmptyText),
        ("type", Rule::NonEmptyText),
    ],
    unlisted: Unlisted::Allowed,
};

const RELATION: ObjectRule = ObjectRule {
    required: &["type", "targetRef"],
    fields: &[
        ("type", Rule::Word),
        ("target", Rule::Object(RELATION_TARGET)),
        ("targetRef", Rule::NonEmptyText),
    ],
    unlisted: Unlisted::Forbidden,
};

const RELATION_TARGET: ObjectRule = ObjectRule {
    required: &["kind", "namespace", "name"],
    fields: &[("kind", Rule::NonEmptyText), ("namespace", Rule::NonEmptyText), ("name", Rule::NonEmptyText)],
    unlisted: Unlisted::Forbidden,
};

const STATUS: ObjectRule = ObjectRule {
    required: &[],
    fields: &[("items", Rule::ListOf(&Rule::Object(STATUS_ITEM)))],
    unlisted: Unlisted::Allowed,
};

const STATUS_ITEM: ObjectRule = ObjectRule {
    required: &["type", "level", "message"],
    fields: &[
        ("type", Rule::NonEmptyText),
        ("level", Rule::Choice(&["info", "warning", "error"])),
        ("message", Rule::Text),
        ("error", Rule::Object(STATUS_ERROR)),
    ],
    unlisted: Unlisted::Allowed,
};

const STATUS_ERROR: ObjectRule = ObjectRule {
    required: &["name", "message"],
    fields: &[
        ("name", Rule::NonEmptyText),
        ("message", Rule::Text),
        ("code", Rule::Text),
        ("stack", Rule::Text),
    ],
    unlisted: Unlisted::Allowed,
};

/// Checks the shape of a whole entity, `relations` and `status` included.
///
/// # Errors
///
/// The first violation. See [`super::policy::check_schema`] for the same check as a policy.
pub fn validate_schema(entity: &Entity) -> Result<(), SchemaViolation> {
    ENTITY.check(entity.as_map())
}
