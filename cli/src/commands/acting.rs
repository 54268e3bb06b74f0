//! What commands of engagements, fellowships and funds share: finding acts, trying a new one before it is signed, signing it.

use caphub_node::acts::{Gone, all_of, gather};
use caphub_node::author::Author;
use caphub_node::author::now_ms;
use caphub_node::keys::KeyName;
use caphub_node::opening::Opener;
use caphub_proto::exchange::RecordKind;
use caphub_proto::exchange::acts::{Act, Fault, Verdict};
use caphub_proto::v1::{self, ActNote, Link, LocalisedText, RecordRef, revision};
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::{Audience, EntryHash, FeedId, PartyId, RecordId};

use crate::arguments::acts::Words;
use crate::commands::sealing::{self, Seal};
use crate::commands::{Context, table};
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen;
use crate::texts::{self, Texts};

pub use crate::commands::signing::reference;

/// Acts of a kind: all, or those that name a record and those under its id.
pub fn acts(
    replica: &Replica,
    kind: RecordKind,
    about: Option<&RecordRef>,
) -> Result<Vec<v1::Record>, Failure> {
    let failed = |e: caphub_node::views::ViewsError| Failure::new("error-views").because(e);
    let gathered = gather(&replica.core, &replica.reader(), kind, about).map_err(failed)?;
    if !gathered.cut.is_empty() {
        let names: Vec<String> = gathered.cut.iter().map(|p| name_of(replica, p)).collect();
        let texts = texts::from_environment();
        eprintln!(
            "{}",
            texts.remark(&screen::plain(&texts.tf("acts-cut", &[("names", &names.join(", "))])), "")
        );
    }
    let mut acts = gathered.acts;
    if let Some(about) = about {
        let (party_id, record_id) = (about.party.clone(), about.record_id.clone());
        let first = v1::Record { party_id, record_id, ..v1::Record::default() };
        acts.extend(all_of(&replica.core, &replica.reader(), &first).map_err(failed)?);
    }
    acts.extend(protected(replica, kind)?);
    Ok(acts)
}

/// Sealed acts where a passphrase protects the reading keys: the index holds none of them. It is not asked for here, so
/// that what is public can be read without it.
fn protected(replica: &Replica, kind: RecordKind) -> Result<Vec<v1::Record>, Failure> {
    let given =
        std::env::var("CAPHUB_PASSPHRASE").ok().filter(|_| replica.home.keys().reading_is_protected());
    let Some(keys) = given.and_then(|given| replica.home.keys().read_reading(Some(&given)).ok()) else {
        return Ok(Vec::new());
    };
    let threads = sealing::threads(replica, &Opener::new(replica.core.party, keys))?;
    Ok(threads.into_values().flat_map(|t| t.records).filter(|r| r.kind == kind.code()).collect())
}

/// What can never count, of the feeds of these parties.
pub fn gone<'a>(replica: &'a Replica, acts: &[v1::Record], audience: Audience) -> Gone<'a> {
    let parties = acts.iter().filter_map(|a| PartyId::from_slice(&a.party_id));
    let parties: std::collections::BTreeSet<PartyId> = parties.collect();
    Gone::new(&replica.core, parties, audience)
}

/// An act as if this organisation had signed it, to see beforehand whether it counts.
pub fn draft<T>(replica: &Replica, audience: Audience, after: Vec<v1::Seen>, what: T) -> Act<T> {
    let seen = |s: &v1::Seen| {
        let (feed, hash) = (FeedId::from_slice(&s.feed_id)?, EntryHash::from_slice(&s.entry_hash)?);
        Some(caphub_proto::exchange::acts::Seen { feed, seq: s.seq, hash })
    };
    Act {
        hash: EntryHash([0xff; 32]),
        author: replica.core.party,
        feed: FeedId([0xff; 32]),
        seq: 1,
        time_ms: now_ms(),
        audience,
        record: RecordId::default(),
        void: None,
        after: after.iter().filter_map(seen).collect(),
        what,
    }
}

