//! How long it takes to compress a document for the database, and how small it gets: `cargo bench -p
//! callboard-store-body`.

#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    reason = "the table is the result; what was compressed can be read"
)]

use callboard_model::to_json_bytes;
use callboard_store_body::{compress, decompress};
use callboard_synthetic::{Descriptors, Rates, SyntheticCatalog};

/// The allocator that the server uses.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DOCUMENTS: usize = 1000;

fn main() {
    let descriptors = Descriptors { size: DOCUMENTS, revision: 0 };
    let catalog = SyntheticCatalog { size: DOCUMENTS };
    let claimed: Vec<Vec<u8>> = (0..DOCUMENTS).map(|n| to_json_bytes(&descriptors.descriptor(n))).collect();
    let finished: Vec<Vec<u8>> = (0..DOCUMENTS).map(|n| to_json_bytes(&catalog.entity(n))).collect();

    let rates = Rates::begin("Stored documents");
    for (what, documents) in [("claims", &claimed), ("final entities", &finished)] {
        let bodies: Vec<Vec<u8>> = documents.iter().map(|json| compress(json)).collect();
        rates.measure(&format!("compress, {what}"), documents, Vec::len, |json| compress(json));
        let plain: Vec<(Vec<u8>, usize)> =
            bodies.into_iter().zip(documents).map(|(body, json)| (body, json.len())).collect();
        rates.measure(
            &format!("decompress, {what}"),
            &plain,
            |(_, length)| *length,
            |(body, _)| decompress(body).unwrap(),
        );
        let stored: usize = plain.iter().map(|(body, _)| body.len()).sum();
        let before: usize = plain.iter().map(|(_, length)| length).sum();
        let share = 100.0 * stored as f64 / before as f64;
        println!("{what}: {} bytes become {} ({share:.0} %)", before / DOCUMENTS, stored / DOCUMENTS);
    }
}
