//! IATI 2.03: activities and organisation files as projects, with their budgets and transactions.
//!
//! An activity that breaks the schema is not taken; where and why is told, as the schema's own order of checks finds it.

mod project;
mod rules;
mod tree;

use std::collections::BTreeSet;

use caphub_proto::exchange::RecordKind;

use crate::interchange::{Format, Found, Reading, Why, Wishes};
use tree::{Node, Step, Tree};

/// Most activities of one file; the largest publishers split theirs below that.
const ITEMS_MAX: usize = 100_000;
/// Elements that become records.
const ITEMS: [&str; 2] = ["iati-activity", "iati-organisation"];

/// True where XML holds IATI activities or organisations.
pub fn is_iati(text: &str) -> bool {
    let start = text.get(..text.floor_char_boundary(64 * 1_024)).unwrap_or_default();
    ["<iati-activit", "<iati-organisation"].iter().any(|root| start.contains(root))
}

/// Reads activity by activity; no more than one is in memory as a tree.
pub fn read(text: &str, _name: &str, wishes: &Wishes) -> Result<Reading, String> {
    let (mut tree, mut found, mut not_carried) = (Tree::new(text, &ITEMS), Vec::new(), BTreeSet::new());
    let mut version = String::new();
    loop {
        match tree.next()? {
            Step::End => break,
            Step::Outer(root) => version = root.attribute("version").unwrap_or_default().to_owned(),
            Step::Item(item) => {
                found.push(read_item(&item, &version, wishes, &mut not_carried));
                if found.len() > ITEMS_MAX {
                    return Err(format!("the file has more than {ITEMS_MAX} activities"));
                }
            }
        }
    }
    Ok(Reading { format: Format::Iati, found, not_carried: not_carried.into_iter().collect() })
}

fn read_item(item: &Node, version: &str, wishes: &Wishes, not_carried: &mut BTreeSet<String>) -> Found {
    let at = format!("line {}", item.line);
    let title = project::title(item);
    if wishes.kind != RecordKind::Project {
        let draft = Err(Why::new("import-other-kind").with("type", &item.name).with("kind", "project"));
        return Found { at, title, draft };
    }
    let findings = rules::check(item);
    let draft = match findings.invalid {
        Some(fault) => {
            // A file of another version is not wrong: it says so, and what would be read.
            let other = !version.is_empty() && !version.starts_with("2.");
            let why = Why::new(if other { "import-iati-other" } else { "import-iati-invalid" });
            let why = why.with("place", fault.place).with("line", fault.line);
            Err(why.with("problem", fault.problem).with("text", version))
        }
        None => {
            let children = item.children.iter().map(|c| c.name.clone());
            not_carried.extend(children.filter(|n| !project::CARRIED.contains(&n.as_str())));
            let mut draft = project::draft(item, wishes);
            if let Ok(draft) = &mut draft {
                let codes = findings.codes.into_iter().take(8).map(|fault| {
                    let why = Why::new("import-iati-code").with("place", fault.place);
                    why.with("line", fault.line).with("problem", fault.problem)
                });
                draft.notes.extend(codes);
                if !version.is_empty() && !version.starts_with("2.") {
                    draft.notes.push(Why::new("import-iati-version").with("text", version));
                }
            }
            draft
        }
    };
    Found { at, title, draft }
}

#[cfg(test)]
mod tests;
