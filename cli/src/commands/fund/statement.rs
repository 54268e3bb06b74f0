//! Every amount that moved, and totals that add up to the last unit.

use caphub_proto::exchange::amount::Amount;
use caphub_proto::exchange::fund::{Account, Line};
use serde_json::json;

use super::Found;
use crate::commands::{Context, acting, table};
use crate::failure::Outcome;
use crate::screen;
use crate::texts::Texts;

/// Totals, in the order in which they are shown.
const SUMS: [&str; 6] =
    ["fund-paid-in", "fund-refunded", "fund-paid-back", "fund-disbursed", "fund-committed", "fund-free"];

pub(super) fn print(context: &Context, id: &str) -> Outcome {
    let found = Found::of(context, id)?;
    let fund = &found.fund;
    if context.json {
        let lines = fund.ledger.lines().iter().map(|line| {
            json!({
                "act": line.what, "entry_hash": line.act.to_string(), "time_ms": line.time_ms, "currency": line.currency,
                "from": account(&found, &line.from), "to": account(&found, &line.to), "amount": line.amount.to_string(),
            })
        });
        let totals = fund.ledger.totals().iter().map(|(currency, t)| {
            json!({
                "currency": currency, "paid_in": t.paid_in.to_string(), "refunded": t.refunded.to_string(),
                "paid_back": t.paid_back.to_string(), "disbursed": t.disbursed.to_string(),
                "committed": t.committed.to_string(), "free": t.free.to_string(), "adds_up": t.adds_up(),
            })
        });
        screen::json(&json!({ "lines": lines.collect::<Vec<_>>(), "totals": totals.collect::<Vec<_>>() }));
        return Ok(());
    }
    let t = &context.texts;
    let lines = fund.ledger.lines().iter();
    // As wide as the longest name that is there.
    let columns = lines.map(|l| table::width(&t.named("act", l.what))).max().unwrap_or(0).max(8);
    let sums = SUMS.map(|key| table::width(&t.t(key))).into_iter().max().unwrap_or(0);
    for (currency, totals) in fund.ledger.totals() {
        let lines: Vec<&Line> = fund.ledger.lines().iter().filter(|l| l.currency == *currency).collect();
        // As many digits for all as the longest has: columns of a sum must stand below each other.
        let digits = lines.iter().map(|l| fraction(l.amount)).max().unwrap_or(2).max(2);
        acting::line(currency);
        for line in lines {
            let amount = line.amount.text(digits);
            let way = format!("{} > {}", shown(t, &found, &line.from), shown(t, &found, &line.to));
            let act = table::pad(&t.named("act", line.what), columns);
            acting::line(&format!("  {}  {act} {amount:>20}  {way}", acting::day(line.time_ms)));
        }
        let amounts = [
            totals.paid_in,
            totals.refunded,
            totals.paid_back,
            totals.disbursed,
            totals.committed,
            totals.free,
        ];
        for (key, amount) in SUMS.iter().zip(amounts) {
            let (name, amount) = (table::pad(&t.t(key), sums), amount.text(digits));
            // Under the amounts above.
            let room = (columns + 33).saturating_sub(sums);
            acting::line(&format!("  {name}{amount:>room$}"));
        }
        let key = if totals.adds_up() { "fund-adds-up" } else { "fund-adds-not-up" };
        acting::line(&format!("  {}", t.t(key)));
    }
    if fund.ledger.lines().is_empty() {
        context.say("fund-no-money", &[]);
    }
    Ok(())
}

fn fraction(amount: Amount) -> usize {
    amount.to_string().split_once('.').map_or(0, |(_, digits)| digits.len())
}

/// An account as people read it.
fn shown(t: &Texts, found: &Found, of: &Account) -> String {
    if matches!(of, Account::Free) { t.t("fund-account-free") } else { account(found, of) }
}

/// An account; only `free` is a code.
fn account(found: &Found, account: &Account) -> String {
    let title = |hash| found.fund.proposals.get(hash).map(|p| p.title.clone()).unwrap_or_default();
    match account {
        Account::Donor(party) => acting::name_of(&found.replica, party),
        Account::Free => "free".to_owned(),
        Account::Committed(hash) => format!("[{}]", title(hash)),
        Account::Paid(hash) => {
            let recipient = found.fund.proposals.get(hash).map(|p| p.recipient);
            recipient.map(|p| acting::name_of(&found.replica, &p)).unwrap_or_default()
        }
    }
}
