//! Reading: records, lists and searches, built from the log at the places that the index names.

mod acts;

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use caphub_proto::exchange::RecordKind;
use caphub_proto::v1::revision::Record as Kind;
use caphub_proto::v1::{AttestationLevel, Filter, PartyProfile, Record};
use caphub_proto::wire::limits::FUTURE_MS_MAX;
use caphub_proto::wire::{PartyId, Reason, RecordId};
use prost::Message;
use tantivy::query::{BooleanQuery, EmptyQuery, EnableScoring, Query, TermQuery};
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocAddress, Searcher, TantivyDocument, Term};

use super::filter;
use super::held::Held;
use super::judge::{bound, judge};
use super::key::RecordKey;
use super::page::{Addresses, Page, PageRequest, Top};
use super::profiles::Profiles;
use super::query;
use super::schema::{Fields, Place, state};
use super::tables::{Row, Tables};
use super::{Admission, Inner, Views, ViewsError};
use crate::entitlement::Viewer;

impl Views {
    /// One record, as its current revision shows it; where no revision counts, as the latest void one with its
    /// reason. `None` where there is none that the viewer may read. `now_ms` is the reader's clock.
    pub fn get(
        &self,
        viewer: &Viewer,
        party: &PartyId,
        record: &RecordId,
        now_ms: u64,
    ) -> Result<Option<Record>, ViewsError> {
        self.guarded(|inner| {
            let searcher = inner.opened().reader.searcher();
            let key = RecordKey { party: *party, record: *record };
            match inner.find(&searcher, &key)? {
                Some(place) => Reading::new(self, &searcher, viewer, now_ms).record(&place),
                None => Ok(None),
            }
        })
    }

    /// All revisions of a record that the viewer may read and that the log still holds, the latest number first;
    /// each void one with its reason.
    pub fn history(
        &self,
        viewer: &Viewer,
        party: &PartyId,
        record: &RecordId,
        now_ms: u64,
    ) -> Result<Vec<Record>, ViewsError> {
        self.guarded(|inner| {
            let searcher = inner.opened().reader.searcher();
            let key = RecordKey { party: *party, record: *record };
            match inner.find(&searcher, &key)? {
                Some(place) => Reading::new(self, &searcher, viewer, now_ms).history(&key, &place),
                None => Ok(Vec::new()),
            }
        })
    }

    /// Records that the filter names, the newest author time first.
    pub fn list(
        &self,
        viewer: &Viewer,
        filter: &Filter,
        page: &PageRequest,
        now_ms: u64,
    ) -> Result<Page, ViewsError> {
        self.search(viewer, "", filter, page, now_ms)
    }

    /// Records with all words of `query`, the best first; without a word, as `list`. No query is an error.
    pub fn search(
        &self,
        viewer: &Viewer,
        query: &str,
        filter: &Filter,
        page: &PageRequest,
        now_ms: u64,
    ) -> Result<Page, ViewsError> {
        self.guarded(|inner| {
            let searcher = inner.opened().reader.searcher();
            Reading::new(self, &searcher, viewer, now_ms).page(&inner.opened().fields, query, filter, page)
        })
    }

    /// How an organisation is admitted and called, as far as the viewer may know.
    pub fn party(&self, viewer: &Viewer, party: &PartyId, now_ms: u64) -> Result<Party, ViewsError> {
        self.guarded(|inner| {
            let searcher = inner.opened().reader.searcher();
            Reading::new(self, &searcher, viewer, now_ms).party(party)
        })
    }

    /// What an organisation says about itself, as far as the viewer may read it.
    pub fn profile(
        &self,
        viewer: &Viewer,
        party: &PartyId,
        now_ms: u64,
    ) -> Result<Option<PartyProfile>, ViewsError> {
        self.guarded(|inner| {
            let searcher = inner.opened().reader.searcher();
            Reading::new(self, &searcher, viewer, now_ms).profile(party)
        })
    }

    /// Ordinals of all entries of all records of these kinds that count, withdrawn ones too, in order.
    pub fn entries_of(&self, kinds: &[RecordKind]) -> Result<Vec<u64>, ViewsError> {
        self.guarded(|inner| {
            let (searcher, mut ordinals) = (inner.opened().reader.searcher(), Vec::new());
            for kind in kinds {
                let term = Term::from_field_text(inner.opened().fields.kind, kind.code());
                let all = TermQuery::new(term, IndexRecordOption::Basic);
                for address in searcher.search(&all, &Addresses)? {
                    ordinals.extend(inner.place_at(&searcher, address)?.into_iter().flat_map(|p| p.ordinals));
                }
            }
            ordinals.sort_unstable();
            ordinals.dedup();
            Ok(ordinals)
        })
    }

