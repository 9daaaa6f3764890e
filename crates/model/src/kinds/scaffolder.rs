//! The kind of the scaffolder, which is not part of the catalog itself.

use super::{KindDefinition, RelationField};
use crate::relation::{OWNED_BY, OWNER_OF};
use crate::{ObjectRule, Rule, Unlisted};

/// A task that creates something: what it asks for, and the steps it takes.
pub const TEMPLATE: KindDefinition = KindDefinition {
    kind: "Template",
    api_versions: &["scaffolder.backstage.io/v1beta3"],
    spec: ObjectRule {
        required: &["type", "steps"],
        fields: &[
            ("type", Rule::NonEmptyText),
            ("owner", Rule::NonEmptyText),
            ("lifecycle", Rule::NonEmptyText),
            ("parameters", Rule::Either(&[PARAMETERS, Rule::ListOf(&PARAMETERS)])),
            ("secrets", open_object(&[("schema", Rule::ANY_OBJECT)])),
            ("presentation", PRESENTATION),
            ("EXPERIMENTAL_recovery", open_object(&[("EXPERIMENTAL_strategy", Rule::Text)])),
            ("formDecorators", FORM_DECORATORS),
            ("EXPERIMENTAL_formDecorators", FORM_DECORATORS),
            ("steps", Rule::ListOf(&STEP)),
            ("output", OUTPUT),
        ],
        unlisted: Unlisted::Allowed,
    },
    relations: &[RelationField {
        field: "owner",
        default_kind: Some("Group"),
        outgoing: OWNED_BY,
        incoming: OWNER_OF,
    }],
    relations_of_any_version: false,
};

const PERMISSIONS: Rule = open_object(&[("tags", Rule::ListOf(&Rule::Text))]);

const PARAMETERS: Rule = open_object(&[("backstage:permissions", PERMISSIONS)]);

const PRESENTATION: Rule = open_object(&[(
    "buttonLabels",
    open_object(&[
        ("backButtonText", Rule::Text),
        ("createButtonText", Rule::Text),
        ("reviewButtonText", Rule::Text),
    ]),
)]);

const FORM_DECORATORS: Rule = Rule::ListOf(&open_object(&[("id", Rule::Text), ("input", Rule::ANY_OBJECT)]));

const STEP: Rule = Rule::Object(ObjectRule {
    required: &["action"],
    fields: &[
        ("id", Rule::Text),
        ("name", Rule::Text),
        ("action", Rule::Text),
        ("input", Rule::ANY_OBJECT),
        ("if", Rule::TextOrBoolean),
        ("backstage:permissions", PERMISSIONS),
    ],
    unlisted: Unlisted::Allowed,
});

const OUTPUT: Rule = Rule::Object(ObjectRule {
    required: &[],
    fields: &[("links", Rule::ListOf(&OUTPUT_LINK)), ("text", Rule::ListOf(&OUTPUT_TEXT))],
    unlisted: Unlisted::Text,
});

const OUTPUT_LINK: Rule = open_object(&[
    ("if", Rule::TextOrBoolean),
    ("url", Rule::NonEmptyText),
    ("entityRef", Rule::NonEmptyText),
    ("title", Rule::NonEmptyText),
    ("icon", Rule::NonEmptyText),
]);

const OUTPUT_TEXT: Rule = open_object(&[
    ("if", Rule::TextOrBoolean),
    ("title", Rule::NonEmptyText),
    ("icon", Rule::NonEmptyText),
    ("content", Rule::Text),
]);

/// An object that needs no key in particular and may have any others.
const fn open_object(fields: &'static [(&'static str, Rule)]) -> Rule {
    Rule::Object(ObjectRule { required: &[], fields, unlisted: Unlisted::Allowed })
}
