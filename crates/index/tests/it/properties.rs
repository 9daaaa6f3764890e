//! The index against the naive evaluation, after random changes.

use std::collections::BTreeSet;

use callboard_index::{
    Change, EntityBatchBuilder, EntityQuery, Facet, FacetQuery, FullText, Index, IndexLoader, ListQuery,
    OrderField, Page, Predicate, Terms,
};
use callboard_model::EntityRef;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::naive::{self, NaiveCatalog, NaiveEntity, NaivePage};
use crate::strategies::{Step, entity_query, facet_query, list_query, predicate, steps};
use crate::{indexed, upsert};

/// Applies the same steps to both.
fn build(steps: &[Step]) -> (Index, NaiveCatalog) {
    let mut index = Index::new();
    let mut catalog = NaiveCatalog::new();
    let mut refs: Vec<Option<EntityRef>> = vec![None; 24];
    for step in steps {
        let (number, entity) = match step {
            Step::Upsert { number, entity } => (*number, Some(entity)),
            Step::Remove { number } => (*number, None),
        };
        // An entity that moves to another namespace is another entity, and the one before is removed.
        let entity_ref = entity.map(ref_of);
        if let Some(former) = refs[number].take().filter(|former| Some(former) != entity_ref.as_ref()) {
            catalog.remove(former.as_str());
            index.apply([Change::Remove(former)]);
        }
        if let (Some(entity), Some(entity_ref)) = (entity, entity_ref) {
            // Uids are unique in a catalog.
            let uid = format!("{}/{number}", entity["metadata"]["uid"].as_str().unwrap());
            let mut entity = entity.clone();
            entity["metadata"]["uid"] = json!(uid);
            catalog.insert(entity_ref.to_string(), NaiveEntity { uid, terms: Terms::of(&entity).unwrap() });
            index.apply([upsert(&entity)]);
            refs[number] = Some(entity_ref);
        }
    }
    (index, catalog)
}

/// Loads what is not removed, a few at a time and some of it several times, from its text.
fn load(steps: &[Step], batch_size: usize) -> (Index, NaiveCatalog) {
    let (mut loader, mut catalog) = (IndexLoader::default(), NaiveCatalog::new());
    let mut builder = EntityBatchBuilder::default();
    for batch in steps.chunks(batch_size) {
        for step in batch {
            let Step::Upsert { entity, .. } = step else { continue };
            let entity_ref = ref_of(entity);
            // Uids are unique in a catalog.
            let uid = format!("{}/{entity_ref}", entity["metadata"]["uid"].as_str().unwrap());
            let mut entity = entity.clone();
            entity["metadata"]["uid"] = json!(uid);
            builder.read(entity_ref.clone(), &uid, entity.to_string().into()).unwrap();
            catalog.insert(entity_ref.to_string(), NaiveEntity { uid, terms: Terms::of(&entity).unwrap() });
        }
        // What cannot be indexed leaves nothing behind.
        let unfit = br#"{ "spec": { "unfit": "unfit", "Unfit": 1 } }"#;
        assert!(builder.read(EntityRef::new("a", "b", "unfit"), "unfit", unfit.as_slice().into()).is_err());
        assert!(
            builder.read(EntityRef::new("a", "b", "c"), "unfit", b"{\"unfit\": 1".as_slice().into()).is_err()
        );
        builder = loader.add(builder.finish());
    }
    (loader.finish(), catalog)
}

fn ref_of(entity: &Value) -> EntityRef {
    let metadata = &entity["metadata"];
    let namespace = metadata["namespace"].as_str().unwrap_or("default");
    EntityRef::new(entity["kind"].as_str().unwrap(), namespace, metadata["name"].as_str().unwrap())
}

fn plain(page: &Page) -> NaivePage {
    NaivePage {
        refs: page.items.iter().map(|hit| hit.entity_ref.to_string()).collect(),
        total_items: page.total_items,
        next_cursor: page.next_cursor.clone(),
        prev_cursor: page.prev_cursor.clone(),
    }
}

fn plain_facets(facets: Vec<Facet>) -> Vec<(String, Vec<(String, u64)>)> {
    let values = |facet: Facet| facet.values.into_iter().map(|value| (value.value, value.count)).collect();
    facets.into_iter().map(|facet| (facet.name.clone(), values(facet))).collect()
}

/// Asks both for the page and all that follow, then for all before those.
fn check_walk(index: &Index, catalog: &NaiveCatalog, first: &EntityQuery) {
    let mut query = first.clone();
    let mut forward = Vec::new();
    loop {
        let page = index.page(&query);
        assert_eq!(plain(&page), naive::page(catalog, &query), "{query:?}");
        forward.push(page.items.clone());
        let Some(cursor) = page.next_cursor else {
            query.continuation = query.continuation.filter(|_| page.prev_cursor.is_some());
            check_way_back(index, catalog, first, page.prev_cursor.as_ref(), &forward);
            return;
        };
        let decoded = callboard_index::Cursor::decode(&cursor.encode()).unwrap();
        assert_eq!(decoded, cursor);
        query = EntityQuery {
            restriction: first.restriction.clone(),
            ..EntityQuery::from_cursor(decoded, first.limit)
        };
        assert!(forward.len() < 1000, "the pages never end");
    }
}

