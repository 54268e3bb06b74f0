//! The five identity events and the body that carries them (SPEC.md section 4.1).

use crate::wire::bytes::Reader;
use crate::wire::ids::{EntryHash, FeedId, OperatorKey, PartyId};
use crate::wire::keys::tagged_hash;
use crate::wire::limits::{IDENTITY_KEYS_MAX, INTEGER_END, LABEL_BYTES_MAX, REVOKE_FEEDS_MAX, SALT_BYTES};
use crate::wire::reason::Reason;

/// Keys with the number of them that must sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Keys {
    /// At least 1, at most as many as there are keys.
    pub threshold: u8,
    /// No key twice.
    pub keys: Vec<[u8; 32]>,
}

/// Hashes of keys that are not shown yet; the same shape as `Keys`.
pub type Commitments = Keys;

/// A signing key that the party authorises.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authorise {
    /// The key.
    pub key: OperatorKey,
    /// What it may do; never changes.
    pub capabilities: u16,
    /// Its last millisecond.
    pub not_after: u64,
    /// X25519 key for sealed records, zeroes for none.
    pub recipient: [u8; 32],
    /// The key's own signature over what it is authorised for.
    pub possession: [u8; 64],
    /// Words for people.
    pub label: String,
}

/// The last counted entry of one feed of a revoked key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RevokedFeed {
    /// The feed.
    pub feed: FeedId,
    /// The last place that counts; 0 for none.
    pub seq: u64,
    /// The entry there: this branch counts, whatever forks exist.
    pub hash: EntryHash,
}

/// A signing key that the party takes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revoke {
    /// The key.
    pub key: OperatorKey,
    /// 0 unstated, 1 lost, 2 stolen, 3 replaced, 4 forked, 5 person left.
    pub reason: u8,
    /// Feeds not named count to 0.
    pub feeds: Vec<RevokedFeed>,
}

/// What happened to a party's keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// The first event: the party comes to be.
    Incept {
        /// State 1, regional body 2, sub-regional body 3, international organisation 4, provider 5, CSIRT 6,
        /// university 7.
        party_kind: u8,
        /// Keys that sign.
        root: Keys,
        /// What the next root keys hash to.
        next: Commitments,
        /// What the recovery keys hash to; may be none.
        recovery: Commitments,
    },
    /// The committed keys become the root keys.
    Rotate {
        /// Keys committed to before.
        revealed: Keys,
        /// What the next ones hash to.
        next: Commitments,
    },
    /// A signing key may sign from now on.
    Authorise(Authorise),
    /// A signing key may not any more.
    Revoke(Revoke),
    /// The recovery keys put new root keys in place.
    Recover {
        /// Recovery keys committed to before.
        revealed: Keys,
        /// The new root keys.
        root: Keys,
        /// What the next root keys hash to.
        next: Commitments,
        /// What the next recovery keys hash to.
        recovery: Commitments,
    },
}

/// One identity body, read but not judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Body {
    /// 16 random bytes.
    pub salt: [u8; SALT_BYTES],
    /// What happened.
    pub event: Event,
    /// The event's bytes, which signatures and the party id cover.
    pub event_bytes: Vec<u8>,
    /// Index of the header's signer among the keys that may sign this event.
    pub signer: u8,
    /// Further signatures: index and signature.
    pub signatures: Vec<(u8, [u8; 64])>,
}

impl Body {
    /// Reads the fixed layout; nothing may be left over.
    pub fn parse(bytes: &[u8]) -> Result<Self, Reason> {
        let mut reader = Reader::new(bytes);
        let salt = reader.array().ok_or(Reason::IdentityMalformed)?;
        let start = reader.rest();
        let event = Event::read(&mut reader)?;
        let event_bytes = start[..start.len() - reader.rest().len()].to_vec();
        let mut tail = || {
            let signer = reader.u8()?;
            let count = reader.u8()?;
            let mut signatures = Vec::new();
            for _ in 0..count {
                signatures.push((reader.u8()?, reader.array()?));
            }
            reader.is_empty().then_some((signer, signatures))
        };
        let (signer, signatures) = tail().ok_or(Reason::IdentityMalformed)?;
        Ok(Self { salt, event, event_bytes, signer, signatures })
    }

    /// The bytes of this body.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.salt.to_vec();
        out.extend_from_slice(&self.event_bytes);
        out.push(self.signer);
        out.push(self.signatures.len() as u8);
        for (index, signature) in &self.signatures {
            out.push(*index);
            out.extend_from_slice(signature);
        }
        out
    }

    /// The party id that this body founds, were it an Incept.
    pub fn party_id(&self) -> PartyId {
        PartyId(tagged_hash(b"caphub/party/1\0", &[&self.salt, &self.event_bytes]))
    }
}

impl Event {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Reason> {
        let kind = reader.u8().ok_or(Reason::IdentityMalformed)?;
        match kind {
            1 => Self::read_incept(reader),
            2 => Ok(Self::Rotate { revealed: keys(reader, false)?, next: keys(reader, false)? }),
            3 => authorise(reader).ok_or(Reason::IdentityMalformed).map(Self::Authorise),
            4 => revoke(reader).ok_or(Reason::IdentityMalformed).map(Self::Revoke),
            5 => Ok(Self::Recover {
                revealed: keys(reader, false)?,
                root: keys(reader, false)?,
                next: keys(reader, false)?,
                recovery: keys(reader, true)?,
            }),
            _ => Err(Reason::IdentityUnknownEvent),
        }
    }

