//! Final entities that were changed in the database by hand.

use callboard_store_body::decompress;
use callboard_testkit::{ServerProcess, postgres_database};
use rstest::rstest;
use sqlx::{Connection as _, PgConnection};

use crate::doctor::{config, doctor, furnish, is_well, open, stage};

/// A database that is looked into beside the server.
enum Database {
    Sqlite,
    Postgres(String),
}

/// What lies in the row of a final entity.
struct Row {
    hash: Vec<u8>,
    body: Vec<u8>,
}

impl Database {
    async fn row(&self, server: &ServerProcess, name: &str) -> Row {
        let name = format!("component:default/{name}");
        let (hash, body) = match self {
            Self::Sqlite => {
                let sql = "SELECT hash, body FROM final_entities f JOIN refs r ON r.id = f.entity_id WHERE r.ref = ?1";
                let mut connection = open(server.folder()).await;
                sqlx::query_as(sql).bind(name).fetch_one(&mut connection).await.unwrap()
            }
            Self::Postgres(url) => {
                let sql = "SELECT f.hash, f.body FROM final_entities f JOIN refs r ON r.id = f.entity_id WHERE r.text = $1";
                let mut connection = PgConnection::connect(url).await.unwrap();
                sqlx::query_as(sql).bind(name).fetch_one(&mut connection).await.unwrap()
            }
        };
        Row { hash, body }
    }

    async fn write(&self, server: &ServerProcess, name: &str, row: Row) {
        let name = format!("component:default/{name}");
        let Row { hash, body } = row;
        let changed = match self {
            Self::Sqlite => {
                let sql = "UPDATE final_entities SET hash = ?2, body = ?3
                    WHERE entity_id = (SELECT id FROM refs WHERE ref = ?1)";
                let mut connection = open(server.folder()).await;
                let query = sqlx::query(sql).bind(name).bind(hash).bind(body);
                let changed = query.execute(&mut connection).await.unwrap().rows_affected();
                connection.close().await.unwrap();
                changed
            }
            Self::Postgres(url) => {
                let sql = "UPDATE final_entities SET hash = $2, body = $3
                    WHERE entity_id = (SELECT id FROM refs WHERE text = $1)";
                let mut connection = PgConnection::connect(url).await.unwrap();
                let query = sqlx::query(sql).bind(name).bind(hash).bind(body);
                query.execute(&mut connection).await.unwrap().rows_affected()
            }
        };
        assert_eq!(changed, 1);
    }
}

/// The documents of two entities, and a change of that of the first.
type Breakage = fn(first: Row, second: Row) -> Row;

fn other_bytes(first: Row, _: Row) -> Row {
    let mut body = first.body;
    let end = body.len() - 8;
    for byte in &mut body[end..] {
        *byte ^= 0x55;
    }
    Row { body, ..first }
}

fn another_format(first: Row, _: Row) -> Row {
    let mut body = first.body;
    body[0] = 7;
    Row { body, ..first }
}

/// As it is stored without compression, with another word in it.
fn another_word(first: Row, _: Row) -> Row {
    let json = String::from_utf8(decompress(&first.body).unwrap().to_vec()).unwrap();
    assert!(json.contains("production"));
    let json = json.replace("production", "experimental");
    Row { body: [&[0], json.as_bytes()].concat(), ..first }
}

fn half_a_document(first: Row, _: Row) -> Row {
    let json = decompress(&first.body).unwrap();
    Row { body: [&[0], &json[..json.len() / 2]].concat(), ..first }
}

fn another_hash(first: Row, _: Row) -> Row {
    Row { hash: vec![1; 20], ..first }
}

fn a_short_hash(first: Row, _: Row) -> Row {
    Row { hash: vec![1; 3], ..first }
}

fn another_entity(_: Row, second: Row) -> Row {
    second
}

async fn well_and_stopped(on_postgres: bool) -> (ServerProcess, Database) {
    let (mut server, database) = if on_postgres {
        let url = postgres_database().await;
        (furnish(crate::server_on(&url, config())), Database::Postgres(url))
    } else {
        (stage(), Database::Sqlite)
    };
    server.start().await;
    is_well(&server).await;
    assert!(server.stop().await.success());
    (server, database)
}

#[rstest]
#[case(other_bytes, "cannot be read: ")]
#[case(another_format, "cannot be read: ")]
#[case(another_word, "has not the hash that is stored with it")]
#[case(half_a_document, "is no JSON: ")]
#[case(another_hash, "has not the hash that is stored with it")]
#[case(a_short_hash, "has not the hash that is stored with it")]
#[case(another_entity, "names another entity")]
#[tokio::test]
async fn a_broken_final_entity_is_found_and_made_anew(
    #[case] breakage: Breakage,
    #[case] fault: &str,
    #[values(false, true)] on_postgres: bool,
) {
    let (mut server, database) = well_and_stopped(on_postgres).await;
    let before = database.row(&server, "lights").await;
    let whole = decompress(&before.body).unwrap();
    let broken = breakage(before, database.row(&server, "sound").await);
    database.write(&server, "lights", broken).await;

    let file = server.folder().join("app-config.yaml");
    let file = file.to_str().unwrap();
    let (code, text) = doctor(&["--config", file]).await;
    assert_eq!(code, 1, "{text}");
    let expected = format!("broken  final-body: the final form of component:default/lights {fault}");
    assert!(text.starts_with(&expected), "{text}");
    let (_, again) = doctor(&["--config", file]).await;
    assert_eq!(again, text, "looking changes nothing");

    let (code, text) = doctor(&["--config", file, "--repair"]).await;
    assert_eq!(
        (code, text.as_str()),
        (
            0,
            "mended  final-body: dropped a final form, and queued its entity (1 times)\n\
             5 entities, 4 of them final\neverything is as it has to be\n"
        )
    );
    server.start().await;
    is_well(&server).await;
    assert!(server.stop().await.success());
    assert_eq!(decompress(&database.row(&server, "lights").await.body).unwrap(), whole);
}

#[rstest]
#[tokio::test]
async fn a_running_server_makes_it_anew(#[values(false, true)] on_postgres: bool) {
    let (mut server, database) = well_and_stopped(on_postgres).await;
    server.start().await;
    is_well(&server).await;
    let row = database.row(&server, "lights").await;
    let whole = decompress(&row.body).unwrap();
    let row = another_word(row, database.row(&server, "sound").await);
    database.write(&server, "lights", row).await;
    let url = server.api("");
    let (code, text) = doctor(&["--url", &url]).await;
    assert_eq!(code, 1, "{text}");
    assert!(
        text.contains("broken  final-body: the final form of component:default/lights has not the hash"),
        "{text}"
    );
    assert!(text.contains("broken  index: component:default/lights is not the stored one"), "{text}");
    let (_, text) = doctor(&["--url", &url, "--repair"]).await;
    assert!(text.contains("mended  final-body: dropped a final form"), "{text}");
    is_well(&server).await;
    assert_eq!(decompress(&database.row(&server, "lights").await.body).unwrap(), whole);
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn a_server_does_not_start_with_what_cannot_be_read() {
    let (mut server, database) = well_and_stopped(false).await;
    let row = database.row(&server, "lights").await;
    let row = another_format(row, database.row(&server, "sound").await);
    database.write(&server, "lights", row).await;
    server.spawn();
    assert!(!server.ended().await.success());
    assert!(server.log().contains("has the unknown format 7"), "{}", server.log());
}