fn check_way_back(
    index: &Index,
    catalog: &NaiveCatalog,
    first: &EntityQuery,
    cursor: Option<&callboard_index::Cursor>,
    forward: &[Vec<callboard_index::Hit>],
) {
    let mut next = cursor.cloned();
    let mut remaining = forward.len() - 1;
    while let Some(cursor) = next {
        let query = EntityQuery {
            restriction: first.restriction.clone(),
            ..EntityQuery::from_cursor(cursor, first.limit)
        };
        let page = index.page(&query);
        assert_eq!(plain(&page), naive::page(catalog, &query), "{query:?}");
        remaining -= 1;
        assert_eq!(page.items, forward[remaining], "page {remaining} seen from behind");
        next = page.prev_cursor;
    }
    assert_eq!(remaining, 0, "back at the first page");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn pages_equal_the_naive_ones(steps in steps(), query in entity_query()) {
        let (index, catalog) = build(&steps);
        check_walk(&index, &catalog, &query);
    }

    #[test]
    fn what_is_loaded_in_batches_equals_the_naive_catalog(
        steps in steps(),
        batch_size in 1..12_usize,
        query in entity_query(),
        facets in facet_query(),
    ) {
        let (mut index, catalog) = load(&steps, batch_size);
        check_walk(&index, &catalog, &query);
        prop_assert_eq!(plain_facets(index.facets(&facets)), naive::facets(&catalog, &facets));
        for (entity_ref, entity) in &catalog {
            prop_assert_eq!(index.by_uid(&entity.uid), index.by_ref(entity_ref));
            index.apply([Change::Remove(entity_ref.parse().unwrap())]);
        }
        let usage = index.memory_usage();
        prop_assert_eq!((usage.entities, usage.keys, usage.terms, usage.entity_terms), (0, 0, 0, 0));
    }

    #[test]
    fn predicates_equal_the_naive_ones(steps in steps(), predicate in predicate()) {
        let (index, catalog) = build(&steps);
        let expected: BTreeSet<&str> = catalog
            .iter()
            .filter(|(_, entity)| naive::holds(&predicate, &entity.terms))
            .map(|(entity_ref, _)| entity_ref.as_str())
            .collect();
        prop_assert_eq!(index.count(Some(&predicate)), expected.len() as u64);
        let reread = Predicate::parse(&predicate.to_json()).unwrap();
        prop_assert_eq!(&reread, &predicate);
        for (entity_ref, entity) in &catalog {
            let is_expected = expected.contains(entity_ref.as_str());
            prop_assert_eq!(predicate.matches(&entity.terms), is_expected);
            prop_assert_eq!(index.entity_matches(entity_ref, &predicate), Some(is_expected));
        }
    }

    #[test]
    fn lists_equal_the_naive_ones(steps in steps(), query in list_query()) {
        let (index, catalog) = build(&steps);
        let page = index.list(&query);
        let refs: Vec<String> = page.items.iter().map(|hit| hit.entity_ref.to_string()).collect();
        prop_assert_eq!((refs, page.next_offset), naive::list(&catalog, &query));
    }

    #[test]
    fn facets_equal_the_naive_ones(steps in steps(), query in facet_query()) {
        let (index, catalog) = build(&steps);
        prop_assert_eq!(plain_facets(index.facets(&query)), naive::facets(&catalog, &query));
    }

    #[test]
    fn look_ups_find_what_is_there(steps in steps()) {
        let (index, catalog) = build(&steps);
        prop_assert_eq!(index.len(), catalog.len());
        for (entity_ref, entity) in &catalog {
            let by_ref = index.by_ref(entity_ref).unwrap();
            prop_assert_eq!(by_ref.entity_ref.as_str(), entity_ref);
            prop_assert_eq!(index.by_uid(&entity.uid), Some(by_ref));
        }
    }

    #[test]
    fn nothing_is_left_when_everything_is_removed(steps in steps()) {
        let (mut index, catalog) = build(&steps);
        for entity_ref in catalog.keys() {
            index.apply([Change::Remove(entity_ref.parse().unwrap())]);
        }
        let usage = index.memory_usage();
        prop_assert_eq!((usage.entities, usage.keys, usage.terms, usage.entity_terms), (0, 0, 0, 0));
        prop_assert_eq!((usage.body_bytes, usage.term_list_bytes), (0, 0));
    }
}

