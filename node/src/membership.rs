//! Who asked to join, who was invited, and what the operator decided. Admissions themselves are signed records.

mod book;
mod invitations;
mod likeness;
mod refusing;

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{
    Attestation, AttestationLevel, Filter, JoinRequest, MembershipState, Recognition, Revision,
};
use caphub_proto::wire::{Audience, PartyId, Reason};
use serde::{Deserialize, Serialize};

use crate::author::{Author, PublishError, now_ms};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::keys::KeyError;
use crate::membership::book::{Book, Change, Entries};
use crate::views::{PAGE_SIZE_MAX, PageRequest};

pub use invitations::INVITATION_DAYS;

/// Requests that wait or were answered.
const REQUESTS_MAX: usize = 10_000;
/// Bytes of the texts of all of them: anybody can ask, and they stay in memory.
const REQUESTS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Bytes of each text of a request.
const FIELD_BYTES_MAX: usize = 2_048;

/// One organisation's request, and what became of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The name that it gives.
    pub name: String,
    /// ISO 3166-1 alpha-2, or empty.
    pub country: String,
    /// A party-kind code.
    pub kind: String,
    /// The mandate that it shows.
    pub mandate: String,
    /// How to reach its people.
    pub contact: String,
    /// A refusal may name it in public.
    pub name_in_public: bool,
    /// When it asked.
    pub time_ms: u64,
    /// The reason code where it was refused.
    pub refused: Option<String>,
    /// The operator's words with a refusal.
    pub note: String,
    /// The public record that says so.
    #[serde(default)]
    pub refusal: Option<RefusalAt>,
}

impl Asked {
    /// Bytes of its texts.
    fn bytes(&self) -> usize {
        [&self.name, &self.country, &self.kind, &self.mandate, &self.contact, &self.note]
            .iter()
            .map(|text| text.len())
            .sum()
    }

    /// Names what was shown of a request: an operator decides about that and nothing else.
    pub fn hash(&self) -> [u8; 32] {
        let texts = [&self.name, &self.country, &self.kind, &self.mandate, &self.contact];
        let time = self.time_ms.to_be_bytes();
        let mut parts: Vec<&[u8]> = vec![&time];
        for text in texts {
            parts.extend([text.as_bytes(), b"\0".as_slice()]);
        }
        caphub_proto::wire::keys::tagged_hash(b"caphub/request-shown/1\0", &parts)
    }
}

/// Where the record of a refusal stands: in this node's own public feed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct RefusalAt {
    /// The record, hexadecimal.
    pub record: String,
    /// The operator key whose feed it is in, hexadecimal.
    pub key: String,
    /// The place of its entry.
    pub seq: u64,
}

/// The hub's book of requests and used invitations.
pub struct Membership {
    book: Mutex<Book>,
    core: Core,
    author: Author,
}

/// A decision could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// A rule says no.
    #[error("{}", .0.meaning())]
    Refused(Reason),
    /// The request is another than the operator looked at.
    #[error("the request changed since it was shown")]
    Changed,
    /// Signing or storing failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The book could not be written.
    #[error("the book of requests could not be written")]
    File(#[from] std::io::Error),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] KeyError),
}

impl Membership {
    /// Opens the book in a node's folder.
    pub fn open(directory: &Path, core: Core, author: Author) -> std::io::Result<Self> {
        Ok(Self { book: Mutex::new(Book::open(directory)?), core, author })
    }

    /// A request over a link, by the party at its far end.
    pub async fn join(
        &self,
        party: PartyId,
        request: JoinRequest,
    ) -> Result<MembershipState, MembershipError> {
        let texts = [&request.name, &request.country, &request.kind, &request.mandate, &request.contact];
        if texts.iter().any(|t| t.len() > FIELD_BYTES_MAX) || request.name.trim().is_empty() {
            return Err(MembershipError::Refused(Reason::BadRequest));
        }
        let asked = Asked {
            name: request.name,
            country: request.country,
            kind: request.kind,
            mandate: request.mandate,
            contact: request.contact,
            name_in_public: request.name_in_public,
            time_ms: now_ms(),
            ..Asked::default()
        };
        let state = self.state(&party).0;
        if matches!(state, MembershipState::Member) {
            return Ok(state);
        }
        if request.code.is_empty() {
            self.ask(party, asked)?;
            return Ok(MembershipState::Requested);
        }
        let invited = self.use_code(&request.code, &party, &asked)?;
        if self.like(&party, &invited.name).is_some() {
            // People would take one for the other: the operator decides, as about any request.
            self.ask(party, asked)?;
            return Ok(MembershipState::Requested);
        }
        self.attest(party, &invited, AttestationLevel::Member, "").await?;
        Ok(MembershipState::Member)
    }

    /// Where a party stands, with the reason and words of a refusal.
    pub fn state(&self, party: &PartyId) -> (MembershipState, String, String) {
        use crate::admissions::Level;
        match self.core.admissions.of(&self.core.party, party).map(|a| a.level) {
            Some(Level::Member) => return (MembershipState::Member, String::new(), String::new()),
            Some(Level::Guest) => return (MembershipState::Guest, String::new(), String::new()),
            None => {}
        }
        match self.lock().entries().requests.get(&party.to_string()) {
            None => (MembershipState::None, String::new(), String::new()),
            Some(Asked { refused: Some(reason), note, .. }) => {
                (MembershipState::Refused, reason.clone(), note.clone())
            }
            Some(_) => (MembershipState::Requested, String::new(), String::new()),
        }
    }

