//! What an organisation says about itself, looked up for every party of a page.

use std::sync::Arc;

use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{Filter, PartyProfile};
use caphub_proto::wire::{Audience, PartyId};
use tantivy::postings::TermInfo;
use tantivy::query::{BooleanQuery, Occur, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::{
    DocAddress, DocSet, InvertedIndexReader, Searcher, SegmentOrdinal, SegmentReader, TERMINATED, Term,
};

use super::ViewsError;
use super::filter;
use super::held::Held;
use super::page::Top;
use super::read::Reading;
use super::schema::Fields;

/// One file of the index with profiles in it.
struct Part {
    ordinal: SegmentOrdinal,
    segment: SegmentReader,
    kinds: Arc<InvertedIndexReader>,
    parties: Arc<InvertedIndexReader>,
    profiles: TermInfo,
}

/// Where profiles are, looked up once for a page.
pub(super) struct Profiles(Vec<Part>);

/// How many profiles of a party there are to choose from, withdrawn and void ones too.
enum Choice {
    None,
    One(DocAddress),
    Several,
}

impl Profiles {
    fn of(fields: &Fields, searcher: &Searcher) -> Result<Self, ViewsError> {
        let term = Term::from_field_text(fields.kind, RecordKind::Profile.code());
        let mut parts = Vec::new();
        for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
            let kinds = segment.inverted_index(fields.kind)?;
            let Some(profiles) = kinds.get_term_info(&term).map_err(tantivy::TantivyError::from)? else {
                continue;
            };
            let parties = segment.inverted_index(fields.party)?;
            parts.push(Part { ordinal, segment: segment.clone(), kinds, parties, profiles });
        }
        Ok(Self(parts))
    }

    fn choice(&self, fields: &Fields, party: &PartyId) -> Result<Choice, ViewsError> {
        let term = Term::from_field_bytes(fields.party, party.as_bytes());
        let mut found = Choice::None;
        for part in &self.0 {
            let own = part.parties.read_postings(&term, IndexRecordOption::Basic);
            let Some(mut own) = own.map_err(tantivy::TantivyError::from)? else { continue };
            let all = part.kinds.read_postings_from_terminfo(&part.profiles, IndexRecordOption::Basic);
            let mut all = all.map_err(tantivy::TantivyError::from)?;
            let mut doc = own.doc();
            while doc != TERMINATED {
                let next = if all.doc() < doc { all.seek(doc) } else { all.doc() };
                if next == doc && !part.segment.is_deleted(doc) {
                    let Choice::None = found else { return Ok(Choice::Several) };
                    found = Choice::One(DocAddress::new(part.ordinal, doc));
                }
                doc = if next == doc { own.advance() } else { own.seek(next) };
            }
        }
        Ok(found)
    }
}

impl Reading<'_> {
    /// The profile that counts, as far as the viewer may read it.
    pub(super) fn profile(&mut self, party: &PartyId) -> Result<Option<PartyProfile>, ViewsError> {
        let inner = &self.views.0;
        let fields = &{ inner.opened().fields };
        let profiles = match &mut self.profiles {
            Some(profiles) => profiles,
            none => none.insert(Profiles::of(fields, self.searcher)?),
        };
        // Most parties have one or none: a whole query for each party of a page would take longer than the page.
        let address = match profiles.choice(fields, party)? {
            Choice::None => return Ok(None),
            Choice::One(address) => address,
            Choice::Several => match self.latest_profile(party)? {
                Some(address) => address,
                None => return Ok(None),
            },
        };
        let Some(place) = inner.place_at(self.searcher, address)? else { return Ok(None) };
        if place.withdrawn || !place.void_reason.is_empty() {
            return Ok(None);
        }
        let held = Held::load_alone(inner.log.as_ref(), place.shown, &inner.opener)?;
        let Some(held) = held.filter(|h| self.viewer.may_show(&h.feed)) else { return Ok(None) };
        // Who is shown what was sealed depends on more than the feed.
        let sealed = matches!(held.feed.audience(), Audience::Sealed(_));
        if sealed && self.latest_profile(party)? != Some(address) {
            return Ok(None);
        }
        Ok(match held.revision.record {
            Some(Kind::Profile(profile)) => Some(profile),
            _ => None,
        })
    }

    /// The latest of several that the viewer may read.
    fn latest_profile(&self, party: &PartyId) -> Result<Option<DocAddress>, ViewsError> {
        let fields = &{ self.views.0.opened().fields };
        let filter = Filter {
            kinds: vec![RecordKind::Profile.code().to_owned()],
            party_id: party.to_vec(),
            ..Filter::default()
        };
        // The rarest first.
        let party = Term::from_field_bytes(fields.party, party.as_bytes());
        let mut clauses: Vec<filter::Clause> =
            vec![(Occur::Must, Box::new(TermQuery::new(party, IndexRecordOption::Basic)))];
        clauses.extend(filter::clauses(fields, self.searcher, self.viewer, &filter)?);
        let top = Top { limit: 1, after: None, scored: false, now_ms: self.now_ms };
        let found = self.searcher.search(&BooleanQuery::new(clauses), &top)?;
        Ok(found.ranks.first().map(|(_, address)| *address))
    }
}
