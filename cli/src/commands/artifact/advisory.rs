//! Known weaknesses as CSAF, OpenVEX or CycloneDX state them: what of them people read before a download.

use std::io::Read;
use std::path::Path;

use caphub_proto::v1::Advisory;
use serde::Deserialize;

use crate::failure::Failure;

/// Largest file that is read, in bytes.
const BYTES_MAX: u64 = 4 << 20;
/// Most bytes of a text that is kept.
const TEXT_BYTES_MAX: usize = 1_024;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Any {
    document: Option<CsafDocument>,
    #[serde(rename = "@context")]
    context: serde_json::Value,
    #[serde(rename = "@id")]
    id: Option<String>,
    timestamp: Option<String>,
    last_updated: Option<String>,
    statements: Vec<VexStatement>,
    #[serde(rename = "bomFormat")]
    bom_format: String,
    #[serde(rename = "serialNumber")]
    serial_number: Option<String>,
    metadata: Option<CycloneMetadata>,
    vulnerabilities: Vec<Weakness>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CsafDocument {
    title: String,
    aggregate_severity: Option<Severity>,
    tracking: Tracking,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Severity {
    text: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Tracking {
    id: String,
    current_release_date: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct VexStatement {
    vulnerability: serde_json::Value,
    status: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CycloneMetadata {
    timestamp: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Weakness {
    id: Option<String>,
    title: Option<String>,
    cve: Option<String>,
    ratings: Vec<Rating>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Rating {
    severity: Option<String>,
}

/// Reads a file of any of them.
pub(super) fn read(path: &Path) -> Result<Advisory, Failure> {
    let bytes = small_file(path, BYTES_MAX)?;
    let wrong = || Failure::usage("error-advisory").with("path", path.display()).hint("hint-advisory");
    parse(&bytes).ok_or_else(wrong)
}

fn parse(bytes: &[u8]) -> Option<Advisory> {
    let text = std::str::from_utf8(bytes).ok()?.trim_start_matches('\u{feff}');
    let any: Any = serde_json::from_str(text).ok()?;
    let made = |format: &str, identifier: String, title: String, severity: String, date: &str| {
        let identifier = short(identifier);
        (!identifier.is_empty()).then(|| Advisory {
            advisory_format: format.to_owned(),
            title: if title.is_empty() { identifier.clone() } else { short(title) },
            identifier,
            severity: short(severity),
            date: day(date),
            file: None,
        })
    };
    if let Some(document) = any.document {
        let severity = document.aggregate_severity.unwrap_or_default().text;
        let tracking = document.tracking;
        return made("csaf", tracking.id, document.title, severity, &tracking.current_release_date);
    }
    let openvex = any.context.as_str().is_some_and(|c| c.starts_with("https://openvex.dev/"));
    if openvex {
        let each = any.statements.iter().take(8).map(|s| {
            let name = s.vulnerability.as_str().or_else(|| s.vulnerability["name"].as_str());
            format!("{} {}", name.unwrap_or("?"), s.status)
        });
        let title = each.collect::<Vec<_>>().join(", ");
        let date = any.last_updated.or(any.timestamp).unwrap_or_default();
        return made("openvex", any.id.unwrap_or_default(), title, String::new(), &date);
    }
    if any.bom_format == "CycloneDX" && !any.vulnerabilities.is_empty() {
        let first = any.vulnerabilities.first();
        let severity = first.and_then(|w| w.ratings.first()?.severity.clone()).unwrap_or_default();
        let names =
            any.vulnerabilities.iter().filter_map(|w| w.id.clone().or(w.cve.clone()).or(w.title.clone()));
        let title = names.take(8).collect::<Vec<_>>().join(", ");
        let date = any.metadata.and_then(|m| m.timestamp).unwrap_or_default();
        return made("cyclonedx", any.serial_number.unwrap_or_else(|| title.clone()), title, severity, &date);
    }
    None
}

/// The day of a time; empty where it is none.
fn day(text: &str) -> String {
    let day = text.get(..10).unwrap_or_default();
    day.parse::<jiff::civil::Date>().map(|d| d.to_string()).unwrap_or_default()
}

/// A file of bounded size.
pub(super) fn small_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let failed = |e: std::io::Error| Failure::new("error-file").with("path", path.display()).because(e);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > bytes_max {
        true => Err(Failure::usage("error-file-large").with("path", path.display()).with("bytes", bytes_max)),
        false => Ok(bytes),
    }
}

fn short(mut text: String) -> String {
    let end = text.floor_char_boundary(TEXT_BYTES_MAX.min(text.len()));
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_gives_what_people_read_first() {
        let csaf = r#"{"document":{"category":"csaf_security_advisory","title":"Flaw in tool",
            "aggregate_severity":{"text":"High"},
            "tracking":{"id":"EX-2026-01","current_release_date":"2026-11-20T10:00:00Z"}}}"#;
        let found = parse(csaf.as_bytes()).expect("an advisory");
        assert_eq!(
            (found.identifier.as_str(), found.severity.as_str(), found.date.as_str()),
            ("EX-2026-01", "High", "2026-11-20")
        );
        let vex = r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.org/vex/1",
            "timestamp":"2026-01-02T00:00:00Z",
            "statements":[{"vulnerability":{"name":"CVE-2026-1"},"status":"not_affected"}]}"#;
        assert_eq!(parse(vex.as_bytes()).expect("an advisory").title, "CVE-2026-1 not_affected");
        let cyclone = r#"{"bomFormat":"CycloneDX","vulnerabilities":[{"id":"CVE-2026-2","ratings":[{"severity":"low"}]}]}"#;
        assert_eq!(parse(cyclone.as_bytes()).expect("an advisory").severity, "low");
    }

    #[test]
    fn anything_else_is_none() {
        for hostile in
            ["", "{}", "[]", r#"{"document":{}}"#, r#"{"bomFormat":"CycloneDX"}"#, &"{\"a\":".repeat(9_999)]
        {
            assert_eq!(parse(hostile.as_bytes()), None, "{:.30}", hostile);
        }
    }
}
