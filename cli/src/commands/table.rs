//! Columns of text that fit a terminal of 80 columns.

use caphub_proto::exchange::Summary;
use caphub_proto::v1;
use caphub_proto::wire::PartyId;

use crate::screen;

/// Columns of a line.
const COLUMNS: usize = 80;

/// At most so many columns, with an ellipsis where something is cut off.
pub fn fit(text: &str, columns: usize) -> String {
    let plain = screen::plain(text);
    if width(&plain) <= columns {
        return plain;
    }
    let mut out = String::new();
    for c in plain.chars() {
        if width(&out) + columns_of(c) + 1 > columns {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Exactly so many columns.
pub fn pad(text: &str, columns: usize) -> String {
    let mut out = fit(text, columns);
    out.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&out))));
    out
}

/// A sentence over as many lines as it takes, each behind so many spaces.
pub fn wrapped(text: &str, indent: usize) {
    let room = COLUMNS.saturating_sub(indent).max(20);
    let mut line = String::new();
    for word in screen::plain(text).split(' ') {
        if !line.is_empty() && width(&line) + 1 + width(word) > room {
            screen::line(&format!("{}{line}", " ".repeat(indent)));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&fit(word, room));
    }
    if !line.is_empty() {
        screen::line(&format!("{}{line}", " ".repeat(indent)));
    }
}

/// A sentence over as many lines as it takes, those after the first behind so many spaces. A word that fits no line,
/// such as a path, stays whole: it is there to be copied.
pub fn folded(text: &str, indent: usize) -> Vec<String> {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for word in text.split(' ') {
        if !line.trim().is_empty() && width(&line) + 1 + width(word) > COLUMNS {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// The title of a record, harmless.
pub fn title(record: &v1::Record) -> String {
    let summary = record.revision.as_ref().and_then(Summary::of).map(|(_, s)| s).unwrap_or_default();
    screen::plain(&summary.title)
}

/// The name of a record's owner, or the short form of its id.
pub fn who(record: &v1::Record) -> String {
    match record.party_name.is_empty() {
        true => PartyId::from_slice(&record.party_id).map(|p| p.short()).unwrap_or_default(),
        false => screen::all_names(&record.party_name, record.self_named, &record.also_named),
    }
}

fn width(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Columns of a character: two for the wide ones of East Asia, none for marks that stand on another.
fn columns_of(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_fits_the_columns_and_loses_no_word() {
        let said = format!("error: {}{}", "事件响应 ".repeat(30), "one two three ".repeat(12));
        let lines = folded(said.trim_end(), 7);
        assert!(lines.len() > 3 && lines.iter().all(|l| width(l) <= COLUMNS), "{lines:?}");
        assert!(lines.iter().skip(1).all(|l| l.starts_with("       ") && !l.starts_with("        ")));
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&lines.join(" ")), words(&said));
        assert_eq!(folded("error: short", 7), ["error: short"]);
    }

    #[test]
    fn columns_hold_what_they_say_in_any_script() {
        for text in [
            "Train three analysts for the CSIRT",
            "事件响应培训课程与支持",
            "تدريب المحللين على الاستجابة",
            "",
        ] {
            for columns in [1, 5, 12, 60] {
                assert_eq!(width(&pad(text, columns)), columns, "{text}");
            }
        }
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abcd", 3), "ab…");
    }
}
