//! `caphub key list|add|revoke|rotate|backup|export-age|recover`.

mod recover;

pub use recover::stranger;

use caphub_node::author::{now_ms, packed_run};
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::ingest::Origin;
use caphub_node::keys::{self, KeyName, KeyRing, fresh, random};
use caphub_node::sealing::ReadingKey;
use caphub_proto::wire::identity::author::{authorise, one};
use caphub_proto::wire::identity::{
    Capabilities, Event, IdentityAuthor, NO_END, Operator, Revoke, RevokedFeed, State, commitment,
};
use caphub_proto::wire::{Feed, OperatorKey, PartyId, Signer};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::arguments::Key;
use crate::commands::{Context, join};
use crate::failure::{Failure, Outcome};
use crate::home::{Home, Me};
use crate::replica::{Replica, key_failure, open_failure, read_key};
use crate::screen;

/// Words for the reasons of a Revoke, in the order of their numbers (SPEC.md section 4.1).
const REASONS: &[&str] = &["unstated", "lost", "stolen", "replaced", "forked", "person_left"];

/// Runs one of them.
pub async fn run(context: &Context, command: Key) -> Outcome {
    if let Key::Recover(recover) = &command {
        return recover::run(context, recover).await;
    }
    let replica = context.replica()?;
    settle(context, &replica.home, &*state(&replica.core)?)?;
    match command {
        Key::List => list(context, &replica),
        Key::Add { label, to: Some(folder), treasury } => {
            add(context, &replica, &label, Home { directory: folder }, may(treasury)).await
        }
        Key::Add { label, to: None, treasury } => change(context, &replica, &label, may(treasury)).await,
        Key::Revoke { key, reason, common } => revoke(context, &replica, &key, &reason, common).await,
        Key::Rotate => rotate(context, &replica).await,
        Key::Backup { file } => backup(context, &replica, &file),
        Key::ExportAge { key_file } => export_age(context, &replica, &key_file),
        Key::Recover(_) => Ok(()),
    }
}

/// A file that brings an organisation back: sealed under a passphrase.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Backup {
    /// Version of this form.
    caphub_backup: u8,
    me: Me,
    /// The identity log, packed, hexadecimal.
    identity: String,
    /// Seeds, hexadecimal. The signing key is not among them: two machines with one key fork it.
    root: String,
    next: String,
}

fn state(core: &Core) -> Result<std::sync::Arc<State>, Failure> {
    core.identities.state(&core.party).ok_or_else(|| Failure::new("error-me"))
}

fn list(context: &Context, replica: &Replica) -> Outcome {
    let state = state(&replica.core)?;
    // Which key is here can be said without a passphrase only where the key file has none.
    let here =
        replica.home.keys().read(KeyName::Operator, std::env::var("CAPHUB_PASSPHRASE").ok().as_deref());
    let here = here.ok().map(|s| s.public());
    let rows = state.operators.iter().map(|(key, operator)| (key, operator, Some(*key) == here));
    if context.json {
        let row = |(key, o, here): (&OperatorKey, &Operator, bool)| {
            json!({
                "key": key.to_string(), "label": o.label, "capabilities": capabilities(o.capabilities),
                "revoked": o.revoked.as_ref().and_then(|r| REASONS.get(usize::from(r.reason))),
                "this_machine": here,
            })
        };
        screen::json(&rows.map(row).collect());
        return Ok(());
    }
    for (key, operator, here) in rows {
        let mut line = format!("{}  {}", &key.to_string()[..8], screen::plain(&operator.label));
        line.push_str(&format!("  {}", capabilities(operator.capabilities).join(" ")));
        if here {
            line.push_str(&format!("  ({})", context.texts.t("key-here")));
        }
        if operator.revoked.is_some() {
            line.push_str(&format!("  ({})", context.texts.t("key-revoked")));
        }
        screen::line(&line);
    }
    Ok(())
}

fn capabilities(held: Capabilities) -> Vec<&'static str> {
    [
        (Capabilities::PUBLISH, "publish"),
        (Capabilities::ENGAGE, "engage"),
        (Capabilities::ADMIT, "admit"),
        (Capabilities::TREASURY, "treasury"),
        (Capabilities::SERVE, "serve"),
    ]
    .into_iter()
    .filter(|(c, _)| held.holds(*c))
    .map(|(_, name)| name)
    .collect()
}

/// What a new key may do: acts of a fund only where that is said, for they move money.
fn may(treasury: bool) -> Capabilities {
    if treasury { Capabilities::DESK.and(Capabilities::TREASURY) } else { Capabilities::DESK }
}

