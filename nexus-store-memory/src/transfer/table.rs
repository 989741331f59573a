//! What is said of a table that is exported: its rows, and which of their columns are numbers of one store only.

/// A table as it is exported.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The rows, by `?1`, the tenant, in an order in which they can be brought in.
    pub(super) rows: &'static str,
    pub(super) columns: &'static [(&'static str, Number)],
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// A value that means the same everywhere.
    Plain,
    /// The same, and exports before this version have no such column.
    Since(u32),
    /// The number that this row got in its store.
    Own(Space),
    /// The number of another row.
    Of(Space),
    /// A passage's id, which holds its version's number.
    Passage,
}

/// Whose numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    Corpus,
    Version,
    Model,
}