/// Large enough for split chunks, bitmaps, and every way of finding rows; then thinned out and partly rewritten.
#[test]
fn a_large_catalog_equals_the_naive_one() {
    let mut catalog = NaiveCatalog::new();
    let mut note = |number: usize, salt: usize| {
        let entity = large_entity(number, salt);
        let uid = entity["metadata"]["uid"].as_str().unwrap().to_owned();
        catalog.insert(ref_of(&entity).to_string(), NaiveEntity { uid, terms: Terms::of(&entity).unwrap() });
        indexed(&entity)
    };
    // Half of it is loaded at once, some of that twice; the rest comes one by one.
    let mut index = Index::load((0..1000).map(|number| note(number * 7919 % 1000, number % 2)));
    let twice =
        Index::load((0..1100).map(|number| note(number % 1000, usize::from(number < 1000) + number % 2)));
    assert_eq!(twice.len(), index.len());
    for (number, salt) in
        (0..2000).map(|number| (number, 0)).chain((0..2000).step_by(5).map(|number| (number, 1)))
    {
        index.apply([Change::Upsert(note(number, salt))]);
    }
    for number in (0..2000).step_by(7) {
        let entity_ref = ref_of(&large_entity(number, 0));
        catalog.remove(entity_ref.as_str());
        index.apply([Change::Remove(entity_ref)]);
    }
    assert_eq!(index.len(), catalog.len());

    let predicates = [
        None,
        Some(Predicate::equals("kind", "component")),
        Some(Predicate::equals("spec.rank", "17")),
        Some(Predicate::equals("spec.even", "true").negated()),
        Some(Predicate::has_prefix("metadata.name", "entity-012")),
        Some(Predicate::is_in(
            "metadata.name",
            ["entity-00017".into(), "ENTITY-01999".into(), "entity-01234".into()],
        )),
    ];
    let orders = ["metadata.name", "metadata.title", "spec.rank", "spec.even", "metadata.tags", "spec.rare"];
    for predicate in &predicates {
        for field in orders {
            for order in [OrderField::asc(field), OrderField::desc(field)] {
                for full_text in
                    [None, Some(FullText::term("7")), Some(FullText::in_fields("99", &["metadata.title"]))]
                {
                    let base = EntityQuery {
                        predicate: predicate.clone(),
                        order: vec![order.clone()],
                        full_text,
                        ..EntityQuery::default()
                    };
                    for (limit, offset) in [(1, 0), (20, 600), (1000, 0)] {
                        let query = EntityQuery { limit, offset, ..base.clone() };
                        let page = index.page(&query);
                        assert_eq!(plain(&page), naive::page(&catalog, &query), "{query:?}");
                        let Some(cursor) = page.next_cursor else { continue };
                        let query = EntityQuery::from_cursor(cursor, limit);
                        assert_eq!(plain(&index.page(&query)), naive::page(&catalog, &query), "{query:?}");
                    }
                }
                let query = ListQuery {
                    predicate: predicate.clone(),
                    order: vec![order, OrderField::desc("spec.even"), OrderField::asc("metadata.title")],
                    limit: Some(30),
                    offset: 300,
                    ..ListQuery::default()
                };
                let page = index.list(&query);
                let refs: Vec<String> = page.items.iter().map(|hit| hit.entity_ref.to_string()).collect();
                assert_eq!((refs, page.next_offset), naive::list(&catalog, &query), "{query:?}");
            }
        }
        for offset in [0, 1400] {
            let query =
                ListQuery { predicate: predicate.clone(), limit: Some(10), offset, ..ListQuery::default() };
            let page = index.list(&query);
            let refs: Vec<String> = page.items.iter().map(|hit| hit.entity_ref.to_string()).collect();
            assert_eq!((refs, page.next_offset), naive::list(&catalog, &query), "{query:?}");
        }
        let query = FacetQuery {
            facets: orders.map(str::to_owned).to_vec(),
            predicate: predicate.clone(),
            restriction: None,
        };
        assert_eq!(plain_facets(index.facets(&query)), naive::facets(&catalog, &query), "{predicate:?}");
    }
    check_walk(
        &index,
        &catalog,
        &EntityQuery {
            predicate: Some(Predicate::equals("kind", "component")),
            order: vec![OrderField::desc("spec.rank")],
            limit: 250,
            ..EntityQuery::default()
        },
    );
    check_walk(&index, &catalog, &EntityQuery { limit: 300, ..EntityQuery::default() });
}

fn large_entity(number: usize, salt: usize) -> Value {
    let mixed = (number + salt).wrapping_mul(2_654_435_761) % 100_000;
    let mut entity = json!({
        "kind": if number.is_multiple_of(3) { "API" } else { "Component" },
        "metadata": {
            "name": format!("Entity-{number:05}"),
            "uid": format!("{:08x}", number.wrapping_mul(2_246_822_519) % (1 << 32)),
            "title": format!("Title {mixed}"),
            "tags": [format!("t{}", mixed % 50), format!("t{}", mixed % 7), "T1"],
        },
        "spec": { "rank": mixed % 40, "even": mixed.is_multiple_of(2) },
    });
    if number.is_multiple_of(97) {
        entity["spec"]["rare"] =
            if number.is_multiple_of(2) { json!(null) } else { json!(format!("Rare {}", mixed % 3)) };
    }
    entity
}