    /// Finds again what counted withdrawals erase: no body of it is taken after a restart either.
    pub(super) fn load_excuses(&self) -> Result<(), ViewsError> {
        self.guarded(|inner| {
            let searcher = inner.opened().reader.searcher();
            let term = Term::from_field_text(inner.opened().fields.state, state::ERASES);
            let all = TermQuery::new(term, IndexRecordOption::Basic);
            for address in searcher.search(&all, &Addresses)? {
                let Some(place) = inner.place_at(&searcher, address)? else { continue };
                let Some(key) = place.key() else { continue };
                inner.judge_record(key, Some(place), Vec::new())?;
            }
            Ok(())
        })
    }

    /// Fills the small tables from the index's documents.
    pub(super) fn load_tables(&self) -> Result<(), ViewsError> {
        let tables = self.guarded(|inner| {
            let mut tables = Tables::default();
            let searcher = inner.opened().reader.searcher();
            let kinds = [
                RecordKind::Attestation,
                RecordKind::Recognition,
                RecordKind::NodeCard,
                RecordKind::ThreadGrant,
            ];
            let mut shown = BTreeMap::new();
            for kind in kinds {
                let term = Term::from_field_text(inner.opened().fields.kind, kind.code());
                let all = TermQuery::new(term, IndexRecordOption::Basic);
                for address in searcher.search(&all, &Addresses)? {
                    let Some(place) = inner.place_at(&searcher, address)? else { continue };
                    let Some(key) = place.key().filter(|_| !place.withdrawn) else { continue };
                    shown.insert(place.shown, key);
                }
            }
            let ordinals: Vec<u64> = shown.keys().copied().collect();
            Held::load_each(inner.log.as_ref(), &ordinals, &inner.opener, |held| {
                // A cut may have come between a grant and what it opens: looked at again.
                inner.note_grant(&held);
                if let Some(key) = shown.get(&held.ordinal) {
                    tables.set(*key, Row::of(&held));
                }
            })?;
            Ok(tables)
        })?;
        *self.0.tables.write().unwrap_or_else(PoisonError::into_inner) = tables;
        Ok(())
    }

    /// Damaged files can make the index's readers panic: that is an error, and the next catch-up builds anew.
    fn guarded<T>(&self, read: impl FnOnce(&Inner) -> Result<T, ViewsError>) -> Result<T, ViewsError> {
        catch_unwind(AssertUnwindSafe(|| read(&self.0))).unwrap_or_else(|_| {
            self.0.damaged.store(true, Ordering::Release);
            Err(ViewsError::Damaged)
        })
    }
}

impl Inner {
    /// The place of a record.
    pub(super) fn find(&self, searcher: &Searcher, key: &RecordKey) -> Result<Option<Place>, ViewsError> {
        let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner).find(key);
        if let Some(place) = fresh {
            return Ok(place);
        }
        let term = Term::from_field_bytes(self.opened().fields.key, &key.bytes());
        for (ordinal, segment) in (0..).zip(searcher.segment_readers()) {
            let inverted = segment.inverted_index(term.field())?;
            let postings = inverted.read_postings(&term, IndexRecordOption::Basic);
            let Some(mut postings) = postings.map_err(tantivy::TantivyError::from)? else { continue };
            loop {
                let doc = tantivy::DocSet::doc(&postings);
                if doc == tantivy::TERMINATED {
                    break;
                }
                if !segment.is_deleted(doc) {
                    return self.place_at(searcher, DocAddress::new(ordinal, doc));
                }
                tantivy::DocSet::advance(&mut postings);
            }
        }
        Ok(None)
    }

    /// What a document stores.
    pub(super) fn place_at(
        &self,
        searcher: &Searcher,
        address: DocAddress,
    ) -> Result<Option<Place>, ViewsError> {
        let doc: TantivyDocument = searcher.doc(address)?;
        let stored = doc.get_first(self.opened().fields.place).and_then(|value| value.as_bytes());
        Ok(stored.and_then(|bytes| Place::decode(bytes).ok()))
    }
}

