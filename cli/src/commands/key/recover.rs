//! `caphub key recover`: an organisation comes back on a new machine, by a backup or by the recovery sheet.

use caphub_node::author::now_ms;
use caphub_node::carriage::Quotas;
use caphub_node::core::Core;
use caphub_node::ingest::Origin;
use caphub_node::keys::{self, KeyName, fresh, random};
use caphub_node::link::LinkIdentity;
use caphub_node::sync::Session;
use caphub_proto::v1::revision::Record;
use caphub_proto::wire::card::Card;
use caphub_proto::wire::identity::author::{authorise, one};
use caphub_proto::wire::identity::{Capabilities, Event, NO_END, commitment};
use caphub_proto::wire::{PartyId, Reason, Signer};

use super::{Backup, append, hand_over, party, reading_key, state};
use crate::arguments::Recover;
use crate::commands::reach::connect;
use crate::commands::{Context, join, sync};
use crate::failure::{Failure, Outcome};
use crate::home::{Joined, Me, card_of, read_file};
use crate::replica::{Replica, key_failure, open_failure};
use crate::screen;

/// Brings an organisation back in an empty folder.
pub(super) async fn run(context: &Context, recover: &Recover) -> Outcome {
    if context.home.is_joined() {
        let me = context.home.load()?;
        return Err(Failure::usage("error-joined-already").with("name", me.name).hint("hint-joined-already"));
    }
    let bytes = read_file(&recover.recover_file)?;
    let text = String::from_utf8(bytes.clone()).unwrap_or_default().replace("\r\n", "\n");
    match card_of(&text) {
        Some(card) => by_sheet(context, recover, &card, text).await,
        None => by_backup(context, recover, &bytes).await,
    }
}

async fn by_backup(context: &Context, recover: &Recover, bytes: &[u8]) -> Outcome {
    let passphrase = match std::env::var("CAPHUB_PASSPHRASE") {
        Ok(given) => given,
        Err(_) if screen::may_ask() => screen::ask(&context.texts.t("ask-backup-passphrase"), "")
            .map_err(|e| Failure::new("error-terminal").because(e))?,
        Err(_) => return Err(Failure::usage("error-backup-passphrase").hint("hint-passphrase")),
    };
    let plain = keys::unseal(bytes, &passphrase, &recover.recover_file).map_err(key_failure)?;
    let damaged = |e: &dyn std::fmt::Display| {
        Failure::new("error-file").with("path", recover.recover_file.display()).because(e)
    };
    let backup: Backup = serde_json::from_slice(&plain).map_err(|e| damaged(&e))?;
    let seed = |text: &str| hex::decode(text).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
    let signer = |text: &str| seed(text).map(|s| Signer::from_seed(&s)).ok_or_else(|| damaged(&"a key"));
    let (root, next) = (signer(&backup.root)?, signer(&backup.next)?);
    let core = open(context, backup.me.party()?)?;
    hand_over(&core, hex::decode(&backup.identity).map_err(|e| damaged(&e))?, Origin::Peer).await?;
    // The log may have gone on since the backup; without a network it counts as it was then.
    let cards = backup.me.cards();
    let stranger = stranger()?;
    let reached = fetch_identity(context, &core, &stranger, &cards).await;
    if let Err(failure) = &reached
        && failure.code() != 4
    {
        return reached.map(drop);
    }
    if !state(&core)?.root.keys.contains(&root.public().0) {
        return Err(Failure::new("error-backup-old").hint("hint-recover"));
    }
    let passphrase = join::passphrase(context, recover.no_passphrase)?;
    let mut me = backup.me;
    me.hubs.iter_mut().for_each(|joined| joined.asked = true);
    finish(context, passphrase.as_deref(), core, [&root, &next], me, reached.ok()).await
}

