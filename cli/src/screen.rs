//! What reaches the terminal: data on stdout, talk on stderr, foreign text without its power over the screen.

use std::io::{IsTerminal, Write};

use caphub_node::texts::{Texts, columns, is_active};
use caphub_proto::exchange::Summary;
use caphub_proto::v1;
use caphub_proto::wire::{Audience, PartyId};

pub use caphub_node::texts::plain;

/// The same of text that has lines, for a terminal.
fn plain_lines(text: &str) -> String {
    let keep = |c: char| if c == '\n' || c == '\t' || !is_active(c) { c } else { '\u{fffd}' };
    text.chars().filter(|c| *c != '\r').map(keep).collect()
}

/// Columns of a kind's name in lists.
const KIND_COLUMNS: usize = 8;
/// Where the second line of a record begins.
const TAIL_INDENT: usize = 10;

/// Every name under which hubs known here admit somebody, harmless.
pub fn all_names(first: &str, self_named: bool, also: &[String]) -> String {
    let also = also.iter().map(|name| format!(" / {}", plain(name)));
    std::iter::once(name(first, self_named)).chain(also).collect()
}

/// A name, harmless; marked where no hub known here stands behind it.
pub fn name(name: &str, self_named: bool) -> String {
    if self_named { format!("(?) {}", plain(name)) } else { plain(name) }
}

/// JSON with nothing in its strings that acts on a screen; it says the same.
fn plain_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            // Between values; within strings they are escaped already.
            '\n' => out.push(c),
            c if is_active(c) => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
            }
            c => out.push(c),
        }
    }
    out
}

/// Asks one question on the terminal; `default` where nothing is typed.
pub fn ask(question: &str, default: &str) -> std::io::Result<String> {
    let mut err = std::io::stderr();
    match default.is_empty() {
        true => write!(err, "{question}: ")?,
        false => write!(err, "{question} [{default}]: ")?,
    }
    err.flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let answer = line.trim();
    Ok(if answer.is_empty() { default.to_owned() } else { answer.to_owned() })
}

/// True where a person sits there, or answers are piped in.
pub fn may_ask() -> bool {
    std::io::stdin().is_terminal() || std::env::var_os("CAPHUB_ASK").is_some()
}

/// What a person reads, on stdout: lines no wider than the columns, what goes on below a little further in.
pub fn line(text: &str) {
    if text.is_empty() {
        return raw(text);
    }
    for line in text.lines() {
        let indent = line.len() - line.trim_start_matches(' ').len() + 2;
        columns::folded(line, indent).iter().for_each(|line| raw(line));
    }
}

