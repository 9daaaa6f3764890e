//! The query battery: how long each kind of query takes at several catalog sizes.
//!
//! `cargo bench -p callboard-index` measures 10 000 and 100 000 entities; `CALLBOARD_BENCH_SIZES=700000` others.
//! Entities are made up, in the shape of a large company's catalog.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use callboard_index::{
    Change, EntityQuery, FacetQuery, FullText, Index, IndexedEntity, ListQuery, OrderField, Predicate,
    TotalItems, share,
};
use callboard_synthetic::{SyntheticCatalog, shuffled, uid};
use serde_json::json;

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let sizes = std::env::var("CALLBOARD_BENCH_SIZES").unwrap_or_else(|_| "10000,100000".to_owned());
    for size in sizes.split(',').filter_map(|size| size.trim().parse().ok()) {
        measure(size);
    }
}

fn measure(size: usize) {
    let generator = SyntheticCatalog { size };
    let (index, load) = build(generator);
    println!("\n## {size} entities\n");
    print_load(&index, &load);
    println!("{:<58} {:>10} {:>10} {:>10}", "query", "p50", "p99", "answer");
    for (name, query) in battery(generator) {
        let (p50, p99, answer) = time(|| query(&index));
        println!("{name:<58} {:>10} {:>10} {answer:>10}", micros(p50), micros(p99));
    }
    // Late, since the allocator gives memory back with a delay.
    println!("\nresident {} MB", resident_bytes() / 1_000_000);
    measure_writes(index, generator);
}

type Query = Box<dyn Fn(&Index) -> usize>;

fn battery(generator: SyntheticCatalog) -> Vec<(&'static str, Query)> {
    let mut queries = Vec::new();
    page_queries(generator.size, &mut queries);
    text_queries(generator.size, &mut queries);
    facet_queries(generator.size, &mut queries);
    look_ups(generator, &mut queries);
    list_queries(generator.size, &mut queries);
    queries
}

fn page(name: &'static str, query: EntityQuery) -> (&'static str, Query) {
    let run = move |index: &Index| {
        let page = index.page(&query);
        if query.limit == 0 {
            usize::try_from(page.total_items).unwrap_or_default()
        } else {
            page.items.len()
        }
    };
    (name, Box::new(run))
}

fn twenty() -> EntityQuery {
    EntityQuery { limit: 20, ..EntityQuery::default() }
}

fn count(predicate: Option<Predicate>) -> EntityQuery {
    EntityQuery { predicate, limit: 0, ..EntityQuery::default() }
}

fn by_name() -> Vec<OrderField> {
    vec![OrderField::asc("metadata.name")]
}

fn component() -> Predicate {
    Predicate::equals("kind", "component")
}

/// Some 6.6 % of the entities: 46 000 of 700 000.
fn website() -> Predicate {
    Predicate::equals("spec.type", "website")
}

/// Two sets of about 0.2 % each.
fn two_branches(size: usize) -> Predicate {
    let owner = SyntheticCatalog { size }.owner(0);
    Predicate::Any(vec![
        Predicate::equals("metadata.tags", "tag-17").and(Predicate::equals("spec.lifecycle", "deprecated")),
        Predicate::equals("spec.type", "rare").and(Predicate::equals("relations.ownedBy", owner).negated()),
    ])
}

fn fourteen(size: usize) -> Predicate {
    Predicate::is_in("metadata.name", (0..14).map(|n| SyntheticCatalog::name(n * (size / 400) * 20).into()))
}

