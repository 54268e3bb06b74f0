//! Tables: any delimiter and encoding, columns by their usual names in English or French.

use csv::StringRecord;

use crate::interchange::cells::{Cell, Cells};
use crate::interchange::{Draft, Format, Found, Reading, Why, Wishes};

/// Columns that we know: field, and names in lower case without spaces or marks.
pub(super) const COLUMNS: &[(&str, &[&str])] = &[
    ("title", &["title", "name", "titre", "nom", "intitule", "coursetitle", "eventtitle"]),
    ("description", &["description", "summary", "abstract", "resume", "details"]),
    ("text_language", &["textlanguage", "languageoftext"]),
    ("identifier", &["identifier", "id", "identifiant", "reference", "doi"]),
    ("url", &["url", "link", "website", "lien", "web", "adresseweb"]),
    ("starts", &["starts", "start", "startdate", "from", "debut", "datededebut", "startsat"]),
    ("ends", &["ends", "end", "enddate", "until", "fin", "datedefin", "endsat"]),
    ("timezone", &["timezone", "tz", "fuseau", "fuseauhoraire"]),
    ("place", &["place", "venue", "location", "lieu", "adresse", "address"]),
    ("city", &["city", "ville", "town"]),
    ("countries", &["countries", "country", "pays"]),
    ("regions", &["regions", "region"]),
    ("languages", &["languages", "language", "langue", "langues", "inlanguage"]),
    ("themes", &["themes", "theme"]),
    ("keywords", &["keywords", "keyword", "tags", "motscles"]),
    ("provider", &["provider", "organizer", "organiser", "organisateur", "host", "prestataire"]),
    ("authors", &["authors", "author", "auteurs", "auteur"]),
    ("licence", &["licence", "license"]),
    ("level", &["level", "niveau", "competency"]),
    ("duration", &["duration", "duree"]),
    ("seats", &["seats", "places", "capacity"]),
    ("delivery", &["delivery", "deliverymode", "deliverymodes", "mode"]),
    ("online", &["online", "enligne"]),
    ("price", &["price", "prix", "cost", "fee"]),
    ("currency", &["currency", "devise", "monnaie"]),
    ("urgency", &["urgency", "urgence"]),
    ("offer_type", &["offertype", "type", "typedoffre"]),
    ("confirm_by", &["confirmby", "aconfirmeravant"]),
    ("course_id", &["courseid"]),
    ("caphub", &["caphub"]),
];

/// Reads every row below the header.
pub fn read(text: &str, _name: &str, wishes: &Wishes) -> Result<Reading, String> {
    let mut rows =
        csv::ReaderBuilder::new().delimiter(delimiter(text)).flexible(true).from_reader(text.as_bytes());
    let cells = |row: &StringRecord| row.iter().map(str::to_owned).collect::<Vec<_>>();
    let header = cells(rows.headers().map_err(|e| e.to_string())?);
    let mut below = Vec::new();
    for row in rows.records() {
        let row = row.map_err(|e| e.to_string())?;
        let line = row.position().map_or(0, csv::Position::line);
        below.push((line.to_string(), cells(&row)));
    }
    read_rows(&header, below.into_iter(), wishes)
}

/// Reads rows under a header, whatever they came from; each has its place in the file.
pub fn read_rows(
    header: &[String],
    rows: impl Iterator<Item = (String, Vec<String>)>,
    wishes: &Wishes,
) -> Result<Reading, String> {
    let (columns, not_carried) = columns(header, wishes)?;
    let one = |(at, row): (String, Vec<String>)| {
        let title = cell(&row, &columns, "title");
        let draft = draft(&row, header, &columns, wishes);
        Found { at, title, draft }
    };
    Ok(Reading { format: Format::Table, found: rows.map(one).collect(), not_carried })
}

/// The delimiter under which the first rows agree on the most columns.
fn delimiter(text: &str) -> u8 {
    let width = |delimiter: u8| {
        let mut rows = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let widths: Vec<usize> = rows.records().take(20).filter_map(Result::ok).map(|r| r.len()).collect();
        let first = widths.first().copied().unwrap_or(0);
        let agree = widths.iter().filter(|w| **w == first).count();
        if first > 1 { (agree, first) } else { (0, 0) }
    };
    [b',', b';', b'\t', b'|'].into_iter().rev().max_by_key(|d| width(*d)).unwrap_or(b',')
}

