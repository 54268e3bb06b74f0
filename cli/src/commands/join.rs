//! `caphub join FILE`: identity, recovery sheet, first sync; or another hub for who has joined one.

use caphub_node::author::Author;
use caphub_node::carriage::Quotas;
use caphub_node::founding::{Founded, FoundingError, NewParty, found};
use caphub_proto::codes;
use caphub_proto::v1::revision::Record;
use caphub_proto::v1::{LocalisedText, PartyProfile};
use caphub_proto::wire::identity::Capabilities;
use caphub_proto::wire::limits::RUN_BYTES_MAX;
use caphub_proto::wire::{Audience, Feed, Seq, Signer};

use crate::arguments::Join;
use crate::commands::sync::Way;
use crate::commands::{Context, hubs};
use crate::failure::{Failure, Outcome};
use crate::home::{Joined, Me, card_of, read_file};
use crate::replica::Replica;
use crate::screen;

/// Makes a member of whoever holds the invitation.
pub async fn run(context: &Context, join: Join) -> Outcome {
    let bytes = read_file(&join.file)?;
    let text = String::from_utf8(bytes).map_err(|_| Failure::usage("error-not-invitation"))?;
    let text = text.replace("\r\n", "\n");
    let invitation = caphub_proto::wire::card::Invitation::parse(&text);
    let card = match (card_of(&text), &invitation) {
        (Some(card), _) => card,
        (None, Err(error)) => {
            return Err(Failure::usage("error-not-invitation").because(error).hint("hint-ask-again"));
        }
        (None, Ok(_)) => return Err(Failure::usage("error-not-invitation").hint("hint-ask-again")),
    };
    let invitation = invitation.ok();
    if invitation.as_ref().is_some_and(|i| i.not_after < caphub_node::author::now_ms()) {
        return Err(Failure::usage("error-invitation-ended").with("hub", card.name).hint("hint-ask-again"));
    }
    if context.home.is_joined() {
        return hubs::join_another(context, &join, text, card).await;
    }
    let me = who(context, &join, &text, invitation.as_ref())?;
    let passphrase = passphrase(context, join.no_passphrase)?;
    let founded = make(context, &me, passphrase.as_deref()).await?;
    let Founded { party, recovery, core } = founded;
    let me = Me { party: party.to_string(), ..me };
    let signer = match passphrase.as_deref() {
        None => crate::replica::read_key(&context.home, caphub_node::keys::KeyName::Operator, "")?,
        Some(passphrase) => context
            .home
            .keys()
            .read(caphub_node::keys::KeyName::Operator, Some(passphrase))
            .map_err(|e| Failure::new("error-key").because(e))?,
    };
    publish_profile(context, &me, &core, &signer).await?;
    // The member's file comes last: without it the folder holds nobody, and join can run again.
    context.home.save(&me)?;
    sheet(context, &me, &recovery);
    let mut replica = Replica { me, home: context.home.clone(), core };
    match hubs::ask_and_sync(context, &mut replica, &signer, &join, None, Way::default()).await {
        // With --json the sheet is the one object that is printed.
        Ok(_) if context.json => Ok(()),
        Ok(reports) => reports.show(context),
        Err(failure) if failure.code() == 4 => {
            context.say("join-offline", &[("hub", &card.name)]);
            // Joined all the same: this is no failure of the command.
            eprintln!("{}", failure.remark(&context.texts));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

/// At most two questions, and a third for the passphrase.
fn who(
    context: &Context,
    join: &Join,
    text: &str,
    invitation: Option<&caphub_proto::wire::card::Invitation>,
) -> Result<Me, Failure> {
    let failed = |e: std::io::Error| Failure::new("error-terminal").because(e);
    let invited = invitation.map(|i| i.invited.clone()).unwrap_or_default();
    let bound = !invited.is_empty();
    let invited = match invitation.and_then(|i| codes::country::by_alpha2(&i.country)) {
        Some(country) if !bound => country.names.name(codes::Lang::En).to_owned(),
        _ => invited,
    };
    let other =
        |invited: &str| Failure::usage("error-invitation-other").with("invited", screen::plain(invited));
    let name = match &join.name {
        // The hub admits as it invited; another name is no part of the code.
        Some(name) if bound && *name != invited => return Err(other(&invited).hint("hint-ask-again")),
        Some(name) => name.clone(),
        None if bound => invited,
        None if screen::may_ask() => {
            screen::ask(&context.texts.t("ask-organisation"), &invited).map_err(failed)?
        }
        None => invited,
    };
    if name.trim().is_empty() {
        return Err(Failure::usage("error-name-needed").hint("hint-name-needed"));
    }
    let country = match (&join.country, invitation.map(|i| i.country.clone())) {
        (Some(country), _) => country.clone(),
        (None, Some(country)) => country,
        (None, None) if screen::may_ask() => {
            screen::ask(&context.texts.t("ask-country"), "").map_err(failed)?
        }
        (None, None) => String::new(),
    };
    let country = match country.as_str() {
        "" => String::new(),
        text => codes::country::find(text)
            .map(|c| c.alpha2.to_string())
            .ok_or_else(|| Failure::usage("error-no-country").with("country", text).hint("hint-country"))?,
    };
    if let Some(of) = invitation.map(|i| &i.country).filter(|of| !of.is_empty() && **of != country) {
        return Err(other(of).hint("hint-ask-again"));
    }
    let kind = join.kind.clone().unwrap_or_else(|| "state".to_owned());
    if !codes::vocabulary::party_kinds().iter().any(|t| t.code == kind) {
        return Err(Failure::usage("error-party-kind").with("kind", kind));
    }
    let hubs = vec![Joined::new(text.to_owned(), false)];
    Ok(Me { name, country, kind, hubs, ..Me::default() })
}

/// The passphrase for new keys: of the environment, or as the person chooses; none where nobody can be asked.
pub fn passphrase(context: &Context, none: bool) -> Result<Option<String>, Failure> {
    if none {
        return Ok(None);
    }
    if let Ok(given) = std::env::var("CAPHUB_PASSPHRASE") {
        return Ok(Some(given).filter(|p| !p.is_empty()));
    }
    if !screen::may_ask() {
        return Ok(None);
    }
    let asked = screen::ask(&context.texts.t("ask-new-passphrase"), "");
    let asked = asked.map_err(|e| Failure::new("error-terminal").because(e))?;
    Ok(Some(asked).filter(|p| !p.is_empty()))
}

async fn make(context: &Context, me: &Me, passphrase: Option<&str>) -> Result<Founded, Failure> {
    let party_kind = codes::vocabulary::party_kinds().iter().position(|t| t.code == me.kind);
    let new = NewParty {
        party_kind: party_kind.and_then(|p| u8::try_from(p + 1).ok()).unwrap_or(1),
        capabilities: Capabilities::DESK,
        label: "first",
        passphrase,
    };
    found(&context.home.directory, &new, true, Quotas::default()).await.map_err(|error| match error {
        FoundingError::Open(error) => crate::replica::open_failure(error),
        other => Failure::new("error-store").because(other),
    })
}

async fn publish_profile(
    context: &Context,
    me: &Me,
    core: &caphub_node::core::Core,
    signer: &Signer,
) -> Outcome {
    let language = context.texts.language().to_owned();
    let profile = PartyProfile {
        name: Some(LocalisedText { language, text: me.name.clone(), translations: Vec::new() }),
        kind: me.kind.clone(),
        country: me.country.clone(),
        ..PartyProfile::default()
    };
    let first = Author::first(Record::Profile(profile)).map_err(|e| Failure::new("error-key").because(e))?;
    let author = Author::new(core.party, signer.clone());
    let published = author.publish(core, Audience::Public, &[first]).await;
    published.map(drop).map_err(|e| Failure::new("error-sign").because(e))
}

/// Prints the one page that brings the organisation back.
pub fn sheet(context: &Context, me: &Me, recovery: &str) {
    if context.json {
        return screen::json(&serde_json::json!({
            "name": me.name, "party": me.party, "country": me.country, "recovery_key": recovery,
        }));
    }
    let values = [("name", me.name.as_str()), ("id", me.party.as_str()), ("key", recovery)];
    screen::raw(&context.texts.tf("recovery-sheet", &values));
}

/// The organisation's identity log, packed.
pub fn own_identity(replica: &Replica) -> Result<Vec<u8>, Failure> {
    let feed = Feed::identity(replica.core.party).id();
    let runs = replica.core.store.read_feed(&feed, Seq::FIRST, RUN_BYTES_MAX);
    let runs = runs.map_err(|e| Failure::new("error-store").because(e))?;
    Ok(runs.iter().flat_map(|r| r.packed.iter().copied()).collect())
}