fn page_queries(size: usize, queries: &mut Vec<(&'static str, Query)>) {
    let rare = Some(Predicate::equals("spec.type", "rare"));
    let by_name_desc = vec![OrderField::desc("metadata.name")];
    let by = |field: &str| vec![OrderField::asc(field)];
    queries.extend([
        page(
            "page of 20 by name, kind=component",
            EntityQuery { predicate: Some(component()), order: by_name(), ..twenty() },
        ),
        page(
            "page of 20 by name descending, 6 % match",
            EntityQuery { predicate: Some(website()), order: by_name_desc, ..twenty() },
        ),
        page(
            "page of 20 by name, 0.3 % match",
            EntityQuery { predicate: rare, order: by_name(), ..twenty() },
        ),
        page(
            "page of 20 by type (ties), kind=component",
            EntityQuery { predicate: Some(component()), order: by("spec.type"), ..twenty() },
        ),
        page(
            "page of 20 by name, offset 10 %",
            EntityQuery { predicate: Some(component()), order: by_name(), offset: size / 10, ..twenty() },
        ),
        page("page of 20, nothing else asked", twenty()),
        page(
            "page of 200 by uid, 6 % match",
            EntityQuery { predicate: Some(website()), limit: 200, ..twenty() },
        ),
        page("count of kind=component", count(Some(component()))),
        page(
            "count of kind=component with an order field",
            EntityQuery { order: by("metadata.title"), ..count(Some(component())) },
        ),
        page("count of everything", count(None)),
        page("count by a prefix of names", count(Some(Predicate::has_prefix("metadata.name", "cart-")))),
        page(
            "2000 of $any of two selective branches, by name",
            EntityQuery { predicate: Some(two_branches(size)), order: by_name(), limit: 2000, ..twenty() },
        ),
        page(
            "20 of $any of two selective branches, by name",
            EntityQuery { predicate: Some(two_branches(size)), order: by_name(), ..twenty() },
        ),
        page(
            "page of 20 of $not, by name",
            EntityQuery { predicate: Some(component().negated()), order: by_name(), ..twenty() },
        ),
    ]);
}

fn text_queries(size: usize, queries: &mut Vec<(&'static str, Query)>) {
    let by_name = |full_text| EntityQuery { full_text: Some(full_text), order: by_name(), ..twenty() };
    let one_name = SyntheticCatalog::name(size / 20 * 10);
    let three_fields =
        FullText::in_fields("77", &["metadata.name", "metadata.title", "metadata.description"]);
    queries.extend([
        page("full text in names, by name, one hit", by_name(FullText::term(&one_name[2..]))),
        page("full text in names, by name, two thirds match", by_name(FullText::term("e"))),
        page(
            "full text in name, title, description, 6 % match",
            EntityQuery { predicate: Some(website()), ..by_name(three_fields) },
        ),
    ]);
}

fn facet_queries(size: usize, queries: &mut Vec<(&'static str, Query)>) {
    let mut facet = |name: &'static str, key: &str, predicate: Option<Predicate>| {
        let query = FacetQuery { facets: vec![key.to_owned()], predicate, restriction: None };
        queries.push((name, Box::new(move |index: &Index| index.facets(&query)[0].values.len())));
    };
    facet("facet spec.type, 14 match", "spec.type", Some(fourteen(size)));
    facet("facet spec.type, 6 % match", "spec.type", Some(website()));
    facet("facet spec.lifecycle, 6 % match", "spec.lifecycle", Some(website()));
    facet("facet spec.type, all", "spec.type", None);
    facet("facet relations.ownedBy (5 % of the entities), 6 % match", "relations.ownedBy", Some(website()));
    facet(
        "facet relations.ownedBy (5 % of the entities), 14 match",
        "relations.ownedBy",
        Some(fourteen(size)),
    );
    facet("facet relations.ownedBy (5 % of the entities), all", "relations.ownedBy", None);
    facet("facet metadata.tags, 70 % match", "metadata.tags", Some(component()));
}

fn look_ups(generator: SyntheticCatalog, queries: &mut Vec<(&'static str, Query)>) {
    let size = generator.size;
    let entity_ref = generator.entity_ref(size / 2).to_string();
    let uid = uid(size / 2);
    let entity_refs: Vec<String> =
        (0..1000).map(|n| generator.entity_ref(n * size / 1000).to_string()).collect();
    let find_all = move |index: &Index| index.by_refs(&entity_refs, Some(&component())).len();
    queries.push(("by ref", Box::new(move |index| usize::from(index.by_ref(&entity_ref).is_some()))));
    queries.push(("by uid", Box::new(move |index| usize::from(index.by_uid(&uid).is_some()))));
    queries.push(("1000 by refs, kind=component", Box::new(find_all)));
}

fn list_queries(size: usize, queries: &mut Vec<(&'static str, Query)>) {
    let mut list = |name: &'static str, query: ListQuery| {
        queries.push((name, Box::new(move |index: &Index| index.list(&query).items.len())));
    };
    let hundred = || ListQuery { limit: Some(100), ..ListQuery::default() };
    let by_type_and_name = vec![OrderField::asc("spec.type"), OrderField::asc("metadata.name")];
    let one_name = Some(Predicate::equals("metadata.name", SyntheticCatalog::name(size / 2)));
    list("list of 100 by ref, kind=component", ListQuery { predicate: Some(component()), ..hundred() });
    list("list of 100 by type and name", ListQuery { order: by_type_and_name, ..hundred() });
    list("list of one name", ListQuery { predicate: one_name, ..hundred() });
}

fn time(query: impl Fn() -> usize) -> (Duration, Duration, usize) {
    let answer = query();
    let mut samples = Vec::new();
    let start = Instant::now();
    while samples.len() < 200 && (samples.len() < 20 || start.elapsed() < Duration::from_secs(2)) {
        let before = Instant::now();
        black_box(query());
        samples.push(before.elapsed());
    }
    samples.sort_unstable();
    (samples[samples.len() / 2], samples[samples.len() * 99 / 100], answer)
}

struct Load {
    making: Duration,
    terms: Duration,
    loading: Duration,
}

fn build(generator: SyntheticCatalog) -> (Index, Load) {
    let (mut making, mut deriving) = (Duration::ZERO, Duration::ZERO);
    let start = Instant::now();
    // In no particular order, as a database would give them.
    let entities = (0..generator.size).map(|n| shuffled(n, generator.size)).filter_map(|n| {
        let before = Instant::now();
        let entity = generator.entity(n);
        // Exactly as large as needed, as a body read from a database is.
        let body = Bytes::copy_from_slice(entity.to_string().as_bytes());
        let made = Instant::now();
        let indexed = IndexedEntity::new(generator.entity_ref(n), &uid(n), body, &entity);
        making += made - before;
        deriving += made.elapsed();
        indexed.ok()
    });
    let index = Index::load(entities);
    let loading = start.elapsed().saturating_sub(making + deriving);
    (index, Load { making, terms: deriving, loading })
}

fn print_load(index: &Index, load: &Load) {
    let Load { making, terms, loading } = load;
    println!("entities made in {making:.1?}, terms derived in {terms:.1?}, index loaded in {loading:.1?}");
    let usage = index.memory_usage();
    println!("{usage:?}");
    println!("estimated {} MB\n", usage.total_bytes() / 1_000_000);
}

/// Updates through the shared handle, in batches of 1000, while a reader pages.
fn measure_writes(index: Index, generator: SyntheticCatalog) {
    let (mut writer, reader) = share(index);
    let count = 5000.min(generator.size);
    let changed: Vec<Change> = (0..count)
        .filter_map(|n| {
            let mut entity = generator.entity(n);
            entity["metadata"]["description"] = json!(format!("Changed {n}"));
            entity["spec"]["lifecycle"] = json!("retired");
            let body = entity.to_string().into();
            IndexedEntity::new(generator.entity_ref(n), &uid(n), body, &entity).ok().map(Change::Upsert)
        })
        .collect();
    let query = EntityQuery {
        predicate: Some(Predicate::equals("kind", "component")),
        order: vec![OrderField::asc("metadata.name")],
        limit: 20,
        total: TotalItems::Include,
        ..EntityQuery::default()
    };
    let finished = std::sync::atomic::AtomicBool::new(false);
    let (applying, mut samples) = std::thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut samples = Vec::new();
            while !finished.load(std::sync::atomic::Ordering::Acquire) {
                let before = Instant::now();
                black_box(reader.read().page(&query));
                samples.push(before.elapsed());
            }
            samples
        });
        let before = Instant::now();
        writer.apply(changed, 1);
        let applying = before.elapsed();
        finished.store(true, std::sync::atomic::Ordering::Release);
        (applying, reading.join().unwrap_or_default())
    });
    samples.sort_unstable();
    let each = applying / u32::try_from(count).unwrap_or(1);
    println!("\n{count} updates while a reader pages: {} each", micros(each));
    if let (Some(p50), Some(p99), Some(worst)) =
        (samples.get(samples.len() / 2), samples.get(samples.len() * 99 / 100), samples.last())
    {
        let count = samples.len();
        println!(
            "{count} pages meanwhile: p50 {}, p99 {}, worst {}",
            micros(*p50),
            micros(*p99),
            micros(*worst)
        );
    }
}

fn micros(duration: Duration) -> String {
    let micros = duration.as_nanos() / 100;
    format!("{}.{} µs", micros / 10, micros % 10)
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize =
        statm.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4096
}
