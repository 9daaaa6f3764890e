//! The eight kinds of the catalog itself.
//!
//! The order of keys within a table is the order in which errors are found and relations are emitted.

use super::{KindDefinition, RelationField};
use crate::relation::{
    API_CONSUMED_BY, API_PROVIDED_BY, CHILD_OF, CONSUMES_API, DEPENDENCY_OF, DEPENDS_ON, HAS_MEMBER,
    HAS_PART, MEMBER_OF, OWNED_BY, OWNER_OF, PARENT_OF, PART_OF, PROVIDES_API,
};
use crate::{ObjectRule, Rule, Unlisted};

/// The kinds, in the order in which they are tried.
pub const KINDS: [&KindDefinition; 8] =
    [&API, &COMPONENT, &RESOURCE, &GROUP, &LOCATION, &USER, &SYSTEM, &DOMAIN];

const API_VERSIONS: &[&str] = &["backstage.io/v1alpha1", "backstage.io/v1beta1"];

const OWNER: RelationField =
    RelationField { field: "owner", default_kind: Some("Group"), outgoing: OWNED_BY, incoming: OWNER_OF };
const SYSTEM_OF_PART: RelationField =
    RelationField { field: "system", default_kind: Some("System"), outgoing: PART_OF, incoming: HAS_PART };
const DEPENDENCIES: RelationField =
    RelationField { field: "dependsOn", default_kind: None, outgoing: DEPENDS_ON, incoming: DEPENDENCY_OF };
const DEPENDENTS: RelationField = RelationField {
    field: "dependencyOf",
    default_kind: None,
    outgoing: DEPENDENCY_OF,
    incoming: DEPENDS_ON,
};

/// A boundary between components: how one is talked to.
pub const API: KindDefinition = KindDefinition {
    kind: "API",
    api_versions: API_VERSIONS,
    spec: ObjectRule {
        required: &["type", "lifecycle", "owner", "definition"],
        fields: &[
            ("type", Rule::NonEmptyText),
            ("lifecycle", Rule::NonEmptyText),
            ("owner", Rule::NonEmptyText),
            ("system", Rule::NonEmptyText),
            ("definition", Rule::NonEmptyText),
        ],
        unlisted: Unlisted::Allowed,
    },
    relations: &[OWNER, SYSTEM_OF_PART],
    relations_of_any_version: true,
};

/// A piece of software: a service, a website, a library.
pub const COMPONENT: KindDefinition = KindDefinition {
    kind: "Component",
    api_versions: API_VERSIONS,
    spec: ObjectRule {
        required: &["type", "lifecycle", "owner"],
        fields: &[
            ("type", Rule::NonEmptyText),
            ("lifecycle", Rule::NonEmptyText),
            ("owner", Rule::NonEmptyText),
            ("system", Rule::NonEmptyText),
            ("subcomponentOf", Rule::NonEmptyText),
            ("providesApis", Rule::NON_EMPTY_TEXTS),
            ("consumesApis", Rule::NON_EMPTY_TEXTS),
            ("dependsOn", Rule::NON_EMPTY_TEXTS),
        ],
        unlisted: Unlisted::Allowed,
    },
    relations: &[
        OWNER,
        RelationField {
            field: "subcomponentOf",
            default_kind: Some("Component"),
            outgoing: PART_OF,
            incoming: HAS_PART,
        },
        RelationField {
            field: "providesApis",
            default_kind: Some("API"),
            outgoing: PROVIDES_API,
            incoming: API_PROVIDED_BY,
        },
        RelationField {
            field: "consumesApis",
            default_kind: Some("API"),
            outgoing: CONSUMES_API,
            incoming: API_CONSUMED_BY,
        },
        DEPENDENCIES,
        DEPENDENTS,
        SYSTEM_OF_PART,
    ],
    relations_of_any_version: true,
};

/// Something a component needs while running: a database, a queue, a bucket.
pub const RESOURCE: KindDefinition = KindDefinition {
    kind: "Resource",
    api_versions: API_VERSIONS,
    spec: ObjectRule {
        required: &["type", "owner"],
        fields: &[
            ("type", Rule::NonEmptyText),
            ("owner", Rule::NonEmptyText),
            ("dependsOn", Rule::NON_EMPTY_TEXTS),
            ("system", Rule::NonEmptyText),
        ],
        unlisted: Unlisted::Allowed,
    },
    relations: &[OWNER, DEPENDENCIES, DEPENDENTS, SYSTEM_OF_PART],
    relations_of_any_version: true,
};

