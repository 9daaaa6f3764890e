//! What is shown of a configuration, and what is not.

use callboard_config::Environment;

use crate::project::Project;

fn project() -> Project {
    Project::new(&[
        (
            "app-config.yaml",
            "\
app:
  title: My Catalog
  empty: {}
backend:
  baseUrl: http://localhost:${PORT}
  cors: {credentials: true}
  database:
    client: pg
    connection: postgres://me:hush@db:5432/x
  auth:
    keys:
      - secret: hush
      - secret: ${HUSH}
  https: {certificate: {cert: {$file: cert.pem}}}
integrations:
  github:
    - host: github.com
      token: {$env: HUSH}
      note: {$env: HUSH}
    - host: \"yes\"
      apps: [1, two, [three], {deep: true}]
  other: from ${API_TOKEN}
",
        ),
        ("cert.pem", "hush\n"),
    ])
    .environment([("PORT", "7007"), ("HUSH", "hush"), ("API_TOKEN", "hush")])
}

#[test]
fn printed() {
    let project = project();
    let printed = project.relative(&project.load().expect("a configuration").print());
    assert!(!printed.contains("hush"), "{printed}");
    insta::assert_snapshot!(printed);
}

#[test]
fn debug_output_is_the_printed_one() {
    let project = project();
    let config = project.load().expect("a configuration");
    assert_eq!(format!("{config:?}"), config.print());
}

#[test]
fn an_empty_configuration_prints_as_one() {
    assert_eq!(Project::with_main("").load().expect("a configuration").print(), "{}\n");
}

#[test]
fn debug_output_of_an_environment_has_names_only() {
    let environment: Environment = [("TOKEN", "hush")].into();
    assert_eq!(format!("{environment:?}"), r#"{"TOKEN"}"#);
}

#[test]
fn errors_show_no_secrets() {
    let project = Project::with_main(
        "backend:\n  database:\n    client: pg\n    connection: {port: {$env: PW}, password: [hush]}\n",
    )
    .environment([("PW", "hush")]);
    let error = project.load().expect("a configuration").backend().expect_err("an error");
    assert_eq!(
        project.relative(&error.to_string()),
        "app-config.yaml:4: backend.database.connection.port: expected a whole number, found a text"
    );
}
