//! The order, the presence and the types of elements, from the table beside this file.

use std::collections::HashMap;
use std::sync::LazyLock;

use caphub_proto::codes;
use jiff::civil::{Date, DateTime};

use crate::interchange::iati::tree::Node;

/// One thing that is not as the schema or a code list says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// Path inside the activity, with places from 1 where there are several of a name.
    pub place: String,
    /// Line of the file.
    pub line: usize,
    /// What is wrong, in English as the standard is.
    pub problem: String,
}

/// What the check of one activity comes to.
#[derive(Default)]
pub(super) struct Findings {
    /// The first breach of the schema.
    pub invalid: Option<Fault>,
    /// Values that no code list has.
    pub codes: Vec<Fault>,
}

/// Checks an activity or an organisation against the table.
pub(super) fn check(item: &Node) -> Findings {
    let mut findings = Findings::default();
    findings.invalid = TABLE.get(item.name.as_str()).and_then(|rule| {
        let mut check = Check { path: Vec::new(), codes: &mut findings.codes };
        check.element(item, rule).err()
    });
    findings
}

static TABLE: LazyLock<HashMap<&'static str, Element>> = LazyLock::new(|| {
    let lines = include_str!("elements.txt").lines().filter(|l| !l.starts_with(';') && !l.is_empty());
    lines.map(Element::parse).collect()
});

struct Element {
    content: Option<&'static str>,
    attributes: Vec<Attribute>,
    children: Vec<Child>,
}

struct Attribute {
    name: &'static str,
    kind: &'static str,
    required: bool,
}

struct Child {
    name: &'static str,
    kind: &'static str,
    least: usize,
    most: usize,
}

impl Element {
    fn parse(line: &'static str) -> (&'static str, Self) {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let mut out = Self { content: None, attributes: Vec::new(), children: Vec::new() };
        for word in words {
            if let Some(content) = word.strip_prefix('$') {
                out.content = Some(content);
            } else if let Some(attribute) = word.strip_prefix('@') {
                let required = attribute.ends_with('!');
                let attribute = attribute.trim_end_matches('!');
                let (name, kind) =
                    attribute.rsplit_once(':').filter(|(n, _)| *n != "xml").unwrap_or((attribute, "string"));
                out.attributes.push(Attribute { name, kind, required });
            } else {
                let (least, most) = match word.chars().last() {
                    Some('?') => (0, 1),
                    Some('*') => (0, usize::MAX),
                    Some('+') => (1, usize::MAX),
                    _ => (1, 1),
                };
                let word = word.trim_end_matches(['?', '*', '+']);
                let (name, kind) = word.split_once('=').unwrap_or((word, word));
                out.children.push(Child { name, kind, least, most });
            }
        }
        (name, out)
    }
}

struct Check<'a> {
    path: Vec<String>,
    codes: &'a mut Vec<Fault>,
}

impl Check<'_> {
    fn element(&mut self, node: &Node, rule: &Element) -> Result<(), Fault> {
        if let Some(fault) = &node.fault {
            return Err(self.fault(node, fault.clone()));
        }
        for (name, value) in &node.attributes {
            // It is of another namespace, which the schema lets stand anywhere.
            let free = Attribute { name: "xml:lang", kind: "language", required: false };
            let declared = rule.attributes.iter().find(|a| a.name == name);
            let Some(attribute) = declared.or((name == free.name).then_some(&free)) else {
                return Err(self.fault(node, format!("attribute {name} is not allowed here")));
            };
            if let Err(problem) = typed(value, attribute.kind) {
                return Err(self.fault(node, format!("{name} \"{}\" {problem}", short(value))));
            }
            if let Some(list) = beyond(value, attribute.kind) {
                let problem = format!("{name} \"{}\" is not in the code list {list}", short(value));
                let fault = self.fault(node, problem);
                self.codes.push(fault);
            }
        }
        let missing = rule.attributes.iter().find(|a| a.required && node.attribute(a.name).is_none());
        if let Some(missing) = missing {
            return Err(self.fault(node, format!("attribute {} is missing", missing.name)));
        }
        match rule.content {
            Some(kind) => typed(node.text.trim(), kind)
                .map_err(|p| self.fault(node, format!("\"{}\" {p}", short(node.text.trim()))))?,
            None if !node.text.trim().is_empty() => {
                return Err(
                    self.fault(node, format!("text \"{}\" is not allowed here", short(node.text.trim())))
                );
            }
            None => {}
        }
        self.order(node, rule)
    }

    /// The children one after the other, each rule in its turn.
    fn order(&mut self, node: &Node, rule: &Element) -> Result<(), Fault> {
        let mut children = node.children.iter().peekable();
        for due in &rule.children {
            let mut count = 0;
            while let Some(child) = children.next_if(|c| c.name == due.name && count < due.most) {
                count += 1;
                let several = node.all(due.name).nth(1).is_some();
                self.path.push(if several { format!("{}[{count}]", due.name) } else { due.name.to_owned() });
                if let Some(inner) = TABLE.get(due.kind) {
                    self.element(child, inner)?;
                }
                self.path.pop();
            }
            if count < due.least {
                return Err(match children.peek() {
                    Some(next) => {
                        self.fault_in(next, format!("{} stands where {} is due", next.name, due.name))
                    }
                    None => self.fault(node, format!("element {} is missing", due.name)),
                });
            }
        }
        match children.next() {
            None => Ok(()),
            Some(next) => {
                let known = rule.children.iter().any(|c| c.name == next.name);
                let problem = match known {
                    true => format!("element {} is out of order, or once too often", next.name),
                    false => format!("element {} is not allowed here", next.name),
                };
                Err(self.fault_in(next, problem))
            }
        }
    }

    /// A fault of an element that stands where its parent does not have it.
    fn fault_in(&self, child: &Node, problem: String) -> Fault {
        let place = self.path.iter().chain([&child.name]).cloned().collect::<Vec<_>>().join("/");
        Fault { place, line: child.line, problem }
    }

    fn fault(&self, node: &Node, problem: String) -> Fault {
        let place = if self.path.is_empty() { node.name.clone() } else { self.path.join("/") };
        Fault { place, line: node.line, problem }
    }
}