    /// How many requests wait for a decision.
    pub fn waiting(&self) -> usize {
        self.lock().entries().requests.values().filter(|asked| asked.refused.is_none()).count()
    }

    /// Requests that wait or were refused.
    pub fn requests(&self) -> Vec<(PartyId, Asked)> {
        let book = self.lock();
        book.entries().requests.iter().filter_map(|(p, a)| Some((p.parse().ok()?, a.clone()))).collect()
    }

    /// Admits a party that asked.
    pub async fn approve(
        &self,
        party: PartyId,
        mandate: &str,
        guest: bool,
        until: &str,
        shown: &[u8],
    ) -> Result<(), MembershipError> {
        let asked = self.asked(&party);
        let mut asked = asked.ok_or(MembershipError::Refused(Reason::NotFound))?;
        if !shown.is_empty() && shown != asked.hash() {
            return Err(MembershipError::Changed);
        }
        if !mandate.is_empty() {
            asked.mandate = mandate.to_owned();
        }
        let level = if guest { AttestationLevel::Guest } else { AttestationLevel::Member };
        self.attest(party, &asked, level, until).await?;
        Ok(self.lock().note(Change::Answered(party.to_string()))?)
    }

    /// The name of another admitted party that people would take for this one.
    pub fn like(&self, party: &PartyId, name: &str) -> Option<String> {
        let admitted = self.core.admissions.members(&self.core.party);
        likeness::like(&admitted, party, name).map(|a| a.name.clone())
    }

    /// What waits is not exchanged under the operator's eyes: a later text counts once the first was answered.
    fn ask(&self, party: PartyId, asked: Asked) -> Result<(), MembershipError> {
        let mut book = self.lock();
        let Entries { requests, .. } = book.entries();
        let before = requests.get(&party.to_string());
        if before.is_some_and(|a| a.refused.is_none()) {
            return Ok(());
        }
        let full = before.is_none() && requests.len() >= REQUESTS_MAX;
        if full || book.bytes() + asked.bytes() > REQUESTS_BYTES_MAX {
            return Err(MembershipError::Refused(Reason::Quota));
        }
        Ok(book.note(Change::Asked(party.to_string(), Box::new(asked)))?)
    }

    /// The request of a party.
    fn asked(&self, party: &PartyId) -> Option<Asked> {
        self.lock().entries().requests.get(&party.to_string()).cloned()
    }

    async fn attest(
        &self,
        party: PartyId,
        asked: &Asked,
        level: AttestationLevel,
        until: &str,
    ) -> Result<(), MembershipError> {
        let attestation = Attestation {
            party: party.to_vec(),
            level: level.into(),
            mandate: asked.mandate.clone(),
            name: asked.name.clone(),
            country: asked.country.clone(),
            until: until.to_owned(),
        };
        self.sign(Record::Attestation(attestation)).await
    }

    /// Recognises another hub: its members' records are carried here, through whichever link brings them.
    pub async fn recognise(&self, hub: PartyId, name: &str, note: &str) -> Result<(), MembershipError> {
        if self.recognition(&hub)?.is_some() {
            return Ok(());
        }
        let (name, note) = (name.to_owned(), note.to_owned());
        self.sign(Record::Recognition(Recognition { hub: hub.to_vec(), name, note })).await
    }

    /// This hub's own recognition of another, where it has one.
    fn recognition(&self, hub: &PartyId) -> Result<Option<caphub_proto::v1::Record>, MembershipError> {
        let views = &self.core.views;
        views.catch_up().map_err(|e| std::io::Error::other(e.to_string()))?;
        let all = Viewer {
            parties: vec![self.core.party],
            hubs: Vec::new(),
            network: true,
            all: true,
            opened: false,
        };
        let kinds = vec!["recognition".to_owned()];
        let filter = Filter { kinds, party_id: self.core.party.to_vec(), ..Filter::default() };
        let mut request = PageRequest { size: PAGE_SIZE_MAX, token: String::new() };
        loop {
            let page = views.list(&all, &filter, &request, now_ms());
            let page = page.map_err(|e| std::io::Error::other(e.to_string()))?;
            let names = |r: &caphub_proto::v1::Record| {
                let record = r.revision.as_ref().and_then(|r| r.record.as_ref());
                matches!(record, Some(Record::Recognition(r)) if r.hub == hub.as_bytes())
            };
            if let Some(found) = page.records.into_iter().find(names) {
                return Ok(Some(found));
            }
            if page.next_page_token.is_empty() {
                return Ok(None);
            }
            request.token = page.next_page_token;
        }
    }

    async fn sign(&self, record: Record) -> Result<(), MembershipError> {
        let revision: Revision = Author::first(record)?;
        self.author.publish(&self.core, Audience::Public, &[revision]).await?;
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        // A writer that panicked left the change before it: a line counts once it is durable.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
