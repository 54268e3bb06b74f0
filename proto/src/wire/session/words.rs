//! What goes into a session and what comes out of it.

use crate::v1;
use crate::wire::entitlement::Viewer;
use crate::wire::feed::Feed;
use crate::wire::ids::{EntryHash, FeedId, PartyId};
use crate::wire::reason::Reason;
use crate::wire::reconcile::Sets;

/// What a session knows beside what it hears.
pub struct Facts<'a> {
    /// What this side states now.
    pub sets: &'a Sets,
    /// The hash of an entry that is held, as far as the feed counts.
    pub hash_at: &'a dyn Fn(&Feed, u64) -> Option<EntryHash>,
    /// This side's clock: it orders nothing, and only ends what should not be waited for.
    pub now_ms: u64,
}

/// What a session is for.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What the far end may read of what is held here.
    pub far: Viewer,
    /// The parties as which the far end knows this side.
    pub parties: Vec<PartyId>,
    /// Entries are pulled.
    pub pull: bool,
    /// Entries are pushed, unless the far end comes for them over a link of its own.
    pub push: bool,
    /// Entries are pushed also where the far end has not linked this side.
    pub to_strangers: bool,
    /// Bytes of entries in both directions together.
    pub max_bytes: Option<u64>,
    /// The newest entries come first.
    pub newest_first: bool,
    /// Nothing moves: the session ends once it knows what would.
    pub dry: bool,
}

/// What a session hears.
#[derive(Debug)]
pub enum Input<'a> {
    /// The answer to Hello.
    Hello(&'a v1::HelloResponse),
    /// The answer to Reconcile.
    Reconciled(&'a v1::ReconcileResponse),
    /// What became of runs that were pulled, and their bytes.
    Taken(&'a [(FeedId, Result<(), Reason>)], u64),
    /// The answer to Pull has ended.
    PullEnded,
    /// What the far end says to runs that were pushed, and their bytes.
    Pushed(&'a v1::PushResponse, u64),
    /// The answer to Push has ended.
    PushEnded,
    /// Some time has passed, or another session has ended a request.
    Again,
}

/// What is to be done next.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Ask Reconcile.
    Reconcile(v1::ReconcileRequest),
    /// Pull by ranges; entries are made durable before they are told as taken.
    Pull(v1::PullRequest),
    /// Push these ranges, in order.
    Push(Push),
    /// What is missing is being fetched by other sessions: come again.
    Wait,
    /// Nothing is left to do.
    Finished(Finished),
}

/// What is to be pushed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Push {
    /// Whole ranges, identity feeds first.
    pub ranges: Vec<PushRange>,
    /// Bytes of entries at most.
    pub max_bytes: Option<u64>,
}

/// Entries of one feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PushRange {
    /// Which feed.
    pub feed: Feed,
    /// First place.
    pub from: u64,
    /// Last place; below `from` where only the fork proof is to be sent.
    pub to: u64,
    /// The fork proof of the feed goes along.
    pub proof: bool,
}

/// How a session ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Finished {
    /// Hello alone: nothing differed, or nothing that either side would take.
    pub idle: bool,
    /// Requests of reconciliation.
    pub rounds: usize,
    /// More is known to be missing: the budget ended, or there was more than one session finds.
    pub more: bool,
    /// Runs by which the far end showed that it does not check what it sends.
    pub faults: u64,
}
