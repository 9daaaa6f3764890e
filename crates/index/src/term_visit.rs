//! What is called back for the parts of an entity, from whatever has them.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::json_tree::{JsonTree, Name};
use crate::term_walk::{SetAside, Walk};

/// Paths that the walk leaves out: too large, too volatile, or added by hand after it.
const SKIPPED_PATHS: [&str; 7] = [
    "attachments",
    "relations",
    "status",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.etag",
];

/// What a part of an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Entity,
    Metadata,
    Item,
    Other,
}

/// A part of an entity that comes next.
pub(crate) struct Node<'a, 'de> {
    pub(crate) walk: &'a mut Walk,
    pub(crate) aside: &'a mut SetAside<'de>,
    pub(crate) place: Place,
}

impl<'de> Node<'_, 'de> {
    /// Takes a member that the walk leaves out.
    fn set_aside<A: MapAccess<'de>>(&mut self, name: &str, members: &mut A) -> Result<(), A::Error> {
        let aside = match (self.place, name) {
            (Place::Entity, "relations") => &mut self.aside.relations,
            (Place::Metadata, "name") => &mut self.aside.name,
            (Place::Metadata, "namespace") => &mut self.aside.namespace,
            (Place::Metadata, "uid") => &mut self.aside.uid,
            _ => return members.next_value::<IgnoredAny>().map(|_| ()),
        };
        *aside = Some(members.next_value::<JsonTree<'de>>()?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.walk.add(None);
        Ok(())
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.walk.add(Some(if flag { "true" } else { "false" }));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.walk.add_number(&number.into());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.walk.add_number(&number.into());
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        match Number::from_f64(number) {
            Some(number) => self.walk.add_number(&number),
            None => self.walk.add(None),
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.walk.add(Some(text));
        if self.place == Place::Item {
            self.walk.add_membership(text);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { walk, aside, .. } = self;
        while items.next_element_seed(Node { walk, aside, place: Place::Item })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = members.next_key()? {
            let parent = self.walk.enter(&name);
            if SKIPPED_PATHS.contains(&self.walk.path()) {
                self.set_aside(&name, &mut members)?;
            } else {
                let is_metadata = self.place == Place::Entity && name == "metadata";
                let place = if is_metadata { Place::Metadata } else { Place::Other };
                members.next_value_seed(Node { walk: self.walk, aside: self.aside, place })?;
            }
            self.walk.leave(parent);
        }
        Ok(())
    }
}
