//! What is known of one organisation: who admits it, whether its records are carried here and how much room is left.

use caphub_proto::wire::identity::{Capabilities, State};
use caphub_proto::wire::{Audience, Feed, PartyId};

use super::{Explainer, Finding, LISTED_MAX};
use crate::admissions::Level;
use crate::carriage::Carried;

impl Explainer<'_> {
    /// All that is known of an organisation.
    pub(super) fn organisation(&self, party: &PartyId, out: &mut Vec<Finding>) {
        let core = self.core();
        match core.identities.state(party) {
            None => out.push(Finding::new("identity-unknown").with("name", self.name_of(party))),
            Some(_) if core.identities.conflicted(party) => out.push(Finding::new("identity-conflict")),
            Some(_) => {}
        }
        if !self.replica && *party != core.party && core.identities.state(party).is_some_and(|s| is_hub(&s)) {
            out.push(Finding::new("not-linked"));
        }
        self.admitted(party, out);
        self.carried(party, out);
        let mut feeds = self.feeds(party);
        if feeds.is_empty() {
            out.push(Finding::new("no-feed"));
        }
        let more = feeds.len().saturating_sub(LISTED_MAX);
        feeds.truncate(LISTED_MAX);
        for feed in feeds {
            let id = feed.id();
            out.push(Finding::new("feed").with("feed", id.to_string()));
            self.place(&id, None, out);
        }
        if more > 0 {
            out.push(Finding::new("feeds-more").with("count", more));
        }
    }

    fn admitted(&self, party: &PartyId, out: &mut Vec<Finding>) {
        let hubs = self.core().admissions.hubs_of(party);
        for (hub, admission) in hubs.iter().take(LISTED_MAX) {
            let level = match admission.level {
                Level::Member => "member",
                Level::Guest => "guest",
            };
            out.push(Finding::new("admitted").with("hub", self.name_of(hub)).with("level", level));
        }
        if hubs.is_empty() && self.hubs.iter().all(|h| h.party != *party) && *party != self.core().party {
            out.push(Finding::new("admitted-by-none"));
        }
    }

    /// Whether a node carries its records, and within which room. A replica takes what its hubs serve.
    pub(super) fn carried(&self, party: &PartyId, out: &mut Vec<Finding>) {
        if self.replica {
            return;
        }
        let room = self.core().ingest.room_of(party);
        let carried = match room.carried {
            Ok(Carried::Own) => return out.push(Finding::new("carried-own")),
            Ok(Carried::Peer) => return out.push(Finding::new("carried-hub")),
            Err(reason) => return out.push(Finding::new("not-carried").with("reason", reason.code())),
            Ok(Carried::Member { hub }) => Finding::new("carried-member").with("hub", self.name_of(&hub)),
            Ok(Carried::Guest) => Finding::new("carried-guest"),
        };
        out.push(carried);
        let code = if room.is_full() { "room-full" } else { "room" };
        let used = Finding::new(code).with("entries", room.entries).with("entries_max", room.entries_max);
        out.push(used.with("bytes", room.bytes).with("bytes_max", room.bytes_max));
        if room.others_full {
            out.push(match room.carried {
                Ok(Carried::Member { hub }) => Finding::new("room-hub-full").with("hub", self.name_of(&hub)),
                _ => Finding::new("room-guests-full"),
            });
        }
    }

    /// Feeds of a party that are held here, that a hub stated, or that were refused.
    fn feeds(&self, party: &PartyId) -> Vec<Feed> {
        let core = self.core();
        let mut feeds: std::collections::BTreeSet<Feed> =
            core.store.heads().into_iter().map(|h| h.feed).filter(|f| f.party == *party).collect();
        let above = core.store.above().into_keys().filter_map(|id| self.feed_of(&id));
        feeds.extend(above.filter(|f| f.party == *party));
        for far in &self.hubs {
            let stated = self.auditor.book.lines(&far.party).into_iter().map(|l| l.feed);
            feeds.extend(stated.filter(|f| f.party == *party));
        }
        feeds.into_iter().filter(|f| !f.is_identity()).collect()
    }

    /// What may be in the way of anything at all: for what is not known here.
    pub(super) fn general(&self, out: &mut Vec<Finding>) {
        for far in &self.hubs {
            let before = out.len();
            out.extend(self.hub(far));
            for finding in out.iter_mut().skip(before) {
                let named = finding.clone().with("hub", far.name.clone());
                *finding = named;
            }
        }
        let core = self.core();
        let behind = core.views.behind();
        if behind > 0 {
            out.push(Finding::new("behind").with("count", behind));
        }
        let above = core.store.above();
        if !above.is_empty() {
            out.push(Finding::new("holes").with("count", above.len()));
        }
        let withheld = core.store.withheld_count();
        if withheld > 0 {
            out.push(Finding::new("withheld").with("count", withheld));
        }
        let frozen = core.forks.all().len();
        if frozen > 0 {
            out.push(Finding::new("frozen-feeds").with("count", frozen));
        }
        let sealed = |f: &Feed| matches!(f.audience(), Audience::Sealed(_));
        let sealed = core.store.heads().into_iter().filter(|h| sealed(&h.feed)).count();
        if sealed > 0 {
            out.push(Finding::new("sealed").with("count", sealed));
        }
    }
}

/// True where any key of the party may run a node.
fn is_hub(state: &State) -> bool {
    state.operators.values().any(|o| o.revoked.is_none() && o.capabilities.holds(Capabilities::SERVE))
}
