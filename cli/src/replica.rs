//! The open replica: the same store as a node's, and the member's signing key.

use std::collections::HashMap;

use caphub_node::author::{Author, PublishError, Published, now_ms};
use caphub_node::carriage::Quotas;
use caphub_node::core::{Core, OpenError};
use caphub_node::entitlement::Viewer;
use caphub_node::keys::{KeyError, KeyName};
use caphub_node::store::StoreError;
use caphub_node::views::{PAGE_SIZE_MAX, PageRequest};
use caphub_proto::v1::{self, Filter, Revision};
use caphub_proto::wire::{Audience, PartyId, RecordId, Signer};

use crate::failure::Failure;
use crate::home::{Home, Me};

/// A member's replica.
pub struct Replica {
    /// Who.
    pub me: Me,
    /// Where.
    pub home: Home,
    /// Store and views.
    pub core: Core,
}

impl Replica {
    /// Opens the replica of a folder.
    pub fn open(home: &Home) -> Result<Self, Failure> {
        let me = home.load()?;
        let party = me.party()?;
        let core = Core::open(&home.directory, party, true, Quotas::default()).map_err(open_failure)?;
        core.heed_hubs(home.known_hubs(&me));
        Ok(Self { me, home: home.clone(), core })
    }

    /// The member's signing key; asks for the passphrase where it has one.
    pub fn signer(&self, question: &str) -> Result<Signer, Failure> {
        read_key(&self.home, KeyName::Operator, question)
    }

    /// Signs revisions for an audience; they are durable here when this returns, and leave at the next sync.
    pub async fn publish(
        &self,
        audience: Audience,
        revisions: &[Revision],
        question: &str,
    ) -> Result<Vec<Published>, Failure> {
        let author = Author::new(self.core.party, self.signer(question)?);
        let published = author.publish(&self.core, audience, revisions).await.map_err(publish_failure)?;
        self.refresh()?;
        Ok(published)
    }

    /// Brings the views up to the log.
    pub fn refresh(&self) -> Result<(), Failure> {
        self.core.views.catch_up().map_err(|e| Failure::new("error-views").because(e))?;
        let mut due = self.core.views.take_erasures();
        due.extend(self.core.excused());
        if due.is_empty() {
            return Ok(());
        }
        self.core.store.erase(&due).map_err(|e| Failure::new("error-store").because(e))
    }

    /// As `viewer`, with what was opened here: for the screen, and for nothing that is passed on to others.
    pub fn reader(&self) -> Viewer {
        Viewer { opened: true, ..self.viewer() }
    }

    /// Everything in the replica is the member's to read. What was sealed to it is left out.
    pub fn viewer(&self) -> Viewer {
        Viewer { parties: vec![self.core.party], hubs: Vec::new(), network: true, all: true, opened: false }
    }

    /// All records of a filter, page by page, without sealed ones: they may go into files and tables for others.
    pub fn all(&self, filter: &Filter) -> Result<Vec<v1::Record>, Failure> {
        self.seen_by(&self.viewer(), filter)
    }

    /// The same, with what was opened here.
    pub fn readable(&self, filter: &Filter) -> Result<Vec<v1::Record>, Failure> {
        self.seen_by(&self.reader(), filter)
    }

    fn seen_by(&self, viewer: &Viewer, filter: &Filter) -> Result<Vec<v1::Record>, Failure> {
        let (mut records, mut token) = (Vec::new(), String::new());
        loop {
            let page =
                self.core.views.list(viewer, filter, &PageRequest { size: PAGE_SIZE_MAX, token }, now_ms());
            let page = page.map_err(|e| Failure::new("error-views").because(e))?;
            records.extend(page.records);
            if page.next_page_token.is_empty() {
                return Ok(records);
            }
            token = page.next_page_token;
        }
    }

