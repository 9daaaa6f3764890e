//! Sorting very many texts.
//!
//! Comparing two texts reads memory at two places. So what is sorted are numbers that carry the next few bytes of
//! their texts with them; texts that have the same bytes there are sorted among themselves by what follows. It does
//! not matter how much all texts have in common, as URLs of one host do.

/// How many bytes of a text go into a head.
const STRIDE: usize = 7;
/// So many texts are compared as they are.
const FEW: usize = 12;

/// The numbers below `count` in order of the texts that they have, and where those are equal, of their second ones.
pub(super) fn sorted_by_text<'a>(count: u32, texts: impl Fn(u32) -> (&'a str, &'a str)) -> Vec<u32> {
    let mut entries: Vec<(u64, u32)> = (0..count).map(|number| (0, number)).collect();
    sort_from(0, &mut entries, &texts);
    entries.into_iter().map(|(_, number)| number).collect()
}

/// Sorts texts that begin with the same bytes, of which there are `depth`.
fn sort_from<'a>(depth: usize, entries: &mut [(u64, u32)], texts: &impl Fn(u32) -> (&'a str, &'a str)) {
    if entries.len() <= FEW {
        entries.sort_unstable_by(|(_, left), (_, right)| texts(*left).cmp(&texts(*right)));
        return;
    }
    for (head, number) in &mut *entries {
        *head = head_of(&texts(*number).0.as_bytes()[depth..]);
    }
    entries.sort_unstable_by_key(|(head, _)| *head);
    for same in entries.chunk_by_mut(|(left, _), (right, _)| left == right) {
        match same {
            [] | [_] => {}
            [(head, _), ..] if goes_on(*head) => sort_from(depth + STRIDE, same, texts),
            _ => same.sort_unstable_by(|(_, left), (_, right)| texts(*left).1.cmp(texts(*right).1)),
        }
    }
}

/// The first bytes, and how many there are, if they are all.
fn head_of(rest: &[u8]) -> u64 {
    let length = rest.len().min(STRIDE);
    let mut bytes = [0; 8];
    bytes[..length].copy_from_slice(&rest[..length]);
    // A text that ends here comes before one that goes on with the bytes of a head that nothing is in.
    bytes[STRIDE] = if rest.len() > STRIDE { 0xff } else { rest.len().to_le_bytes()[0] };
    u64::from_be_bytes(bytes)
}

fn goes_on(head: u64) -> bool {
    head.to_be_bytes()[STRIDE] == 0xff
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_sorted(
            texts in prop::collection::vec(("(https://host/)?[ab\u{0}]{0,9}", "[xy]?"), 0..200),
        ) {
            let count = u32::try_from(texts.len()).unwrap();
            let text = |number: u32| {
                let (first, second) = &texts[number as usize];
                (first.as_str(), second.as_str())
            };
            let sorted: Vec<(&str, &str)> = sorted_by_text(count, text).into_iter().map(text).collect();
            let mut expected: Vec<(&str, &str)> = (0..count).map(text).collect();
            expected.sort_unstable();
            prop_assert_eq!(sorted, expected);
        }
    }
}
