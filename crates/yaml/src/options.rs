//! What a caller can choose.

/// How to load, see the fields. Construct with `Options { .., ..Options::default() }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// What an input may cost.
    pub limits: Limits,
    /// Whether the plain key `<<` pours the mapping it names into its own mapping, as in YAML 1.1.
    /// Off by default: then `<<` is a key like any other.
    pub merge_keys: bool,
    /// Whether to keep the position of every node. On by default; without it
    /// [`Content::position`](crate::Content::position) answers `None` and a document takes less memory.
    pub positions: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { limits: Limits::default(), merge_keys: false, positions: true }
    }
}

/// What one input may cost. Going over a limit is an error that names the limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of the input in bytes, 64 MiB by default. The text that aliases and anchors repeat, in all
    /// documents together, is held to the same number.
    pub bytes: usize,
    /// Documents in the input, 100,000 by default.
    pub documents: usize,
    /// How deep mappings and sequences nest, 100 by default: a JSON reader with the common limit of 128
    /// can then read the value back, even wrapped in an envelope. More than 500 is taken as 500, because
    /// values are copied and dropped recursively.
    pub depth: usize,
    /// Nodes (mappings, sequences, scalars; keys not counted) of one document after its aliases are
    /// expanded, 250,000 by default. A node that has an anchor counts twice, because it is kept for its
    /// aliases.
    pub nodes: usize,
    /// Nodes of all documents together, counted in the same way; 5,000,000 by default, enough for 100,000
    /// common descriptors. A node takes about 100 bytes of memory, in the worst case (mappings of one
    /// entry) 1 KB, so lower this and [`Limits::bytes`] for files of strangers.
    pub total_nodes: usize,
    /// How often one anchor may be repeated by aliases, 100 by default. Repeats inside repeats multiply:
    /// ten aliases of a node that itself holds ten aliases of one anchor count as a hundred.
    pub aliases: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024 * 1024,
            documents: 100_000,
            depth: 100,
            nodes: 250_000,
            total_nodes: 5_000_000,
            aliases: 100,
        }
    }
}
