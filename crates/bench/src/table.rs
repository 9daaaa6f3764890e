//! One table for each command: a row for each server, printed as soon as it is known.

/// The columns, and how wide they are.
pub(crate) struct Table(Vec<usize>);

/// The first column is that wide if nothing else is said, and the others are as wide as what is above them.
const FIRST: usize = 26;
const NARROWEST: usize = 9;

impl Table {
    /// Prints the head.
    pub(crate) fn new(columns: &[&str]) -> Self {
        Self::with_first(FIRST, columns)
    }

    /// Prints the head of a table whose first column is that wide.
    pub(crate) fn with_first(width: usize, columns: &[&str]) -> Self {
        let others = columns.iter().skip(1).map(|name| name.chars().count().max(NARROWEST));
        let table = Self(std::iter::once(width).chain(others).collect());
        table.row(columns.iter().copied());
        table
    }

    /// Prints a row.
    pub(crate) fn row<T: AsRef<str>>(&self, cells: impl IntoIterator<Item = T>) {
        let mut line = String::new();
        for (place, (cell, width)) in cells.into_iter().zip(&self.0).enumerate() {
            let cell = cell.as_ref();
            let blank = " ".repeat(width.saturating_sub(cell.chars().count()));
            if place == 0 {
                line.push_str(&[cell, &blank].concat());
            } else {
                line.push_str(&["  ", &blank, cell].concat());
            }
        }
        println!("{line}");
    }
}
