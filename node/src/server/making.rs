//! `init`: a new hub, or one for an organisation that was a member so far.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use caphub_proto::codes;
use caphub_proto::wire::PartyId;

use super::told::Told;
use crate::adopting::{self, AdoptError, Member};
use crate::core::OpenError;
use crate::hub::Hub;
use crate::keys::{KeyError, KeyName, KeyRing};
use crate::store::StoreError;

/// What was typed besides the name.
pub(super) struct Wanted {
    pub(super) regions: Vec<String>,
    pub(super) country: Option<String>,
    pub(super) languages: Vec<String>,
}

pub(super) async fn init(
    told: &Told,
    directory: &Path,
    name: String,
    wanted: Wanted,
) -> Result<ExitCode, ExitCode> {
    let regions = regions_of(told, &wanted.regions)?;
    let country = country_of(told, wanted.country.as_deref())?;
    let (kind, party_kind) = match country.is_empty() {
        true => ("regional_body", 2),
        false => ("state", 1),
    };
    let hub = Hub {
        party: PartyId::default(),
        name,
        regions,
        country,
        kind: kind.to_owned(),
        languages: wanted.languages,
        card_record: String::new(),
    };
    let (hub, recovery) =
        Hub::init(directory, hub, party_kind).await.map_err(|error| told.fail(&error, ""))?;
    let (id, folder) = (hub.party.to_string(), directory.display().to_string());
    let values =
        [("name", hub.name.as_str()), ("id", &id), ("folder", &folder), ("key", &recovery.to_string())];
    // A sheet to be copied from: not folded.
    told.say(&told.with("node-ready", &values));
    told.say("");
    let (node, hub) = words(directory);
    // For copying: not folded.
    told.say(&told.with("node-ready-next", &[("node", &node), ("hub", &hub)]));
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn adopt(
    told: &Told,
    directory: &Path,
    folder: &Path,
    name: Option<String>,
    wanted: Wanted,
) -> Result<ExitCode, ExitCode> {
    let member = Member::load(folder).map_err(|e| told.fail(&e, "node-hint-member"))?;
    let country = match wanted.country {
        Some(given) => country_of(told, Some(&given))?,
        None => member.country.clone(),
    };
    let hub = Hub {
        party: member.party,
        name: name.unwrap_or_else(|| member.name.clone()),
        regions: regions_of(told, &wanted.regions)?,
        country,
        kind: member.kind.clone(),
        languages: wanted.languages,
        card_record: String::new(),
    };
    let protected = KeyRing::new(folder.join("keys")).is_protected(KeyName::Root);
    let passphrase = if protected { passphrase(told) } else { None };
    let (hub, taken) = adopting::adopt(directory, folder, &member, hub, passphrase.as_deref())
        .await
        .map_err(|error| told.fail(&error, hint(&error)))?;
    let (id, taken) = (hub.party.to_string(), taken.to_string());
    let (at, member) = (directory.display().to_string(), folder.display().to_string());
    let values =
        [("name", hub.name.as_str()), ("id", &id), ("folder", &at), ("taken", &taken), ("member", &member)];
    told.tell("node-adopted", &values);
    let (node, hub) = words(directory);
    told.say(&told.with("node-adopted-next", &[("node", &node), ("hub", &hub), ("member", &member)]));
    Ok(ExitCode::SUCCESS)
}

fn hint(error: &AdoptError) -> &'static str {
    match error {
        AdoptError::Key(KeyError::PassphraseNeeded | KeyError::WrongPassphrase) => "node-hint-passphrase",
        AdoptError::Open(OpenError::Store(StoreError::Locked { .. })) => "node-hint-wait",
        _ => "",
    }
}

/// What names this folder to the node and to `caphub`; nothing where they find it by themselves.
fn words(directory: &Path) -> (String, String) {
    let set = std::env::var_os("CAPHUB_HUB_DIR").map(PathBuf::from);
    if directory == super::hub_directory(set) {
        return (String::new(), String::new());
    }
    (format!(" --dir {}", directory.display()), format!(" --hub-dir {}", directory.display()))
}

/// The passphrase of the environment, or of the person at the terminal.
fn passphrase(told: &Told) -> Option<String> {
    use std::io::IsTerminal;
    if let Ok(given) = std::env::var("CAPHUB_PASSPHRASE") {
        return Some(given);
    }
    if !std::io::stdin().is_terminal() && std::env::var_os("CAPHUB_ASK").is_none() {
        return None;
    }
    eprint!("{}: ", told.texts.t("node-ask-passphrase"));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}

fn regions_of(told: &Told, regions: &[String]) -> Result<Vec<String>, ExitCode> {
    let code = |region: &String| match codes::region::find(region) {
        Some(found) => Ok(found.code.to_string()),
        None => Err(told.usage("node-error-region", region, "node-hint-region")),
    };
    regions.iter().map(code).collect()
}

fn country_of(told: &Told, country: Option<&str>) -> Result<String, ExitCode> {
    match country.map(|c| (c, codes::country::find(c))) {
        None => Ok(String::new()),
        Some((_, Some(found))) => Ok(found.alpha2.to_string()),
        Some((given, None)) => Err(told.usage("node-error-country", given, "node-hint-country")),
    }
}
