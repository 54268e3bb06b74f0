//! The index's fields, and a record as one document of it.

use std::collections::BTreeSet;

use caphub_proto::exchange::{RecordKind, Summary};
use caphub_proto::v1::revision::Record;
use caphub_proto::wire::{Audience, EntryHash, Feed, PartyId};
use prost::Message;
use tantivy::TantivyDocument;
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions,
};

use super::held::Held;
use super::judge::Verdict;
use super::key::RecordKey;
use super::words::TOKENIZER;

/// Counted up with every change of fields or of how they are filled; another one in an index means a rebuild.
pub(super) const SCHEMA_VERSION: u32 = 4;
/// Most conflicts that a record lists; all of them are in its history.
const CONFLICTS_MAX: usize = 64;

/// An open end, as `day` counts.
const DAY_MAX: u64 = 99_991_231;

/// Name of the field with the author's time.
pub(super) const TIME: &str = "time";
/// First 8 bytes of the entry hash.
pub(super) const TIE: &str = "tie";

/// How a record stands; terms of the field `state`.
pub(super) mod state {
    /// Shown in lists.
    pub(in crate::views) const LIVE: &str = "live";
    /// Taken back by its owner.
    pub(in crate::views) const WITHDRAWN: &str = "withdrawn";
    /// No revision counts.
    pub(in crate::views) const VOID: &str = "void";
    /// Bodies are to be erased, and were still in the log when the record was judged.
    pub(in crate::views) const DUE: &str = "due";
    /// A withdrawal that erases.
    pub(in crate::views) const ERASES: &str = "erases";
}

/// The fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pub(super) key: Field,
    pub(super) place: Field,
    pub(super) state: Field,
    pub(super) kind: Field,
    pub(super) party: Field,
    pub(super) audience: Field,
    pub(super) country: Field,
    pub(super) region: Field,
    pub(super) theme: Field,
    pub(super) about: Field,
    pub(super) label: Field,
    pub(super) title: Field,
    pub(super) text: Field,
    pub(super) time: Field,
    pub(super) tie: Field,
    pub(super) from_day: Field,
    pub(super) until_day: Field,
}

impl Fields {
    /// The schema and its fields.
    pub(super) fn build() -> (Schema, Self) {
        let mut schema = Schema::builder();
        let term = TextOptions::default().set_indexing_options(
            TextFieldIndexing::default()
                .set_tokenizer("raw")
                .set_index_option(IndexRecordOption::Basic)
                .set_fieldnorms(false),
        );
        let words = |option| {
            let indexing = TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(option);
            TextOptions::default().set_indexing_options(indexing)
        };
        let id = BytesOptions::default().set_indexed();
        let sorted = NumericOptions::default().set_fast();
        let fields = Self {
            key: schema.add_bytes_field("key", id.clone()),
            place: schema.add_bytes_field("place", BytesOptions::default().set_stored()),
            state: schema.add_text_field("state", term.clone()),
            kind: schema.add_text_field("kind", term.clone()),
            party: schema.add_bytes_field("party", id.clone()),
            audience: schema.add_text_field("audience", term.clone()),
            country: schema.add_text_field("country", term.clone()),
            region: schema.add_text_field("region", term.clone()),
            theme: schema.add_text_field("theme", term.clone()),
            about: schema.add_bytes_field("about", id.clone()),
            label: schema.add_text_field("label", term),
            title: schema.add_text_field("title", words(IndexRecordOption::WithFreqs)),
            text: schema.add_text_field("text", words(IndexRecordOption::WithFreqsAndPositions)),
            time: schema.add_u64_field(TIME, sorted.clone()),
            tie: schema.add_u64_field(TIE, sorted.clone()),
            from_day: schema.add_u64_field("from_day", sorted.clone()),
            until_day: schema.add_u64_field("until_day", sorted),
        };
        (schema.build(), fields)
    }
}

/// What a document stores: places in the log, and what of the judgement reading needs.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Place {
    /// The record key.
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    /// Ordinals of all revisions, in order.
    #[prost(uint64, repeated, tag = "2")]
    pub(super) ordinals: Vec<u64>,
    /// Ordinal of the revision shown.
    #[prost(uint64, tag = "3")]
    pub(super) shown: u64,
    /// True where the owner took the record back.
    #[prost(bool, tag = "4")]
    pub(super) withdrawn: bool,
    /// A reason code where no revision counts.
    #[prost(string, tag = "5")]
    pub(super) void_reason: String,
    /// Hashes of counted revisions that nobody has merged, other than the one shown.
    #[prost(bytes = "vec", repeated, tag = "6")]
    pub(super) conflicts: Vec<Vec<u8>>,
    /// True where bodies were still to be erased.
    #[prost(bool, tag = "7")]
    pub(super) due: bool,
}

impl Place {
    /// The record.
    pub(super) fn key(&self) -> Option<RecordKey> {
        RecordKey::from_bytes(&self.key)
    }

