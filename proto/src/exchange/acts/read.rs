//! Records as views give them, read as acts.

use super::{Act, Seen};
use crate::v1::engagement_act::Act as Engaging;
use crate::v1::fellowship_act::Act as Nominating;
use crate::v1::fund_act::Act as Funding;
use crate::v1::revision::Record as Kind;
use crate::v1::{self, EngagementAct, FellowshipAct, FundAct};
use crate::wire::{Audience, EntryHash, FeedId, PartyId, Reason, RecordId};

/// The code of an act; empty for other records.
pub fn code(record: &Kind) -> &'static str {
    match record {
        Kind::Engagement(r) => r.act.as_ref().map_or("", |act| match act {
            Engaging::Propose(_) => "propose",
            Engaging::Agree(_) => "agree",
            Engaging::Accept(_) => "accept",
            Engaging::Start(_) => "start",
            Engaging::Deliver(_) => "deliver",
            Engaging::Confirm(_) => "confirm",
            Engaging::Evaluate(_) => "evaluate",
            Engaging::Decline(_) => "decline",
            Engaging::Withdraw(_) => "withdraw",
            Engaging::Dispute(_) => "dispute",
            Engaging::Resolve(_) => "resolve",
            Engaging::Note(_) => "note",
        }),
        Kind::Fellowship(r) => r.act.as_ref().map_or("", |act| match act {
            Nominating::Nominate(_) => "nominate",
            Nominating::Close(_) => "close",
            Nominating::Cosign(_) => "cosign",
            Nominating::Draw(_) => "draw",
            Nominating::Decide(_) => "decide",
            Nominating::Accept(_) => "accept",
            Nominating::Decline(_) => "decline",
            Nominating::Withdraw(_) => "withdraw",
            Nominating::Start(_) => "start",
            Nominating::Complete(_) => "complete",
            Nominating::Certificate(_) => "certificate",
            Nominating::Note(_) => "note",
        }),
        Kind::Fund(r) => r.act.as_ref().map_or("", |act| match act {
            Funding::Charter(_) => "charter",
            Funding::Pledge(_) => "pledge",
            Funding::PaidIn(_) => "paid_in",
            Funding::Propose(_) => "propose",
            Funding::Vote(_) => "vote",
            Funding::Commit(_) => "commit",
            Funding::Report(_) => "report",
            Funding::Approve(_) => "approve",
            Funding::Disburse(_) => "disburse",
            Funding::Receipt(_) => "receipt",
            Funding::Refund(_) => "refund",
            Funding::Release(_) => "release",
            Funding::PayBack(_) => "pay_back",
            Funding::Amend(_) => "amend",
            Funding::Enact(_) => "enact",
            Funding::Close(_) => "close",
            Funding::Note(_) => "note",
        }),
        _ => "",
    }
}

/// The acts of engagements among records; void ones with their reason.
pub fn engagements(records: &[v1::Record]) -> Vec<Act<EngagementAct>> {
    let act = |kind: &Kind| match kind {
        Kind::Engagement(act) => Some((act.after.clone(), act.clone())),
        _ => None,
    };
    records.iter().filter_map(|r| read(r, act)).collect()
}

/// The acts of fellowships among records.
pub fn fellowships(records: &[v1::Record]) -> Vec<Act<FellowshipAct>> {
    let act = |kind: &Kind| match kind {
        Kind::Fellowship(act) => Some((act.after.clone(), act.clone())),
        _ => None,
    };
    records.iter().filter_map(|r| read(r, act)).collect()
}

/// The acts of funds among records.
pub fn funds(records: &[v1::Record]) -> Vec<Act<FundAct>> {
    let act = |kind: &Kind| match kind {
        Kind::Fund(act) => Some((act.after.clone(), act.clone())),
        _ => None,
    };
    records.iter().filter_map(|r| read(r, act)).collect()
}

fn read<T>(record: &v1::Record, act: impl Fn(&Kind) -> Option<(Vec<v1::Seen>, T)>) -> Option<Act<T>> {
    let (after, what) = act(record.revision.as_ref()?.record.as_ref()?)?;
    let seen = |s: v1::Seen| {
        let hash = EntryHash::from_slice(&s.entry_hash)?;
        Some(Seen { feed: FeedId::from_slice(&s.feed_id)?, seq: s.seq, hash })
    };
    let after: Option<Vec<Seen>> = after.into_iter().map(seen).collect();
    // Dated ahead is a mark: the act counts.
    let code =
        Some(record.void_reason.as_str()).filter(|c| !c.is_empty() && *c != Reason::FutureDated.code());
    let mut void = code.map(|c| Reason::parse(c).unwrap_or(Reason::RecordInvalid));
    if after.is_none() && void.is_none() {
        void = Some(Reason::RecordInvalid);
    }
    Some(Act {
        hash: EntryHash::from_slice(&record.entry_hash)?,
        author: PartyId::from_slice(&record.party_id)?,
        feed: FeedId::from_slice(&record.feed_id)?,
        seq: record.seq,
        time_ms: record.time_ms,
        audience: Audience::decode(&record.audience)?,
        record: RecordId::from_slice(&record.record_id)?,
        void,
        after: after.unwrap_or_default(),
        what,
    })
}
