//! The report as a workbook: text stays text, whatever it begins with.

use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::{Cell, Content, Sheet};
use crate::screen;

/// Characters that a cell of a workbook holds.
const CELL_CHARS_MAX: usize = 32_000;
/// Characters of the name of a sheet.
const NAME_CHARS_MAX: usize = 31;
/// Rows of a sheet, its head among them.
const ROWS_MAX: usize = 1_048_000;

/// The whole workbook.
pub(super) fn render(content: &Content) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let bold = Format::new().set_bold();
    let first = workbook.add_worksheet();
    first.set_name(name(&content.title))?;
    first.write_string_with_format(0, 0, harmless(&content.title), &bold)?;
    for (row, note) in (2u32..).zip(&content.notes) {
        first.write_string(row, 0, harmless(note))?;
    }
    for sheet in &content.sheets {
        table(workbook.add_worksheet(), sheet, &bold)?;
    }
    workbook.save_to_buffer()
}

fn table(page: &mut rust_xlsxwriter::Worksheet, sheet: &Sheet, bold: &Format) -> Result<(), XlsxError> {
    page.set_name(name(&sheet.title))?;
    for (column, title) in (0u16..).zip(&sheet.columns) {
        page.write_string_with_format(0, column, harmless(title), bold)?;
    }
    for (row, cells) in (1u32..).zip(sheet.rows.iter().take(ROWS_MAX)) {
        for (column, cell) in (0u16..).zip(cells) {
            match cell {
                Cell::Text(text) => page.write_string(row, column, harmless(text))?,
                // Counts stay far below what a double counts exactly.
                Cell::Number(number) => page.write_number(row, column, *number as f64)?,
            };
        }
    }
    page.set_freeze_panes(1, 0)?;
    page.autofit();
    Ok(())
}

/// Text that is no formula here, and none where the sheet is saved in another format and read again.
pub(super) fn harmless(text: &str) -> String {
    let plain: String = screen::plain(text).chars().take(CELL_CHARS_MAX).collect();
    match plain.trim_start().starts_with(['=', '+', '-', '@', '|', '%', '＝', '＋', '－', '＠']) {
        true => format!("'{plain}"),
        false => plain,
    }
}

/// A name that a sheet may have.
fn name(title: &str) -> String {
    let plain = screen::plain(title);
    let allowed: String = plain.chars().filter(|c| !"[]:*?/\\'".contains(*c)).take(NAME_CHARS_MAX).collect();
    allowed
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::tests_hostile::{HOSTILE, content};
    use super::*;

    #[test]
    fn no_text_begins_a_formula() {
        for text in HOSTILE {
            let cell = harmless(text);
            assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{cell:?}");
            assert!(!cell.chars().any(|c| c.is_control() || c == '\u{202e}'), "{cell:?}");
        }
        assert_eq!(harmless("Tuvalu - Funafuti"), "Tuvalu - Funafuti");
        let bytes = render(&content()).unwrap();
        assert!(bytes.starts_with(b"PK"));
    }
}
