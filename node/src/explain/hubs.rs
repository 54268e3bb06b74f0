//! What is known of one hub: whether it can be reached, what it said it holds, what is missing, what was refused.

use std::collections::{BTreeMap, BTreeSet};

use caphub_proto::wire::PartyId;
use caphub_proto::wire::session::memory::Refusal;

use super::{Explainer, Far, Finding, LISTED_MAX};
use crate::audit::book::Line;

/// What is missing of one organisation on one side.
#[derive(Default)]
struct Missing {
    entries: u64,
    since_ms: u64,
}

type ByParty = BTreeMap<PartyId, Missing>;

impl Explainer<'_> {
    /// All that is known of a hub that is linked or joined.
    pub(super) fn hub(&self, far: &Far) -> Vec<Finding> {
        let mut out = Vec::new();
        self.reached(far, &mut out);
        let before = out.len();
        self.moved(far, &mut out);
        let news = |f: &Finding| f.code != "states";
        if far.last_ms > 0 && !out.iter().skip(before).any(news) {
            out.push(Finding::new("complete"));
        }
        out
    }

    /// When it was last heard, where it is tried and what stands in the way.
    fn reached(&self, far: &Far, out: &mut Vec<Finding>) {
        let code = match (far.connected, far.last_ms) {
            (Some(true), _) => "link-up",
            (Some(false), 0) => "link-never",
            (Some(false), _) => "link-down",
            (None, 0) => "never-synced",
            (None, _) => "synced",
        };
        let mut first = Finding::new(code);
        if far.last_ms > 0 {
            first = first.with("last_ms", far.last_ms);
        }
        out.push(first);
        if far.connected == Some(false) && !far.detail.is_empty() {
            out.push(Finding::new("unreachable").with("detail", far.detail.clone()));
        }
        if let Some(seconds) = far.clock_s {
            out.push(
                Finding::new("clock").with("seconds", seconds.unsigned_abs()).with("ahead", seconds > 0),
            );
        }
        out.push(match far.addresses.is_empty() {
            true => Finding::new("no-address"),
            false => Finding::new("addresses").with("addresses", far.addresses.join(", ")),
        });
        if !far.proxy.is_empty() {
            out.push(Finding::new("proxy").with("proxy", far.proxy.clone()));
        }
        if matches!(far.standing.as_str(), "applicant" | "guest" | "network_member") {
            out.push(Finding::new("standing").with("standing", far.standing.clone()));
        }
    }

    /// What it said it holds, what is missing on either side, and what either side did not take.
    fn moved(&self, far: &Far, out: &mut Vec<Finding>) {
        let lines = self.auditor.book.lines(&far.party);
        let said = |l: &&Line| l.known.highest.seq() > 0;
        let of: BTreeSet<PartyId> = lines.iter().filter(said).map(|l| l.feed.party).collect();
        let at_ms = lines.iter().map(|l| l.known.latest.time_ms).max().unwrap_or(0);
        out.push(match of.is_empty() {
            true => Finding::new("states-nothing"),
            false => Finding::new("states").with("organisations", of.len()).with("at_ms", at_ms),
        });
        let contradicting = lines.iter().filter(|l| l.known.shown.is_some()).count();
        if contradicting > 0 {
            out.push(Finding::new("contradicts").with("count", contradicting));
        }
        let (mut here, mut there, mut waiting) = (ByParty::new(), ByParty::new(), 0);
        for line in &lines {
            let (held, stated) = (self.auditor.held_of(line), line.known.latest.seq());
            let add = |to: &mut ByParty, entries: u64, since_ms: u64| {
                let missing = to.entry(line.feed.party).or_insert(Missing { entries: 0, since_ms });
                missing.entries += entries;
                missing.since_ms = missing.since_ms.min(since_ms);
            };
            // A member's own feeds reach a hub from here alone: what it lacks of them waits for the next sync.
            let own = self.replica && line.feed.party == self.core().party;
            if own {
                let signed = self.core().store.head(&line.feed.id()).map_or(0, |h| h.head.seq.value());
                waiting += signed.saturating_sub(stated.max(held));
            }
            if stated > held && !own {
                add(&mut here, stated - held, line.known.highest.time_ms);
            }
            if held > stated
                && let Some(since_ms) = line.known.late_since_ms
            {
                add(&mut there, held - stated, since_ms);
            }
        }
        if waiting > 0 {
            out.push(Finding::new("waiting").with("entries", waiting));
        }
        for (code, missing) in [("missing-here", here), ("missing-there", there)] {
            self.missing(code, missing, out);
        }
        refusals("refused-here", far.here.iter().map(|(_, r)| r), out);
        refusals("refused-there", far.there.iter().map(|(_, r)| r), out);
    }

    /// By organisation, the longest wait first.
    fn missing(&self, code: &str, missing: ByParty, out: &mut Vec<Finding>) {
        let mut all: Vec<_> = missing.into_iter().collect();
        all.sort_by_key(|(party, m)| (m.since_ms, *party));
        for (party, m) in all.iter().take(LISTED_MAX) {
            let finding =
                Finding::new(code).with("party", party.to_string()).with("name", self.name_of(party));
            out.push(finding.with("entries", m.entries).with("since_ms", m.since_ms));
        }
        if all.len() > LISTED_MAX {
            out.push(Finding::new("missing-more").with("count", all.len() - LISTED_MAX));
        }
    }
}

/// By reason: how many feeds, and since when.
fn refusals<'r>(code: &str, all: impl Iterator<Item = &'r Refusal>, out: &mut Vec<Finding>) {
    let mut sums: BTreeMap<&'static str, (u64, u64)> = BTreeMap::new();
    for refusal in all {
        let sum = sums.entry(refusal.reason.code()).or_insert((0, refusal.at_ms));
        *sum = (sum.0 + 1, sum.1.min(refusal.at_ms));
    }
    for (reason, (feeds, since_ms)) in sums {
        out.push(Finding::new(code).with("reason", reason).with("feeds", feeds).with("since_ms", since_ms));
    }
}