/// A line of stdout as it is, for programs and for copying; a closed pipe ends the program quietly.
pub fn raw(text: &str) {
    if writeln!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Text on stdout as it is; a closed pipe ends the program quietly.
pub fn text(text: &str) {
    if write!(std::io::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Bytes on stdout: as they are into a file or a pipe, without power over the screen on a terminal. A closed pipe ends
/// the program quietly.
pub fn bytes(bytes: &[u8]) {
    if std::io::stdout().is_terminal() {
        return text(&plain_lines(&String::from_utf8_lossy(bytes)));
    }
    if std::io::stdout().write_all(bytes).is_err() {
        std::process::exit(0);
    }
}

/// A JSON value on stdout.
pub fn json(value: &serde_json::Value) {
    raw(&plain_json(&serde_json::to_string_pretty(value).unwrap_or_default()));
}

/// The id of a record as people type it: the first characters of the party and the record's own.
pub fn record_id(record: &v1::Record) -> String {
    hex::encode(&record.record_id)
}

/// A record on one line where it fits the columns, else on two: below, whose it is and for whom.
pub fn record_line(texts: &Texts, record: &v1::Record) -> String {
    record_line_after(texts, "", record)
}

/// The same behind something short.
pub fn record_line_after(texts: &Texts, before: &str, record: &v1::Record) -> String {
    let summary = record.revision.as_ref().and_then(Summary::of).map(|(_, s)| s).unwrap_or_default();
    let who = match record.party_name.is_empty() {
        true => PartyId::from_slice(&record.party_id).map(|p| p.short()).unwrap_or_default(),
        false => all_names(&record.party_name, record.self_named, &record.also_named),
    };
    let mut tail = vec![who];
    if !summary.countries.is_empty() {
        tail.push(summary.countries.join(" "));
    }
    if !summary.themes.is_empty() {
        tail.push(summary.themes.join(" "));
    }
    let dates = [summary.from, summary.until].join("/");
    if dates != "/" {
        tail.push(dates);
    }
    if matches!(Audience::decode(&record.audience), Some(Audience::Sealed(_))) {
        // Whoever copies a line into a paper must see that others do not read it.
        tail.push("SEALED".to_owned());
    }
    let id = record_id(record);
    let short = id.get(..8).unwrap_or(&id);
    let kind = columns::pad(&texts.named("kind", &record.kind), KIND_COLUMNS);
    let (title, tail) = (plain(&summary.title), format!("({})", plain(&tail.join("; "))));
    let line = format!("{before}{short}  {kind} {title}  {tail}");
    match columns::width(&line) <= columns::COLUMNS {
        true => line,
        false => {
            let title = columns::fit(&format!("{before}{short}  {kind} {title}"), columns::COLUMNS);
            let below = columns::folded(&format!("{}{tail}", " ".repeat(TAIL_INDENT)), TAIL_INDENT + 1);
            let below: Vec<String> = below.iter().map(|l| columns::fit(l, columns::COLUMNS)).collect();
            format!("{title}\n{}", below.join("\n"))
        }
    }
}

/// A record as one JSON object, empty fields left out.
pub fn record_json(record: &v1::Record) -> serde_json::Value {
    use caphub_proto::v1::revision::Record;
    let revision = record.revision.clone().unwrap_or_default();
    let body = match &revision.record {
        Some(Record::Profile(r)) => serde_json::to_value(r),
        Some(Record::Need(r)) => serde_json::to_value(r),
        Some(Record::Offer(r)) => serde_json::to_value(r),
        Some(Record::Course(r)) => serde_json::to_value(r),
        Some(Record::Session(r)) => serde_json::to_value(r),
        Some(Record::Attestation(r)) => serde_json::to_value(r),
        Some(Record::Recognition(r)) => serde_json::to_value(r),
        Some(Record::Refusal(r)) => serde_json::to_value(r),
        Some(Record::Reply(r)) => serde_json::to_value(r),
        Some(Record::NodeCard(r)) => serde_json::to_value(r),
        Some(Record::Withdraw(r)) => serde_json::to_value(r),
        Some(Record::Call(r)) => serde_json::to_value(r),
        Some(Record::Nomination(r)) => serde_json::to_value(r),
        Some(Record::Engagement(r)) => serde_json::to_value(r),
        Some(Record::Fellowship(r)) => serde_json::to_value(r),
        Some(Record::Fund(r)) => serde_json::to_value(r),
        Some(Record::Technique(r)) => serde_json::to_value(r),
        Some(Record::Artifact(r)) => serde_json::to_value(r),
        Some(Record::Endorsement(r)) => serde_json::to_value(r),
        Some(Record::Barrier(r)) => serde_json::to_value(r),
        Some(Record::Vocabulary(r)) => serde_json::to_value(r),
        Some(Record::RuleSet(r)) => serde_json::to_value(r),
        Some(Record::Project(r)) => serde_json::to_value(r),
        Some(Record::Erasure(r)) => serde_json::to_value(r),
        // It holds keys, which are for no screen.
        Some(Record::ThreadGrant(_)) | None => Ok(serde_json::Value::Null),
    };
    let mut value = serde_json::json!({
        "id": record_id(record),
        "party": PartyId::from_slice(&record.party_id).map(|p| p.to_string()).unwrap_or_default(),
        "party_name": record.party_name,
        "self_named": record.self_named.then_some(true),
        "also_named": record.also_named,
        "standing": record.standing,
        "kind": record.kind,
        "number": revision.number,
        "withdrawn": record.withdrawn,
        "void_reason": record.void_reason,
        "conflicts": record.conflicts.iter().map(hex::encode).collect::<Vec<_>>(),
        "record": body.unwrap_or_default(),
        "sealing": revision.sealing.map(|s| sealing_json(&s)),
        "not_confirmed_since_ms": crate::commands::confirmed::lapsed_ms(record),
        "source": revision.source.and_then(|s| serde_json::to_value(s).ok()),
    });
    prune(&mut value);
    value
}

/// The thread of a sealed record, and whom it was sealed to besides its author's party.
fn sealing_json(sealing: &v1::Sealing) -> serde_json::Value {
    let opening = caphub_proto::exchange::seal::opening(sealing);
    let thread = opening.map(|o| hex::encode(caphub_proto::exchange::seal::thread(&o))).unwrap_or_default();
    let parties = sealing.parties.iter().filter_map(|p| PartyId::from_slice(p)).map(|p| p.to_string());
    serde_json::json!({ "thread": thread, "parties": parties.collect::<Vec<_>>() })
}

/// Leaves out empty strings, lists, objects and nulls below the top.
pub fn prune(value: &mut serde_json::Value) {
    use serde_json::Value;
    let empty = |v: &Value| match v {
        Value::Null => true,
        Value::String(s) => s.is_empty(),
        Value::Array(a) => a.is_empty(),
        Value::Object(o) => o.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(prune);
            map.retain(|_, v| !empty(v));
        }
        Value::Array(list) => list.iter_mut().for_each(prune),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_move_the_cursor_or_turn_the_line() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c\r"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}");
        assert_eq!(plain("Тувалу 图瓦卢 توفالو"), "Тувалу 图瓦卢 توفالو");
    }

    #[test]
    fn foreign_text_has_no_power_over_a_screen_on_any_way_out() {
        let hostile = "a\u{1b}]0;x\u{7}b\u{9b}2Jc\u{202e}d\u{e0041}e\r\nf\tg";
        assert!(!plain(hostile).chars().any(is_active));
        let lines = plain_lines(hostile);
        assert!(!lines.chars().any(|c| is_active(c) && !matches!(c, '\n' | '\t')), "{lines:?}");
        assert!(lines.ends_with("e\nf\tg"));
        let value = serde_json::json!({ "title": hostile });
        let json = plain_json(&serde_json::to_string_pretty(&value).expect("JSON"));
        assert!(!json.chars().any(|c| is_active(c) && c != '\n'), "{json:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).expect("JSON"), value);
    }

    #[test]
    fn a_record_takes_no_more_than_eighty_columns_in_any_script_and_keeps_whose_it_is() {
        use caphub_proto::v1::revision::Record;
        let titles = [
            "Train three analysts",
            "为太平洋岛屿国家的计算机安全事件响应小组培训三名事件响应分析员并提供实习机会和长期指导",
            "تدريب ثلاثة محللين على الاستجابة للحوادث السيبرانية في الدول الجزرية الصغيرة النامية",
            "Подготовка трёх аналитиков по реагированию на инциденты для малых островных государств",
        ];
        let names = [
            "Tuvalu CERT",
            "国家计算机网络应急技术处理协调中心与区域合作伙伴联合会秘书处",
            "Министерство связи и массовых коммуникаций",
        ];
        for language in ["en", "fr"] {
            let texts = crate::texts::of(language);
            for (title, name) in titles.iter().flat_map(|t| names.iter().map(move |n| (t, n))) {
                let text = v1::LocalisedText { text: (*title).to_owned(), ..Default::default() };
                let need = v1::Need {
                    title: Some(text),
                    themes: vec!["incident_management".to_owned(), "culture_skills".to_owned()],
                    countries: ["TV", "WS", "FJ"].map(str::to_owned).to_vec(),
                    ..Default::default()
                };
                let revision = v1::Revision { record: Some(Record::Need(need)), ..Default::default() };
                let record = v1::Record {
                    record_id: vec![7; 16],
                    kind: "need".to_owned(),
                    party_name: (*name).to_owned(),
                    revision: Some(revision),
                    ..Default::default()
                };
                for before in ["", "2026-11-25  "] {
                    let line = record_line_after(&texts, before, &record);
                    assert!(line.lines().all(|l| columns::width(l) <= columns::COLUMNS), "{line}");
                    let begin: String = name.chars().take(8).collect();
                    assert!(line.contains(&begin) && line.contains("07070707"), "{line}");
                }
            }
        }
    }
}