    /// The place of a judged record; `None` where nothing of it is left to show.
    pub(super) fn of(key: &RecordKey, held: &[Held], verdict: &Verdict) -> Option<Self> {
        let index = verdict.shown.or_else(|| verdict.void_shown(held))?;
        let reason = verdict.voids.get(index).copied().flatten();
        let mut ordinals: Vec<u64> = held.iter().map(|h| h.ordinal).collect();
        ordinals.sort_unstable();
        Some(Self {
            key: key.bytes().to_vec(),
            ordinals,
            shown: held.get(index)?.ordinal,
            withdrawn: verdict.withdrawn,
            void_reason: reason.map_or("", |r| r.code()).to_owned(),
            conflicts: verdict.conflicts.iter().take(CONFLICTS_MAX).copied().map(EntryHash::to_vec).collect(),
            due: !verdict.erasures.is_empty(),
        })
    }
}

/// The document of a record.
pub(super) fn document(
    fields: &Fields,
    place: &Place,
    shown: &Held,
    about: &BTreeSet<RecordKey>,
) -> TantivyDocument {
    let mut doc = TantivyDocument::default();
    doc.add_bytes(fields.key, &place.key);
    doc.add_bytes(fields.place, &place.encode_to_vec());
    doc.add_bytes(fields.party, shown.party().as_bytes());
    doc.add_text(fields.audience, audience_term(&shown.feed));
    doc.add_u64(fields.time, shown.time_ms);
    doc.add_u64(fields.tie, tie(&shown.hash));
    if place.due {
        doc.add_text(fields.state, state::DUE);
    }
    for key in about {
        doc.add_bytes(fields.about, &key.bytes());
    }
    if !place.void_reason.is_empty() {
        doc.add_text(fields.state, state::VOID);
        // A void act stays to be seen with those that build on it; other void records are found by their id alone.
        if let Some((kind, summary)) = Summary::of(&shown.revision).filter(|(kind, _)| kind.is_act()) {
            doc.add_text(fields.kind, kind.code());
            name(&mut doc, fields, &summary);
        }
        return doc;
    }
    doc.add_text(fields.state, if place.withdrawn { state::WITHDRAWN } else { state::LIVE });
    if matches!(&shown.revision.record, Some(Record::Withdraw(w)) if w.erase) {
        doc.add_text(fields.state, state::ERASES);
    }
    describe(&mut doc, fields, shown);
    doc
}

fn describe(doc: &mut TantivyDocument, fields: &Fields, shown: &Held) {
    let Some((kind, summary)) = Summary::of(&shown.revision) else { return };
    doc.add_text(fields.kind, kind.code());
    if let Some(Record::Withdraw(withdraw)) = &shown.revision.record {
        // Found under the kind that it had; nothing else of the record is kept.
        if let Ok(kind) = withdraw.kind.parse::<RecordKind>() {
            doc.add_text(fields.kind, kind.code());
        }
        return;
    }
    let terms = [
        (fields.country, &summary.countries),
        (fields.region, &summary.regions),
        (fields.theme, &summary.themes),
        (fields.label, &summary.labels),
    ];
    for (field, values) in terms {
        values.iter().for_each(|value| doc.add_text(field, value));
    }
    name(doc, fields, &summary);
    doc.add_text(fields.title, &summary.title);
    if !summary.texts.contains(&summary.title) {
        doc.add_text(fields.text, &summary.title);
    }
    summary.texts.iter().for_each(|text| doc.add_text(fields.text, text));
    // A record without any date has none that could overlap; with one, the other end is open.
    if !summary.from.is_empty() || !summary.until.is_empty() {
        doc.add_u64(fields.from_day, day(&summary.from).unwrap_or(0));
        doc.add_u64(fields.until_day, day(&summary.until).unwrap_or(DAY_MAX));
    }
}

/// The records that it names.
fn name(doc: &mut TantivyDocument, fields: &Fields, summary: &Summary) {
    for (party, record) in &summary.about {
        doc.add_bytes(fields.about, &RecordKey { party: *party, record: *record }.bytes());
    }
}

/// A date as a number that sorts: 20270331; `None` where empty.
pub(super) fn day(date: &str) -> Option<u64> {
    let digits: String = date.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The order among equal times.
pub(super) fn tie(hash: &EntryHash) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = hash.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// The term of an audience; `Viewer::scope` names the same ones.
pub(super) fn audience_term(feed: &Feed) -> String {
    match feed.audience() {
        Audience::Public => PUBLIC.to_owned(),
        Audience::Network => NETWORK.to_owned(),
        // Opened here, and for nobody else: no scope but "everything" names it.
        Audience::Sealed(_) => SEALED.to_owned(),
        Audience::Hub(hub) => hub_term(&hub),
    }
}

/// Audience term of what was opened here.
pub(super) const SEALED: &str = "sealed";
/// Audience term of public feeds.
pub(super) const PUBLIC: &str = "public";
/// Audience term of feeds for the network.
pub(super) const NETWORK: &str = "network";

/// Audience term of feeds for a hub.
pub(super) fn hub_term(hub: &PartyId) -> String {
    format!("hub:{}", hex::encode(hub.as_bytes()))
}
