//! Decisions that take something away from somebody by name: each is a public record first, and acts second.
//!
//! The record is durable before anything changes: a crash between leaves a record that did not act yet, never an act
//! without its record. An applicant is named only where it agreed; otherwise hub, reason and count can be seen.

use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{self, Attestation, AttestationLevel, Refusal, Revision, Withdraw};
use caphub_proto::wire::{Audience, OperatorKey, PartyId, Reason, Seq};

use crate::author::{Author, Published, feed_parts};
use crate::membership::book::Change;
use crate::membership::{Asked, Membership, MembershipError, RefusalAt};

impl Membership {
    /// Refuses one that asked.
    pub async fn refuse(
        &self,
        party: PartyId,
        reason: &str,
        note: &str,
        until: &str,
    ) -> Result<(), MembershipError> {
        let asked = self.asked(&party).ok_or(MembershipError::Refused(Reason::NotFound))?;
        let named = if asked.name_in_public { party.to_vec() } else { Vec::new() };
        let refusal =
            Refusal { party: named, until: until.to_owned(), ..refusal("membership", reason, note) };
        let published = self.publish(vec![Author::first(Record::Refusal(refusal))?]).await?;
        self.note_refused(party, asked, reason, note, &published)
    }

    /// Ends an admission: the refusal and the attestation that ends it are signed together, in this order.
    pub async fn end_admission(
        &self,
        party: PartyId,
        reason: &str,
        note: &str,
    ) -> Result<(), MembershipError> {
        let held = self.core.admissions.of(&self.core.party, &party);
        let held = held.ok_or(MembershipError::Refused(Reason::NotFound))?;
        let ended = Attestation {
            party: party.to_vec(),
            level: AttestationLevel::Ended.into(),
            mandate: held.mandate.clone(),
            name: held.name.clone(),
            country: held.country.clone(),
            until: String::new(),
        };
        let refused = Author::first(Record::Refusal(refusal("admission", reason, note)))?;
        let published = self.publish(vec![refused, Author::first(Record::Attestation(ended))?]).await?;
        let asked =
            Asked { name: held.name, country: held.country, mandate: held.mandate, ..Asked::default() };
        self.note_refused(party, asked, reason, note, &published)
    }

    /// Takes a recognition back; what came by it stays, nothing more is taken in.
    pub async fn end_recognition(
        &self,
        hub: PartyId,
        reason: &str,
        note: &str,
    ) -> Result<(), MembershipError> {
        let held = self.recognition(&hub)?.ok_or(MembershipError::Refused(Reason::NotFound))?;
        let before = held.revision.unwrap_or_default();
        let mut parents = vec![held.entry_hash];
        parents.extend(held.conflicts);
        let withdraw = Withdraw { kind: "recognition".to_owned(), ..Withdraw::default() };
        let record = Some(Record::Withdraw(withdraw));
        let ended = Revision { number: before.number + 1, parents, record, source: None, ..before };
        let refused = Author::first(Record::Refusal(refusal("recognition", reason, note)))?;
        self.publish(vec![refused, ended]).await.map(drop)
    }

    /// Says in public that a link is ended; it is ended by the caller, after this.
    pub async fn refuse_link(&self, reason: &str, note: &str) -> Result<(), MembershipError> {
        let refused = Author::first(Record::Refusal(refusal("link", reason, note)))?;
        self.publish(vec![refused]).await.map(drop)
    }

    /// The signed entry of the refusal of a party, and its record's id: what the party itself gets.
    pub fn refusal(&self, party: &PartyId) -> Option<(Vec<u8>, v1::Run)> {
        let at = self.asked(party)?.refusal?;
        let key: OperatorKey = at.key.parse().ok()?;
        let feed = caphub_proto::wire::Feed::records(self.core.party, key, Audience::Public);
        let stored = self.core.store.entry(&feed.id(), Seq::new(at.seq)?).ok().flatten()?;
        let run = v1::Run { feed: Some(feed_parts(&feed)), entries: stored.packed };
        Some((hex::decode(at.record).ok()?, run))
    }

    async fn publish(&self, revisions: Vec<Revision>) -> Result<Vec<Published>, MembershipError> {
        Ok(self.author.publish(&self.core, Audience::Public, &revisions).await?)
    }

    fn note_refused(
        &self,
        party: PartyId,
        asked: Asked,
        reason: &str,
        note: &str,
        published: &[Published],
    ) -> Result<(), MembershipError> {
        let key = self.author.signer().public().to_string();
        let refusal =
            published.first().map(|p| RefusalAt { record: p.record.to_string(), key, seq: p.seq.value() });
        let (refused, note) = (Some(reason.to_owned()), note.to_owned());
        let asked = Box::new(Asked { refused, note, refusal, ..asked });
        Ok(self.lock().note(Change::Asked(party.to_string(), asked))?)
    }
}

fn refusal(what: &str, reason: &str, note: &str) -> Refusal {
    let reason = if reason.is_empty() { "other" } else { reason };
    Refusal { what: what.to_owned(), reason: reason.to_owned(), basis: note.to_owned(), ..Refusal::default() }
}
