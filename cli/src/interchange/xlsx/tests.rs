//! Workbooks that come back as they went, and workbooks that mean harm.

use std::io::Write;

use caphub_proto::exchange::RecordKind;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;
use crate::interchange::wishes_for;

/// A workbook of one sheet, from the XML of its rows.
fn book(rows: &str, more: &[(&str, &[u8])]) -> Vec<u8> {
    let types = r#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>"#;
    let top = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
    let inner = r#"<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;
    let main = r#"<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>"#;
    let sheet = format!(
        r#"<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"#
    );
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    let parts = [
        ("[Content_Types].xml", types.as_bytes()),
        ("_rels/.rels", top.as_bytes()),
        ("xl/workbook.xml", main.as_bytes()),
        ("xl/_rels/workbook.xml.rels", inner.as_bytes()),
        ("xl/worksheets/sheet1.xml", sheet.as_bytes()),
    ];
    for (name, bytes) in parts.iter().chain(more) {
        out.start_file(*name, options).expect("a part");
        out.write_all(bytes).expect("bytes");
    }
    out.finish().expect("a zip").into_inner()
}

fn cell(at: &str, text: &str) -> String {
    format!(r#"<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>"#)
}

#[test]
fn texts_come_back_as_they_went_and_none_is_a_formula() {
    let texts = ["=1+1", "@SUM(A1)", "a\u{1}b", "_x0041_", "l1\nl2", "Ünï 漢 🌊", "x".repeat(40_000).leak()];
    let rows: Vec<Vec<String>> = texts.iter().map(|t| vec![(*t).to_owned(), (*t).to_owned()]).collect();
    let bytes = write("S", &["title", "caphub"], &rows).expect("a workbook");
    assert_eq!(bytes, write("S", &["title", "caphub"], &rows).expect("a workbook"), "no clock in it");
    let mut open: Xlsx<_> = Xlsx::new(Cursor::new(&bytes[..])).expect("opens");
    assert!(open.worksheet_formula("S").expect("formulas").is_empty());
    let read = sheet(&mut open, "S").expect("rows");
    assert_eq!(read[0].1, ["title", "caphub", "caphub 2"]);
    for (i, text) in texts.iter().enumerate() {
        assert_eq!(read[i + 1].1[1..].concat(), *text);
    }
}

#[test]
fn dates_numbers_and_sparse_rows_are_read_as_people_see_them() {
    let styles = br#"<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>"#;
    let rows = format!(
        r#"<row r="1">{}{}{}</row><row r="9">{}<c r="B9" s="1"><v>46447</v></c><c r="C9"><v>20</v></c></row>"#,
        cell("A1", "Titre"),
        cell("B1", "Début"),
        cell("C1", "Places"),
        cell("A9", "Journaux"),
    );
    let bytes = book(&rows, &[("xl/styles.xml", styles)]);
    let reading = read(&bytes, &wishes_for(RecordKind::Session)).expect("a workbook");
    let draft = reading.found[0].draft.as_ref().expect("a row");
    assert_eq!((reading.found[0].at.as_str(), draft.title.text.as_str()), ("row 9", "Journaux"));
    assert_eq!(draft.fields["starts"], "2027-03-01");
    assert_eq!(draft.fields["seats"], 20);
}

#[test]
fn bombs_of_every_kind_are_refused() {
    let wishes = wishes_for(RecordKind::Need);
    let zeroes = vec![b' '; 300 * 1_024 * 1_024];
    let packed = book("", &[("xl/media/zeroes.bin", &zeroes)]);
    assert!(packed.len() < 2 * 1_024 * 1_024);
    assert!(read(&packed, &wishes).err().expect("refused").contains("unpacks to more than"));
    let far = book(&format!("<row r=\"1\">{}</row>", cell("XFD1", "title")), &[]);
    assert!(read(&far, &wishes).err().expect("refused").contains("beyond"));
    let laughs = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>&bomb;</t></is></c></row>";
    assert!(read(&book(laughs, &[]), &wishes).is_err());
    let many = "<row r=\"1\"/>".to_owned() + &"<row>".repeat(200_000);
    assert!(read(&book(&many, &[]), &wishes).is_err());
    assert!(read(b"PK\x03\x04 and nothing more", &wishes).is_err());
    let cut = packed.get(..packed.len() / 2).expect("half");
    assert!(read(cut, &wishes).is_err());
}

#[test]
fn a_form_has_the_columns_that_an_import_knows_in_each_language() {
    use caphub_proto::codes::Lang;
    for (lang, title) in [(Lang::En, "Title"), (Lang::Fr, "Titre")] {
        let say =
            |key: &str| if key == "form-title" { title.to_owned() } else { key.replace(['-', '/'], " ") };
        for kind in [RecordKind::Need, RecordKind::Offer] {
            let bytes = form::write(kind, lang, &say).expect("a form").expect("a workbook");
            let reading = read(&bytes, &wishes_for(kind)).expect("a table");
            assert_eq!(reading.found.len(), 0);
        }
    }
    assert!(form::write(RecordKind::Course, Lang::En, &str::to_owned).is_none());
}
