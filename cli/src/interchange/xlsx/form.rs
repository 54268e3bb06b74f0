//! A form for needs or offers: one sheet to fill in with lists to choose from, and one that explains.

use caphub_proto::codes::{self, Lang, vocabulary};
use caphub_proto::exchange::RecordKind;
use rust_xlsxwriter::{DataValidation, Format as Look, Formula, XlsxError};

use crate::interchange::xlsx::{fresh, place};

/// Rows that can be filled in.
const ROWS: u32 = 500;
/// Columns of the forms, by field.
const NEED: &[&str] = &[
    "title",
    "description",
    "themes",
    "countries",
    "regions",
    "languages",
    "urgency",
    "starts",
    "ends",
    "delivery",
    "confirm_by",
];
const OFFER: &[&str] = &[
    "title",
    "description",
    "offer_type",
    "themes",
    "countries",
    "regions",
    "languages",
    "starts",
    "ends",
    "delivery",
    "price",
    "currency",
    "confirm_by",
];

/// Says a field's label, or what to write there; keys are `form-` or `form-help-` and the field.
pub type Say<'a> = &'a dyn Fn(&str) -> String;

/// The form of a kind in a language; nothing for kinds without one.
pub fn write(kind: RecordKind, lang: Lang, say: Say<'_>) -> Option<Result<Vec<u8>, String>> {
    let fields = match kind {
        RecordKind::Need => NEED,
        RecordKind::Offer => OFFER,
        _ => return None,
    };
    Some(made(kind, fields, lang, say).map_err(|e| e.to_string()))
}

fn made(kind: RecordKind, fields: &[&str], lang: Lang, say: Say<'_>) -> Result<Vec<u8>, XlsxError> {
    let mut book = fresh()?;
    let (bold, wrap) = (Look::new().set_bold().set_text_wrap(), Look::new().set_text_wrap());
    // Dates stay what was typed: a program that guesses would turn 03/04 into one of two days.
    let as_text = Look::new().set_num_format("@").set_text_wrap();
    let lists = say("form-sheet-lists");
    let sheet = book.add_worksheet().set_name(say(&format!("form-sheet-{kind}")))?;
    sheet.set_freeze_panes(1, 0)?;
    for (x, field) in fields.iter().enumerate() {
        let x = place(x);
        sheet.write_string_with_format(0, x, say(&label(field)), &bold)?;
        sheet.set_column_format(x, &as_text)?;
        sheet.set_column_width(x, if *field == "description" { 60 } else { 22 })?;
        let names = names(field, lang);
        if !names.is_empty() {
            let column = letter(x);
            let source = format!("='{lists}'!${column}$2:${column}${}", names.len() + 1);
            let rule = DataValidation::new().allow_list_formula(Formula::new(source));
            // Several themes or countries are written with semicolons between them: the list is an offer, no limit.
            let rule = rule.show_error_message(false).set_input_message(say(&help(field)))?;
            sheet.add_data_validation(1, x, ROWS, x, &rule)?;
        }
    }
    let sheet = book.add_worksheet().set_name(say("form-sheet-help"))?;
    sheet.set_column_width(0, 24)?;
    sheet.set_column_width(1, 90)?;
    sheet.write_string_with_format(0, 1, say("form-help"), &wrap)?;
    for (y, field) in fields.iter().enumerate() {
        let y = u32::try_from(y + 1).unwrap_or(u32::MAX);
        sheet.write_string_with_format(y, 0, say(&label(field)), &bold)?;
        sheet.write_string_with_format(y, 1, say(&help(field)), &wrap)?;
    }
    let sheet = book.add_worksheet().set_name(&lists)?;
    for (x, field) in fields.iter().enumerate() {
        let names = names(field, lang);
        if !names.is_empty() {
            sheet.write_string_with_format(0, place(x), say(&label(field)), &bold)?;
        }
        for (y, name) in names.iter().enumerate() {
            sheet.write_string(u32::try_from(y + 1).unwrap_or(u32::MAX), place(x), *name)?;
        }
    }
    book.save_to_buffer()
}

fn label(field: &str) -> String {
    format!("form-{}", field.replace('_', "-"))
}

fn help(field: &str) -> String {
    format!("form-help-{}", field.replace('_', "-"))
}

/// What a field may be, in the reader's language.
fn names(field: &str, lang: Lang) -> Vec<&'static str> {
    let of =
        |terms: &'static [vocabulary::Term]| terms.iter().map(|t| t.names.name(lang)).collect::<Vec<_>>();
    match field {
        "themes" => of(vocabulary::themes()),
        "urgency" => of(vocabulary::urgencies()),
        "delivery" => of(vocabulary::delivery_modes()),
        "offer_type" => of(vocabulary::offer_types()),
        "countries" => {
            let mut names: Vec<_> = codes::country::all().iter().map(|c| c.names.name(lang)).collect();
            names.sort_unstable();
            names
        }
        "regions" => codes::region::all().iter().map(|r| r.names.name(lang)).collect(),
        "currency" => codes::currency::all().to_vec(),
        _ => Vec::new(),
    }
}

/// The letter of one of the first 26 columns.
fn letter(x: u16) -> char {
    u8::try_from(x).ok().filter(|x| *x < 26).map_or('A', |x| char::from(b'A' + x))
}
