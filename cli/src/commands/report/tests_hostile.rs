//! Texts that attack a page, a sheet or a terminal (threats row 25), in a report of one table.

use super::{Cell, Content, Sheet};

/// One of each attack, and names that have to come through as they are.
pub(super) const HOSTILE: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "=HYPERLINK(\"http://x.example\",\"y\")",
    " =1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "a\u{202e}b\u{1b}[2J\u{0}",
    "javascript:alert(1)\" onclick='x'",
    "توفالو",
    "&amp;<!--",
];

/// A report that has nothing but them.
pub(super) fn content() -> Content {
    let rows = HOSTILE.iter().map(|text| vec![Cell::Text((*text).to_owned()), Cell::Number(7)]);
    let (title, columns) = ("<b>[x]: '*?/\\".to_owned(), vec!["=1".to_owned(), "n".to_owned()]);
    Content {
        language: "en".to_owned(),
        title: "R".to_owned(),
        notes: vec!["<i>".to_owned()],
        none: "None.".to_owned(),
        sheets: vec![Sheet { title, columns, rows: rows.collect() }],
    }
}
