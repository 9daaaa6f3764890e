//! Growing lists by little.
//!
//! Lists usually double, which on average leaves a third of them unused. The index consists of hundreds of thousands of
//! small lists, so that third would be most of its overhead.

/// Makes room for one more element.
pub(super) fn reserve<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact(1.max(list.len() / 4));
    }
}

/// Appends an element.
pub(super) fn push<T>(list: &mut Vec<T>, element: T) {
    reserve(list);
    list.push(element);
}

/// A number of bytes of a chunk or of one value, which have limits below that.
pub(super) fn narrower(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

/// A number of slots, terms or chunks. None of them reaches four billion before memory runs out.
pub(super) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
