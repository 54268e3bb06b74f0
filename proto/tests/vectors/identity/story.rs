//! One log as it is told: each event with what is expected of it, and the state that the library finds after it.

use caphub_proto::wire::identity::{Applied, Body, Event, IdentityLog, Keys, State};
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{Feed, PartyId, Signer};
use serde::Serialize;

use crate::case::{EntryHex, Raw, TIME, hash_of, salt};
use crate::judge::Bytes;

#[derive(Serialize)]
pub struct IdentityCase {
    pub name: String,
    pub party_id: String,
    pub events: Vec<EventCase>,
}

#[derive(Serialize)]
pub struct EventCase {
    #[serde(flatten)]
    entry: EntryHex,
    accepted: bool,
    reason: String,
    applied: String,
    state: Option<StateHex>,
}

#[derive(Serialize)]
struct StateHex {
    party_kind: u8,
    root: Vec<String>,
    root_threshold: u8,
    next: Vec<String>,
    next_threshold: u8,
    recovery: Vec<String>,
    recovery_threshold: u8,
    operators: Vec<OperatorHex>,
    conflict: bool,
    head_seq: u64,
    head_hash: String,
}

#[derive(Serialize)]
struct OperatorHex {
    key: String,
    capabilities: u16,
    not_after: u64,
    recipient: String,
    label: String,
    revoked: Option<RevokedHex>,
}

#[derive(Serialize)]
struct RevokedHex {
    reason: u8,
    feeds: Vec<RevokedFeedHex>,
}

#[derive(Serialize)]
struct RevokedFeedHex {
    feed: String,
    seq: u64,
    hash: String,
}

pub struct Story {
    name: String,
    party: PartyId,
    log: IdentityLog,
    events: Vec<EventCase>,
    /// Counted entries, in order.
    counted: Vec<EntryHex>,
}

impl Story {
    /// A log that is still empty, of the party that this event founds.
    pub fn of(name: &str, incept: &Event) -> Self {
        let party = PartyId(tagged_hash(b"caphub/party/1\0", &[&salt("event"), &incept.encode()]));
        let (log, events, counted) = (IdentityLog::new(party), Vec::new(), Vec::new());
        Self { name: name.to_owned(), party, log, events, counted }
    }

    /// A log with its first event.
    pub fn begin(name: &str, incept: &Event, signers: &[(u8, &Signer)]) -> Self {
        let mut story = Self::of(name, incept);
        story.expect("appended", incept, signers);
        story
    }

    pub fn party(&self) -> PartyId {
        self.party
    }

    /// The counted event of a place.
    pub fn event(&self, seq: usize) -> Event {
        Body::parse(&hex::decode(&self.counted[seq - 1].body).unwrap()).unwrap().event
    }

    /// An event after the last counted one.
    pub fn expect(&mut self, expected: &str, event: &Event, signers: &[(u8, &Signer)]) {
        let entry = self.entry(event, signers);
        self.put(expected, entry);
    }

    /// An event that claims a place which another has.
    pub fn expect_at(&mut self, seq: usize, expected: &str, event: &Event, signers: &[(u8, &Signer)]) {
        let entry = self.build(seq, salt("event"), &event.encode(), signers);
        self.put(expected, entry);
    }

    /// An event with another salt than all others.
    pub fn salted(&mut self, expected: &str, salt: [u8; 16], event: &Event, signers: &[(u8, &Signer)]) {
        let entry = self.build(self.counted.len() + 1, salt, &event.encode(), signers);
        self.put(expected, entry);
    }

    /// Event bytes that may be anything.
    pub fn bytes(&mut self, expected: &str, event: &[u8], signers: &[(u8, &Signer)]) {
        let entry = self.build(self.counted.len() + 1, salt("event"), event, signers);
        self.put(expected, entry);
    }

    /// The counted event of a place, once more.
    pub fn again(&mut self, expected: &str, seq: usize) {
        let entry = self.counted[seq - 1].clone();
        self.put(expected, entry);
    }

