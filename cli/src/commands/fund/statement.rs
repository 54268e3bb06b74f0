//! Every amount that moved, and totals that add up to the last unit.

use caphub_proto::exchange::amount::Amount;
use caphub_proto::exchange::fund::{Account, Line};
use serde_json::json;

use super::Found;
use crate::commands::{Context, acting};
use crate::failure::Outcome;
use crate::screen;

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
    for (currency, totals) in fund.ledger.totals() {
        let lines: Vec<&Line> = fund.ledger.lines().iter().filter(|l| l.currency == *currency).collect();
        // As many digits for all as the longest has: columns of a sum must stand below each other.
        let digits = lines.iter().map(|l| fraction(l.amount)).max().unwrap_or(2).max(2);
        acting::line(currency);
        for line in lines {
            let amount = line.amount.text(digits);
            let way = format!("{} > {}", account(&found, &line.from), account(&found, &line.to));
            acting::line(&format!("  {}  {:<8} {amount:>20}  {way}", acting::day(line.time_ms), line.what));
        }
        for (key, amount) in [
            ("fund-paid-in", totals.paid_in),
            ("fund-refunded", totals.refunded),
            ("fund-paid-back", totals.paid_back),
            ("fund-disbursed", totals.disbursed),
            ("fund-committed", totals.committed),
            ("fund-free", totals.free),
        ] {
            acting::line(&format!("  {:<19} {:>21}", t.t(key), amount.text(digits)));
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

/// An account as people read it; only `free` is a code.
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
