//! From outputs to final entities: putting one together, and the loop that does it for all that are marked.

pub(crate) mod assemble;
pub(crate) mod hand_off;
pub(crate) mod stitch_loop;