/// Why a draft would not count.
pub fn refuse(verdict: Option<&Verdict>) -> Outcome {
    match verdict {
        Some(Verdict::Counted) => Ok(()),
        Some(Verdict::Void(fault)) => Err(void(*fault)),
        Some(Verdict::Waiting) | None => Err(Failure::new("error-act-waits").hint("hint-sync-first")),
    }
}

/// A fault as a person reads it.
pub fn void(fault: Fault) -> Failure {
    Failure::new("error-act-void").because(fault.meaning()).reason(fault.code()).hint("hint-act-void")
}

/// Signs an act in the audience of the first; says what became of it.
pub async fn sign(
    context: &Context,
    replica: &Replica,
    audience: Audience,
    record: revision::Record,
    key: &'static str,
) -> Result<v1::Record, Failure> {
    let seal = sealing::of_audience(context, replica, audience)?;
    sign_sealed(context, replica, (audience, seal), record, key).await
}

/// The same under a seal that may be new.
pub async fn sign_sealed(
    context: &Context,
    replica: &Replica,
    (audience, seal): (Audience, Option<Seal>),
    record: revision::Record,
    key: &'static str,
) -> Result<v1::Record, Failure> {
    may(replica, RecordKind::of(&record).capability())?;
    let mut revision = Author::first(record).map_err(|e| Failure::new("error-key").because(e))?;
    if let Some(seal) = seal {
        seal.put_on(&mut revision);
    }
    let published = replica.publish(audience, &[revision], &context.passphrase_question()).await?;
    let place = published.first().ok_or_else(|| Failure::new("error-sign"))?;
    let signed = match replica.get(&replica.core.party, &place.record)? {
        Some(signed) => signed,
        // What is sealed to protected keys is in no index.
        None if matches!(audience, Audience::Sealed(_)) => v1::Record {
            party_id: replica.core.party.to_vec(),
            record_id: place.record.to_vec(),
            ..v1::Record::default()
        },
        None => return Err(Failure::new("error-views")),
    };
    // The entry is durable and stays, but counts for nobody: better said now.
    if !signed.void_reason.is_empty() {
        return Err(Failure::new("error-act-capability")
            .reason(&signed.void_reason)
            .hint("hint-act-capability"));
    }
    if !context.json {
        context.say(key, &[]);
    }
    Ok(signed)
}

/// Refuses where the key of this machine, as far as it can be read without asking, lacks what an act needs.
fn may(replica: &Replica, capability: Capabilities) -> Outcome {
    let given = std::env::var("CAPHUB_PASSPHRASE").ok();
    let Ok(signer) = replica.home.keys().read(KeyName::Operator, given.as_deref()) else { return Ok(()) };
    let state = replica.core.identities.state(&replica.core.party);
    match state.is_none_or(|s| s.may(&signer.public(), capability, now_ms())) {
        true => Ok(()),
        false => Err(Failure::new("error-act-capability").reason("capability").hint("hint-act-capability")),
    }
}

/// Words, links and nothing else.
pub fn note(context: &Context, words: &Words) -> ActNote {
    let link = |url: &String| Link { title: String::new(), url: url.clone() };
    ActNote { text: text(context, words), links: words.link.iter().map(link).collect(), records: Vec::new() }
}

/// Refuses an act that says nothing where it has to, before anything is signed.
pub fn said(command: &'static str, there: bool, key: &'static str) -> Outcome {
    match there {
        true => Ok(()),
        false => {
            Err(Failure::usage(key).with("command", command).hint("hint-words-needed").reason("words_needed"))
        }
    }
}

/// The text of words.
pub fn text(context: &Context, words: &Words) -> Option<LocalisedText> {
    words.text.as_ref().map(|text| localised(context, text, words.text_language.as_deref()))
}

/// A text in a language, by default the reader's.
pub fn localised(context: &Context, text: &str, language: Option<&str>) -> LocalisedText {
    let language = language.unwrap_or_else(|| context.texts.language()).to_owned();
    LocalisedText { language, text: text.to_owned(), translations: Vec::new() }
}

