//! How long reading a descriptor file takes: `cargo bench -p callboard-yaml`.

use callboard_synthetic::{Descriptors, Rates};
use callboard_yaml::{Options, load};

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FILES: usize = 500;

fn main() {
    let files: Vec<String> = (0..FILES).map(descriptor).collect();
    let many: Vec<String> = files.chunks(100).map(|some| some.join("---\n")).collect();
    let large: Vec<String> = (0..5).map(large_list).collect();
    let catalog = Descriptors { size: FILES, revision: 0 };
    let json: Vec<String> = (0..FILES).map(|n| catalog.descriptor(n).to_string()).collect();
    let broken: Vec<String> = files.iter().map(|file| format!("{file}    - [oops\n")).collect();

    let rates = Rates::begin("Descriptor files");
    let options = Options::default();
    let measure = |name: &str, files: &[String]| {
        rates.measure(name, files, String::len, |file| load(file.as_bytes(), &options));
    };
    measure("one descriptor", &files);
    measure("a file of 100 descriptors", &many);
    measure("one descriptor as JSON", &json);
    measure("one descriptor with a mistake at its end", &broken);
    measure("a list of 10 000 numbers and texts", &large);
}

/// A file as people write them.
fn descriptor(n: usize) -> String {
    format!(
        "apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: booking-service-{n}
  title: Booking service {n}
  description: |
    Sells tickets for all evenings of the season, and takes them back
    up to the last curtain call of number {n}.
  labels:
    example.com/tier: gold
  annotations:
    github.com/project-slug: theatre/booking-{n}
    backstage.io/techdocs-ref: dir:.
    example.com/on-call: 'crew: night'
  tags: [java, web, \"tickets\", season-{n}]
  links:
    - url: https://dashboards.example.com/booking/{n}
      title: Dashboard # the one on the wall
      icon: dashboard
spec:
  type: service
  lifecycle: production
  owner: group:default/front-of-house
  system: box-office
  replicas: {n}
  ratio: 0.{n}
  providesApis:
    - booking-api-{n}
  dependsOn:
    - resource:default/seats
    - component:default/ledger
"
    )
}

fn large_list(n: usize) -> String {
    let items = (0..5000).map(|item| format!("  - {}\n  - text number {item}\n", item * 7 + n));
    std::iter::once("list:\n".to_owned()).chain(items).collect()
}
