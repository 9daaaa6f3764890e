//! Query parameters, as routes declare them: what is checked is what is documented.

use utoipa::openapi::path::{ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Object, Required};

/// `filter`, wherever entities are chosen by a query string.
pub(crate) const FILTER: Parameter = Parameter::texts("filter")
    .described(
        "Conditions on entities, separated by commas, that have to hold together: `key` (it exists) or `key=value` \
         (in any letter case). Several values of one key are alternatives, and so are several `filter` parameters.",
    )
    .example("kind=component,spec.type=service");

/// `fields`, wherever entities are answered.
pub(crate) const FIELDS: Parameter = Parameter::comma_list("fields")
    .described(
        "The parts of entities to answer, as paths with dots. Without it, entities are answered whole.",
    )
    .example("kind,metadata.name");

/// A query parameter that a route knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
    description: &'static str,
    example: Option<&'static str>,
    minimum: usize,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    Text,
    Texts,
    CommaList,
    Natural,
    OneOf(&'static [&'static str]),
}

impl Parameter {
    /// A text, given once.
    pub(crate) const fn text(name: &'static str) -> Self {
        Self::new(name, Shape::Text)
    }

    /// A text that may be repeated.
    pub(crate) const fn texts(name: &'static str) -> Self {
        Self::new(name, Shape::Texts)
    }

    /// Texts separated by commas, in one parameter or several.
    pub(crate) const fn comma_list(name: &'static str) -> Self {
        Self::new(name, Shape::CommaList)
    }

    /// A whole number of at least 0.
    pub(crate) const fn natural(name: &'static str) -> Self {
        Self::new(name, Shape::Natural)
    }

    /// One of some words.
    pub(crate) const fn one_of(name: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(name, Shape::OneOf(words))
    }

    const fn new(name: &'static str, shape: Shape) -> Self {
        Self { name, shape, required: false, description: "", example: None, minimum: 0 }
    }

    /// The same, but it has to be there.
    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What the document says of it.
    pub(crate) const fn described(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// A value that the document shows.
    pub(crate) const fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    /// The least number that the document allows, where the route itself refuses those below.
    pub(crate) const fn at_least(mut self, minimum: usize) -> Self {
        self.minimum = minimum;
        self
    }

    /// The entry in the OpenAPI document.
    pub(crate) fn documented(&self) -> utoipa::openapi::path::Parameter {
        let is_list = matches!(self.shape, Shape::Texts | Shape::CommaList);
        let required = if self.required { Required::True } else { Required::False };
        let mut parameter = ParameterBuilder::new()
            .name(self.name)
            .parameter_in(ParameterIn::Query)
            .required(required)
            .description(Some(self.description))
            .schema(Some(self.schema()));
        if is_list {
            let is_repeated = matches!(self.shape, Shape::Texts);
            parameter = parameter.style(Some(ParameterStyle::Form)).explode(Some(is_repeated));
        }
        parameter.build()
    }

    fn schema(&self) -> Schema {
        // A value that is empty is refused, but not one of several.
        let item = || ObjectBuilder::new().schema_type(SchemaType::new(Type::String));
        let text = || item().min_length(Some(1));
        let examples = self.example.map(|example| serde_json::json!(example));
        match self.shape {
            Shape::Text => text().examples(examples).into(),
            Shape::OneOf(words) => text().enum_values(Some(words.iter().copied())).into(),
            Shape::Natural => ObjectBuilder::new()
                .schema_type(SchemaType::new(Type::Integer))
                .minimum(Some(self.minimum))
                .into(),
            Shape::Texts | Shape::CommaList => {
                let item: Object = item().examples(examples).build();
                ArrayBuilder::new().items(item).into()
            }
        }
    }
}
