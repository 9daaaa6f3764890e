//! What the index has to answer, worked out from a plain list of entities by the most obvious means.

use std::collections::{BTreeMap, BTreeSet};

use callboard_index::{
    Condition, Contained, Cursor, Direction, EntityQuery, FacetQuery, ListQuery, OrderField, Predicate,
    RelationTarget, RowPosition, Terms, TotalItems,
};

#[derive(Debug, Clone)]
pub(crate) struct NaiveEntity {
    pub(crate) uid: String,
    pub(crate) terms: Terms,
}

/// By entity ref.
pub(crate) type NaiveCatalog = BTreeMap<String, NaiveEntity>;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NaivePage {
    pub(crate) refs: Vec<String>,
    pub(crate) total_items: u64,
    pub(crate) next_cursor: Option<Cursor>,
    pub(crate) prev_cursor: Option<Cursor>,
}

struct Row<'a> {
    entity_ref: &'a str,
    value: Option<&'a str>,
    uid: &'a str,
}

impl Row<'_> {
    fn position(&self) -> RowPosition {
        self.value.into_iter().chain([self.uid]).map(|part| Some(part.to_owned())).collect()
    }
}

pub(crate) fn holds(predicate: &Predicate, terms: &Terms) -> bool {
    match predicate {
        Predicate::All(parts) => parts.iter().all(|part| holds(part, terms)),
        Predicate::Any(parts) => parts.iter().any(|part| holds(part, terms)),
        Predicate::Not(part) => !holds(part, terms),
        Predicate::Fields(fields) => fields.iter().all(|(field, condition)| passes(field, condition, terms)),
    }
}

fn passes(field: &str, condition: &Condition, terms: &Terms) -> bool {
    let key = field.to_lowercase();
    let some_value = |key: &str, test: &dyn Fn(&str) -> bool| {
        terms.iter().any(|term| term.key() == key && term.value().is_some_and(test))
    };
    match condition {
        Condition::Exists(expected) => terms.iter().any(|term| term.key() == key) == *expected,
        Condition::Equals(scalar) | Condition::Contains(Contained::Value(scalar)) => {
            some_value(&key, &|value| value == scalar.text().to_lowercase())
        }
        Condition::In(scalars) => {
            some_value(&key, &|value| scalars.iter().any(|scalar| value == scalar.text().to_lowercase()))
        }
        Condition::HasPrefix(prefix) => some_value(&key, &|value| value.starts_with(&prefix.to_lowercase())),
        Condition::Contains(Contained::Relation(relation)) => {
            let key = format!("relations.{}", relation.relation_type.to_lowercase());
            match &relation.target {
                RelationTarget::Anything => terms.iter().any(|term| term.key() == key),
                RelationTarget::One(target) => some_value(&key, &|value| value == target.to_lowercase()),
                RelationTarget::OneOf(targets) => {
                    some_value(&key, &|value| targets.iter().any(|target| value == target.to_lowercase()))
                }
            }
        }
        Condition::Contains(Contained::Object(_)) => false,
    }
}

fn permitted(terms: &Terms, predicate: Option<&Predicate>, restriction: Option<&Predicate>) -> bool {
    predicate.into_iter().chain(restriction).all(|part| holds(part, terms))
}

