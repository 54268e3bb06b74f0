//! Whom a record is sealed to, and with which keys sealed ones are read.

use std::collections::BTreeMap;

use caphub_node::author::now_ms;
use caphub_node::keys::{KeyError, random};
use caphub_node::opening::Opener;
use caphub_node::sealing::ReadingKey;
use caphub_node::views::{LogRun, Thread};
use caphub_proto::exchange::seal;
use caphub_proto::v1::{self, Filter, Revision, Sealing};
use caphub_proto::wire::{Audience, PartyId, Seq};

use crate::arguments::acts::SeenBy;
use crate::commands::{Context, records};
use crate::failure::Failure;
use crate::replica::{Replica, key_failure};
use crate::screen;

/// A seal that a person chose.
pub struct Seal(Sealing);

impl Seal {
    /// A new thread with these parties.
    pub fn new(parties: &[PartyId]) -> Result<Self, Failure> {
        let opening = random::<{ seal::OPENING_BYTES }>().map_err(key_failure)?.to_vec();
        Ok(Self(Sealing { parties: parties.iter().map(|p| p.to_vec()).collect(), opening }))
    }

    /// The same thread, to everybody in it but the own party.
    pub fn within(thread: &Thread, own: &PartyId) -> Self {
        let others = thread.parties.iter().filter(|p| *p != own).map(|p| p.to_vec());
        Self(Sealing { parties: others.collect(), opening: thread.opening.clone() })
    }

    /// States it in a revision; the audience to publish that for.
    pub fn put_on(self, revision: &mut Revision) -> Audience {
        let audience = self.audience();
        revision.sealing = Some(self.0);
        audience
    }

    /// The thread.
    pub fn audience(&self) -> Audience {
        Audience::Sealed(seal::thread(&seal::opening(&self.0).unwrap_or_default()))
    }
}

/// The seal of `--to` or `--thread`; `None` where neither was given.
pub fn chosen(
    context: &Context,
    replica: &Replica,
    to: &[String],
    thread: Option<&str>,
) -> Result<Option<Seal>, Failure> {
    if let Some(text) = thread {
        let (_, thread) = find_thread(context, replica, text)?;
        return Ok(Some(Seal::within(&thread, &replica.core.party)));
    }
    if to.is_empty() {
        return Ok(None);
    }
    let mut parties = to.iter().map(|t| organisation(replica, t)).collect::<Result<Vec<_>, _>>()?;
    parties.sort_unstable();
    parties.dedup();
    parties.retain(|p| *p != replica.core.party);
    let names: Vec<String> = parties.iter().map(|p| name(replica, p)).collect();
    context.say("sealing-to", &[("names", &names.join(", "))]);
    Seal::new(&parties).map(Some)
}

/// An organisation by its id, or by the exact name of one that a hub admits.
pub fn organisation(replica: &Replica, text: &str) -> Result<PartyId, Failure> {
    if let Ok(party) = text.parse::<PartyId>() {
        return Ok(party);
    }
    let filter = Filter { kinds: vec!["profile".to_owned()], ..Filter::default() };
    let mut found: Vec<PartyId> = Vec::new();
    for record in replica.all(&filter)? {
        // What somebody calls itself decides nothing: a hub has looked at it.
        if record.party_name == text && record.standing == "member" {
            found.extend(PartyId::from_slice(&record.party_id));
        }
    }
    found.sort_unstable();
    found.dedup();
    match found[..] {
        [party] => Ok(party),
        [] => Err(Failure::nothing("error-no-organisation").with("name", text).hint("hint-organisation-id")),
        _ => Err(Failure::usage("error-many-organisations").with("name", text).hint("hint-organisation-id")),
    }
}

/// Who is to see a first act: the audience, and the seal that stands on it. Whoever has to act too can read it.
pub fn of_act(
    context: &Context,
    replica: &Replica,
    seen_by: &SeenBy,
    acting: &[PartyId],
) -> Result<(Audience, Option<Seal>), Failure> {
    let others: Vec<PartyId> = acting.iter().filter(|p| **p != replica.core.party).copied().collect();
    if let Some(text) = &seen_by.thread {
        let (id, thread) = find_thread(context, replica, text)?;
        if let Some(missing) = others.iter().find(|p| !thread.parties.contains(p)) {
            let failure = Failure::usage("error-not-in-thread").with("name", name(replica, missing));
            return Err(failure.hint("hint-not-in-thread"));
        }
        return Ok((Audience::Sealed(id), Some(Seal::within(&thread, &replica.core.party))));
    }
    if seen_by.sealed_to.is_empty() {
        return Ok((records::audience(replica, seen_by.visible)?, None));
    }
    let mut to = seen_by.sealed_to.clone();
    to.extend(others.iter().map(PartyId::to_string));
    let seal = chosen(context, replica, &to, None)?.ok_or_else(|| Failure::new("error-views"))?;
    Ok((seal.audience(), Some(seal)))
}

