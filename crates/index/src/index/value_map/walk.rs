//! Going through the values of a [`ValueMap`] in order.

use super::chunk::Chunk;
use super::{Place, ValueMap, ValueRef};
use crate::order::Direction;

/// Values in ascending or descending order.
#[derive(Debug, Clone)]
pub(crate) struct Values<'a> {
    map: &'a ValueMap,
    /// Where the next value is, and the chunk of that place.
    current: Option<(&'a Chunk, Place)>,
    direction: Direction,
}

impl ValueMap {
    /// Values in one direction, beginning with those equal to `from`, or else with the next ones.
    pub(crate) fn walk(&self, direction: Direction, from: Option<&str>) -> Values<'_> {
        let place = match direction {
            Direction::Asc => {
                let start = Place { chunk: 0, entry: 0 };
                let place = from.map_or(start, |value| self.edge(|found| found < value));
                self.normalised(place)
            }
            Direction::Desc => {
                let end = Place { chunk: self.order.len(), entry: 0 };
                self.before(from.map_or(end, |value| self.edge(|found| found <= value)))
            }
        };
        let current = place.and_then(|place| Some((self.chunk_at(place.chunk)?, place)));
        Values { map: self, current, direction }
    }

    /// Values from the first one not before `from`, upwards.
    pub(crate) fn ascending(&self, from: Option<&str>) -> Values<'_> {
        self.walk(Direction::Asc, from)
    }

    /// The spellings of one value.
    pub(crate) fn equal_to<'a, 'b>(
        &'a self,
        value: &'b str,
    ) -> impl Iterator<Item = ValueRef<'a>> + use<'a, 'b> {
        self.ascending(Some(value)).take_while(move |found| found.value == value)
    }

    /// The place behind all values that pass, which are the first ones.
    fn edge(&self, passes: impl Fn(&str) -> bool) -> Place {
        let behind = self.order.partition_point(|separator| passes(separator.value()));
        let chunk = behind.saturating_sub(1);
        let entry = self.chunk_at(chunk).map_or(0, |chunk| chunk.partition(|value, _| passes(value)));
        Place { chunk, entry }
    }

    /// The same place, as the beginning of a chunk rather than the end of the one before.
    fn normalised(&self, place: Place) -> Option<Place> {
        if place.entry < self.chunk_at(place.chunk)?.len() {
            return Some(place);
        }
        let next = Place { chunk: place.chunk + 1, entry: 0 };
        (next.chunk < self.order.len()).then_some(next)
    }

    fn before(&self, place: Place) -> Option<Place> {
        if place.entry > 0 {
            return Some(Place { chunk: place.chunk, entry: place.entry - 1 });
        }
        let chunk = place.chunk.checked_sub(1)?;
        Some(Place { chunk, entry: self.chunk_at(chunk)?.len() - 1 })
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = ValueRef<'a>;

    fn next(&mut self) -> Option<ValueRef<'a>> {
        let (chunk, place) = self.current?;
        let inside = match self.direction {
            Direction::Asc => Some(place.entry + 1).filter(|entry| *entry < chunk.len()),
            Direction::Desc => place.entry.checked_sub(1),
        };
        self.current = match inside {
            Some(entry) => Some((chunk, Place { entry, ..place })),
            None => self.neighbour(place),
        };
        Some(self.map.value_at(chunk, place.entry))
    }
}

impl<'a> Values<'a> {
    /// The nearest place in the next chunk.
    fn neighbour(&self, place: Place) -> Option<(&'a Chunk, Place)> {
        let position = match self.direction {
            Direction::Asc => place.chunk + 1,
            Direction::Desc => place.chunk.checked_sub(1)?,
        };
        let chunk = self.map.chunk_at(position)?;
        let entry = match self.direction {
            Direction::Asc => 0,
            Direction::Desc => chunk.len() - 1,
        };
        Some((chunk, Place { chunk: position, entry }))
    }
}
