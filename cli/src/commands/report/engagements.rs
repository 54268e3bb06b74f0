//! Engagements and money in the report.

use caphub_proto::exchange::{day, distribution};

use super::{Cell, Period, Sheet, number, stage_key, text};
use crate::commands::engaged::Engaged;
use crate::commands::{acting, money as pledged};
use crate::replica::Replica;
use crate::texts::Texts;

/// Each engagement that was proposed before the period's end, the oldest first.
pub(super) fn sheet(t: &Texts, replica: &Replica, engaged: &Engaged, period: Period) -> Sheet {
    let mut listed: Vec<_> =
        engaged.listed().iter().filter(|one| day::of_ms(one.proposed_ms) <= period.until).collect();
    listed.sort_by_key(|one| (one.proposed_ms, one.engagement.root));
    let rows = listed.into_iter().map(|one| {
        let e = &one.engagement;
        let need = acting::title_of(replica, e.proposal.need.as_ref());
        let offer = acting::title_of(replica, e.proposal.offer.as_ref());
        vec![
            text(acting::short(&one.record.0)),
            text(need),
            text(offer),
            text(replica.name_of(&e.recipient)),
            text(replica.name_of(&e.provider)),
            text(t.t(stage_key(one.stage))),
            text(t.named("engagement-state", e.state.code())),
            text(acting::day(one.proposed_ms)),
            text(acting::day(e.since_ms)),
            number(e.conditions.conditions.len()),
            text(e.waived.join(", ")),
        ]
    });
    let columns = [
        "report-id",
        "report-need",
        "report-offer",
        "report-recipient",
        "distribution-provider",
        "report-stage",
        "report-state",
        "report-proposed",
        "report-state-since",
        "report-conditions",
        "report-waived",
    ];
    super::sheet(t, "report-engagements", &columns, rows.collect())
}

/// What providers have promised to public funds, in each currency by itself; amounts are texts, for they are exact.
pub(super) fn money(t: &Texts, replica: &Replica, facts: &distribution::Facts) -> Sheet {
    let rows = distribution::money(facts).into_iter().map(|row| -> Vec<Cell> {
        vec![
            text(replica.name_of(&row.party)),
            text(row.party.to_string()),
            text(row.currency),
            text(pledged::text(row.pledged)),
            text(pledged::text(row.paid)),
            text(pledged::text(row.paid_back)),
        ]
    });
    let columns = [
        "distribution-donor",
        "report-id",
        "report-currency",
        "report-pledged",
        "fund-paid-in",
        "fund-paid-back",
    ];
    super::sheet(t, "report-money", &columns, rows.collect())
}