fn short(value: &str) -> String {
    value.chars().take(60).collect()
}

/// The XSD types that the table names; a code list is a string to the schema.
fn typed(value: &str, kind: &str) -> Result<(), &'static str> {
    let text = value.trim();
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (good, problem) = match kind {
        "boolean" => (matches!(text, "true" | "false" | "1" | "0"), "is neither true nor false"),
        "date" => (unzoned(text).len() == 10 && unzoned(text).parse::<Date>().is_ok(), "is not a date"),
        "dateTime" => {
            let bare = unzoned(text);
            let good = bare.len() >= 19 && bare.contains('T') && bare.parse::<DateTime>().is_ok();
            (good, "is not a date with a time")
        }
        "decimal" => {
            let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
            let good = match (whole.is_empty(), fraction.is_empty()) {
                (true, _) => digits(fraction),
                (_, true) => digits(whole),
                _ => digits(whole) && digits(fraction),
            };
            (good, "is not a decimal number")
        }
        "int" => (text.parse::<i32>().is_ok(), "is not a whole number"),
        "nonNegativeInteger" => (digits(number) && !text.starts_with('-'), "is not a whole number from 0"),
        "positiveInteger" => {
            let good = digits(number) && !text.starts_with('-') && number.bytes().any(|b| b != b'0');
            (good, "is not a whole number from 1")
        }
        "NMTOKEN" => (!text.is_empty() && !text.contains(char::is_whitespace), "is not one word"),
        "language" => {
            let part = |p: &str| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric());
            (text.is_empty() || text.split('-').all(part), "is not a language")
        }
        _ => (true, ""),
    };
    if good { Ok(()) } else { Err(problem) }
}

/// A date or time without the zone that XSD allows behind it.
fn unzoned(text: &str) -> &str {
    if let Some(bare) = text.strip_suffix('Z') {
        return bare;
    }
    let at = text.len().saturating_sub(6);
    match (text.get(..at), text.get(at..)) {
        (Some(bare), Some(zone)) if zone.starts_with(['+', '-']) && zone.as_bytes().get(3) == Some(&b':') => {
            bare
        }
        _ => text,
    }
}

/// The code list that a value is not in.
fn beyond<'a>(value: &str, kind: &'a str) -> Option<&'a str> {
    let up_to = |most: u32| value.parse::<u32>().is_ok_and(|n| (1..=most).contains(&n));
    let good = match kind {
        "ActivityStatus" => up_to(6),
        "RelatedActivityType" => up_to(5),
        "ActivityDateType" | "OrganisationRole" => up_to(4),
        "BudgetType" | "BudgetStatus" => up_to(2),
        "TransactionType" => up_to(13),
        "DocumentCategory" => {
            let number = value.get(1..).filter(|n| n.len() == 2).and_then(|n| n.parse::<u32>().ok());
            match (value.chars().next(), number) {
                (Some('A'), Some(n)) => (1..=12).contains(&n),
                (Some('B'), Some(n)) => (1..=18).contains(&n),
                _ => false,
            }
        }
        "Currency" => codes::currency::is_known(value),
        _ => true,
    };
    (!good).then_some(kind)
}
