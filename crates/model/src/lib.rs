//! Entities, entity refs, kinds, validation and the relations of kinds.
