//! Signed head statements: what a node says that it holds of a feed, and what two of them show (SPEC.md 13.2).
//!
//! A push receipt is the same statement: "I hold it up to here".

pub mod known;
pub mod stamp;
#[cfg(test)]
mod tests;

pub use known::{Known, Late};
pub use stamp::Stamp;

use crate::mutant;
use crate::wire::audience::Audience;
use crate::wire::bytes::Reader;
use crate::wire::feed::{Feed, Head};
use crate::wire::identity::{Capabilities, State};
use crate::wire::ids::{EntryHash, FeedId, LogId, OperatorKey, PartyId, Seq};
use crate::wire::keys::{Checked, Signer, check};
use crate::wire::limits::INTEGER_END;
use crate::wire::reason::Reason;

/// Tag of a statement's signature.
pub const HEAD_TAG: &[u8] = b"caphub/head/1\0";
/// Bytes of a statement with its signature.
pub const STATEMENT_BYTES: usize = 258;
/// How old a statement may be where it is given as an answer, in milliseconds: ten minutes, as clocks may differ.
pub const FRESH_MS_MAX: u64 = 600_000;

/// Whom a feed is served to, as a statement names it; sealed feeds travel with those for the network.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StatedClass {
    /// Any caller.
    Public,
    /// Peers, their members and the node's own members.
    Network,
    /// Nodes and members of this hub.
    Hub(PartyId),
}

impl StatedClass {
    /// The class of a feed.
    pub fn of(feed: &Feed) -> Self {
        match feed.audience() {
            Audience::Public => Self::Public,
            Audience::Network | Audience::Sealed(_) => Self::Network,
            Audience::Hub(hub) => Self::Hub(hub),
        }
    }

    fn encode(self) -> [u8; 33] {
        let mut out = [0; 33];
        match self {
            Self::Public => {}
            Self::Network => out[0] = 1,
            Self::Hub(hub) => {
                out[0] = 2;
                out[1..].copy_from_slice(hub.as_bytes());
            }
        }
        out
    }

    fn decode(kind: u8, hub: [u8; 32]) -> Option<Self> {
        match (kind, hub == [0; 32]) {
            (0, true) => Some(Self::Public),
            (1, true) => Some(Self::Network),
            (2, _) => Some(Self::Hub(PartyId(hub))),
            _ => None,
        }
    }
}

/// Why a stated head may be lower than an earlier one of the same log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cut {
    /// Nothing was ever taken away from this feed.
    Whole,
    /// The feed's key was revoked: what lies beyond the place that counts is void.
    Revoked,
    /// The feed forked: it is frozen at the last common entry.
    Forked,
}

/// What a node says that it holds of one feed; its signature is valid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeadStatement {
    /// The node's log: a restored store begins another.
    pub log: LogId,
    /// The hub.
    pub party: PartyId,
    /// The node, by the key that signs.
    pub node: OperatorKey,
    /// Whom the feed is served to.
    pub class: StatedClass,
    /// The feed.
    pub feed: FeedId,
    /// The last place held contiguously from 1 that counts; `None` where nothing is.
    pub head: Option<Head>,
    /// The node's stating clock in milliseconds, which never goes back within one log.
    pub time_ms: u64,
    /// Why the head may be lower than it was.
    pub cut: Cut,
    signature: [u8; 64],
}

/// What a node states; everything but the signature.
#[derive(Clone, Copy, Debug)]
pub struct Stating<'a> {
    /// The node's log.
    pub log: LogId,
    /// The hub.
    pub party: PartyId,
    /// The node's clock, from `Stamp`.
    pub time_ms: u64,
    /// The feed.
    pub feed: &'a Feed,
    /// What counts of it.
    pub head: Option<Head>,
    /// Why that may be less than it was.
    pub cut: Cut,
}

impl Stating<'_> {
    /// Signs by the node's key.
    pub fn sign(&self, signer: &Signer) -> HeadStatement {
        let mut statement = HeadStatement {
            log: self.log,
            party: self.party,
            node: signer.public(),
            class: StatedClass::of(self.feed),
            feed: self.feed.id(),
            head: self.head,
            time_ms: self.time_ms,
            cut: self.cut,
            signature: [0; 64],
        };
        statement.signature = signer.sign(HEAD_TAG, &statement.signed());
        statement
    }
}

impl HeadStatement {
    /// The last place stated, 0 for none.
    pub fn seq(&self) -> u64 {
        self.head.map_or(0, |h| h.seq.value())
    }

    /// As it travels: fields, then the signature.
    pub fn encode(&self) -> Vec<u8> {
        [&self.signed()[..], &self.signature].concat()
    }

    /// Reads a statement and checks its signature by the node key that it states. That the hub authorised the key is
    /// for `authorised`, and that the feed is the one expected for the caller.
    pub fn decode(bytes: &[u8]) -> Result<Self, Reason> {
        if bytes.len() != STATEMENT_BYTES {
            return Err(Reason::BadLength);
        }
        let mut reader = Reader::new(bytes);
        let statement = Self::read(&mut reader).ok_or(Reason::BadLength)??;
        match check(statement.node.as_bytes(), HEAD_TAG, &statement.signed(), &statement.signature) {
            Checked::Valid => Ok(statement),
            Checked::BadKey => Err(Reason::BadKey),
            Checked::BadSignature => Err(Reason::BadSignature),
        }
    }

