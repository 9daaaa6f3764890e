//! A set of kinds, and the questions one can ask it about an entity.

use super::{KindDefinition, catalog, relations, scaffolder};
use crate::{Entity, EntityError, ObjectRule, Relation, Rule, SchemaViolation, Unlisted};

/// A set of kinds.
#[derive(Clone, Debug, Default)]
pub struct KindRegistry {
    definitions: Vec<&'static KindDefinition>,
}

/// What a set of kinds says about an entity that it has no complaint about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KindValidation {
    /// The kind is in the set, and the entity follows its rules.
    Valid,
    /// No kind in the set has this name and API version. Upper and lower case matter.
    NotMine,
}

impl KindRegistry {
    /// The eight kinds of the catalog itself.
    pub fn catalog() -> Self {
        Self { definitions: catalog::KINDS.to_vec() }
    }

    /// The one kind of the scaffolder, Template.
    pub fn scaffolder() -> Self {
        Self { definitions: vec![&scaffolder::TEMPLATE] }
    }

    /// Adds a kind to the set.
    #[must_use]
    pub fn with(mut self, definition: &'static KindDefinition) -> Self {
        self.definitions.push(definition);
        self
    }

    /// The kinds of the set.
    pub fn definitions(&self) -> impl Iterator<Item = &'static KindDefinition> + '_ {
        self.definitions.iter().copied()
    }

    /// Checks what the kind of the entity demands of its spec.
    ///
    /// The rest of the entity is taken to be fine: check it with [`crate::validate_schema`] first.
    ///
    /// # Errors
    ///
    /// `TypeError` with the first violation.
    pub fn validate(&self, entity: &Entity) -> Result<KindValidation, EntityError> {
        let (kind, api_version) = (entity.kind(), entity.api_version());
        for definition in &self.definitions {
            if definition.kind == kind && definition.api_versions.contains(&api_version) {
                validate_spec(entity, &definition.spec)?;
                return Ok(KindValidation::Valid);
            }
        }
        Ok(KindValidation::NotMine)
    }

    /// The relations that follow from the spec, both directions of each.
    ///
    /// # Errors
    ///
    /// `TypeError` or `Error` with the first ref that cannot be read.
    pub fn relations(&self, entity: &Entity) -> Result<Vec<Relation>, EntityError> {
        let mut found = Vec::new();
        for definition in &self.definitions {
            let is_of_kind = definition.kind == entity.kind();
            let is_of_version = definition.relations_of_any_version
                || definition.api_versions.contains(&entity.api_version());
            if is_of_kind && is_of_version {
                relations::collect(entity, definition.relations, &mut found)?;
            }
        }
        Ok(found)
    }
}

fn validate_spec(entity: &Entity, rule: &ObjectRule) -> Result<(), SchemaViolation> {
    const SPEC_IS_REQUIRED: ObjectRule =
        ObjectRule { required: &["spec"], fields: &[], unlisted: Unlisted::Allowed };

    SPEC_IS_REQUIRED.check(entity.as_map())?;
    match entity.as_map().get("spec") {
        Some(spec) => Rule::Object(*rule).check(spec).map_err(|violation| violation.within("spec")),
        None => Ok(()),
    }
}
