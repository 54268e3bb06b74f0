//! Why a thing has not arrived: what is kept here about a hub, an organisation, a record or a place in a feed, as
//! findings that programs read and that `caphub sync explain` tells in words. Reads what other parts keep, and judges
//! nothing itself.

mod carriage;
mod feeds;
mod hubs;
mod subject;

use std::collections::BTreeMap;

use caphub_proto::wire::session::memory::Refusal;
use caphub_proto::wire::{FeedId, PartyId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::audit::Auditor;
use crate::core::Core;
use crate::entitlement::Viewer;

pub use subject::{ExplainError, WHAT_CHARS_MAX};

/// Findings of one kind that are told of one subject, such as organisations that lack something; more are counted.
const LISTED_MAX: usize = 20;

/// Every code that a finding may have; each has a sentence in each language of the command.
pub const CODES: &[&str] = &[
    "link-up",
    "link-down",
    "link-never",
    "not-linked",
    "synced",
    "never-synced",
    "answers",
    "unreachable",
    "clock",
    "addresses",
    "no-address",
    "proxy",
    "standing",
    "states",
    "states-nothing",
    "contradicts",
    "missing-here",
    "missing-there",
    "waiting",
    "missing-more",
    "refused-here",
    "refused-there",
    "complete",
    "identity-unknown",
    "identity-conflict",
    "admitted",
    "admitted-by-none",
    "carried-own",
    "carried-hub",
    "carried-member",
    "carried-guest",
    "not-carried",
    "room",
    "room-full",
    "room-hub-full",
    "room-guests-full",
    "feed",
    "feed-unknown",
    "feeds-more",
    "no-feed",
    "held",
    "held-to",
    "held-hole",
    "beyond",
    "in-hole",
    "not-held",
    "frozen",
    "revoked",
    "body-erased",
    "body-withheld",
    "audience-public",
    "audience-network",
    "audience-hub",
    "audience-sealed",
    "stated",
    "stated-less",
    "stated-nothing",
    "may-not-read",
    "waits-to-leave",
    "record-void",
    "record-withdrawn",
    "record-conflict",
    "record-future",
    "unknown",
    "behind",
    "holes",
    "withheld",
    "frozen-feeds",
    "sealed",
];

/// One thing that is known about the subject.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// What, one of `CODES`.
    pub code: String,
    /// With which names, places, numbers and times (`_ms`: milliseconds since 1970 UTC).
    #[serde(flatten)]
    pub values: BTreeMap<String, Value>,
}

impl Finding {
    /// A finding without values.
    pub fn new(code: &str) -> Self {
        debug_assert!(CODES.contains(&code), "{code} has no sentence");
        Self { code: code.to_owned(), values: BTreeMap::new() }
    }

    /// With one more value.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }
}

/// What is known about one subject, the most telling first.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Explanation {
    /// hub, organisation, record, feed or unknown.
    pub kind: String,
    /// Its whole id; what was asked for where it is unknown.
    pub id: String,
    /// What people call it, or nothing.
    pub name: String,
    /// What is known.
    pub findings: Vec<Finding>,
}

/// What is known of one hub besides the log and its statements.
#[derive(Clone, Debug, Default)]
pub struct Far {
    /// Which hub.
    pub party: PartyId,
    /// The name on its card.
    pub name: String,
    /// Where it is tried, in turn.
    pub addresses: Vec<String>,
    /// The proxy on the way there, without its password; empty for none or the node's own.
    pub proxy: String,
    /// Whether a connection is up; `None` in a replica, which keeps none.
    pub connected: Option<bool>,
    /// When it was last heard, or last synced with; 0 for never, or not since the node's start.
    pub last_ms: u64,
    /// Why it is not connected, in words.
    pub detail: String,
    /// By how many seconds its clock was ahead where that ended the link.
    pub clock_s: Option<i64>,
    /// What this side is to it, as it said at the last sync; empty where it did not say.
    pub standing: String,
    /// Feeds of it that were not taken here.
    pub here: Vec<(FeedId, Refusal)>,
    /// Feeds that it did not take.
    pub there: Vec<(FeedId, Refusal)>,
}

/// Answers from what a node or a replica keeps.
pub struct Explainer<'a> {
    /// Statements of hubs, and through it the store.
    pub auditor: &'a Auditor,
    /// Linked hubs of a node, joined hubs of a replica.
    pub hubs: Vec<Far>,
    /// True in a member's replica.
    pub replica: bool,
    /// What the one who asks may be shown.
    pub viewer: Viewer,
    /// This machine's clock.
    pub now_ms: u64,
}

impl Explainer<'_> {
    fn core(&self) -> &Core {
        self.auditor.core()
    }

    /// What people call an organisation, or the start of its id; marked where it is its own word alone.
    fn name_of(&self, party: &PartyId) -> String {
        let hub = self.hubs.iter().find(|h| h.party == *party).map(|h| h.name.clone());
        let known = || {
            let admitted = self.core().admissions.hubs_of(party).into_iter().map(|(_, a)| a.name);
            admitted.into_iter().find(|name| !name.is_empty())
        };
        let own = || {
            let named = self.core().views.party(&self.viewer, party, self.now_ms).unwrap_or_default();
            let marked = if named.self_named && *party != self.core().party {
                format!("(?) {}", named.name)
            } else {
                named.name.clone()
            };
            Some(marked).filter(|_| !named.name.is_empty())
        };
        hub.or_else(known).or_else(own).unwrap_or_else(|| party.short())
    }
}
