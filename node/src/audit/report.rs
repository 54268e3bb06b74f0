//! What the audit says about each hub: what is shown by evidence, what is only late, and for how long.

use std::collections::BTreeSet;

use caphub_proto::wire::history::Checkpoint;
use caphub_proto::wire::{Audience, OperatorKey, PartyId};
use serde::{Deserialize, Serialize};

use crate::audit::book::{Line, SHOWN_MAX};
use crate::audit::visit::Auditor;
use crate::author::now_ms;
use crate::entitlement::Viewer;

/// Feeds that a report names as late, a hub; the count is of all.
const LATE_SHOWN: usize = 100;

/// What is known of all hubs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// One a hub.
    pub hubs: Vec<HubReport>,
    /// Feeds of which two histories are proven: no hub's doing, but their author's.
    pub forks: Vec<ForkedFeed>,
}

/// A feed that forked.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ForkedFeed {
    /// Whose feed.
    pub party: String,
    /// The name by which it is known here, or the start of its id.
    pub party_name: String,
    /// Its id.
    pub feed: String,
    /// The last entry that both histories share; 0 for none.
    pub last_common: u64,
}

/// What is known of one hub.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HubReport {
    /// Its id.
    pub party: String,
    /// The name on its card.
    pub name: String,
    /// Feeds of which it stated something.
    pub stated: usize,
    /// The organisations whose feeds those are.
    pub organisations: usize,
    /// When it last stated anything, by its own clock; 0 for never.
    pub last_stated_ms: u64,
    /// Feeds about which its own statements contradict each other.
    pub shown: Vec<ShownFeed>,
    /// Feeds of which more is held here than it states.
    pub late: Vec<LateFeed>,
    /// All of those.
    pub late_feeds: usize,
    /// Feeds held here of which it never stated to hold anything: not carried there, or not yet.
    pub nothing_stated: usize,
    /// Its checkpoints, where one is kept.
    pub checkpoint: Option<CheckpointReport>,
}

/// A feed about which a hub contradicts itself.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ShownFeed {
    /// Whose feed.
    pub party: String,
    /// The name by which it is known here, or the start of its id.
    pub party_name: String,
    /// Its id.
    pub feed: String,
    /// What it stated first, and when.
    pub held: u64,
    /// By its own clock.
    pub held_ms: u64,
    /// What it stated later.
    pub lower: u64,
    /// By its own clock.
    pub lower_ms: u64,
}

/// A feed of which others hold more than a hub states.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LateFeed {
    /// Whose feed.
    pub party: String,
    /// The name by which it is known here, or the start of its id.
    pub party_name: String,
    /// Its id.
    pub feed: String,
    /// What it states.
    pub stated: u64,
    /// Entries that are held here beyond that.
    pub behind: u64,
    /// Since when, by this machine's clock.
    pub since_ms: u64,
    /// The reason that it gives for stating less than before: revoked, forked, or nothing.
    pub cut: String,
    /// The statement, hexadecimal.
    pub statement: String,
}

/// What is known of a hub's checkpoints.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CheckpointReport {
    /// Public entries of the last one.
    pub size: u64,
    /// When it came.
    pub at_ms: u64,
    /// Since when its proofs do not fit; 0 where they do.
    pub unproven_since_ms: u64,
    /// Pairs that show two histories of one log.
    pub shown: usize,
    /// How often the hub began another log.
    pub other_logs: u32,
    /// One of them without naming the checkpoint before.
    pub unnamed: bool,
}

impl Report {
    /// Of these hubs, with the names by which people know them.
    pub fn of(auditor: &Auditor, hubs: &[(PartyId, String)]) -> Self {
        let hubs = hubs.iter().map(|(party, name)| hub(auditor, *party, name));
        let forks = auditor.core().forks.all().into_iter().map(|proof| ForkedFeed {
            party: proof.feed().party.to_string(),
            party_name: name_of(auditor, &proof.feed().party),
            feed: proof.feed().id().to_string(),
            last_common: proof.common().seq,
        });
        Self { hubs: hubs.collect(), forks: forks.collect() }
    }

