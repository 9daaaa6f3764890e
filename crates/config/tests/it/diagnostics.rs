//! Errors as people see them.

use callboard_config::{ConfigDiagnostic, ConfigError};
use miette::{GraphicalReportHandler, GraphicalTheme};

use crate::project::Project;

fn draw(project: &Project, diagnostic: &ConfigDiagnostic) -> String {
    let mut drawn = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(200)
        .render_report(&mut drawn, diagnostic)
        .expect("a drawing");
    project.relative(&drawn)
}

fn drawn_error(project: &Project, error: &ConfigError) -> String {
    draw(project, &error.diagnostic())
}

#[test]
fn a_wrong_type() {
    let project = Project::with_main(
        "catalog:\n  rules:\n    - allow: [Component]\n    - allow: Component # all of them\n  readonly: true\n",
    );
    let error = project.load().expect("a configuration").catalog(&[]).expect_err("an error");
    insta::assert_snapshot!(drawn_error(&project, &error));
}

#[test]
fn a_missing_key_whose_variable_is_not_set() {
    let project = Project::with_main("catalog:\n  locations:\n    - type: url\n      target: ${TARGET}\n");
    let error = project.load().expect("a configuration").catalog(&[]).expect_err("an error");
    insta::assert_snapshot!(drawn_error(&project, &error));
}

#[test]
fn several_at_once() {
    let project = Project::with_main(
        "\
catalog:
  rules:
    - allow: [Component]
      locations:
        - type: url
          exact: a
          pattern: b
  locations:
    - type: github-discovery
      target: https://github.com/org
  processors:
    github: {}
",
    );
    let error = project.load().expect("a configuration").catalog(&[]).expect_err("an error");
    insta::assert_snapshot!(drawn_error(&project, &error));
}

#[test]
fn secrets_nearby_are_blotted_out() {
    let project = Project::with_main(
        "backend:\n  database:\n    client: pg\n    connection:\n      password: hush\n      port: many\n      ssl: true\n",
    );
    let error = project.load().expect("a configuration").backend().expect_err("an error");
    let drawn = drawn_error(&project, &error);
    assert!(!drawn.contains("hush"), "{drawn}");
    insta::assert_snapshot!(drawn);
}

#[test]
fn a_missing_file_of_an_include() {
    let project = Project::with_main("backend:\n  auth:\n    keys:\n      - secret: {$file: none.txt}\n");
    let error = project.load().expect_err("an error");
    insta::assert_snapshot!(drawn_error(&project, &error));
}

#[test]
fn no_file() {
    let project = Project::new(&[]);
    let drawn = drawn_error(&project, &project.load().expect_err("an error"));
    insta::assert_snapshot!(drawn.replace(&project.path().display().to_string(), "<directory>"));
}

#[test]
fn a_variable() {
    let project = Project::with_main("").environment([("APP_CONFIG_catalog_readonly", "perhaps")]);
    let error = project.load().expect("a configuration").catalog(&[]).expect_err("an error");
    insta::assert_snapshot!(drawn_error(&project, &error));
}

#[test]
fn a_warning() {
    let project = Project::with_main("catalog:\n  readOnly: true\n");
    let warnings = project.load().expect("a configuration").warnings();
    insta::assert_snapshot!(draw(&project, &warnings[0].warning_diagnostic()));
}

#[test]
fn an_error_goes_into_a_report() {
    let error = Project::new(&[]).load().expect_err("an error");
    let report = miette::Report::new(error.diagnostic());
    assert_eq!(report.to_string(), error.to_string());
}
