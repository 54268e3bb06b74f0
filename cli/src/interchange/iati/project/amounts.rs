//! Budgets and transactions; where there are more than a record holds, one sum a year.

use std::collections::BTreeMap;

use caphub_proto::codes;
use caphub_proto::exchange::check::LIST_MAX;
use caphub_proto::v1::{Money, Project, ProjectAmount, Window};
use caphub_proto::wire::limits::BODY_BYTES_MAX;
use prost::Message;

use crate::interchange::Why;
use crate::interchange::iati::project::{date, field, name};
use crate::interchange::iati::tree::Node;

/// Digits behind the point that sums keep; published amounts have two, rates of exchange up to six.
const SCALE: usize = 9;
/// Room that a record leaves for its source, its texts of other fields and the salt.
const SPARE_BYTES: usize = 4_096;

/// Fills budgets and transactions.
pub(super) fn fill(item: &Node, project: &mut Project, notes: &mut Vec<Why>) {
    let default = item.get("default-currency");
    let mut left = 0;
    let mut amounts = |elements: &mut dyn Iterator<Item = &Node>, of: fn(&Node) -> ProjectAmount| {
        let mut out = Vec::new();
        for element in elements {
            match value(element, default) {
                Some(money) => out.push(ProjectAmount { value: Some(money), ..of(element) }),
                None => left += 1,
            }
        }
        out
    };
    let mut budgets = amounts(&mut item.all("budget"), budget);
    budgets.extend(amounts(&mut item.all("planned-disbursement"), planned));
    for kind in
        ["total-budget", "recipient-org-budget", "recipient-region-budget", "recipient-country-budget"]
    {
        budgets.extend(amounts(&mut item.all(kind), organisation));
    }
    let mut transactions = amounts(&mut item.all("transaction"), transaction);
    transactions.extend(amounts(&mut item.all("total-expenditure"), organisation));
    if left > 0 {
        notes.push(Why::new("import-left-amounts").with("found", left));
    }
    project.budgets = bounded(budgets, notes);
    project.transactions = bounded(transactions, notes);
    let over = |p: &Project| p.encoded_len() + SPARE_BYTES > BODY_BYTES_MAX;
    if over(project) {
        project.transactions = yearly(std::mem::take(&mut project.transactions), notes);
    }
    if over(project) {
        project.budgets = yearly(std::mem::take(&mut project.budgets), notes);
    }
}

fn bounded(amounts: Vec<ProjectAmount>, notes: &mut Vec<Why>) -> Vec<ProjectAmount> {
    if amounts.len() <= LIST_MAX { amounts } else { yearly(amounts, notes) }
}

fn budget(node: &Node) -> ProjectAmount {
    let kind = if node.get("type").is_empty() { "1" } else { node.get("type") };
    ProjectAmount { amount_type: field(kind), window: period(node), ..ProjectAmount::default() }
}

fn organisation(node: &Node) -> ProjectAmount {
    let to = node.children.iter().find(|c| c.name.starts_with("recipient-"));
    let named = to.map(name).filter(|n| !n.is_empty()).or_else(|| to.map(|t| field(t.get("code"))));
    ProjectAmount {
        amount_type: node.name.clone(),
        window: period(node),
        to: named.unwrap_or_default(),
        ..ProjectAmount::default()
    }
}

/// What is to be paid out, by whom and to whom.
fn planned(node: &Node) -> ProjectAmount {
    ProjectAmount {
        amount_type: node.name.clone(),
        window: period(node),
        from: organisation_of(node, "provider-org"),
        to: organisation_of(node, "receiver-org"),
        ..ProjectAmount::default()
    }
}

fn organisation_of(node: &Node, child: &str) -> String {
    node.child(child).map(name).unwrap_or_default()
}

fn transaction(node: &Node) -> ProjectAmount {
    let of = |child: &str| organisation_of(node, child);
    ProjectAmount {
        amount_type: node.child("transaction-type").map(|t| field(t.get("code"))).unwrap_or_default(),
        date: node.child("transaction-date").map(|d| date(d.get("iso-date"))).unwrap_or_default(),
        from: of("provider-org"),
        to: of("receiver-org"),
        note: of("description"),
        ..ProjectAmount::default()
    }
}

