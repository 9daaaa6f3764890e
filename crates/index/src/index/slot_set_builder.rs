//! Building large sets of slots from many small ones.

use roaring::RoaringBitmap;

/// Collects slots in any order. Inserting into a bitmap one by one would be several times slower.
pub(crate) struct SlotSetBuilder {
    /// In the order they came, possibly repeated.
    loose: Vec<u32>,
    bitmap: RoaringBitmap,
}

impl SlotSetBuilder {
    pub(crate) fn new() -> Self {
        Self { loose: Vec::new(), bitmap: RoaringBitmap::new() }
    }

    pub(crate) fn add(&mut self, slot: u32) {
        self.loose.push(slot);
    }

    pub(crate) fn add_all(&mut self, slots: &[u32]) {
        self.loose.extend_from_slice(slots);
    }

    pub(crate) fn add_bitmap(&mut self, slots: &RoaringBitmap) {
        self.bitmap |= slots;
    }

    pub(crate) fn finish(mut self) -> RoaringBitmap {
        let largest = self.loose.iter().max().copied().unwrap_or(0) as usize;
        // Sorting costs some 20 steps an element; a bit array costs one, and a pass over all of its bytes.
        let is_dense = self.loose.len() > 1024 && self.loose.len() * 64 > largest;
        let slots = if is_dense { from_bits(&self.loose, largest) } else { from_sorting(&mut self.loose) };
        if self.bitmap.is_empty() { slots } else { self.bitmap | slots }
    }
}

fn from_bits(slots: &[u32], largest: usize) -> RoaringBitmap {
    let mut bits = vec![0_u8; largest / 8 + 1];
    for slot in slots {
        bits[*slot as usize / 8] |= 1 << (slot % 8);
    }
    RoaringBitmap::from_lsb0_bytes(0, &bits)
}

fn from_sorting(slots: &mut [u32]) -> RoaringBitmap {
    slots.sort_unstable();
    slots.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_same_set() {
        let mut slots: Vec<u32> = (0..5000).map(|n| (n * 7919) % 6007).collect();
        let expected: RoaringBitmap = slots.iter().copied().collect();
        assert_eq!(from_bits(&slots, 6006), expected);
        assert_eq!(from_sorting(&mut slots), expected);
    }
}
