//! What a list is narrowed to: by the caller's filter, and by what the caller may read.

use std::collections::BTreeMap;
use std::ops::Bound;

use caphub_proto::exchange::{RecordKind, check};
use caphub_proto::v1::Filter;
use caphub_proto::wire::{PartyId, RecordId};
use tantivy::query::{BooleanQuery, Occur, Query, RangeQuery, TermQuery, TermSetQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use super::ViewsError;
use super::counting::Counting;
use super::key::RecordKey;
use super::places;
use super::schema::{Fields, NETWORK, PUBLIC, SEALED, day, hub_term, state};
use crate::entitlement::{Scope, Viewer};

/// Most values of one field of a filter.
const VALUES_MAX: usize = 64;
/// Bytes of one value; themes of other vocabularies are the longest.
const VALUE_BYTES_MAX: usize = 128;
/// Region codes looked at for a country; there are about 30 in use.
const REGIONS_MAX: usize = 1_024;

/// A part of a query that does not score.
pub(super) type Clause = (Occur, Box<dyn Query>);

/// Everything that a match must be, none of which scores.
pub(super) fn clauses(
    fields: &Fields,
    searcher: &Searcher,
    viewer: &Viewer,
    filter: &Filter,
) -> Result<Vec<Clause>, ViewsError> {
    let mut states = vec![state::LIVE];
    states.extend(filter.withdrawn.then_some(state::WITHDRAWN));
    // Acts alone: other void records, a nomination that was not sealed among them, are in no list.
    let act = |kind: &String| kind.parse::<RecordKind>().is_ok_and(RecordKind::is_act);
    let acts = !filter.kinds.is_empty() && filter.kinds.iter().all(act);
    states.extend((filter.void_acts && acts).then_some(state::VOID));
    let mut queries = vec![any(terms(fields.state, &states))];
    queries.extend(entitled(fields, viewer));
    if !filter.kinds.is_empty() {
        for kind in bounded("kinds", &filter.kinds)? {
            kind.parse::<RecordKind>().map_err(|e| bad("kinds", e.to_string()))?;
        }
        queries.push(any(terms(fields.kind, &filter.kinds)));
    }
    if !filter.party_id.is_empty() {
        let party = PartyId::from_slice(&filter.party_id)
            .ok_or_else(|| bad("party_id", "has another length than 32 bytes".to_owned()))?;
        queries.push(any(vec![Term::from_field_bytes(fields.party, party.as_bytes())]));
    }
    if let Some(about) = &filter.about {
        let key = PartyId::from_slice(&about.party)
            .zip(RecordId::from_slice(&about.record_id))
            .map(|(party, record)| RecordKey { party, record })
            .ok_or_else(|| bad("about", "is not an organisation's id and a record's".to_owned()))?;
        queries.push(any(vec![Term::from_field_bytes(fields.about, &key.bytes())]));
    }
    if !filter.themes.is_empty() {
        queries.push(any(terms(fields.theme, bounded("themes", &filter.themes)?)));
    }
    queries.extend(labelled(fields, bounded("labels", &filter.labels)?));
    if !filter.countries.is_empty() {
        let countries = bounded("countries", &filter.countries)?;
        queries.push(any(in_countries(fields, searcher, countries)?));
    }
    queries.extend(overlapping(fields, filter)?);
    let mut clauses: Vec<Clause> = queries.into_iter().map(|query| (Occur::Must, query)).collect();
    if !viewer.opened {
        clauses.push((Occur::MustNot, any(vec![Term::from_field_text(fields.audience, SEALED)])));
    }
    Ok(clauses)
}

/// The terms of `Viewer::scope`; `None` where nothing is withheld.
pub(super) fn entitled(fields: &Fields, viewer: &Viewer) -> Option<Box<dyn Query>> {
    let Scope::Limited { network, hubs, parties } = viewer.scope() else { return None };
    let mut granted = vec![Term::from_field_text(fields.audience, PUBLIC)];
    granted.extend(network.then(|| Term::from_field_text(fields.audience, NETWORK)));
    granted.extend(hubs.iter().map(|hub| Term::from_field_text(fields.audience, &hub_term(hub))));
    granted.extend(parties.iter().map(|p| Term::from_field_bytes(fields.party, p.as_bytes())));
    Some(any(granted))
}

/// Matches documents with any of the terms; all of them score alike.
pub(super) fn any(mut terms: Vec<Term>) -> Box<dyn Query> {
    /// Above it, one pass over the terms is cheaper than a union of so many lists.
    const UNION_MAX: usize = 16;
    if terms.len() > UNION_MAX {
        Counting::over(TermSetQuery::new(terms), 0.0)
    } else if terms.len() == 1 {
        Counting::over(TermQuery::new(terms.remove(0), IndexRecordOption::Basic), 0.0)
    } else {
        let term = |t| -> Clause { (Occur::Should, Box::new(TermQuery::new(t, IndexRecordOption::Basic))) };
        Counting::over(BooleanQuery::new(terms.into_iter().map(term).collect()), 0.0)
    }
}

fn terms<T: AsRef<str>>(field: Field, values: &[T]) -> Vec<Term> {
    values.iter().map(|value| Term::from_field_text(field, value.as_ref())).collect()
}

/// One clause for each name of a label: its values are alternatives.
fn labelled(fields: &Fields, labels: &[String]) -> Vec<Box<dyn Query>> {
    let mut by_name: BTreeMap<&str, Vec<Term>> = BTreeMap::new();
    for label in labels {
        let name = label.split(':').next().unwrap_or_default();
        by_name.entry(name).or_default().push(Term::from_field_text(fields.label, &label.to_lowercase()));
    }
    by_name.into_values().map(any).collect()
}

/// Records that name one of the countries, or a region that contains one.
fn in_countries(fields: &Fields, searcher: &Searcher, countries: &[String]) -> Result<Vec<Term>, ViewsError> {
    let regions = known_regions(fields, searcher)?;
    let mut found = terms(fields.country, countries);
    for country in countries {
        let containing = places::containing(regions.iter().map(String::as_str), country);
        found.extend(terms(fields.region, &containing));
    }
    Ok(found)
}

/// The region codes that any record names.
fn known_regions(fields: &Fields, searcher: &Searcher) -> Result<Vec<String>, ViewsError> {
    let mut regions = Vec::new();
    for segment in searcher.segment_readers() {
        let inverted = segment.inverted_index(fields.region)?;
        let mut stream = inverted.terms().stream().map_err(tantivy::TantivyError::from)?;
        while regions.len() < REGIONS_MAX && stream.advance() {
            regions.extend(std::str::from_utf8(stream.key()).ok().map(str::to_owned));
        }
    }
    regions.sort_unstable();
    regions.dedup();
    Ok(regions)
}

/// Records with dates, of which some day lies within the filter's span; both ends are included.
fn overlapping(fields: &Fields, filter: &Filter) -> Result<Vec<Box<dyn Query>>, ViewsError> {
    for (field, date) in [("from", &filter.from), ("until", &filter.until)] {
        check::date(date, true).map_err(|problem| bad(field, problem))?;
    }
    let mut queries = Vec::new();
    if let Some(from) = day(&filter.from) {
        let last = Term::from_field_u64(fields.until_day, from);
        queries.push(Counting::over(RangeQuery::new(Bound::Included(last), Bound::Unbounded), 0.0));
    }
    if let Some(until) = day(&filter.until) {
        let first = Term::from_field_u64(fields.from_day, until);
        queries.push(Counting::over(RangeQuery::new(Bound::Unbounded, Bound::Included(first)), 0.0));
    }
    Ok(queries)
}

fn bounded<'a>(field: &'static str, values: &'a [String]) -> Result<&'a [String], ViewsError> {
    if values.len() > VALUES_MAX {
        return Err(bad(field, format!("has {} values where {VALUES_MAX} fit", values.len())));
    }
    match values.iter().all(|value| value.len() <= VALUE_BYTES_MAX) {
        true => Ok(values),
        false => Err(bad(field, format!("has a value of more than {VALUE_BYTES_MAX} bytes"))),
    }
}

fn bad(field: &'static str, problem: String) -> ViewsError {
    ViewsError::BadFilter { field, problem }
}