    /// What `expect` would put.
    pub fn entry(&self, event: &Event, signers: &[(u8, &Signer)]) -> EntryHex {
        self.build(self.counted.len() + 1, salt("event"), &event.encode(), signers)
    }

    /// Hands the entry to the log, and compares what it does with what is expected.
    pub fn put(&mut self, expected: &str, entry: EntryHex) {
        let bytes = Bytes::of(&entry);
        let result = bytes.unchecked().and_then(|e| self.log.apply(e));
        let (reason, applied) = match &result {
            Ok(Applied::Appended) => ("", "appended"),
            Ok(Applied::Known) => ("", "known"),
            Ok(Applied::Replaced { .. }) => ("", "replaced"),
            Err(reason) => (reason.code(), ""),
        };
        let at = format!("identity.json: {}, event {}", self.name, self.events.len() + 1);
        assert_eq!(if reason.is_empty() { applied } else { reason }, expected, "{at}");
        if let Ok(Applied::Replaced { from }) = result {
            self.counted.truncate(from.value() as usize - 1);
        }
        if matches!(applied, "appended" | "replaced") {
            self.counted.push(entry.clone());
        }
        self.events.push(EventCase {
            entry,
            accepted: reason.is_empty(),
            reason: reason.to_owned(),
            applied: applied.to_owned(),
            state: self.log.state().map(|s| self.state(s)),
        });
    }

    pub fn end(self) -> IdentityCase {
        IdentityCase { name: self.name, party_id: hex::encode(self.party.0), events: self.events }
    }

    fn build(&self, seq: usize, salt: [u8; 16], event: &[u8], signers: &[(u8, &Signer)]) -> EntryHex {
        let feed = Feed::identity(self.party);
        let previous = seq.checked_sub(2).map_or([0; 32], |before| hash_of(&self.counted[before]));
        let raw = Raw::first(&feed, &[]).at(seq as u64, previous);
        // Each event of a story has a time of its own, so that no two entries are the same by chance.
        let raw = Raw { time: TIME + self.events.len() as u64, ..raw };
        let message = [
            &feed.id().0[..],
            &raw.seq.to_be_bytes(),
            &raw.previous,
            &raw.time.to_be_bytes(),
            &tagged_hash(b"", &[event]),
        ];
        let Some(((index, first), others)) = signers.split_first() else {
            let root = crate::case::key("root");
            return raw.with_body([&salt, event].concat()).signed(&root);
        };
        let mut body = [&salt, event, &[*index, others.len() as u8]].concat();
        for (index, signer) in others {
            body.push(*index);
            body.extend_from_slice(&signer.sign(b"caphub/identity-sig/1\0", &message.concat()));
        }
        raw.with_body(body).signed(first)
    }

    fn state(&self, state: &State) -> StateHex {
        let list = |keys: &Keys| keys.keys.iter().map(hex::encode).collect();
        let head = self.log.head().unwrap();
        let operators = state.operators.iter().map(|(key, operator)| OperatorHex {
            key: key.to_string(),
            capabilities: operator.capabilities.0,
            not_after: operator.not_after,
            recipient: hex::encode(operator.recipient),
            label: operator.label.clone(),
            revoked: operator.revoked.as_ref().map(|r| RevokedHex {
                reason: r.reason,
                feeds: r
                    .feeds
                    .iter()
                    .map(|f| RevokedFeedHex {
                        feed: f.feed.to_string(),
                        seq: f.seq,
                        hash: f.hash.to_string(),
                    })
                    .collect(),
            }),
        });
        StateHex {
            party_kind: state.party_kind,
            root: list(&state.root),
            root_threshold: state.root.threshold,
            next: list(&state.next),
            next_threshold: state.next.threshold,
            recovery: list(&state.recovery),
            recovery_threshold: state.recovery.threshold,
            operators: operators.collect(),
            conflict: self.log.conflicted(),
            head_seq: head.seq.value(),
            head_hash: head.hash.to_string(),
        }
    }
}