async fn by_sheet(context: &Context, recover: &Recover, card: &Card, text: String) -> Outcome {
    let id = recover.organisation.as_deref();
    let id = id.ok_or_else(|| Failure::usage("error-organisation-needed").hint("hint-recover"))?;
    let party = party(id)?;
    let given = match &recover.recovery_key {
        Some(key) => key.clone(),
        None if screen::may_ask() => screen::ask(&context.texts.t("ask-recovery-key"), "")
            .map_err(|e| Failure::new("error-terminal").because(e))?,
        None => String::new(),
    };
    let wrong = || Failure::usage("error-recovery-key").with("party", id).hint("hint-recover");
    let seed = hex::decode(given.trim()).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
    let recovery = Signer::from_seed(&seed.ok_or_else(wrong)?);
    let core = open(context, party)?;
    let stranger = stranger()?;
    let session = fetch_identity(context, &core, &stranger, std::slice::from_ref(card)).await?;
    let Some(held) = core.identities.state(&party) else {
        let failure = Failure::nothing("error-unknown-organisation").with("party", id);
        return Err(failure.with("hub", &card.name).hint("hint-recover"));
    };
    if !held.recovery.keys.contains(&commitment(&recovery.public().0)) {
        return Err(wrong());
    }
    let (root, next, sheet) =
        (fresh().map_err(key_failure)?, fresh().map_err(key_failure)?, fresh().map_err(key_failure)?);
    let event = Event::Recover {
        revealed: one(recovery.public().0),
        root: one(root.public().0),
        next: one(commitment(&next.public().0)),
        recovery: one(commitment(&sheet.public().0)),
    };
    // The new keys are on disk, and the new sheet is printed, before the old ones stop counting.
    let passphrase = join::passphrase(context, recover.no_passphrase)?;
    let ring = context.home.keys();
    ring.write(KeyName::Root, &root, passphrase.as_deref()).map_err(key_failure)?;
    ring.write(KeyName::Next, &next, passphrase.as_deref()).map_err(key_failure)?;
    let hubs = vec![Joined::new(text, true)];
    let me = Me { party: party.to_string(), name: party.short(), hubs, ..Me::default() };
    join::sheet(context, &me, &hex::encode(sheet.seed()));
    append(&core, &event, &recovery).await?;
    finish(context, passphrase.as_deref(), core, [&root, &next], me, Some(session)).await
}

fn open(context: &Context, party: PartyId) -> Result<Core, Failure> {
    Core::open(&context.home.directory, party, true, Quotas::default()).map_err(open_failure)
}

/// Nobody in particular: the organisation has no key yet that a hub would know.
pub fn stranger() -> Result<LinkIdentity, Failure> {
    let party = PartyId(random().map_err(key_failure)?);
    Ok(LinkIdentity { party, signer: fresh().map_err(key_failure)? })
}

/// Brings the identity log in `core` up to what the first hub that answers holds.
async fn fetch_identity(
    context: &Context,
    core: &Core,
    stranger: &LinkIdentity,
    cards: &[Card],
) -> Result<Session, Failure> {
    let (_, session, _channel) = connect(context, core, stranger, cards).await?;
    session.hello(core).await.map_err(sync::sync_failure)?;
    session.fetch_identity(core, core.party).await.map_err(sync::sync_failure)?;
    Ok(session)
}

/// A new signing key for this machine, told to the hub by whoever can reach it; then the first sync.
async fn finish(
    context: &Context,
    passphrase: Option<&str>,
    core: Core,
    [root, next]: [&Signer; 2],
    me: Me,
    session: Option<Session>,
) -> Outcome {
    let ring = context.home.keys();
    let operator = fresh().map_err(key_failure)?;
    ring.write(KeyName::Root, root, passphrase).map_err(key_failure)?;
    ring.write(KeyName::Next, next, passphrase).map_err(key_failure)?;
    ring.write(KeyName::Operator, &operator, passphrase).map_err(key_failure)?;
    let reading = reading_key(&ring, passphrase)?;
    let event = authorise(core.party, &operator, Capabilities::DESK, NO_END, reading, "recovered");
    append(&core, &event, root).await?;
    context.home.save(&me)?;
    let mut replica = Replica { me, home: context.home.clone(), core };
    if let Some(session) = session {
        tell(&replica.core, &session).await?;
        let identity = LinkIdentity { party: replica.core.party, signer: operator };
        let report =
            sync::once(context, &replica, &identity, &replica.me.cards(), sync::Way::default()).await?;
        if !context.json {
            report.say(context);
        }
        own_name(&mut replica)?;
    }
    context.say("key-recovered", &[("name", &screen::plain(&replica.me.name))]);
    Ok(())
}

/// Pushes the own identity log, as a stranger may for a party that the hub carries.
async fn tell(core: &Core, session: &Session) -> Outcome {
    let told = session.introduce(core).await.map_err(sync::sync_failure)?;
    match told.refusals.first() {
        None => Ok(()),
        Some(refusal) => {
            let meaning = Reason::parse(&refusal.reason).map_or("no known reason", Reason::meaning);
            Err(Failure::new("error-identity").because(meaning).reason(&refusal.reason))
        }
    }
}

/// The organisation's name and country, from its own profile.
fn own_name(replica: &mut Replica) -> Outcome {
    let filter = caphub_proto::v1::Filter {
        kinds: vec!["profile".to_owned()],
        party_id: replica.core.party.to_vec(),
        ..caphub_proto::v1::Filter::default()
    };
    for record in replica.all(&filter)? {
        let Some(Record::Profile(profile)) = record.revision.and_then(|r| r.record) else { continue };
        replica.me.name = profile.name.map(|n| n.text).unwrap_or_default();
        (replica.me.country, replica.me.kind) = (profile.country, profile.kind);
    }
    replica.me.synced_ms = now_ms();
    replica.home.save(&replica.me)
}