    fn read_incept(reader: &mut Reader<'_>) -> Result<Self, Reason> {
        let party_kind = reader.u8().ok_or(Reason::IdentityMalformed)?;
        Ok(Self::Incept {
            party_kind,
            root: keys(reader, false)?,
            next: keys(reader, false)?,
            recovery: keys(reader, true)?,
        })
    }

    /// The bytes that signatures and the party id cover.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Incept { party_kind, root, next, recovery } => {
                out.extend_from_slice(&[1, *party_kind]);
                [root, next, recovery].into_iter().for_each(|k| k.write(&mut out));
            }
            Self::Rotate { revealed, next } => {
                out.push(2);
                [revealed, next].into_iter().for_each(|k| k.write(&mut out));
            }
            Self::Authorise(authorise) => authorise.write(&mut out),
            Self::Revoke(revoke) => revoke.write(&mut out),
            Self::Recover { revealed, root, next, recovery } => {
                out.push(5);
                [revealed, root, next, recovery].into_iter().for_each(|k| k.write(&mut out));
            }
        }
        out
    }

    /// What further signatures sign, after the tag `caphub/identity-sig/1`.
    pub fn cosigned(
        event_bytes: &[u8],
        feed: FeedId,
        seq: u64,
        previous: EntryHash,
        time_ms: u64,
    ) -> Vec<u8> {
        let digest = tagged_hash(b"", &[event_bytes]);
        [feed.as_bytes(), &seq.to_be_bytes()[..], previous.as_bytes(), &time_ms.to_be_bytes(), &digest]
            .concat()
    }
}

impl Keys {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.threshold, self.keys.len() as u8]);
        self.keys.iter().for_each(|k| out.extend_from_slice(k));
    }
}

impl Authorise {
    /// What the operator key signs to show that it is held, after the tag `caphub/operator/1`.
    pub fn possession_message(
        party: PartyId,
        capabilities: u16,
        not_after: u64,
        recipient: &[u8; 32],
    ) -> Vec<u8> {
        [party.as_bytes(), &capabilities.to_be_bytes()[..], &not_after.to_be_bytes(), recipient].concat()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(3);
        out.extend_from_slice(self.key.as_bytes());
        out.extend_from_slice(&self.capabilities.to_be_bytes());
        out.extend_from_slice(&self.not_after.to_be_bytes());
        out.extend_from_slice(&self.recipient);
        out.extend_from_slice(&self.possession);
        out.push(self.label.len() as u8);
        out.extend_from_slice(self.label.as_bytes());
    }
}

impl Revoke {
    fn write(&self, out: &mut Vec<u8>) {
        out.push(4);
        out.extend_from_slice(self.key.as_bytes());
        out.push(self.reason);
        out.extend_from_slice(&(self.feeds.len() as u16).to_be_bytes());
        for feed in &self.feeds {
            out.extend_from_slice(feed.feed.as_bytes());
            out.extend_from_slice(&feed.seq.to_be_bytes());
            out.extend_from_slice(feed.hash.as_bytes());
        }
    }
}

fn keys(reader: &mut Reader<'_>, may_be_empty: bool) -> Result<Keys, Reason> {
    let mut read = || {
        let threshold = reader.u8()?;
        let count = reader.u8()?;
        let keys: Option<Vec<[u8; 32]>> = (0..count).map(|_| reader.array()).collect();
        Some(Keys { threshold, keys: keys? })
    };
    let list = read().ok_or(Reason::IdentityMalformed)?;
    let count = list.keys.len();
    if count == 0 {
        let allowed = may_be_empty && list.threshold == 0;
        return if allowed { Ok(list) } else { Err(Reason::IdentityKeys) };
    }
    let mut sorted = list.keys.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let possible = (1..=count).contains(&usize::from(list.threshold));
    match count <= IDENTITY_KEYS_MAX && sorted.len() == count && possible {
        true => Ok(list),
        false => Err(Reason::IdentityKeys),
    }
}

fn authorise(reader: &mut Reader<'_>) -> Option<Authorise> {
    let key = OperatorKey(reader.array()?);
    let capabilities = reader.u16()?;
    let not_after = reader.u64().filter(|t| *t < INTEGER_END)?;
    let recipient = reader.array()?;
    let possession = reader.array()?;
    let length = usize::from(reader.u8()?);
    let label = reader.take(length).filter(|_| length <= LABEL_BYTES_MAX)?;
    let label = std::str::from_utf8(label).ok()?.to_owned();
    Some(Authorise { key, capabilities, not_after, recipient, possession, label })
}

fn revoke(reader: &mut Reader<'_>) -> Option<Revoke> {
    let key = OperatorKey(reader.array()?);
    let reason = reader.u8()?;
    let count = usize::from(reader.u16()?);
    if count > REVOKE_FEEDS_MAX {
        return None;
    }
    let feeds = (0..count).map(|_| {
        Some(RevokedFeed {
            feed: FeedId(reader.array()?),
            seq: reader.u64().filter(|s| *s < INTEGER_END)?,
            hash: EntryHash(reader.array()?),
        })
    });
    Some(Revoke { key, reason, feeds: feeds.collect::<Option<_>>()? })
}
