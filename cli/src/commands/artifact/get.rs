//! `caphub artifact get`: from every hub that has it at once; what does not fit is refused, and who sent it is named.

use std::path::{Path, PathBuf};

use caphub_node::artifacts::{FetchError, Fetched, Source, fetch, id_of};
use caphub_node::link::LinkIdentity;
use caphub_proto::v1::Blob;
use caphub_proto::wire::OperatorKey;
use caphub_proto::wire::card::Card;
use serde_json::json;

use super::{KIND, artifact_of, describe};
use crate::arguments::ArtifactGet;
use crate::commands::Context;
use crate::commands::reach::connect_all;
use crate::commands::statements::Statements;
use crate::failure::{Failure, Outcome};
use crate::replica::Replica;
use crate::screen::{self, plain};

/// Hubs that are asked at once.
const SOURCES_MAX: usize = 8;
/// Largest file that comes along with another: what it is made of, how it was made.
const BESIDE_BYTES_MAX: u64 = 16 << 20;

/// Shows what it is, fetches it, and writes it where it was asked to.
pub(super) async fn run(context: &Context, wanted: ArtifactGet) -> Outcome {
    let replica = context.replica()?;
    let record = replica.find(&wanted.id, Some(KIND.code()))?;
    let withdrawn = || Failure::usage("error-artifact-withdrawn").hint("hint-artifact-withdrawn");
    let artifact = artifact_of(&record).filter(|_| !record.withdrawn).ok_or_else(withdrawn)?;
    let file = artifact.file.clone().ok_or_else(withdrawn)?;
    let out = wanted.out.clone().unwrap_or_else(|| PathBuf::from(safe_name(&file)));
    let out = match out.is_dir() || wanted.out.as_deref().is_some_and(names_a_folder) {
        true => out.join(safe_name(&file)),
        false => out,
    };
    if out.exists() && !wanted.replace {
        return Err(Failure::usage("error-file-there").with("path", out.display()).hint("hint-file-there"));
    }
    let said = Statements::of(&replica, &record)?;
    if !context.json {
        screen::line(&screen::record_line(&context.texts, &record));
        describe(context, &record, &artifact, &said);
    }
    let id = id_of(&file).ok_or_else(withdrawn)?;
    let mut fetched = Fetched::default();
    let beside = artifact.sbom.iter().map(|s| &s.file).chain(artifact.provenance.iter().map(|p| &p.file));
    let beside: Vec<Blob> = beside.flatten().filter(|b| b.bytes <= BESIDE_BYTES_MAX).cloned().collect();
    let held = |b: &Blob| id_of(b).is_some_and(|id| replica.core.blobs.is_whole(&id));
    if !replica.core.blobs.is_whole(&id) || !beside.iter().all(held) {
        let sources = sources(context, &replica, &wanted.hub).await?;
        let progress = |done: u32, all: u32| progress(context, done, all);
        let got = fetch(&replica.core.blobs, &file, &sources, &progress).await;
        fetched = got.map_err(|e| failure(context, e, &out))?;
        for blob in &beside {
            // What stands beside it is told about where it is missing; it does not hold up the file.
            let _ = fetch(&replica.core.blobs, blob, &sources, &|_, _| {}).await;
        }
    }
    if let Some(folder) = out.parent() {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|e| Failure::new("error-file").with("path", folder.display()).because(e))?;
    }
    let written = replica.core.blobs.export(&id, &file.digest, &out);
    written.map_err(|e| Failure::new("error-file").with("path", out.display()).because(e))?;
    if context.json {
        let mut value = report(&fetched);
        value["path"] = json!(out.display().to_string());
        value["digest"] = json!(hex::encode(&file.digest));
        value["size"] = json!(file.bytes);
        value["statements"] = said.json();
        screen::json(&value);
        return Ok(());
    }
    name_mistrusted(context, &fetched);
    for (hub, chunks) in &fetched.from {
        context.say("artifact-from", &[("hub", &plain(hub)), ("count", &chunks.to_string())]);
    }
    context.say("artifact-got", &[("path", &out.display().to_string())]);
    Ok(())
}

fn name_mistrusted(context: &Context, fetched: &Fetched) {
    for bad in &fetched.mistrusted {
        let chunk = bad.chunk.map(|c| c.to_string()).unwrap_or_else(|| "-".to_owned());
        context.say("artifact-mistrusted", &[("hub", &plain(&bad.hub)), ("chunk", &chunk)]);
    }
}

fn report(fetched: &Fetched) -> serde_json::Value {
    let refused: Vec<_> =
        fetched.mistrusted.iter().map(|m| json!({ "hub": m.hub, "chunk": m.chunk })).collect();
    json!({
        "from": fetched.from, "received_bytes": fetched.bytes, "refused": refused, "failed": fetched.failed,
    })
}