    /// True where anything is shown.
    pub fn shows_something(&self) -> bool {
        let shown = |h: &HubReport| !h.shown.is_empty() || h.checkpoint.as_ref().is_some_and(|c| c.shown > 0);
        self.hubs.iter().any(shown)
    }
}

fn hub(auditor: &Auditor, party: PartyId, name: &str) -> HubReport {
    let held = |line: &Line| auditor.held_of(line);
    let lines = auditor.book.lines(&party);
    let mut report = HubReport { party: party.to_string(), name: name.to_owned(), ..HubReport::default() };
    report.last_stated_ms = lines.iter().map(|l| l.known.latest.time_ms).max().unwrap_or(0);
    let of = |l: &&Line| l.known.highest.seq() > 0;
    report.organisations = lines.iter().filter(of).map(|l| l.feed.party).collect::<BTreeSet<_>>().len();
    for line in &lines {
        let (known, feed) = (&line.known, line.feed);
        if let Some((first, later)) = known.shown.filter(|_| report.shown.len() < SHOWN_MAX) {
            report.shown.push(ShownFeed {
                party: feed.party.to_string(),
                party_name: name_of(auditor, &feed.party),
                feed: feed.id().to_string(),
                held: first.seq(),
                held_ms: first.time_ms,
                lower: later.seq(),
                lower_ms: later.time_ms,
            });
        }
        if known.highest.seq() == 0 {
            report.nothing_stated += usize::from(held(line) > 0);
            continue;
        }
        report.stated += 1;
        let (Some(since_ms), behind) = (known.late_since_ms, held(line).saturating_sub(known.latest.seq()))
        else {
            continue;
        };
        if behind > 0 {
            report.late_feeds += 1;
            report.late.push(LateFeed {
                party: feed.party.to_string(),
                party_name: name_of(auditor, &feed.party),
                feed: feed.id().to_string(),
                stated: known.latest.seq(),
                behind,
                since_ms,
                cut: cut_word(known.latest.cut).to_owned(),
                statement: hex::encode(known.latest.encode()),
            });
        }
    }
    report.late.sort_by_key(|l| (l.since_ms, l.feed.clone()));
    report.late.truncate(LATE_SHOWN);
    report.checkpoint = checkpoint(auditor, &party);
    report
}

fn checkpoint(auditor: &Auditor, hub: &PartyId) -> Option<CheckpointReport> {
    let kept = auditor.notes.last(hub)?;
    let key: OperatorKey = kept.node_key.parse().ok()?;
    let size = Checkpoint::parse(&kept.note, &key).ok()?.size;
    let (at_ms, unproven_since_ms, shown) = (kept.at_ms, kept.unproven_since_ms, kept.shown.len());
    let (other_logs, unnamed) = (kept.other_logs, kept.unnamed);
    Some(CheckpointReport { size, at_ms, unproven_since_ms, shown, other_logs, unnamed })
}

/// What people call an organisation: as it was admitted, as it calls itself, or the start of its id.
fn name_of(auditor: &Auditor, party: &PartyId) -> String {
    let core = auditor.core();
    let admitted = core.admissions.hubs_of(party).into_iter().map(|(_, a)| a.name).find(|n| !n.is_empty());
    let profile = || core.views.profile(&Viewer::public(), party, now_ms()).ok().flatten();
    let own = || profile().and_then(|p| p.name).map(|n| n.text).filter(|n| !n.is_empty());
    admitted.or_else(own).unwrap_or_else(|| party.short())
}

/// The word for why a head fell; empty where nothing was taken away.
pub fn cut_word(cut: caphub_proto::wire::statement::Cut) -> &'static str {
    use caphub_proto::wire::statement::Cut;
    match cut {
        Cut::Whole => "",
        Cut::Revoked => "revoked",
        Cut::Forked => "forked",
    }
}

/// True where anybody may see that a feed exists.
pub fn is_public(line: &Line) -> bool {
    line.feed.audience() == Audience::Public
}
