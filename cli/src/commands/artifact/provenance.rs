//! How a file came to be: in-toto statements (SLSA among them), in a DSSE envelope that the attaching key signs where
//! nobody has signed yet.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caphub_node::artifacts::id_of;
use caphub_proto::v1::{self, Artifact, Blob, Provenance};
use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::{OperatorKey, PartyId};
use serde::{Deserialize, Serialize};

use super::{advisory, keep};
use crate::commands::Context;
use crate::failure::Failure;
use crate::replica::Replica;
use crate::screen::plain;

/// Largest statement that is read, in bytes.
const BYTES_MAX: u64 = 4 << 20;
/// The type of what DSSE envelopes of in-toto hold.
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
/// What a DSSE signature is over begins with it: no other signature of a signing key does.
const PREFIX: &[u8] = b"DSSEv1 ";

#[derive(Deserialize, Serialize, Default)]
#[serde(default)]
struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(default)]
struct Signature {
    keyid: String,
    sig: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Statement {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<Subject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: serde_json::Value,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Subject {
    digest: std::collections::BTreeMap<String, String>,
}

impl Statement {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let statement: Self = serde_json::from_slice(bytes).ok()?;
        statement.statement_type.starts_with("https://in-toto.io/Statement/").then_some(statement)
    }

    fn is_about(&self, digest: &[u8]) -> bool {
        let digest = hex::encode(digest);
        self.subject.iter().any(|s| s.digest.get("sha256").is_some_and(|d| d.eq_ignore_ascii_case(&digest)))
    }

    fn builder(&self) -> String {
        let of = |value: &serde_json::Value| value["builder"]["id"].as_str().map(str::to_owned);
        of(&self.predicate["runDetails"]).or_else(|| of(&self.predicate)).unwrap_or_default()
    }
}

impl Envelope {
    fn payload(&self) -> Option<Vec<u8>> {
        STANDARD.decode(&self.payload).ok().filter(|_| self.payload_type == PAYLOAD_TYPE)
    }
}

/// What a signature is over, after its prefix (DSSE, pre-authentication encoding).
fn signed_part(payload: &[u8]) -> Vec<u8> {
    let head = format!("{} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// A statement or an envelope, as it is attached: about this file, and signed.
pub(super) fn attach(
    context: &Context,
    replica: &Replica,
    path: &Path,
    file: &Blob,
) -> Result<Provenance, Failure> {
    let bytes = advisory::small_file(path, BYTES_MAX)?;
    let wrong = || Failure::usage("error-provenance").with("path", path.display()).hint("hint-provenance");
    let envelope: Option<Envelope> = serde_json::from_slice(&bytes).ok();
    let signed = envelope.filter(|e| !e.payload.is_empty());
    let payload = match &signed {
        Some(envelope) => envelope.payload().ok_or_else(wrong)?,
        None => bytes,
    };
    let statement = Statement::parse(&payload).ok_or_else(wrong)?;
    if !statement.is_about(&file.digest) {
        return Err(Failure::usage("error-provenance-other").with("path", path.display()));
    }
    let media_type = "application/vnd.dsse.envelope.v1+json";
    let attached = match signed {
        Some(_) => keep(replica, path, media_type)?,
        None => {
            let signer = replica.signer(&context.passphrase_question())?;
            let sig = STANDARD.encode(signer.sign(PREFIX, &signed_part(&payload)));
            let envelope = Envelope {
                payload_type: PAYLOAD_TYPE.to_owned(),
                payload: STANDARD.encode(&payload),
                signatures: vec![Signature { keyid: signer.public().to_string(), sig }],
            };
            let folder = tempfile::tempdir().map_err(|e| Failure::new("error-key").because(e))?;
            let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let beside = folder.path().join(format!("{name}.dsse.json"));
            let text =
                serde_json::to_vec_pretty(&envelope).map_err(|e| Failure::new("error-key").because(e))?;
            std::fs::write(&beside, text).map_err(|e| Failure::new("error-key").because(e))?;
            keep(replica, &beside, media_type)?
        }
    };
    let (predicate_type, builder) = (statement.predicate_type.clone(), statement.builder());
    Ok(Provenance { file: Some(attached), predicate_type, builder })
}

/// What is known here of one statement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Checked {
    /// Its predicate type, as the record says.
    pub(super) predicate_type: String,
    /// The builder, as the record says.
    pub(super) builder: String,
    /// here, missing, or wrong: not about this file, or not readable.
    pub(super) state: &'static str,
    /// True where a key of the publisher signed it.
    pub(super) signed_by_publisher: bool,
    /// Keys named by signatures that are not checked here.
    pub(super) other_keys: Vec<String>,
}

impl Checked {
    /// A line for people.
    pub(super) fn line(&self, context: &Context) -> String {
        let t = &context.texts;
        let how = match (self.state, self.signed_by_publisher, self.other_keys.is_empty()) {
            ("missing", ..) => t.t("provenance-missing"),
            ("wrong", ..) => t.t("provenance-wrong"),
            (_, true, _) => t.t("provenance-signed"),
            (_, _, false) => t.tf("provenance-other", &[("keys", &plain(&self.other_keys.join(", ")))]),
            _ => t.t("provenance-unsigned"),
        };
        let (predicate, builder) = (plain(&self.predicate_type), plain(&self.builder));
        t.tf("artifact-provenance", &[("type", &predicate), ("builder", &builder), ("how", &how)])
    }
}

/// Checks what is here of an artifact's statements.
pub(super) fn check(replica: &Replica, record: &v1::Record, artifact: &Artifact) -> Vec<Checked> {
    let digest = artifact.file.as_ref().map(|f| f.digest.clone()).unwrap_or_default();
    let one = |p: &Provenance| {
        let mut checked = Checked {
            predicate_type: p.predicate_type.clone(),
            builder: p.builder.clone(),
            state: "missing",
            signed_by_publisher: false,
            other_keys: Vec::new(),
        };
        let bytes =
            p.file.as_ref().and_then(id_of).and_then(|id| replica.core.blobs.read(&id, BYTES_MAX).ok());
        let Some(bytes) = bytes else { return checked };
        let envelope: Envelope = serde_json::from_slice(&bytes).unwrap_or_default();
        let payload = envelope.payload().unwrap_or_default();
        let about = Statement::parse(&payload).is_some_and(|s| s.is_about(&digest));
        checked.state = if about { "here" } else { "wrong" };
        let keys = PartyId::from_slice(&record.party_id).and_then(|p| replica.core.identities.state(&p));
        let message = signed_part(&payload);
        for signature in envelope.signatures.iter().take(16) {
            let key = signature.keyid.parse::<OperatorKey>().ok();
            let known = key.filter(|k| keys.as_ref().is_some_and(|s| s.operators.contains_key(k)));
            let bytes = STANDARD.decode(&signature.sig).ok().and_then(|s| <[u8; 64]>::try_from(s).ok());
            let valid = known.zip(bytes).is_some_and(|(key, sig)| {
                Verifier::new(key.as_bytes()).is_some_and(|v| v.verify(PREFIX, &message, &sig))
            });
            match (known, valid) {
                (Some(_), true) => checked.signed_by_publisher = true,
                // It says that the publisher signed it, and that is not so.
                (Some(_), false) => checked.state = "wrong",
                (None, _) => checked.other_keys.push(signature.keyid.clone()),
            }
        }
        checked
    };
    artifact.provenance.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signed_part_is_the_one_of_the_dsse_specification() {
        let whole = [PREFIX, &signed_part(b"{}")].concat();
        assert_eq!(whole, b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
    }

    #[test]
    fn a_statement_is_about_the_file_whose_digest_it_names() {
        let text = r#"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":"0707"}}],
            "predicateType":"https://slsa.dev/provenance/v1",
            "predicate":{"runDetails":{"builder":{"id":"https://example.org/builder"}}}}"#;
        let statement = Statement::parse(text.as_bytes()).expect("a statement");
        assert!(statement.is_about(&[7, 7]) && !statement.is_about(&[7, 8]));
        assert_eq!(statement.builder(), "https://example.org/builder");
        for hostile in
            ["", "{}", "[]", r#"{"_type":"x"}"#, r#"{"_type":"https://in-toto.io/Statement/v1","subject":7}"#]
        {
            assert!(Statement::parse(hostile.as_bytes()).is_none(), "{hostile}");
        }
    }
}
