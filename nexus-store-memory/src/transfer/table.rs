//! Description of an exported table: its rows, and which of their columns are numbers of one store only.

/// Exported table.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Statement for the rows, by `?1`, the tenant, in an order in which they can be imported.
    pub(super) rows: &'static str,
    pub(super) columns: &'static [(&'static str, Number)],
}

/// Meaning of a column's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// Value that means the same everywhere.
    Plain,
    /// The same, missing from exports before this version.
    Since(u32),
    /// Number of this row in its store.
    Own(Space),
    /// Number of another row.
    Of(Space),
    /// Id of a passage, which holds its version's number.
    Passage,
}

/// Numbered entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Space {
    Corpus,
    Version,
    Model,
}
