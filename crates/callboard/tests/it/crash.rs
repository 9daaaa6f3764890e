//! kill -9 at any moment loses nothing: after a restart the catalog ends as if nothing had happened.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use callboard_store::Inspection;
use callboard_store_postgres::{PostgresOptions, PostgresStore};
use callboard_store_sqlite::SqliteStore;
use callboard_testkit::{ServerProcess, comparable, postgres_database, until};
use serde_json::{Value, json};
use tempfile::TempDir;

const FILES: usize = 12;
const COMPONENTS_PER_FILE: usize = 60;
/// The root, one Location entity a file, the components and the groups; and the generated location.
pub(crate) const ENTITIES: usize = FILES * (COMPONENTS_PER_FILE + 1) + 5 + 2;
const KILLS: u64 = 12;
const PATIENCE: Duration = Duration::from_mins(2);

#[tokio::test]
async fn a_catalog_that_was_killed_again_and_again_ends_like_one_that_was_not() {
    let files = catalog_files();
    let expected = undisturbed(files.path()).await;
    let mut disturbed = crate::server(config(files.path()));
    survives_kills(&mut disturbed, &expected).await;
    let file = disturbed.folder().join("database/catalog.sqlite");
    let store = SqliteStore::open(&file).await.expect("the database opens");
    assert_eq!(store.violations().await.expect("the database can be read"), []);
}

#[tokio::test]
async fn on_postgres_it_does_as_well() {
    let files = catalog_files();
    let expected = undisturbed(files.path()).await;
    let database = postgres_database().await;
    let mut disturbed = crate::server_on(&database, config(files.path()));
    survives_kills(&mut disturbed, &expected).await;
    assert_nothing_violated(&database).await;
}

/// The catalog of a server that nothing happens to.
pub(crate) async fn undisturbed(files: &Path) -> BTreeMap<String, Value> {
    let mut undisturbed = crate::server(config(files));
    undisturbed.start().await;
    let expected = settled(&undisturbed).await;
    assert!(undisturbed.stop().await.success());
    expected
}

/// Finds no invariant broken in a PostgreSQL database.
pub(crate) async fn assert_nothing_violated(database: &str) {
    let options = PostgresOptions::new(database.parse().expect("a URL"));
    let store = PostgresStore::open(options).await.expect("the database opens");
    assert_eq!(store.violations().await.expect("the database can be read"), []);
    store.close().await;
}

async fn survives_kills(disturbed: &mut ServerProcess, expected: &BTreeMap<String, Value>) {
    for kill in 0..KILLS {
        disturbed.spawn();
        // Nothing is waited for: the moments are spread from before the first read to after the last stitch.
        tokio::time::sleep(Duration::from_millis(20 + kill * 379 % 1200)).await;
        disturbed.kill().await;
    }
    disturbed.start().await;
    let found = settled(disturbed).await;
    assert!(disturbed.stop().await.success());
    assert_same(expected, &found);
}

/// Names the entities that differ.
pub(crate) fn assert_same(expected: &BTreeMap<String, Value>, found: &BTreeMap<String, Value>) {
    let different: Vec<&String> =
        expected.keys().filter(|key| expected.get(*key) != found.get(*key)).collect();
    assert_eq!(different, Vec::<&String>::new());
    assert_eq!(expected.len(), found.len());
}

/// A root of Location entities, each with a file of components that depend on each other across files, and a file
/// of groups that own them.
pub(crate) fn catalog_files() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write =
        |name: &str, content: &str| std::fs::write(folder.path().join(name), content).expect("a file");
    let mut targets = String::from("./groups.yaml");
    for file in 0..FILES {
        write(
            &format!("location-{file}.yaml"),
            &location(&format!("scene-{file}"), &format!("./components-{file}.yaml")),
        );
        let mut components = String::new();
        for i in 0..COMPONENTS_PER_FILE {
            let number = file * COMPONENTS_PER_FILE + i;
            let (owner, other) = (number % 5, number * 7 % (FILES * COMPONENTS_PER_FILE));
            _ = write!(
                components,
                "---\napiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata: {{ name: prop-{number} }}\n\
                 spec: {{ type: service, lifecycle: production, owner: crew-{owner}, \
                 dependsOn: ['component:prop-{other}'] }}\n"
            );
        }
        write(&format!("components-{file}.yaml"), &components);
        _ = write!(targets, ", ./location-{file}.yaml");
    }
    let groups: Vec<String> = (0..5).map(group).collect();
    write("groups.yaml", &groups.join("---\n"));
    write(
        "root.yaml",
        &format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{ name: root }}\nspec: {{ targets: [{targets}] }}\n"
        ),
    );
    folder
}

fn location(name: &str, target: &str) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {{ name: {name} }}\nspec: {{ target: {target} }}\n"
    )
}

fn group(number: usize) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {{ name: crew-{number} }}\n\
         spec: {{ type: team, children: [] }}\n"
    )
}

pub(crate) fn config(files: &Path) -> Value {
    json!({
        "catalog": {
            "locations": [{ "type": "file", "target": files.join("root.yaml") }],
            "rules": [{ "allow": ["Component", "Group", "Location"] }],
            "processingInterval": { "hours": 1 },
        },
    })
}

/// All entities by ref, without what differs between any two catalogs, once nothing is missing any more.
pub(crate) async fn settled(server: &ServerProcess) -> BTreeMap<String, Value> {
    until("all entities with all their relations", PATIENCE, async || {
        let Value::Array(entities) = server.json("/entities").await? else { return None };
        let relations: usize =
            entities.iter().filter_map(|entity| Some(entity["relations"].as_array()?.len())).sum();
        // ownedBy, ownerOf, dependsOn and dependencyOf of every component.
        let complete = entities.len() == ENTITIES && relations == FILES * COMPONENTS_PER_FILE * 4;
        complete.then(|| entities.into_iter().map(comparable).collect())
    })
    .await
}