/// Other names of one party that are shown.
const ALSO_NAMED_MAX: usize = 8;

/// How a party is admitted and what it is called.
#[derive(Clone, Default)]
pub struct Party {
    /// member, guest or nothing.
    pub standing: &'static str,
    /// As a hub that counts here attests it, else as the party calls itself; empty where neither is known.
    pub name: String,
    /// The name is the party's own word alone.
    pub self_named: bool,
    /// Names under which other hubs that count here admit it.
    pub also_named: Vec<String>,
}

/// One read: a viewer, a clock, and what is looked up once.
pub(super) struct Reading<'a> {
    pub(super) views: &'a Views,
    pub(super) searcher: &'a Searcher,
    pub(super) viewer: &'a Viewer,
    pub(super) now_ms: u64,
    today: String,
    /// Parties on this page.
    parties: HashMap<PartyId, Party>,
    pub(super) profiles: Option<Profiles>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(views: &'a Views, searcher: &'a Searcher, viewer: &'a Viewer, now_ms: u64) -> Self {
        Self {
            views,
            searcher,
            viewer,
            now_ms,
            today: day_of(now_ms),
            parties: HashMap::new(),
            profiles: None,
        }
    }

    fn page(
        &mut self,
        fields: &Fields,
        words: &str,
        filter: &Filter,
        request: &PageRequest,
    ) -> Result<Page, ViewsError> {
        let size = request.records();
        let mut clauses = filter::clauses(fields, self.searcher, self.viewer, filter)?;
        clauses.extend(query::clauses(fields, words));
        let scored = query::has_words(words);
        let query: Box<dyn Query> = match scored || words.trim().is_empty() {
            true => Box::new(BooleanQuery::new(clauses)),
            // Something was asked, and nothing has it.
            false => Box::new(EmptyQuery),
        };
        let top =
            Top { limit: size + 1, after: request.after(&self.views.0.tokens)?, scored, now_ms: self.now_ms };
        let scoring = match scored {
            true => EnableScoring::enabled_from_searcher(self.searcher),
            false => EnableScoring::disabled_from_searcher(self.searcher),
        };
        let opened = self.views.0.opened();
        let executor = opened.executor(self.searcher.num_docs());
        let found = self.searcher.search_with_executor(query.as_ref(), &top, executor, scoring)?;
        let mut page = Page { total: found.total, behind: self.views.behind(), ..Page::default() };
        for (_, address) in found.ranks.iter().take(size) {
            if let Some(place) = self.views.0.place_at(self.searcher, *address)? {
                page.records.extend(self.record(&place)?);
            }
        }
        if found.ranks.len() > size
            && let Some((last, _)) = found.ranks.get(size - 1)
        {
            page.next_page_token = self.views.0.tokens.token(*last)?;
        }
        Ok(page)
    }

    /// `None` where the viewer may not read it, or where the body was erased since.
    fn record(&mut self, place: &Place) -> Result<Option<Record>, ViewsError> {
        let inner = &self.views.0;
        let Some(held) = Held::load_alone(inner.log.as_ref(), place.shown, &inner.opener)? else {
            return Ok(None);
        };
        // The query asked for this already; an index is not what keeps a secret.
        if !self.viewer.may_show(&held.feed) {
            return Ok(None);
        }
        self.judged(held, place).map(Some)
    }

    /// The record of its shown revision, with what the judgement says of it.
    pub(super) fn judged(&mut self, held: Held, place: &Place) -> Result<Record, ViewsError> {
        let mut record = self.build(held)?;
        record.withdrawn = place.withdrawn;
        record.revisions = u32::try_from(place.ordinals.len()).unwrap_or(u32::MAX);
        record.conflicts = place.conflicts.clone();
        if !place.void_reason.is_empty() {
            record.void_reason = place.void_reason.clone();
        }
        name_nobody(&mut record);
        Ok(record)
    }

    fn history(&mut self, key: &RecordKey, place: &Place) -> Result<Vec<Record>, ViewsError> {
        let mut held = Vec::with_capacity(place.ordinals.len());
        for ordinal in &place.ordinals {
            held.extend(Held::load(self.views.0.log.as_ref(), *ordinal, &self.views.0.opener)?);
        }
        bound(&mut held);
        let verdict = judge(&held, &key.party, self.views.0.authority.as_ref());
        let mut records = Vec::new();
        let judged = held.into_iter().zip(verdict.voids);
        for (h, void) in judged {
            let erased = verdict.erasures.contains(&(h.feed_id, h.seq));
            if erased || !self.viewer.may_show(&h.feed) {
                continue;
            }
            let mut record = self.build(h)?;
            record.withdrawn = verdict.withdrawn;
            if let Some(reason) = void {
                record.void_reason = reason.code().to_owned();
                name_nobody(&mut record);
            }
            records.push(record);
        }
        records.sort_by_key(|r| {
            std::cmp::Reverse((r.revision.as_ref().map(|v| v.number), r.entry_hash.clone()))
        });
        Ok(records)
    }

    fn build(&mut self, held: Held) -> Result<Record, ViewsError> {
        let Party { standing, name, self_named, also_named } = self.party(&held.party())?;
        let future = held.time_ms > self.now_ms.saturating_add(FUTURE_MS_MAX);
        let kind = match &held.revision.record {
            // A withdrawn record shows as what it was.
            Some(Kind::Withdraw(w)) => w.kind.parse().unwrap_or(RecordKind::Withdraw).code(),
            Some(record) => RecordKind::of(record).code(),
            None => "",
        };
        Ok(Record {
            party_id: held.party().to_vec(),
            record_id: held.revision.record_id.clone(),
            kind: kind.to_owned(),
            entry_hash: held.hash.to_vec(),
            time_ms: held.time_ms,
            withdrawn: false,
            conflicts: Vec::new(),
            // A mark only: it counts, but no clock runs on it until then.
            void_reason: if future { Reason::FutureDated.code() } else { "" }.to_owned(),
            audience: held.feed.audience().encode(),
            feed_id: held.feed_id.to_vec(),
            seq: held.seq,
            revisions: 1,
            revision: Some(held.revision),
            standing: standing.to_owned(),
            party_name: name,
            self_named,
            also_named,
        })
    }

    /// How a party is admitted and what it is called, as far as the viewer may know.
    fn party(&mut self, party: &PartyId) -> Result<Party, ViewsError> {
        if let Some(known) = self.parties.get(party) {
            return Ok(known.clone());
        }
        let words = self.views.admissions_of(party);
        // Every desk may attest: the word of a hub that counts here is what makes a member.
        let counts = |a: &Admission| self.viewer.may_read(&a.feed) && self.views.is_hub(a);
        let words: Vec<_> = words.into_iter().filter(counts).collect();
        let admits = |level| words.iter().any(|a| a.level == level && a.admits_on(&self.today));
        let standing = if admits(AttestationLevel::Member) {
            "member"
        } else if admits(AttestationLevel::Guest) {
            "guest"
        } else {
            ""
        };
        // What a hub looked at goes before what anybody calls itself. Where hubs differ, all that they say is shown.
        let in_force = |a: &&Admission| !a.name.is_empty() && a.admits_on(&self.today);
        let mut also_named: Vec<String> = words.iter().filter(in_force).map(|a| a.name.clone()).collect();
        let attested = words.into_iter().map(|a| a.name).find(|name| !name.is_empty());
        also_named.retain(|name| Some(name) != attested.as_ref());
        also_named.sort_unstable();
        also_named.dedup();
        also_named.truncate(ALSO_NAMED_MAX);
        let known = match attested {
            Some(name) => Party { standing, name, self_named: false, also_named },
            None => {
                let name =
                    self.profile(party)?.and_then(|p| p.name).map(|name| name.text).unwrap_or_default();
                Party { standing, self_named: !name.is_empty(), name, also_named }
            }
        };
        self.parties.insert(*party, known.clone());
        Ok(known)
    }
}

/// What should have been sealed names a person to everybody: that it is void is all that is shown.
fn name_nobody(record: &mut Record) {
    if record.void_reason == Reason::SealedOnly.code()
        && let Some(revision) = &mut record.revision
    {
        revision.record = None;
    }
}

/// The ISO 8601 day of a time; the last day there is for one beyond the calendar.
fn day_of(now_ms: u64) -> String {
    let time = i64::try_from(now_ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let day = time.map(|t| t.to_zoned(jiff::tz::TimeZone::UTC).date().to_string());
    day.unwrap_or_else(|| "9999-12-31".to_owned())
}
