//! HTML: the JSON-LD blocks in a page, and the text of a fragment without its markup.
//!
//! Only the tokenizer of a browser-grade parser is used: no tree is built, so depth costs nothing.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use serde_json::Value;

use crate::interchange::{Format, Found, Reading, Why, Wishes, jsonld};

/// Most JSON-LD blocks of one page; pages have a handful.
const BLOCKS_MAX: usize = 1_000;
/// Elements after which a line ends.
const LINES: &[&str] = &[
    "p",
    "br",
    "div",
    "li",
    "ul",
    "ol",
    "tr",
    "table",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "section",
    "article",
    "blockquote",
    "pre",
    "dt",
    "dd",
    "hr",
];

/// Reads the schema.org items of a page, block by block; a block that is no JSON is told.
pub fn read(text: &str, name: &str, wishes: &Wishes) -> Result<Reading, String> {
    let (mut blocks, mut found) = (Vec::new(), Vec::new());
    let all = run(text).blocks;
    if all.len() > BLOCKS_MAX {
        return Err(format!("the page has {} JSON-LD blocks where {BLOCKS_MAX} are read", all.len()));
    }
    for (i, block) in all.iter().enumerate() {
        match serde_json::from_str::<Value>(bare(block)) {
            Ok(value) => blocks.push(value),
            Err(e) => {
                // The place of a block that cannot be read stays taken, so that pointers name the right one.
                blocks.push(Value::Null);
                let draft = Err(Why::new("import-invalid").with("problem", e));
                found.push(Found { at: format!("/{i}"), title: String::new(), draft });
            }
        }
    }
    let mut reading = jsonld::read(&Value::Array(blocks), name, wishes);
    reading.found.extend(found);
    Ok(Reading { format: Format::Html, ..reading })
}

/// True where a text begins as pages do.
pub fn is_page(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(2_048).collect::<String>().to_ascii_lowercase();
    start.contains("<!doctype html") || start.contains("<html")
}

/// Text without its markup: entities resolved, one line a block, no script, no style.
pub fn plain(fragment: &str) -> String {
    if !fragment.contains(['<', '&']) {
        return fragment.trim().to_owned();
    }
    let text = run(fragment).text;
    let mut out = String::with_capacity(text.len());
    let mut blank = 0;
    for line in text.lines().map(str::trim) {
        blank = if line.is_empty() { blank + 1 } else { 0 };
        if blank < 2 && !(line.is_empty() && out.is_empty()) {
            out.push_str(line);
            out.push('\n');
        }
    }
    out.trim_end().to_owned()
}

/// JSON without the comment or CDATA marks that older pages put around it.
fn bare(block: &str) -> &str {
    let block = block.trim();
    let pairs = [("<!--", "-->"), ("//<![CDATA[", "//]]>"), ("<![CDATA[", "]]>")];
    let inner = pairs.iter().find_map(|(a, b)| block.strip_prefix(a)?.strip_suffix(b));
    inner.unwrap_or(block).trim().trim_end_matches(';')
}

/// What a run over a page collects.
#[derive(Default)]
struct Page {
    blocks: Vec<String>,
    text: String,
    /// The element whose content is not text, while inside it.
    within: Option<(String, bool)>,
}

#[derive(Default)]
struct Sink(RefCell<Page>);

fn run(text: &str) -> Page {
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(text));
    // The sink never asks to stop, so one call takes all.
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.take()
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => match page.within.clone() {
                None => page.text.push_str(&text),
                Some((_, true)) => {
                    if let Some(block) = page.blocks.last_mut() {
                        block.push_str(&text);
                    }
                }
                Some((_, false)) => {}
            },
            Token::TagToken(tag) => return page.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl Page {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if LINES.contains(&name) {
            self.text.push('\n');
        }
        if tag.kind == TagKind::EndTag {
            if self.within.as_ref().is_some_and(|(open, _)| open == name) {
                self.within = None;
            }
            return TokenSinkResult::Continue;
        }
        let kind = match name {
            "script" => RawKind::ScriptData,
            "style" => RawKind::Rawtext,
            "title" | "textarea" => return TokenSinkResult::RawData(RawKind::Rcdata),
            _ => return TokenSinkResult::Continue,
        };
        let wanted = name == "script" && tag.attrs.iter().any(|a| is_json_ld(&a.name.local, &a.value));
        if wanted {
            self.blocks.push(String::new());
        }
        self.within = Some((name.to_owned(), wanted));
        TokenSinkResult::RawData(kind)
    }
}

fn is_json_ld(name: &str, value: &str) -> bool {
    let media = value.split(';').next().unwrap_or_default().trim();
    name == "type" && media.eq_ignore_ascii_case("application/ld+json")
}

#[cfg(test)]
mod tests {
    use caphub_proto::exchange::RecordKind;

    use super::*;
    use crate::interchange::wishes_for;

    #[test]
    fn json_ld_in_a_page_is_read_block_by_block_and_a_broken_block_is_told() {
        let page = r#"<!DOCTYPE html><html><head><title>x</title>
            <script>var a = "<script type='application/ld+json'>";</script>
            <script type="application/ld+json">{"@type": "Course", "name": "Logs </b> &amp; more"}</script>
            <SCRIPT TYPE='application/ld+json; charset=utf-8'>{"@type": </SCRIPT>
            <script type="application/ld+json"><!-- [{"@type": "Course", "name": "B"}] --></script>
            </head><body><script type="application/ld+json">{"@type":"Course","name":"never closed"}"#;
        let reading = read(page, "p.html", &wishes_for(RecordKind::Course)).expect("a page");
        let seen: Vec<_> = reading.found.iter().map(|f| (f.at.as_str(), f.title.as_str())).collect();
        assert_eq!(seen, [("/0", "Logs </b> &amp; more"), ("/2/0", "B"), ("/3", "never closed"), ("/1", "")]);
        assert!(reading.found[3].draft.is_err());
    }

    #[test]
    fn text_of_a_fragment_has_no_markup() {
        let given = "<p>A &amp; b<br/>c</p><script>x()</script><style>p{}</style><ul><li>d</ul>&lt;e&gt;";
        assert_eq!(plain(given), "A & b\nc\n\nd\n<e>");
        assert_eq!(plain(" 1 < 2 "), "1 < 2");
        assert_eq!(plain(&"<div>".repeat(200_000)), "");
    }
}
