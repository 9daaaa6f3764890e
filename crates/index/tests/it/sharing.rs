//! One writer, many readers.

use std::sync::atomic::{AtomicBool, Ordering};

use callboard_index::{Change, Index, IndexReader, Predicate, share};
use serde_json::json;

use crate::{entity, index_of, upsert};

fn numbered(count: usize, generation: usize) -> Vec<Change> {
    let number = |n: usize| entity("API", &format!("e{n}"), &json!({ "spec": { "generation": generation } }));
    (0..count).map(|n| upsert(&number(n))).collect()
}

#[test]
fn readers_see_what_was_written() {
    let (mut writer, reader) = share(Index::new());
    assert_eq!((reader.version(), reader.read().len()), (0, 0));
    writer.apply(numbered(300, 1), 41);
    assert_eq!((reader.version(), reader.read().version(), reader.read().len()), (41, 41, 300));
    assert_eq!(writer.reader().read().len(), 300);
    let mut other = index_of(&[entity("User", "x", &json!({}))]);
    other.set_version(50);
    writer.replace(other);
    assert_eq!((reader.version(), reader.read().len()), (50, 1));
}

#[test]
fn a_view_is_consistent_while_the_writer_goes_on() {
    let (mut writer, reader) = share(Index::new());
    writer.apply(numbered(1000, 0), 0);
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2).map(|_| scope.spawn(|| watch(&reader, &finished))).collect();
        for generation in 1..8 {
            writer.apply(numbered(1000, generation), generation as u64);
        }
        finished.store(true, Ordering::Release);
        let views: usize = readers.into_iter().map(|reader| reader.join().unwrap()).sum();
        assert!(views > 0);
    });
}

/// In every view each entity is there once, with one generation.
fn watch(reader: &IndexReader, finished: &AtomicBool) -> usize {
    let mut views = 0;
    while !finished.load(Ordering::Acquire) || views == 0 {
        let version_before = reader.version();
        let view = reader.read();
        assert!(view.version() >= version_before);
        let by_generation: u64 = (0..8)
            .map(|generation| view.count(Some(&Predicate::equals("spec.generation", generation.to_string()))))
            .sum();
        assert_eq!((view.len(), by_generation), (1000, 1000));
        views += 1;
    }
    views
}