pub(crate) fn page(catalog: &NaiveCatalog, query: &EntityQuery) -> NaivePage {
    let order = query.order.first();
    let order_key = order.map(|order| order.field.to_lowercase());
    let search =
        query.full_text.as_ref().map(|text| text.term.trim().to_lowercase()).filter(|term| !term.is_empty());
    let searched: Vec<String> = match query.full_text.as_ref().and_then(|text| text.fields.as_ref()) {
        Some(fields) => fields.iter().map(|field| field.to_lowercase()).collect(),
        None => vec![order_key.clone().unwrap_or_else(|| "metadata.uid".to_owned())],
    };
    let on_rows = order_key.as_ref().is_some_and(|key| searched.as_slice() == [key.clone()]);

    let mut rows = Vec::new();
    for (entity_ref, NaiveEntity { uid, terms }) in catalog {
        let has_text = search.as_ref().is_none_or(|term| {
            let contains = |key: &String, value: &str| searched.contains(key) && value.contains(term);
            terms
                .iter()
                .any(|found| found.value().is_some_and(|value| contains(&found.key().to_owned(), value)))
        });
        if !has_text || !permitted(terms, query.predicate.as_ref(), query.restriction.as_ref()) {
            continue;
        }
        match &order_key {
            None => rows.push(Row { entity_ref, value: None, uid }),
            Some(key) => {
                let values = terms.iter().filter(|term| term.key() == key).filter_map(|term| term.value());
                rows.extend(values.map(|value| Row { entity_ref, value: Some(value), uid }));
            }
        }
    }
    let counted = rows.iter().map(|row| row.entity_ref).collect::<BTreeSet<_>>().len() as u64;
    if on_rows {
        rows.retain(|row| {
            search.as_ref().is_none_or(|term| row.value.is_some_and(|value| value.contains(term)))
        });
    }
    let total_items = match query.total {
        TotalItems::Include => counted,
        TotalItems::Exclude => 0,
        TotalItems::Known(total) => total,
    };

    let backwards = query.continuation.as_ref().is_some_and(|continuation| continuation.is_previous);
    let ascending = order.is_none_or(|order| order.direction == Direction::Asc) != backwards;
    rows.sort_by(|a, b| (a.value, a.uid).cmp(&(b.value, b.uid)));
    if !ascending {
        rows.reverse();
    }
    let mut rest: Vec<&Row<'_>> = rows.iter().collect();
    match &query.continuation {
        None => {
            rest.drain(..query.offset.min(rest.len()));
        }
        Some(continuation) => {
            let boundary: Option<Vec<&str>> = continuation.boundary.iter().map(Option::as_deref).collect();
            rest.retain(|row| match (boundary.as_deref(), order) {
                (Some([value, uid]), Some(_)) => {
                    let ordering = (row.value, row.uid).cmp(&(Some(value), uid));
                    if ascending { ordering.is_gt() } else { ordering.is_lt() }
                }
                (Some([uid]), None) => {
                    if ascending {
                        row.uid > *uid
                    } else {
                        row.uid < *uid
                    }
                }
                _ => true,
            });
        }
    }
    let has_more = query.limit > 0 && (backwards || rest.len() > query.limit);
    rest.truncate(query.limit);
    if backwards {
        rest.reverse();
    }

    let known_first = query.continuation.as_ref().and_then(|continuation| continuation.first.clone());
    let first = known_first.clone().or_else(|| rest.first().map(|row| row.position()));
    let cursor = |boundary: RowPosition, is_previous: bool| Cursor {
        order_fields: query.order.clone(),
        order_field_values: boundary,
        is_previous,
        query: query.predicate.clone(),
        full_text: query.full_text.clone(),
        first_sort_field_values: first.clone(),
        total_items: Some(total_items),
    };
    let next_cursor =
        has_more.then(|| cursor(rest.last().map(|row| row.position()).unwrap_or_default(), false));
    let prev_cursor = rest
        .first()
        .map(|row| row.position())
        .filter(|position| known_first.is_some() && Some(position) != known_first.as_ref())
        .map(|position| cursor(position, true));
    let refs = rest.iter().map(|row| row.entity_ref.to_owned()).collect();
    NaivePage { refs, total_items, next_cursor, prev_cursor }
}

pub(crate) fn facets(catalog: &NaiveCatalog, query: &FacetQuery) -> Vec<(String, Vec<(String, u64)>)> {
    let mut answers: Vec<(String, Vec<(String, u64)>)> = Vec::new();
    for name in &query.facets {
        if answers.iter().any(|(answered, _)| answered == name) {
            continue;
        }
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for NaiveEntity { terms, .. } in catalog.values() {
            if permitted(terms, query.predicate.as_ref(), query.restriction.as_ref()) {
                for term in terms.iter().filter(|term| term.key() == name.to_lowercase()) {
                    if let Some(original) = term.original() {
                        *counts.entry(original.to_owned()).or_default() += 1;
                    }
                }
            }
        }
        answers.push((name.clone(), counts.into_iter().collect()));
    }
    answers
}

/// The refs of the page, and the offset of the next one.
pub(crate) fn list(catalog: &NaiveCatalog, query: &ListQuery) -> (Vec<String>, Option<usize>) {
    let mut rows: Vec<(Vec<Option<&str>>, &str, &str)> = Vec::new();
    for (entity_ref, NaiveEntity { uid, terms }) in catalog {
        if !permitted(terms, query.predicate.as_ref(), query.restriction.as_ref()) {
            continue;
        }
        let mut combinations: Vec<Vec<Option<&str>>> = vec![Vec::new()];
        for OrderField { field, .. } in &query.order {
            let mut values: Vec<Option<&str>> =
                terms.iter().filter(|term| term.key() == field).map(|term| term.value()).collect();
            if values.is_empty() {
                values.push(None);
            }
            combinations = combinations
                .iter()
                .flat_map(|combination| {
                    values
                        .iter()
                        .map(|value| [combination.as_slice(), &[*value]].concat())
                        .collect::<Vec<_>>()
                })
                .collect();
        }
        rows.extend(
            combinations.into_iter().map(|combination| (combination, uid.as_str(), entity_ref.as_str())),
        );
    }
    if query.order.is_empty() {
        rows.sort_by_key(|(_, _, entity_ref)| *entity_ref);
    } else {
        rows.sort_by(|a, b| {
            let columns = query.order.iter().zip(a.0.iter().zip(&b.0));
            let by_column = columns.map(|(order, (left, right))| match order.direction {
                _ if left.is_none() || right.is_none() => left.is_none().cmp(&right.is_none()),
                Direction::Asc => left.cmp(right),
                Direction::Desc => right.cmp(left),
            });
            by_column.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then).then_with(|| a.1.cmp(b.1))
        });
    }
    let end = query.limit.map(|limit| query.offset + limit);
    let next = end.filter(|end| *end < rows.len());
    let page = rows.iter().skip(query.offset).take(query.limit.unwrap_or(usize::MAX));
    (page.map(|(_, _, entity_ref)| (*entity_ref).to_owned()).collect(), next)
}
