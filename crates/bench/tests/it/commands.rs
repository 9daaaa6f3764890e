//! Every command of the program does its work on a small catalog, and prints the row that it is for.

use std::process::Command;

use rstest::rstest;

#[rstest]
#[case::ingest(&["ingest", "--entities", "120"], &["Callboard, sqlite", "120"])]
#[case::ingest_yardstick(&["ingest", "--entities", "120"], &["the same rows, bulk SQL", "120"])]
#[case::ingest_in_memory(&["ingest", "--entities", "120", "--database", "memory"], &["Callboard, memory", "120"])]
#[case::steady(&["steady", "--entities", "100", "--interval", "1", "--seconds", "2"], &["Callboard, sqlite", "100"])]
#[case::delta(&["delta", "--entities", "200", "--changed", "7", "--rounds", "3"], &["Callboard, sqlite", "200", "7", "3"])]
#[case::hotspot(&["hotspot", "--members", "150"], &["Callboard, sqlite", "150"])]
#[case::delete(&["delete", "--children", "60"], &["Callboard, sqlite", "60"])]
#[case::soak_on_postgres(&["soak", "--database", "pg", "--nodes", "2", "--seconds", "5", "--round", "5"], &["pg"])]
#[case::soak_on_sqlite(&["soak", "--database", "sqlite", "--seconds", "5", "--round", "5"], &["sqlite"])]
#[case::query(&["query", "--entities", "200", "--milliseconds", "5", "--only", "by-name"], &["by-name"])]
#[case::query_in_memory(&["query", "--database", "memory", "--entities", "200", "--milliseconds", "5", "--only", "by-uid"], &["by-uid"])]
fn command(#[case] arguments: &[&str], #[case] expected: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_callboard-bench")).args(arguments).output().unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{table}\n{errors}");
    let is_row = |line: &str| {
        let cells = line.trim().strip_prefix(expected[0]);
        cells.is_some_and(|cells| {
            cells.split_whitespace().zip(&expected[1..]).all(|(cell, want)| cell == *want)
        })
    };
    assert!(table.lines().any(is_row), "{table}\n{errors}");
}
