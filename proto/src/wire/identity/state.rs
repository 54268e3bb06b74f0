//! What a party's keys are after some identity events, and what an event must show to change them.

use std::collections::BTreeMap;

use crate::wire::entry::Entry;
use crate::wire::feed::Head;
use crate::wire::header::ENTRY_TAG;
use crate::wire::identity::event::{Authorise, Body, Commitments, Event, Keys, Revoke};
use crate::wire::identity::{Capabilities, commitment};
use crate::wire::ids::{EntryHash, FeedId, OperatorKey, PartyId, Seq};
use crate::wire::keys::{Checked, check};
use crate::wire::reason::Reason;

/// A signing key of the party.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Operator {
    /// What it may do.
    pub capabilities: Capabilities,
    /// Its last millisecond.
    pub not_after: u64,
    /// X25519 key for sealed records, zeroes for none.
    pub recipient: [u8; 32],
    /// Words for people.
    pub label: String,
    /// The last Revoke of it.
    pub revoked: Option<Revoke>,
}

/// A party's keys after an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct State {
    /// Whose they are.
    pub party: PartyId,
    /// As in Incept.
    pub party_kind: u8,
    /// Keys that sign.
    pub root: Keys,
    /// What the next root keys hash to.
    pub next: Commitments,
    /// What the recovery keys hash to.
    pub recovery: Commitments,
    /// All signing keys that ever were.
    pub operators: BTreeMap<OperatorKey, Operator>,
}

/// Whether an event's signatures are still to be checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signatures {
    /// Nobody has checked them.
    Unchecked,
    /// They were checked when the event was taken in, and its bytes are the same since.
    Checked,
}

/// How far a feed counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// The key signs.
    All,
    /// The key was revoked: up to this place, on the branch of this entry.
    UpTo {
        /// Last place that counts; 0 for none.
        seq: u64,
        /// The entry there.
        hash: EntryHash,
    },
}

impl Counted {
    /// The entry up to which the feed counts; `None` where its key was not revoked, or nothing of it counts.
    pub fn named(self) -> Option<Head> {
        match self {
            Self::UpTo { seq, hash } => Some(Head { seq: Seq::new(seq)?, hash }),
            Self::All => None,
        }
    }
}

impl State {
    /// The state after a first event.
    pub fn incept(
        entry: &Entry<'_>,
        body: &Body,
        party: PartyId,
        signatures: Signatures,
    ) -> Result<Self, Reason> {
        let Event::Incept { party_kind, root, next, recovery } = &body.event else {
            return Err(Reason::IdentityNotIncept);
        };
        if body.party_id() != party {
            return Err(Reason::IdentityParty);
        }
        signed_by(entry, body, root, root.threshold, signatures)?;
        Ok(Self {
            party,
            party_kind: *party_kind,
            root: root.clone(),
            next: next.clone(),
            recovery: recovery.clone(),
            operators: BTreeMap::new(),
        })
    }

    /// The state after one more event, or why the event does not count.
    pub fn apply(&self, entry: &Entry<'_>, body: &Body, signatures: Signatures) -> Result<Self, Reason> {
        let mut state = self.clone();
        match &body.event {
            Event::Incept { .. } => return Err(Reason::IdentityNotIncept),
            Event::Rotate { revealed, next } => {
                signed_by_revealed(entry, body, revealed, &self.next, signatures)?;
                state.root = revealed.clone();
                state.next = next.clone();
            }
            Event::Recover { revealed, root, next, recovery } => {
                signed_by_revealed(entry, body, revealed, &self.recovery, signatures)?;
                state.root = root.clone();
                state.next = next.clone();
                state.recovery = recovery.clone();
            }
            Event::Authorise(authorise) => {
                signed_by(entry, body, &self.root, self.root.threshold, signatures)?;
                state.authorise(authorise, signatures)?;
            }
            Event::Revoke(revoke) => {
                signed_by(entry, body, &self.root, self.root.threshold, signatures)?;
                let known = state.operators.get_mut(&revoke.key).ok_or(Reason::IdentityUnknownKey)?;
                known.revoked = Some(revoke.clone());
            }
        }
        Ok(state)
    }

