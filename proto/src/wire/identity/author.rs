//! Writing identity events: what a party's own machine signs. Salts, keys and times are arguments.

use crate::wire::entry::{Draft, SignError};
use crate::wire::feed::{Feed, Head};
use crate::wire::identity::event::{Authorise, Body, Event, Keys};
use crate::wire::identity::{Capabilities, commitment};
use crate::wire::ids::{EntryHash, OperatorKey, PartyId, Seq};
use crate::wire::keys::{Signer, tagged_hash};
use crate::wire::limits::SALT_BYTES;

/// The keys that a party starts with.
pub struct Founding<'a> {
    /// As in Incept.
    pub party_kind: u8,
    /// Signs now.
    pub root: &'a Signer,
    /// Will sign after the next rotation.
    pub next: &'a Signer,
    /// Puts new root keys in place.
    pub recovery: &'a Signer,
}

impl Founding<'_> {
    /// The first event.
    pub fn event(&self) -> Event {
        Event::Incept {
            party_kind: self.party_kind,
            root: one(*self.root.public().as_bytes()),
            next: one(commitment(self.next.public().as_bytes())),
            recovery: one(commitment(self.recovery.public().as_bytes())),
        }
    }

    /// The id of the party that this founding with this salt makes.
    pub fn party(&self, salt: [u8; SALT_BYTES]) -> PartyId {
        PartyId(tagged_hash(b"caphub/party/1\0", &[&salt, &self.event().encode()]))
    }
}

/// One key or commitment with threshold 1.
pub fn one(key: [u8; 32]) -> Keys {
    Keys { threshold: 1, keys: vec![key] }
}

/// Adds events to one identity log.
pub struct IdentityAuthor {
    /// Whose log it is.
    pub party: PartyId,
    /// The last event, `None` before the first.
    pub head: Option<Head>,
}

impl IdentityAuthor {
    /// Signs `event` by `signers` (index among the keys that may sign it, and the key; the first signs the
    /// header), and returns the packed entry; the author stands after it then.
    pub fn append(
        &mut self,
        event: &Event,
        signers: &[(u8, &Signer)],
        salt: [u8; SALT_BYTES],
        time_ms: u64,
    ) -> Result<Vec<u8>, SignError> {
        let feed = Feed::identity(self.party);
        let seq = self.head.map_or(Some(Seq::FIRST), |h| h.seq.next()).ok_or(SignError::OutOfRange)?;
        let previous = self.head.map_or(EntryHash::default(), |h| h.hash);
        let event_bytes = event.encode();
        let message = Event::cosigned(&event_bytes, feed.id(), seq.value(), previous, time_ms);
        let ((index, signer), others) = signers.split_first().ok_or(SignError::OutOfRange)?;
        let signatures =
            others.iter().map(|(i, s)| (*i, s.sign(b"caphub/identity-sig/1\0", &message))).collect();
        let body = Body { salt, event: event.clone(), event_bytes, signer: *index, signatures }.encode();
        let head = self.head.map(|h| (h.seq, h.hash));
        let (packed, seq, hash) = Draft { feed: &feed, head, time_ms, body: &body }.sign(signer)?;
        self.head = Some(Head { seq, hash });
        Ok(packed)
    }
}

/// An Authorise event for `operator`, with its possession.
pub fn authorise(
    party: PartyId,
    operator: &Signer,
    capabilities: Capabilities,
    not_after: u64,
    recipient: [u8; 32],
    label: &str,
) -> Event {
    let message = Authorise::possession_message(party, capabilities.0, not_after, &recipient);
    Event::Authorise(Authorise {
        key: OperatorKey(*operator.public().as_bytes()),
        capabilities: capabilities.0,
        not_after,
        recipient,
        possession: operator.sign(b"caphub/operator/1\0", &message),
        label: label.to_owned(),
    })
}
