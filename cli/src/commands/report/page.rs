//! The report as one page: no scripts, nothing fetched, foreign text escaped and kept to its own direction.

use super::{Cell, Content, Sheet};
use crate::screen;

/// Looks of the page; readable on paper too.
const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}\
table{border-collapse:collapse;width:100%;margin:0 0 2rem}\
th,td{border-bottom:1px solid #bbb;padding:.25rem .5rem;text-align:start;vertical-align:top}\
td.n,th.n{text-align:end;font-variant-numeric:tabular-nums}\
th{border-bottom:2px solid #555}h2{margin-top:2rem}\
@media print{body{margin:0;max-width:none}tr{break-inside:avoid}}";

/// The whole page.
pub(super) fn render(content: &Content) -> String {
    let title = escape(&content.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{}\" dir=\"ltr\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
         </head>\n<body>\n<h1>{title}</h1>\n",
        escape(&content.language)
    );
    for note in &content.notes {
        out.push_str(&format!("<p>{}</p>\n", escape(note)));
    }
    content.sheets.iter().for_each(|sheet| table(&mut out, sheet, &content.none));
    out.push_str("</body>\n</html>\n");
    out
}

fn table(out: &mut String, sheet: &Sheet, none: &str) {
    out.push_str(&format!("<h2>{}</h2>\n", escape(&sheet.title)));
    if sheet.rows.is_empty() {
        out.push_str(&format!("<p>{}</p>\n", escape(none)));
        return;
    }
    out.push_str("<table>\n<thead><tr>");
    let first = sheet.rows.first();
    for (at, column) in sheet.columns.iter().enumerate() {
        let counts = first.and_then(|row| row.get(at)).is_some_and(|cell| matches!(cell, Cell::Number(_)));
        let class = if counts { " class=\"n\"" } else { "" };
        out.push_str(&format!("<th scope=\"col\"{class}>{}</th>", escape(column)));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &sheet.rows {
        out.push_str("<tr>");
        for cell in row {
            match cell {
                // The direction of each text is its own: one written from right to left does not turn its row.
                Cell::Text(text) => out.push_str(&format!("<td dir=\"auto\">{}</td>", escape(text))),
                Cell::Number(number) => out.push_str(&format!("<td class=\"n\">{number}</td>")),
            }
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}

/// Text without its power over the page.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in screen::plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::tests_hostile::{HOSTILE, content};
    use super::*;

    #[test]
    fn no_text_of_anybody_becomes_markup_or_turns_the_page() {
        let page = render(&content());
        let body = page.split_once("</style>").map(|(_, rest)| rest).unwrap_or_default();
        for word in ["<script", "<img", "onerror=\"", "javascript:alert(1)\"", "\u{202e}", "\u{1b}", "\u{0}"]
        {
            assert!(!body.contains(word), "{word:?}");
        }
        assert_eq!(page.matches("<td dir=\"auto\">").count(), HOSTILE.len());
        assert_eq!(page.matches("</td>").count(), HOSTILE.len() * 2);
        assert!(page.contains("&lt;script&gt;") && page.contains("توفالو"));
    }
}