/// A key and a folder of its own, for another machine or person.
async fn add(context: &Context, replica: &Replica, label: &str, to: Home, may: Capabilities) -> Outcome {
    if to.is_joined() {
        let me = to.load()?;
        return Err(Failure::usage("error-joined-already").with("name", me.name).hint("hint-joined-already"));
    }
    let root = root_key(context, &replica.home)?;
    let passphrase = join::passphrase(context, false)?;
    let operator = fresh().map_err(key_failure)?;
    to.keys().write(KeyName::Operator, &operator, passphrase.as_deref()).map_err(key_failure)?;
    let reading = reading_key(&to.keys(), passphrase.as_deref())?;
    let event = authorise(replica.core.party, &operator, may, NO_END, reading, label);
    append(&replica.core, &event, &root).await?;
    let core =
        Core::open(&to.directory, replica.core.party, true, Quotas::default()).map_err(open_failure)?;
    hand_over(&core, join::own_identity(replica)?, Origin::Peer).await?;
    let mut me = replica.me.clone();
    me.hubs.iter_mut().for_each(|joined| joined.asked = true);
    to.save(&me)?;
    let folder = to.directory.display().to_string();
    context.say("key-added", &[("label", label), ("folder", &folder)]);
    Ok(())
}

/// This machine signs with a new key from now on.
async fn change(context: &Context, replica: &Replica, label: &str, may: Capabilities) -> Outcome {
    let root = root_key(context, &replica.home)?;
    let passphrase = join::passphrase(context, false)?;
    let operator = fresh().map_err(key_failure)?;
    let reading = reading_key(&replica.home.keys(), passphrase.as_deref())?;
    let event = authorise(replica.core.party, &operator, may, NO_END, reading, label);
    append(&replica.core, &event, &root).await?;
    replica.home.keys().write(KeyName::Operator, &operator, passphrase.as_deref()).map_err(key_failure)?;
    context.say("key-added-here", &[]);
    Ok(())
}

/// A new reading key in a folder; its public half goes into the authorisation. It is on disk before anybody can seal
/// to it.
fn reading_key(ring: &KeyRing, passphrase: Option<&str>) -> Result<[u8; 32], Failure> {
    let key = ReadingKey::generate();
    ring.write_reading(&key, passphrase).map_err(key_failure)?;
    Ok(key.public())
}

async fn revoke(context: &Context, replica: &Replica, text: &str, given: &str, common: bool) -> Outcome {
    let reason = REASONS.iter().position(|r| *r == given).and_then(|r| u8::try_from(r).ok());
    let reason = reason.ok_or_else(|| Failure::usage("error-reason").with("reason", given))?;
    let state = state(&replica.core)?;
    let key = find(&state, text)?;
    let here =
        replica.home.keys().read(KeyName::Operator, std::env::var("CAPHUB_PASSPHRASE").ok().as_deref());
    if here.is_ok_and(|h| h.public() == key) {
        return Err(Failure::usage("error-last-key").hint("hint-last-key"));
    }
    let root = root_key(context, &replica.home)?;
    // What is held here counts; what a thief signed elsewhere does not.
    let heads = replica.core.store.heads().into_iter();
    let feeds = heads.filter(|h| h.feed.party == replica.core.party && h.feed.key() == Some(key));
    let mut named: Vec<RevokedFeed> = feeds
        .map(|h| RevokedFeed { feed: h.feed.id(), seq: h.head.seq.value(), hash: h.head.hash })
        .collect();
    let forked = |f: &RevokedFeed| replica.core.forks.freeze(&f.feed);
    for feed in &mut named {
        if let Some(last) = forked(feed).filter(|last| common && last.seq < feed.seq) {
            (feed.seq, feed.hash) = (last.seq, last.hash);
        }
    }
    let told: Vec<_> = named.iter().filter(|f| forked(f).is_some()).map(|f| (f.feed, f.seq)).collect();
    let event = Event::Revoke(Revoke { key, reason, feeds: named });
    append(&replica.core, &event, &root).await?;
    for (feed, seq) in told {
        let text = if common { "key-common" } else { "key-branch" };
        context.say(text, &[("seq", &seq.to_string()), ("feed", &feed.to_string()[..8])]);
    }
    let label = state.operators.get(&key).map(|o| screen::plain(&o.label)).unwrap_or_default();
    context.say("key-taken-back", &[("label", &label)]);
    Ok(())
}

fn find(state: &State, text: &str) -> Result<OperatorKey, Failure> {
    let by_label = state.operators.iter().filter(|(_, o)| o.label == text && o.revoked.is_none());
    let mut found: Vec<OperatorKey> = by_label.map(|(k, _)| *k).collect();
    if found.is_empty() && text.len() >= 4 {
        let lower = text.to_ascii_lowercase();
        found = state.operators.keys().filter(|k| k.to_string().starts_with(&lower)).copied().collect();
    }
    match found[..] {
        [key] => Ok(key),
        [] => Err(Failure::nothing("error-no-key").with("key", text)),
        _ => Err(Failure::usage("error-many-keys").with("key", text)),
    }
}

/// The committed keys become the root keys. The key after them is on disk before anything depends on it.
async fn rotate(context: &Context, replica: &Replica) -> Outcome {
    let ring = replica.home.keys();
    if !ring.has(KeyName::Next) {
        return Err(Failure::nothing("error-no-root").hint("hint-no-root"));
    }
    let next = read_key(&replica.home, KeyName::Next, &context.passphrase_question())?;
    let protected = ring.is_protected(KeyName::Next);
    let passphrase = if protected { join::passphrase(context, false)? } else { None };
    let coming = fresh().map_err(key_failure)?;
    ring.write(KeyName::Coming, &coming, passphrase.as_deref()).map_err(key_failure)?;
    let event = Event::Rotate { revealed: one(next.public().0), next: one(commitment(&coming.public().0)) };
    append(&replica.core, &event, &next).await?;
    move_up(&ring, true)?;
    context.say("key-rotated", &[]);
    Ok(())
}