    /// Reads a statement that this side decoded before and kept: the signature is not checked again.
    pub fn read_kept(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        Self::read(&mut reader)?.ok().filter(|_| reader.is_empty())
    }

    fn read(reader: &mut Reader<'_>) -> Option<Result<Self, Reason>> {
        let (log, party) = (LogId(reader.array()?), PartyId(reader.array()?));
        let node = OperatorKey(reader.array()?);
        let class = (reader.u8()?, reader.array()?);
        let feed = FeedId(reader.array()?);
        let (seq, hash) = (reader.u64()?, EntryHash(reader.array()?));
        let (time_ms, cut, signature) = (reader.u64()?, reader.u8()?, reader.array()?);
        let Some(class) = StatedClass::decode(class.0, class.1) else {
            return Some(Err(Reason::BadAudience));
        };
        let head = match (seq, Seq::new(seq)) {
            (0, _) if hash == EntryHash::default() => None,
            (_, Some(seq)) => Some(Head { seq, hash }),
            _ => return Some(Err(Reason::BadSeq)),
        };
        if time_ms >= INTEGER_END {
            return Some(Err(Reason::BadTime));
        }
        let cut = match cut {
            0 => Cut::Whole,
            1 => Cut::Revoked,
            2 => Cut::Forked,
            _ => return Some(Err(Reason::UnknownKind)),
        };
        Some(Ok(Self { log, party, node, class, feed, head, time_ms, cut, signature }))
    }

    fn signed(&self) -> Vec<u8> {
        let (seq, hash) = self.head.map_or((0, EntryHash::default()), |h| (h.seq.value(), h.hash));
        let cut = match self.cut {
            Cut::Whole => 0,
            Cut::Revoked => 1,
            Cut::Forked => 2,
        };
        let mut out = Vec::with_capacity(STATEMENT_BYTES);
        out.extend_from_slice(self.log.as_bytes());
        out.extend_from_slice(self.party.as_bytes());
        out.extend_from_slice(self.node.as_bytes());
        out.extend_from_slice(&self.class.encode());
        out.extend_from_slice(self.feed.as_bytes());
        out.extend_from_slice(&seq.to_be_bytes());
        out.extend_from_slice(hash.as_bytes());
        out.extend_from_slice(&self.time_ms.to_be_bytes());
        out.push(cut);
        out
    }

    /// Whether the hub's identity log lets this key speak for it: with `serve`, not ended, and not revoked since,
    /// because then anybody who found the key could have signed.
    pub fn authorised(&self, hub: &State) -> bool {
        hub.party == self.party && hub.may(&self.node, Capabilities::SERVE, self.time_ms)
    }

    /// True where it was signed within ten minutes of `now_ms`: an older one is no answer about now.
    pub fn fresh(&self, now_ms: u64) -> bool {
        self.time_ms.abs_diff(now_ms) <= FRESH_MS_MAX
    }
}

/// What two statements say together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Comparison {
    /// Of different nodes, logs or feeds: nothing follows.
    Unrelated,
    /// One after the other, as a growing log has it.
    Consistent,
    /// The later head is lower, and the node says why: a revocation or a fork. No evidence.
    Cut(Cut),
    /// An identity log whose two heads are not shown to lie on one chain: events may have been replaced. No evidence.
    Replaced,
    /// Shown by evidence: the node held what the earlier one states, and states the other later, though lower or of
    /// another chain, and gives no reason.
    Contradiction,
}

/// Two statements of one node as it made them. At one moment a node states one head: of two, the lower counts as
/// the later.
pub fn in_order(one: HeadStatement, other: HeadStatement) -> (HeadStatement, HeadStatement) {
    match (one.time_ms, other.seq()) <= (other.time_ms, one.seq()) {
        true => (one, other),
        false => (other, one),
    }
}

/// Compares two statements about `feed`. `chain` gives the hash of an entry of an identity log as the judge knows it;
/// it is asked for identity feeds only.
pub fn compare(
    feed: &Feed,
    one: &HeadStatement,
    other: &HeadStatement,
    chain: impl Fn(Seq) -> Option<EntryHash>,
) -> Comparison {
    let same_log = one.log == other.log || mutant!(IgnoreLogId);
    let related = same_log && one.party == other.party && one.node == other.node;
    if !related || one.feed != other.feed || one.feed != feed.id() {
        return Comparison::Unrelated;
    }
    let (held, lower) = in_order(*one, *other);
    let same_place = held.seq() == lower.seq();
    if lower.seq() > held.seq() || (same_place && held.head == lower.head) {
        return Comparison::Consistent;
    }
    if feed.is_identity() {
        // A replacement leaves a head of another chain; a head further down the same chain was never a whole log.
        let on_chain = |head: Option<Head>| head.is_none_or(|h| chain(h.seq) == Some(h.hash));
        return match !same_place && on_chain(held.head) && on_chain(lower.head) {
            true => Comparison::Contradiction,
            false => Comparison::Replaced,
        };
    }
    match (held.cut, lower.cut) {
        (_, Cut::Whole) => Comparison::Contradiction,
        (_, cut) => Comparison::Cut(cut),
    }
}