/// The seal of an act in this audience: that of its thread.
pub fn of_audience(
    context: &Context,
    replica: &Replica,
    audience: Audience,
) -> Result<Option<Seal>, Failure> {
    let Audience::Sealed(id) = audience else { return Ok(None) };
    let (_, thread) = find_thread(context, replica, &hex::encode(id))?;
    Ok(Some(Seal::within(&thread, &replica.core.party)))
}

/// A party's name and the beginning of its id.
pub fn name(replica: &Replica, party: &PartyId) -> String {
    let profile = replica.core.views.profile(&replica.viewer(), party, now_ms()).ok().flatten();
    let name = profile.and_then(|p| p.name).map(|n| screen::plain(&n.text));
    name.map_or_else(|| party.short(), |name| format!("{name} ({})", party.short()))
}

/// The reading keys of this folder; asks for the passphrase where one protects them.
pub fn reading_keys(context: &Context, replica: &Replica) -> Result<Vec<ReadingKey>, Failure> {
    let ring = replica.home.keys();
    let given = std::env::var("CAPHUB_PASSPHRASE").ok();
    match ring.read_reading(given.as_deref()) {
        Err(KeyError::PassphraseNeeded) if screen::may_ask() => {
            let asked = screen::ask(&context.passphrase_question(), "");
            let asked = asked.map_err(|e| Failure::new("error-terminal").because(e))?;
            ring.read_reading(Some(&asked)).map_err(key_failure)
        }
        read => read.map_err(key_failure),
    }
}

/// Opens with all keys of this folder.
pub fn opener(context: &Context, replica: &Replica) -> Result<Opener, Failure> {
    Ok(Opener::new(replica.core.party, reading_keys(context, replica)?))
}

/// All threads that open here.
pub fn threads(replica: &Replica, opener: &Opener) -> Result<BTreeMap<[u8; 16], Thread>, Failure> {
    let views = |e: caphub_node::views::ViewsError| Failure::new("error-views").because(e);
    let mut threads = replica.core.views.threads(opener);
    each_run(replica, |run| threads.add(run).map_err(views))?;
    threads.finish(now_ms()).map_err(views)
}

/// Every run of every sealed feed.
pub fn each_run(
    replica: &Replica,
    mut take: impl FnMut(&LogRun) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |e: caphub_node::store::StoreError| Failure::new("error-store").because(e);
    let store = &replica.core.store;
    for head in store.heads().into_iter().filter(|h| seal::is_sealed(&h.feed)) {
        let mut next = Some(Seq::FIRST);
        while let Some(from) = next.filter(|n| *n <= head.head.seq) {
            next = None;
            // One by one: runs of a feed may lie apart in the log, and a read joins them.
            if let Some(run) = store.run_from(&head.feed.id(), from).map_err(failed)? {
                next = Seq::new(run.first.value() + u64::from(run.count));
                let run = LogRun { feed: run.feed, first_ordinal: run.first_ordinal, packed: run.packed };
                take(&run)?;
            }
        }
    }
    Ok(())
}

/// The thread whose id begins so.
pub fn find_thread(context: &Context, replica: &Replica, text: &str) -> Result<([u8; 16], Thread), Failure> {
    let text = text.to_ascii_lowercase();
    let all = threads(replica, &opener(context, replica)?)?;
    let mut found: Vec<_> = all.into_iter().filter(|(id, _)| hex::encode(id).starts_with(&text)).collect();
    match found.len() {
        0 => Err(Failure::nothing("error-no-thread").with("id", text).hint("hint-sync-first")),
        1 => Ok(found.swap_remove(0)),
        _ => Err(Failure::usage("error-many-records").with("id", text).hint("hint-longer-id")),
    }
}

/// A record by the beginning of its id; where a passphrase protects the reading keys, sealed ones are opened for it.
pub fn find(
    context: &Context,
    replica: &Replica,
    text: &str,
    kind: Option<&str>,
) -> Result<v1::Record, Failure> {
    match replica.find(text, kind) {
        Err(failure) if failure.code() == 3 && replica.home.keys().reading_is_protected() => {
            let all = threads(replica, &opener(context, replica)?)?;
            let records = all.into_values().flat_map(|t| t.records);
            let text = text.to_ascii_lowercase();
            let fits = |r: &v1::Record| {
                hex::encode(&r.record_id).starts_with(&text) && kind.is_none_or(|k| r.kind == k)
            };
            let mut found: Vec<v1::Record> = records.filter(fits).collect();
            if found.len() == 1 { Ok(found.swap_remove(0)) } else { Err(failure) }
        }
        found => found,
    }
}