/// The field of each column, and the columns without one.
fn columns(header: &[String], wishes: &Wishes) -> Result<(Vec<Option<&'static str>>, Vec<String>), String> {
    let field = |name: &str| COLUMNS.iter().find(|(f, _)| *f == name).map(|(f, _)| *f);
    for (column, wanted) in &wishes.map {
        if !header.iter().any(|h| h.trim() == column) {
            return Err(format!("no column \"{column}\""));
        }
        if wanted != "-" && field(wanted).is_none() {
            let known: Vec<&str> = COLUMNS.iter().map(|(f, _)| *f).collect();
            return Err(format!("no field \"{wanted}\"; there are {}", known.join(", ")));
        }
    }
    let (mut columns, mut unknown) = (Vec::new(), Vec::new());
    for name in header.iter().map(|n| n.trim()) {
        let mapped = wishes.map.iter().find(|(c, _)| c == name).map(|(_, f)| f.as_str());
        let known = match mapped {
            Some(wanted) => field(wanted),
            None => COLUMNS.iter().find(|(_, names)| names.contains(&plain(name).as_str())).map(|(f, _)| *f),
        };
        // Of two columns for one field the first counts; a long text of ours goes on in the next.
        let goes_on = name.strip_prefix("caphub ").is_some_and(|n| n.parse::<u8>().is_ok());
        let known = if goes_on { Some("caphub") } else { known.filter(|k| !columns.contains(&Some(*k))) };
        if known.is_none() && !name.is_empty() {
            unknown.push(name.to_owned());
        }
        columns.push(known);
    }
    match columns.contains(&Some("title")) {
        true => Ok((columns, unknown)),
        false => Err("no column for the title; --map COLUMN=title names it".to_owned()),
    }
}

/// Lower case, letters and digits alone, without accents.
fn plain(name: &str) -> String {
    let folded = name.to_lowercase();
    let fold = |c: char| match c {
        'à' | 'â' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' => 'o',
        'ù' | 'û' => 'u',
        'ç' => 'c',
        c => c,
    };
    folded.chars().map(fold).filter(|c| c.is_alphanumeric()).collect()
}

fn cell(row: &[String], columns: &[Option<&'static str>], field: &str) -> String {
    let places = columns.iter().enumerate().filter(|(_, c)| **c == Some(field));
    let pieces: Vec<&str> = places.filter_map(|(i, _)| row.get(i)).map(String::as_str).collect();
    unguarded(pieces.concat().trim())
}

/// Spreadsheets run what begins with these; our exports put an apostrophe before it.
pub const FORMULA_STARTS: &[char] = &['=', '+', '-', '@', '\t', '\r'];

fn unguarded(cell: &str) -> String {
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(FORMULA_STARTS) => rest.to_owned(),
        _ => cell.to_owned(),
    }
}

fn draft(
    row: &[String],
    header: &[String],
    columns: &[Option<&'static str>],
    wishes: &Wishes,
) -> Result<Draft, Why> {
    if row.iter().all(|c| c.trim().is_empty()) {
        return Err(Why::new("import-empty-row"));
    }
    if row.len() > header.len() {
        let why = Why::new("import-row-width").with("found", row.len());
        return Err(why.with("expected", header.len()));
    }
    let mut cells = Cells::default();
    for field in columns.iter().flatten() {
        cells.set(field, Cell::Text(cell(row, columns, field)));
    }
    let mut draft = cells.draft(wishes)?;
    if row.len() < header.len() {
        let why = Why::new("import-short-row").with("found", row.len());
        draft.notes.insert(0, why.with("expected", header.len()));
    }
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use caphub_proto::exchange::RecordKind;
    use serde_json::json;

    use super::*;

    fn wishes(kind: RecordKind) -> Wishes {
        Wishes { language: "fr".to_owned(), ..crate::interchange::wishes_for(kind) }
    }

    #[test]
    fn delimiters_are_found_and_columns_go_by_their_names_in_two_languages() {
        for delimiter in [",", ";", "\t", "|"] {
            let rows = [["Titre", "Début", "Pays"], ["Analyse de journaux", "2027-03-01", "Tuvalu"]];
            let text: Vec<String> = rows.iter().map(|r| r.join(delimiter)).collect();
            let reading = read(&text.join("\n"), "t.csv", &wishes(RecordKind::Session)).expect("a table");
            let draft = reading.found[0].draft.as_ref().expect("a row");
            assert_eq!(draft.title.text, "Analyse de journaux");
            assert_eq!(draft.fields["starts"], "2027-03-01");
            assert_eq!(draft.fields["countries"], json!(["TV"]));
        }
    }

    #[test]
    fn a_bad_row_says_why_and_the_others_stay() {
        let text = "title,start,country\nA,2027-03-01,TV\nB,03/04/2027,\n,2027-01-01,\nC,2027-01-01,Atlantis\nD,a,b,c\n,,\nE,\n";
        let reading = read(text, "t.csv", &wishes(RecordKind::Session)).expect("a table");
        let result = |i: usize| reading.found[i].draft.as_ref().map_err(|w| w.key).map(|d| d.notes.len());
        let all: Vec<_> = (0..reading.found.len()).map(result).collect();
        let expected = [
            Ok(0),
            Err("import-bad-date"),
            Err("import-no-title"),
            Ok(1),
            Err("import-row-width"),
            Err("import-empty-row"),
            Err("import-no-start"),
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn a_column_without_a_known_name_is_mapped_by_hand() {
        let mut wishes = wishes(RecordKind::Course);
        assert!(read("Kurs,B\nx,y\n", "t.csv", &wishes).is_err());
        wishes.map = vec![("Kurs".to_owned(), "title".to_owned())];
        let reading = read("Kurs,B\nx,y\n", "t.csv", &wishes).expect("a table");
        assert_eq!(reading.not_carried, ["B"]);
        wishes.map = vec![("Kurs".to_owned(), "nonsense".to_owned())];
        assert!(read("Kurs,B\nx,y\n", "t.csv", &wishes).is_err());
    }
}
