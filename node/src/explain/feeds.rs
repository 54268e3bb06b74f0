//! What is known of one feed, or of one place in it: held or not, who is known to hold it, who may read it, what cuts it
//! off, who refused it.

use caphub_proto::wire::{Audience, Feed, FeedId, Seq};

use super::{Explainer, Far, Finding};
use crate::audit::book::Line;
use crate::entitlement::Viewer;
use crate::store::FeedHead;

impl Explainer<'_> {
    /// The feed of an id, as far as anything here names it.
    pub(super) fn feed_of(&self, id: &FeedId) -> Option<Feed> {
        let store = &self.core().store;
        let above = || {
            let tail = store.tails(id).first().map(|t| t.first)?;
            store.run_from(id, tail).ok().flatten().map(|run| run.feed)
        };
        let lines = |far: &Far| self.auditor.book.lines(&far.party).into_iter();
        let stated = || self.hubs.iter().flat_map(lines).map(|l| l.feed).find(|f| f.id() == *id);
        store.head(id).map(|h| h.feed).or_else(above).or_else(stated)
    }

    /// One place of a feed, or the feed where no place is meant.
    pub(super) fn place(&self, id: &FeedId, seq: Option<Seq>, out: &mut Vec<Finding>) {
        let Some(feed) = self.feed_of(id) else {
            out.push(Finding::new("feed-unknown").with("feed", id.to_string()));
            self.refused(id, out);
            return;
        };
        self.held(&feed, id, seq, out);
        out.push(self.audience(&feed));
        self.holders(&feed, id, seq, out);
        self.refused(id, out);
    }

    /// Whether it is held, and what cuts it off.
    fn held(&self, feed: &Feed, id: &FeedId, seq: Option<Seq>, out: &mut Vec<Finding>) {
        let store = &self.core().store;
        let (head, tails) = (store.head(id), store.tails(id));
        let last = head.as_ref().map_or(0, |h| h.head.seq.value());
        if self.core().identities.state(&feed.party).is_none() {
            out.push(Finding::new("identity-unknown").with("name", self.name_of(&feed.party)));
        }
        let above = |seq: Seq| tails.iter().any(|t| t.first <= seq && seq <= t.head.seq);
        let lowest = tails.first().map(|t| t.first.value() - 1);
        let told = match seq {
            Some(seq) if seq.value() <= last => Finding::new("held").with("seq", seq.value()),
            Some(seq) if above(seq) => {
                let to = lowest.unwrap_or(last);
                Finding::new("held-hole").with("seq", seq.value()).with("from", last + 1).with("to", to)
            }
            Some(seq) if tails.last().is_some_and(|t| seq < t.head.seq) => {
                Finding::new("in-hole").with("seq", seq.value())
            }
            Some(seq) if last > 0 => Finding::new("beyond").with("seq", seq.value()),
            None if last > 0 => Finding::new("held-to"),
            _ => Finding::new("not-held"),
        };
        out.push(told.with("last", last).with("feed", id.to_string()));
        if let (None, Some(to)) = (seq, lowest) {
            out.push(Finding::new("in-hole").with("seq", last + 1).with("last", last).with("to", to));
        }
        if let Some(head) = &head {
            self.cut(head, id, seq, out);
        }
        let Some(seq) = seq.filter(|s| s.value() <= last || above(*s)) else { return };
        let withheld = store.lacks_body(id, seq);
        let excused = self.core().views.excuses(feed, id, seq.value());
        if withheld || excused {
            out.push(Finding::new(if excused { "body-erased" } else { "body-withheld" }));
        }
    }

    /// A fork or a revocation that ends the feed before what is asked for.
    fn cut(&self, held: &FeedHead, id: &FeedId, seq: Option<Seq>, out: &mut Vec<Finding>) {
        let counted = self.core().counted(held).map_or(0, |h| h.seq.value());
        let frozen = self.core().forks.freeze(id).filter(|_| self.core().heads.stated(held).frozen);
        let beyond = seq.is_none_or(|s| s.value() > counted);
        match frozen {
            Some(_) if beyond => out.push(Finding::new("frozen").with("last", counted)),
            None if counted < held.head.seq.value() && beyond => {
                out.push(Finding::new("revoked").with("last", counted));
            }
            _ => {}
        }
    }

    fn audience(&self, feed: &Feed) -> Finding {
        match feed.audience() {
            Audience::Public => Finding::new("audience-public"),
            Audience::Network => Finding::new("audience-network"),
            Audience::Hub(hub) => Finding::new("audience-hub").with("hub", self.name_of(&hub)),
            Audience::Sealed(_) => Finding::new("audience-sealed"),
        }
    }

    /// Which hubs have stated to hold it, by their last word.
    fn holders(&self, feed: &Feed, id: &FeedId, seq: Option<Seq>, out: &mut Vec<Finding>) {
        let held = self.core().store.head(id).map_or(0, |h| h.head.seq.value());
        let wanted = seq.map_or(held.max(1), Seq::value);
        let mut reached = false;
        for far in &self.hubs {
            let lines = self.auditor.book.lines(&far.party);
            let of = |l: &&Line| l.feed.id() == *id;
            let best = lines.iter().filter(of).map(|l| &l.known.latest).max_by_key(|s| s.seq());
            let finding = match best.map(|s| (s.seq(), s.time_ms)).filter(|(seq, _)| *seq > 0) {
                Some((seq, at_ms)) => {
                    reached |= seq >= wanted;
                    let code = if seq >= wanted { "stated" } else { "stated-less" };
                    Finding::new(code).with("seq", seq).with("at_ms", at_ms)
                }
                None if !readers(far).may_read(feed) => Finding::new("may-not-read"),
                None => Finding::new("stated-nothing"),
            };
            out.push(finding.with("hub", far.name.clone()));
        }
        if self.replica && feed.party == self.core().party && !reached && wanted <= held {
            out.push(Finding::new("waits-to-leave"));
        }
    }

    /// Which hubs, or this side, did not take more of the feed.
    fn refused(&self, id: &FeedId, out: &mut Vec<Finding>) {
        for far in &self.hubs {
            for (code, all) in [("refused-here", &far.here), ("refused-there", &far.there)] {
                for (_, refusal) in all.iter().filter(|(feed, _)| feed == id) {
                    let finding = Finding::new(code).with("reason", refusal.reason.code()).with("feeds", 1);
                    out.push(finding.with("since_ms", refusal.at_ms).with("hub", far.name.clone()));
                }
            }
        }
    }
}

/// Who a hub is as a reader, where it is linked.
fn readers(far: &Far) -> Viewer {
    Viewer {
        parties: vec![far.party],
        hubs: vec![far.party],
        network: !matches!(far.standing.as_str(), "applicant" | "guest"),
        all: false,
        opened: false,
    }
}