/// People who work together: a team, a department, an organisation.
pub const GROUP: KindDefinition = KindDefinition {
    kind: "Group",
    api_versions: API_VERSIONS,
    spec: ObjectRule {
        required: &["type", "children"],
        fields: &[
            ("type", Rule::NonEmptyText),
            ("profile", PROFILE),
            ("parent", Rule::NonEmptyText),
            ("children", Rule::NON_EMPTY_TEXTS),
            ("members", Rule::NON_EMPTY_TEXTS),
        ],
        unlisted: Unlisted::Allowed,
    },
    relations: &[
        RelationField {
            field: "parent",
            default_kind: Some("Group"),
            outgoing: CHILD_OF,
            incoming: PARENT_OF,
        },
        RelationField {
            field: "children",
            default_kind: Some("Group"),
            outgoing: PARENT_OF,
            incoming: CHILD_OF,
        },
        RelationField {
            field: "members",
            default_kind: Some("User"),
            outgoing: HAS_MEMBER,
            incoming: MEMBER_OF,
        },
    ],
    relations_of_any_version: true,
};

/// Further places to read entities from.
pub const LOCATION: KindDefinition = KindDefinition {
    kind: "Location",
    api_versions: API_VERSIONS,
    spec: ObjectRule {
        required: &[],
        fields: &[
            ("type", Rule::NonEmptyText),
            ("target", Rule::NonEmptyText),
            ("targets", Rule::NON_EMPTY_TEXTS),
            ("presence", Rule::Choice(&["required", "optional"])),
        ],
        unlisted: Unlisted::Allowed,
    },
    relations: &[],
    relations_of_any_version: true,
};

/// A person.
pub const USER: KindDefinition = KindDefinition {
    kind: "User",
    api_versions: API_VERSIONS,
    spec: ObjectRule {
        required: &["memberOf"],
        fields: &[("profile", PROFILE), ("memberOf", Rule::NON_EMPTY_TEXTS)],
        unlisted: Unlisted::Allowed,
    },
    relations: &[RelationField {
        field: "memberOf",
        default_kind: Some("Group"),
        outgoing: MEMBER_OF,
        incoming: HAS_MEMBER,
    }],
    relations_of_any_version: true,
};

/// Components, APIs and resources that together do one thing.
pub const SYSTEM: KindDefinition = KindDefinition {
    kind: "System",
    api_versions: API_VERSIONS,
    spec: ObjectRule {
        required: &["owner"],
        fields: &[
            ("owner", Rule::NonEmptyText),
            ("domain", Rule::NonEmptyText),
            ("type", Rule::NonEmptyText),
        ],
        unlisted: Unlisted::Allowed,
    },
    relations: &[
        OWNER,
        RelationField {
            field: "domain",
            default_kind: Some("Domain"),
            outgoing: PART_OF,
            incoming: HAS_PART,
        },
    ],
    relations_of_any_version: true,
};

/// Systems that share a field of business.
pub const DOMAIN: KindDefinition = KindDefinition {
    kind: "Domain",
    api_versions: API_VERSIONS,
    spec: ObjectRule {
        required: &["owner"],
        fields: &[
            ("owner", Rule::NonEmptyText),
            ("subdomainOf", Rule::NonEmptyText),
            ("type", Rule::NonEmptyText),
        ],
        unlisted: Unlisted::Allowed,
    },
    relations: &[
        OWNER,
        RelationField {
            field: "subdomainOf",
            default_kind: Some("Domain"),
            outgoing: PART_OF,
            incoming: HAS_PART,
        },
    ],
    relations_of_any_version: true,
};

const PROFILE: Rule = Rule::Object(ObjectRule {
    required: &[],
    fields: &[
        ("displayName", Rule::NonEmptyText),
        ("email", Rule::NonEmptyText),
        ("picture", Rule::NonEmptyText),
    ],
    unlisted: Unlisted::Allowed,
});
