//! What providers have promised to funds, and what came of it.

use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts;
use caphub_proto::exchange::amount::Amount;
use caphub_proto::exchange::distribution::{MoneyRow, Pledge};
use caphub_proto::wire::Audience;
use serde_json::{Value, json};

use crate::commands::{acting, table};
use crate::failure::Failure;
use crate::replica::Replica;
use crate::screen;
use crate::texts::Texts;

/// Every pledge that the reader may read.
pub fn read(replica: &Replica) -> Result<Vec<Pledge>, Failure> {
    of(replica, &|_| true)
}

/// Every pledge that anybody may read.
pub fn public(replica: &Replica) -> Result<Vec<Pledge>, Failure> {
    of(replica, &|audience| *audience == Audience::Public)
}

fn of(replica: &Replica, wanted: &dyn Fn(&Audience) -> bool) -> Result<Vec<Pledge>, Failure> {
    let mut acts = acts::funds(&acting::acts(replica, RecordKind::Fund, None)?);
    acts.retain(|act| wanted(&act.audience));
    let funds = caphub_node::acts::late::funds_of(&replica.core, acts);
    let pledges = funds.into_iter().flat_map(|(_, fund)| fund.pledges.into_values());
    let pledges = pledges.map(|p| Pledge {
        party: p.donor,
        currency: p.currency,
        pledged: p.amount,
        paid: p.paid,
        paid_back: p.paid_back,
    });
    Ok(pledges.collect())
}

/// An amount, or a sign that it is more than can be counted.
pub fn text(amount: Option<Amount>) -> String {
    amount.map_or_else(|| "?".to_owned(), |amount| amount.text(2))
}

/// The table of `caphub distribution`; nothing where nobody has promised money.
pub fn show(t: &Texts, replica: &Replica, rows: &[MoneyRow]) {
    if rows.is_empty() {
        return;
    }
    let line = |name: &str, currency: &str, amounts: [String; 3]| {
        let amounts: Vec<String> = amounts.iter().map(|a| format!("{a:>15}")).collect();
        let name = table::pad(name, 26);
        screen::line(&format!("{name}  {currency:<4}{}", amounts.join(" ")));
    };
    screen::line("");
    let heads = ["column-money-pledged", "column-money-paid", "column-money-back"].map(|key| t.t(key));
    line(&t.t("distribution-donor"), "", heads);
    for row in rows {
        let amounts = [row.pledged, row.paid, row.paid_back].map(text);
        line(&replica.name_of(&row.party), &row.currency, amounts);
    }
}

/// One row for programs; an amount that cannot be counted is null.
pub fn json(row: &MoneyRow) -> Value {
    let text = |amount: Option<Amount>| amount.map(|a| a.to_string());
    json!({ "provider": row.party.to_string(), "currency": row.currency, "pledged": text(row.pledged),
        "paid": text(row.paid), "paid_back": text(row.paid_back) })
}