    /// The record whose id starts with `text`; own ones go before others'.
    pub fn find(&self, text: &str, kind: Option<&str>) -> Result<v1::Record, Failure> {
        let text = text.to_ascii_lowercase();
        if text.len() < 4 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Failure::usage("error-record-id").with("id", text).hint("hint-record-id"));
        }
        let kinds = kind.map(str::to_owned).into_iter().collect();
        let filter = Filter { kinds, withdrawn: true, ..Filter::default() };
        let mut found = self.readable(&filter)?;
        found.retain(|r| hex::encode(&r.record_id).starts_with(&text));
        let own = |r: &v1::Record| r.party_id == self.core.party.as_bytes();
        if found.iter().any(own) {
            found.retain(own);
        }
        match found.len() {
            0 => Err(Failure::nothing("error-no-record").with("id", text).hint("hint-sync-first")),
            1 => Ok(found.swap_remove(0)),
            _ => Err(Failure::usage("error-many-records").with("id", text).hint("hint-longer-id")),
        }
    }

    /// How many own entries each of the hub's heads lacks is known at sync; this counts all own entries.
    pub fn own_records(&self) -> Result<HashMap<String, usize>, Failure> {
        let filter = Filter { party_id: self.core.party.to_vec(), ..Filter::default() };
        let mut counts = HashMap::new();
        for record in self.all(&filter)? {
            *counts.entry(record.kind).or_default() += 1;
        }
        Ok(counts)
    }

    /// When the first counted revision of a record was written, as its author claims.
    pub fn first_written(&self, party: &PartyId, record: &RecordId) -> Result<Option<u64>, Failure> {
        let history = self.core.views.history(&self.viewer(), party, record, now_ms());
        let history = history.map_err(|e| Failure::new("error-views").because(e))?;
        let counted = history.iter().filter(|r| r.void_reason.is_empty());
        Ok(counted.min_by_key(|r| r.revision.as_ref().map_or(u32::MAX, |v| v.number)).map(|r| r.time_ms))
    }

    /// What an organisation is called, or the short form of its id; harmless on a screen.
    pub fn name_of(&self, party: &PartyId) -> String {
        let known = self.core.views.party(&self.viewer(), party, now_ms()).unwrap_or_default();
        match known.name.is_empty() {
            true => party.short(),
            false => {
                let self_named = known.self_named && *party != self.core.party;
                crate::screen::all_names(&known.name, self_named, &known.also_named)
            }
        }
    }

    /// One record by its full id.
    pub fn get(&self, party: &PartyId, record: &RecordId) -> Result<Option<v1::Record>, Failure> {
        let found = self.core.views.get(&self.reader(), party, record, now_ms());
        found.map_err(|e| Failure::new("error-views").because(e))
    }
}

/// Reads a key, with the passphrase of `CAPHUB_PASSPHRASE` or of the person at the terminal.
pub fn read_key(home: &Home, name: KeyName, question: &str) -> Result<Signer, Failure> {
    let keys = home.keys();
    let given = std::env::var("CAPHUB_PASSPHRASE").ok();
    match keys.read(name, given.as_deref()) {
        Err(KeyError::PassphraseNeeded) if crate::screen::may_ask() => {
            let asked = crate::screen::ask(question, "").map_err(|e| Failure::new("error-key").because(e))?;
            keys.read(name, Some(&asked)).map_err(key_failure)
        }
        read => read.map_err(key_failure),
    }
}

/// What reading a key can say.
pub fn key_failure(error: KeyError) -> Failure {
    match error {
        KeyError::PassphraseNeeded => Failure::new("error-passphrase-needed").hint("hint-passphrase"),
        KeyError::WrongPassphrase => Failure::new("error-passphrase-wrong").hint("hint-passphrase"),
        other => Failure::new("error-key").because(other),
    }
}

/// What opening a store can say.
pub fn open_failure(error: OpenError) -> Failure {
    match error {
        OpenError::Store(StoreError::Locked { .. }) => {
            Failure::new("error-locked").because(error).hint("hint-locked")
        }
        OpenError::Store(StoreError::Register { .. }) => {
            Failure::new("error-store").because(error).hint("hint-register")
        }
        other => Failure::new("error-store").because(other),
    }
}

fn publish_failure(error: PublishError) -> Failure {
    match error {
        PublishError::Invalid { invalid, .. } => Failure::usage("error-invalid").because(invalid),
        PublishError::Refused(reason) => {
            Failure::new("error-refused").because(reason.meaning()).reason(reason)
        }
        PublishError::Misplaced { reason, .. } => {
            Failure::usage("error-misplaced").because(reason.meaning()).reason(reason).hint("hint-misplaced")
        }
        PublishError::NoSeal(_) | PublishError::UnknownReader(_) => {
            Failure::new("error-no-reader").because(error).hint("hint-no-reader").reason("no_reader")
        }
        PublishError::Frozen { .. } => {
            Failure::new("error-frozen").because(error).hint("hint-frozen").reason("frozen")
        }
        PublishError::Behind { .. } => Failure::new("error-behind").because(error).hint("hint-behind"),
        other => Failure::new("error-sign").because(other),
    }
}