    /// How far a feed of this key counts; `None` where the party never authorised the key.
    pub fn counted(&self, key: &OperatorKey, feed: &FeedId) -> Option<Counted> {
        let operator = self.operators.get(key)?;
        Some(match &operator.revoked {
            None => Counted::All,
            Some(revoke) => match revoke.feeds.iter().find(|f| f.feed == *feed) {
                Some(named) => Counted::UpTo { seq: named.seq, hash: named.hash },
                None => Counted::UpTo { seq: 0, hash: EntryHash::default() },
            },
        })
    }

    /// True where the key is not revoked, holds the capability, and has not ended at `time_ms`.
    pub fn may(&self, key: &OperatorKey, capability: Capabilities, time_ms: u64) -> bool {
        self.operators.get(key).is_some_and(|o| {
            o.revoked.is_none() && o.capabilities.holds(capability) && time_ms <= o.not_after
        })
    }

    fn authorise(&mut self, event: &Authorise, signatures: Signatures) -> Result<(), Reason> {
        if self.operators.contains_key(&event.key) {
            return Err(Reason::IdentityDuplicateKey);
        }
        let message =
            Authorise::possession_message(self.party, event.capabilities, event.not_after, &event.recipient);
        let tag = b"caphub/operator/1\0";
        let held = || check(event.key.as_bytes(), tag, &message, &event.possession) == Checked::Valid;
        if signatures == Signatures::Unchecked && !held() {
            return Err(Reason::IdentityPossession);
        }
        let operator = Operator {
            capabilities: Capabilities(event.capabilities),
            not_after: event.not_after,
            recipient: event.recipient,
            label: event.label.clone(),
            revoked: None,
        };
        self.operators.insert(event.key, operator);
        Ok(())
    }
}

/// The key that must have signed the header: the one that the body's index names.
pub fn header_signer(state: Option<&State>, body: &Body) -> Result<OperatorKey, Reason> {
    let keys = match (&body.event, state) {
        (Event::Incept { root, .. }, _) => root,
        (Event::Rotate { revealed, .. } | Event::Recover { revealed, .. }, _) => revealed,
        (_, Some(state)) => &state.root,
        (_, None) => return Err(Reason::IdentityNotIncept),
    };
    keys.keys.get(usize::from(body.signer)).copied().map(OperatorKey).ok_or(Reason::IdentitySigner)
}

fn signed_by_revealed(
    entry: &Entry<'_>,
    body: &Body,
    revealed: &Keys,
    committed: &Commitments,
    signatures: Signatures,
) -> Result<(), Reason> {
    let all_committed = revealed.keys.iter().all(|k| committed.keys.contains(&commitment(k)));
    if committed.keys.is_empty() || !all_committed {
        return Err(Reason::IdentityCommitment);
    }
    if revealed.keys.len() < usize::from(committed.threshold) {
        return Err(Reason::IdentityCommitment);
    }
    // A rotation may raise the threshold, but the committed one must be met to get there.
    signed_by(entry, body, revealed, committed.threshold.max(revealed.threshold), signatures)
}

fn signed_by(
    entry: &Entry<'_>,
    body: &Body,
    keys: &Keys,
    threshold: u8,
    signatures: Signatures,
) -> Result<(), Reason> {
    if signatures == Signatures::Checked {
        return Ok(());
    }
    let key_at = |index: u8| keys.keys.get(usize::from(index)).ok_or(Reason::IdentitySigner);
    match check(key_at(body.signer)?, ENTRY_TAG, entry.header_bytes, entry.signature) {
        Checked::Valid => {}
        Checked::BadKey => return Err(Reason::BadKey),
        Checked::BadSignature => return Err(Reason::BadSignature),
    }
    let header = &entry.header;
    let message =
        Event::cosigned(&body.event_bytes, header.feed, header.seq.value(), header.previous, header.time_ms);
    let mut signers = vec![body.signer];
    for (index, signature) in &body.signatures {
        let valid = check(key_at(*index)?, b"caphub/identity-sig/1\0", &message, signature) == Checked::Valid;
        if !valid || signers.contains(index) {
            return Err(Reason::IdentitySigner);
        }
        signers.push(*index);
    }
    match signers.len() >= usize::from(threshold) {
        true => Ok(()),
        false => Err(Reason::IdentityThreshold),
    }
}