fn failure(context: &Context, error: FetchError, out: &Path) -> Failure {
    let fetched = match &error {
        FetchError::Incomplete { fetched, .. } | FetchError::NoSource { fetched } => fetched,
        FetchError::Blob(error) => {
            return Failure::new("error-file").with("path", out.display()).because(error);
        }
    };
    name_mistrusted(context, fetched);
    let words = fetched.failed.iter().map(|(hub, why)| format!("{hub}: {why}"));
    let refused =
        fetched.mistrusted.iter().map(|m| format!("{}: {}", m.hub, context.texts.t("artifact-wrong")));
    let words: Vec<String> = refused.chain(words).collect();
    let detail = if words.is_empty() { error.to_string() } else { format!("{error} ({})", words.join("; ")) };
    let failure = Failure::new("error-artifact-not-whole").because(detail).hint("hint-artifact-again");
    match fetched.mistrusted.is_empty() {
        true => failure.reason("not_found"),
        false => failure.reason("chunk_mismatch"),
    }
}

/// The member's own hubs, then every hub whose card is known here; those that are named, where some are.
async fn sources(context: &Context, replica: &Replica, named: &[String]) -> Result<Vec<Source>, Failure> {
    let mut cards = replica.me.cards();
    for held in replica.core.views.node_cards() {
        let known = cards.iter().any(|c| c.party == held.hub);
        let key = OperatorKey::from_slice(&held.card.node_key);
        if let Some(node_key) = key.filter(|_| !known && held.hub != replica.core.party) {
            cards.push(Card {
                party: held.hub,
                node_key,
                name: held.card.name.clone(),
                addresses: held.card.addresses.clone(),
                languages: held.card.languages.clone(),
                time_ms: held.time_ms,
            });
        }
    }
    if !named.is_empty() {
        let is = |c: &Card, n: &String| c.name == *n || (n.len() > 6 && c.party.to_string().starts_with(n));
        cards.retain(|c| named.iter().any(|n| is(c, n)));
    }
    cards.truncate(SOURCES_MAX);
    if cards.is_empty() {
        return Err(Failure::new("error-no-card").hint("hint-join"));
    }
    let signer = replica.signer(&context.passphrase_question())?;
    let identity = LinkIdentity { party: replica.core.party, signer };
    let (mut sources, mut failed) = (Vec::new(), Vec::new());
    for reached in connect_all(context, &replica.core, &identity, &cards).await {
        match reached {
            Ok((card, _, channel)) => sources.push(Source { name: card.name, channel }),
            Err(failure) => failed.push(failure),
        }
    }
    match (sources.is_empty(), failed.into_iter().next()) {
        (true, Some(failure)) => Err(failure),
        _ => Ok(sources),
    }
}

/// True where a path ends as that of a folder does, whether it is there or not.
fn names_a_folder(path: &Path) -> bool {
    path.to_string_lossy().ends_with('/')
}

/// A name for a file here: foreign text, so without folders, hidden names and signs that terminals obey.
fn safe_name(file: &Blob) -> String {
    let name = file.file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = plain(name)
        .chars()
        .map(|c| if c == '\u{fffd}' || "<>:\"|?*".contains(c) { '_' } else { c })
        .take(100)
        .collect();
    let name = name.trim().trim_start_matches(['.', '-']).trim_end_matches(['.', ' ']).to_owned();
    match name.is_empty() {
        true => format!("{}.bin", hex::encode(file.digest.get(..8).unwrap_or_default())),
        false => name,
    }
}

fn progress(context: &Context, done: u32, all: u32) {
    use std::io::IsTerminal;
    if context.json || !std::io::stderr().is_terminal() {
        return;
    }
    let values = [("done", done.to_string()), ("all", all.to_string())];
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    eprint!("\r{}", context.texts.tf("artifact-progress", &values));
    if done >= all {
        eprintln!();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_name_stays_in_the_folder_and_shows_itself() {
        for (given, name) in [
            ("tool.tar.gz", "tool.tar.gz"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\x.exe", "x.exe"),
            ("-rf", "rf"),
            (".bashrc", "bashrc"),
            ("a\u{202e}gpj.exe", "a_gpj.exe"),
            ("a\nb", "a b"),
            ("..", "0707070707070707.bin"),
            ("", "0707070707070707.bin"),
        ] {
            let blob = Blob { file_name: given.to_owned(), digest: vec![7; 32], ..Blob::default() };
            assert_eq!(safe_name(&blob), name, "{given:?}");
        }
        let long = Blob { file_name: "x".repeat(5_000), ..Blob::default() };
        assert_eq!(safe_name(&long).len(), 100);
    }
}