/// Ends a rotation that was cut short: the files follow what the identity log says.
fn settle(context: &Context, home: &Home, state: &State) -> Outcome {
    let ring = home.keys();
    if !ring.has(KeyName::Coming) {
        return Ok(());
    }
    let question = context.passphrase_question();
    let coming = read_key(home, KeyName::Coming, &question)?;
    if !state.next.keys.contains(&commitment(&coming.public().0)) {
        return ring.remove(KeyName::Coming).map_err(key_failure);
    }
    // Where a cut came between the two renames, the next file is the root file already.
    let revealed = match ring.has(KeyName::Next) {
        true => state.root.keys.contains(&read_key(home, KeyName::Next, &question)?.public().0),
        false => false,
    };
    move_up(&ring, revealed)
}

/// The next key becomes the root key, and the coming one the next.
fn move_up(ring: &KeyRing, next_too: bool) -> Outcome {
    let failed = |e: std::io::Error| Failure::new("error-key").because(e);
    if next_too {
        std::fs::rename(ring.path(KeyName::Next), ring.path(KeyName::Root)).map_err(failed)?;
    }
    std::fs::rename(ring.path(KeyName::Coming), ring.path(KeyName::Next)).map_err(failed)
}

fn backup(context: &Context, replica: &Replica, path: &std::path::Path) -> Outcome {
    let root = root_key(context, &replica.home)?;
    let next = read_key(&replica.home, KeyName::Next, &context.passphrase_question())?;
    let passphrase = join::passphrase(context, false)?;
    let passphrase =
        passphrase.ok_or_else(|| Failure::usage("error-backup-passphrase").hint("hint-passphrase"))?;
    let backup = Backup {
        caphub_backup: 1,
        me: replica.me.clone(),
        identity: hex::encode(join::own_identity(replica)?),
        root: hex::encode(root.seed()),
        next: hex::encode(next.seed()),
    };
    let failed = |e: std::io::Error| Failure::new("error-file").with("path", path.display()).because(e);
    let plain = serde_json::to_vec(&backup).map_err(|e| failed(e.into()))?;
    let sealed = keys::seal(&plain, &passphrase).map_err(failed)?;
    caphub_node::durable::replace(path, &sealed).map_err(failed)?;
    context.say("key-backed-up", &[("path", &path.display().to_string())]);
    Ok(())
}

/// The reading keys as the standard age tool takes them, in a file that its owner alone may read.
fn export_age(context: &Context, replica: &Replica, path: &std::path::Path) -> Outcome {
    let keys = crate::commands::sealing::reading_keys(context, replica)?;
    if keys.is_empty() {
        return Err(Failure::nothing("error-no-reading-key").hint("hint-no-reader"));
    }
    let text: Vec<_> = keys.iter().map(ReadingKey::file).collect();
    let text = zeroize::Zeroizing::new(text.iter().map(|t| t.as_str()).collect::<String>());
    let failed = |e: std::io::Error| Failure::new("error-file").with("path", path.display()).because(e);
    caphub_node::durable::replace(path, text.as_bytes()).map_err(failed)?;
    context.say("key-age-exported", &[("path", &path.display().to_string())]);
    Ok(())
}

fn root_key(context: &Context, home: &Home) -> Result<Signer, Failure> {
    if !home.keys().has(KeyName::Root) {
        return Err(Failure::nothing("error-no-root").hint("hint-no-root"));
    }
    read_key(home, KeyName::Root, &context.passphrase_question())
}

/// Signs one identity event by one key; it is durable here when this returns.
async fn append(core: &Core, event: &Event, signer: &Signer) -> Outcome {
    let head = core.store.head(&Feed::identity(core.party).id()).map(|h| h.head);
    let mut author = IdentityAuthor { party: core.party, head };
    let salt = random().map_err(key_failure)?;
    let packed = author.append(event, &[(0, signer)], salt, now_ms());
    hand_over(core, packed.map_err(|e| Failure::new("error-sign").because(e))?, Origin::Own).await
}

/// Puts identity events of the own party into a store.
async fn hand_over(core: &Core, packed: Vec<u8>, origin: Origin) -> Outcome {
    let run = packed_run(&Feed::identity(core.party), packed);
    for taken in core.ingest.take(vec![run], origin).await {
        let refused =
            |r: caphub_proto::wire::Reason| Failure::new("error-identity").because(r.meaning()).reason(r);
        taken.result.map_err(refused)?;
    }
    Ok(())
}

/// A party's id as the recovery sheet states it.
fn party(text: &str) -> Result<PartyId, Failure> {
    text.trim()
        .parse()
        .map_err(|e| Failure::usage("error-organisation-needed").because(e).hint("hint-recover"))
}
