//! Workbooks (XLSX): rows like those of any table, and forms to fill in. Cells are texts, never formulas.

pub mod form;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx};
use rust_xlsxwriter::{DocProperties, ExcelDateTime as Stamp, Format as Look, Workbook, XlsxError};

use crate::interchange::{Format, Reading, Wishes, table};

/// Most bytes that a workbook may unpack to; an honest one of 100,000 rows has some 50 MiB.
const UNPACKED_BYTES_MAX: u64 = 256 * 1_024 * 1_024;
/// Most parts of a workbook.
const PARTS_MAX: usize = 10_000;
/// Most rows and columns that are read.
const ROWS_MAX: u32 = 100_000;
/// A record has some thirty columns.
const COLUMNS_MAX: u32 = 512;
/// Most bytes of all cells, so that one shared text in a million cells stays small.
const CELL_BYTES_MAX: usize = 128 * 1_024 * 1_024;
/// Units of UTF-16 that a cell holds (Excel: 32,767).
const CELL_UNITS_MAX: usize = 32_767;
/// Rows of a sheet under its header.
const SHEET_ROWS_MAX: usize = 1_048_575;

/// True for what packs workbooks: a zip file.
pub fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// Reads the first sheet that has a column for a title.
pub fn read(bytes: &[u8], wishes: &Wishes) -> Result<Reading, String> {
    unpacked(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let mut first = None;
    for name in book.sheet_names() {
        let rows = sheet(&mut book, &name)?;
        let mut rows = rows.into_iter();
        let Some((_, header)) = rows.next() else { continue };
        match table::read_rows(&header, rows, wishes) {
            Ok(reading) => return Ok(Reading { format: Format::Xlsx, ..reading }),
            Err(problem) => first = first.or(Some(problem)),
        }
    }
    Err(first.unwrap_or_else(|| "no sheet of it has a row".to_owned()))
}

/// Unpacks every part once, so that what claims to be small and is not is found before it is read.
fn unpacked(bytes: &[u8]) -> Result<(), String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    if archive.len() > PARTS_MAX {
        return Err(format!("the workbook has {} parts where {PARTS_MAX} are read", archive.len()));
    }
    let mut left = UNPACKED_BYTES_MAX;
    for i in 0..archive.len() {
        let part = archive.by_index(i).map_err(|e| e.to_string())?;
        let read =
            std::io::copy(&mut part.take(left + 1), &mut std::io::sink()).map_err(|e| e.to_string())?;
        left = left
            .checked_sub(read)
            .ok_or_else(|| format!("the workbook unpacks to more than {UNPACKED_BYTES_MAX} bytes"))?;
    }
    Ok(())
}

/// The cells that are there, row by row; never the rectangle that they span.
fn sheet(book: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut cells = book.worksheet_cells_reader(name).map_err(|e| e.to_string())?;
    let (mut rows, mut bytes) = (BTreeMap::<u32, BTreeMap<u32, String>>::new(), 0);
    while let Some(cell) = cells.next_cell().map_err(|e| e.to_string())? {
        let (row, column) = cell.get_position();
        let text = text(cell.get_value());
        if text.is_empty() {
            continue;
        }
        if row > ROWS_MAX || column > COLUMNS_MAX {
            return Err(format!("sheet {name} goes beyond row {ROWS_MAX} or column {COLUMNS_MAX}"));
        }
        bytes += text.len();
        if bytes > CELL_BYTES_MAX {
            return Err(format!("sheet {name} holds more than {CELL_BYTES_MAX} bytes of text"));
        }
        rows.entry(row).or_default().insert(column, text);
    }
    let width = rows.values().next().and_then(|r| r.keys().next_back()).map_or(0, |last| last + 1);
    let dense = |(row, mut cells): (u32, BTreeMap<u32, String>)| {
        let width = cells.keys().next_back().map_or(0, |last| last + 1).max(width);
        let cells = (0..width).map(|column| cells.remove(&column).unwrap_or_default()).collect();
        (format!("row {}", row + 1), cells)
    };
    Ok(rows.into_iter().map(dense).collect())
}

fn text(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        // Whole numbers are stored as floats too; a Display of f64 writes them without a point.
        DataRef::Float(number) => number.to_string(),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(truth) => truth.to_string(),
        DataRef::DateTime(moment) => date(moment),
        DataRef::Error(error) => error.to_string(),
        DataRef::Empty => String::new(),
    }
}

fn date(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    match (hour, minute, second) {
        (0, 0, 0) => date,
        _ => format!("{date}T{hour:02}:{minute:02}:{second:02}"),
    }
}

/// Rows under a header as a workbook of one sheet.
pub fn write(sheet: &str, columns: &[impl AsRef<str>], rows: &[Vec<String>]) -> Result<Vec<u8>, String> {
    if rows.len() > SHEET_ROWS_MAX {
        return Err(format!("{} records are more than a sheet has rows", rows.len()));
    }
    // Only the last column can be longer than a cell: it goes on in columns of the same name.
    let pieces: Vec<Vec<&str>> =
        rows.iter().map(|r| split(r.last().map(String::as_str).unwrap_or_default())).collect();
    let more = pieces.iter().map(Vec::len).max().unwrap_or(1).max(1);
    let made = || -> Result<Vec<u8>, XlsxError> {
        let mut book = fresh()?;
        let page = book.add_worksheet().set_name(sheet)?;
        let bold = Look::new().set_bold();
        for (x, column) in columns.iter().enumerate() {
            page.write_string_with_format(0, place(x), column.as_ref(), &bold)?;
        }
        for x in 1..more {
            let last = columns.last().map(AsRef::as_ref).unwrap_or_default();
            page.write_string_with_format(
                0,
                place(columns.len() - 1 + x),
                format!("{last} {}", x + 1),
                &bold,
            )?;
        }
        page.set_freeze_panes(1, 0)?;
        for (y, (row, pieces)) in rows.iter().zip(&pieces).enumerate() {
            let y = u32::try_from(y + 1).unwrap_or(u32::MAX);
            let cells = row.iter().map(String::as_str).take(columns.len().saturating_sub(1));
            for (x, text) in cells.chain(pieces.iter().copied()).enumerate().filter(|(_, t)| !t.is_empty()) {
                // A text cell is never run, whatever it begins with.
                page.write_string(y, place(x), first(text))?;
            }
        }
        book.save_to_buffer()
    };
    made().map_err(|e| e.to_string())
}

/// A workbook without a clock in it: the same records are the same bytes.
fn fresh() -> Result<Workbook, XlsxError> {
    let mut book = Workbook::new();
    book.set_properties(&DocProperties::new().set_creation_datetime(&Stamp::from_ymd(2000, 1, 1)?));
    Ok(book)
}

fn place(x: usize) -> u16 {
    u16::try_from(x).unwrap_or(u16::MAX)
}

/// What fits one cell.
fn first(text: &str) -> &str {
    split(text).first().copied().unwrap_or_default()
}

/// A text in pieces that each fit a cell.
fn split(text: &str) -> Vec<&str> {
    let (mut out, mut start, mut units) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        if units + c.len_utf16() > CELL_UNITS_MAX {
            out.extend(text.get(start..at));
            (start, units) = (at, 0);
        }
        units += c.len_utf16();
    }
    out.extend(text.get(start..).filter(|t| !t.is_empty()));
    out
}

#[cfg(test)]
mod tests;