/// An organisation by its id, `me`, or its exact name where a hub admits it.
pub fn party(replica: &Replica, text: &str) -> Result<PartyId, Failure> {
    if text == "me" { Ok(replica.core.party) } else { sealing::organisation(replica, text) }
}

/// What a party is called here.
pub fn name_of(replica: &Replica, party: &PartyId) -> String {
    if *party == replica.core.party {
        return replica.me.name.clone();
    }
    replica.name_of(party)
}

/// The title of a record, where it is held.
pub fn title_of(replica: &Replica, reference: Option<&RecordRef>) -> String {
    let key =
        reference.and_then(|r| Some((PartyId::from_slice(&r.party)?, RecordId::from_slice(&r.record_id)?)));
    let record = key.and_then(|(party, id)| replica.get(&party, &id).ok().flatten());
    let summary = record.and_then(|r| r.revision).and_then(|r| caphub_proto::exchange::Summary::of(&r));
    summary.map(|(_, s)| s.title).unwrap_or_default()
}

/// The first characters of an id.
pub fn short(bytes: &[u8]) -> String {
    let text = hex::encode(bytes);
    text.get(..8).unwrap_or(&text).to_owned()
}

/// The day of a time.
pub fn day(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map(|t| t.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// A row of a list: harmless, and no wider than a table.
pub fn line(text: &str) {
    screen::line(&table::fit(text, table::COLUMNS));
}

/// What is to be read to its end: harmless, and over as many lines as it takes.
pub fn told(text: &str) {
    screen::line(&screen::plain(text));
}

/// Why an act does not count, or not yet; nothing where it counts.
pub fn mark(t: &Texts, verdict: Verdict) -> Option<String> {
    match verdict {
        Verdict::Counted => None,
        Verdict::Waiting => Some(t.t("act-waits")),
        Verdict::Void(fault) => Some(t.tf("act-does-not-count", &[("why", &t.said(fault.meaning()))])),
    }
}

/// That others do not read what is shown, where it is sealed: whoever copies it must see that.
pub fn sealed(t: &Texts, audience: &Audience) -> Option<String> {
    matches!(audience, Audience::Sealed(_)).then(|| t.t("acts-sealed"))
}

/// An act on a line, with its words, and below why it does not count.
pub fn act_line(t: &Texts, (ms, code): (u64, &str), name: &str, words: &str, verdict: Verdict) {
    let act = t.named("act", code);
    told(&format!("  {}  {act}  {name}{words}", day(ms)));
    if let Some(mark) = mark(t, verdict) {
        told(&format!("      {mark}"));
    }
}

/// What an act begins and does not count with it: the id, whose it is, and why.
pub fn void_line(t: &Texts, record: &RecordId, fault: Fault, name: &str) {
    let why = t.tf("act-does-not-count", &[("why", &t.said(fault.meaning()))]);
    told(&format!("{}  {name}: {why}", short(&record.0)));
}

/// What is due, by whom, until or since when.
pub fn due_line(t: &Texts, key: &str, what: &str, name: &str, ms: u64) -> String {
    t.tf(key, &[("what", &t.named("due", what)), ("name", name), ("day", &day(ms))])
}

/// A record id by its first characters, among those given.
pub fn pick<'a, T>(prefix: &str, all: impl Iterator<Item = (&'a [u8], T)>) -> Result<T, Failure> {
    let prefix = prefix.to_ascii_lowercase();
    if prefix.len() < 4 || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Failure::usage("error-record-id").with("id", prefix).hint("hint-record-id"));
    }
    let mut found: Vec<T> =
        all.filter(|(id, _)| hex::encode(id).starts_with(&prefix)).map(|(_, item)| item).collect();
    match found.len() {
        0 => Err(Failure::nothing("error-no-record").with("id", prefix).hint("hint-sync-first")),
        1 => Ok(found.swap_remove(0)),
        _ => Err(Failure::usage("error-many-records").with("id", prefix).hint("hint-longer-id")),
    }
}
