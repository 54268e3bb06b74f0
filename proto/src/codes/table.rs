//! The shape of the tables that the program carries: tab-separated, `#` lines are comments.

/// The rows of a table as `N` columns.
///
/// # Panics
/// Where a row has another number of columns; the tables are constants, and the tests read each of them.
pub(super) fn rows<const N: usize>(text: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| {
        let columns: Vec<&'static str> = line.split('\t').collect();
        columns.try_into().expect("every row of a shipped table has the columns of its header")
    })
}

/// A column that may be empty.
pub(super) fn optional(column: &'static str) -> Option<&'static str> {
    (!column.is_empty()).then_some(column)
}