fn period(node: &Node) -> Option<Window> {
    let day = |child: &str| node.child(child).map(|d| date(d.get("iso-date"))).unwrap_or_default();
    let window = Window { from: day("period-start"), until: day("period-end") };
    let right_way = window.until.is_empty() || window.from <= window.until;
    (right_way && window != Window::default()).then_some(window)
}

/// The amount in the form of a record; nothing without a currency that is known.
fn value(node: &Node, default: &str) -> Option<Money> {
    let value = node.child("value")?;
    let stated = value.get("currency");
    let currency = if stated.is_empty() { default } else { stated };
    let amount = decimal(value.text.trim())?;
    codes::currency::is_known(currency).then(|| Money { amount, currency: currency.to_owned() })
}

/// A decimal with digits on both sides of its point, and no sign but a minus.
fn decimal(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let plain = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.len() > 18 || fraction.len() > 18 || !plain(whole) || !plain(fraction) {
        return None;
    }
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// One sum for each type, currency and year; exact, or the amounts that cannot be summed are told.
fn yearly(amounts: Vec<ProjectAmount>, notes: &mut Vec<Why>) -> Vec<ProjectAmount> {
    let (count, mut left) = (amounts.len(), 0);
    let mut sums: BTreeMap<(String, String, String), (i128, usize)> = BTreeMap::new();
    for amount in amounts {
        let money = amount.value.clone().unwrap_or_default();
        let day = if amount.date.is_empty() { amount.window.unwrap_or_default().from } else { amount.date };
        let year = day.get(..4).unwrap_or_default().to_owned();
        let sum = sums.entry((amount.amount_type, money.currency, year)).or_default();
        match scaled(&money.amount).and_then(|value| sum.0.checked_add(value)) {
            Some(total) => *sum = (total, sum.1 + 1),
            None => left += 1,
        }
    }
    notes.push(Why::new("import-summed").with("found", count).with("kept", sums.len().min(LIST_MAX)));
    if left > 0 || sums.len() > LIST_MAX {
        let beyond: usize = sums.values().skip(LIST_MAX).map(|(_, n)| n).sum();
        notes.push(Why::new("import-left-amounts").with("found", left + beyond));
    }
    let one = |((amount_type, currency, year), (total, count)): ((String, String, String), (i128, usize))| {
        let value = Some(Money { amount: unscaled(total), currency });
        let window = Window { from: format!("{year}-01-01"), until: format!("{year}-12-31") };
        let window = (year.len() == 4).then_some(window);
        ProjectAmount {
            amount_type,
            value,
            window,
            note: format!("sum of {count}"),
            ..ProjectAmount::default()
        }
    };
    sums.into_iter().take(LIST_MAX).map(one).collect()
}

fn scaled(amount: &str) -> Option<i128> {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > SCALE {
        return None;
    }
    format!("{whole}{fraction:0<SCALE$}").parse().ok()
}

fn unscaled(total: i128) -> String {
    let one = 10_i128.pow(SCALE as u32);
    let (whole, fraction) =
        (total.unsigned_abs() / one.unsigned_abs(), total.unsigned_abs() % one.unsigned_abs());
    let sign = if total < 0 { "-" } else { "" };
    let fraction = format!("{fraction:0SCALE$}");
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_into_one_form_and_sums_are_exact() {
        for (given, expected) in
            [("+5", Some("5")), (".50", Some("0.50")), ("-007.", Some("-7")), ("1e3", None), ("", Some("0"))]
        {
            assert_eq!(decimal(given).as_deref(), expected, "{given}");
        }
        let amounts = ["0.1", "0.2", "-1.005", "1"].map(|amount| ProjectAmount {
            amount_type: "3".to_owned(),
            date: "2027-05-01".to_owned(),
            value: Some(Money { amount: amount.to_owned(), currency: "EUR".to_owned() }),
            ..ProjectAmount::default()
        });
        let mut notes = Vec::new();
        let sums = yearly(amounts.to_vec(), &mut notes);
        assert_eq!(sums.len(), 1);
        assert_eq!(sums[0].value.as_ref().map(|m| m.amount.as_str()), Some("0.295"));
        assert_eq!(notes[0].key, "import-summed");
    }
}
