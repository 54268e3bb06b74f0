//! Every decoder that a peer or a file reaches, as a function of bytes that must come back, whatever they are, and keep what it
//! promises. Used by the test and the program of the same name, which bend what honest ones wrote, and by the targets of
//! `tests/fuzz` for cargo-fuzz.

mod bend;
mod corpus;
mod imports;
mod records;

use std::path::PathBuf;
use std::sync::OnceLock;

use caphub_node::audit::file::EvidenceFile;
use caphub_node::link::certificate;
use caphub_node::sealing::{self, ReadingKey};
use caphub_node::store::Store;
use caphub_node::store::scan::scan;
use caphub_proto::v1::{PullRequest, PushRequest, ReconcileRequest};
use caphub_proto::wire::card::{Card, Invitation};
use caphub_proto::wire::carry::Reader;
use caphub_proto::wire::chunks::Manifest;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::history::Checkpoint;
use caphub_proto::wire::identity::Body;
use caphub_proto::wire::statement::HeadStatement;
use caphub_proto::wire::{Audience, Feed, ForkProof, OperatorKey, Run};
use prost::Message;

pub use bend::{drive, hex};
pub use corpus::{all_seeds, feed, seeds};

/// A decoder, by the name under which it is asked for.
pub struct Target {
    /// The name.
    pub name: &'static str,
    /// The files of `proto/vectors` whose bytes are cases of it.
    vectors: &'static [&'static str],
    /// The decoder, with what it promises.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "entry", vectors: &["entries"], run: entry },
    Target { name: "run", vectors: &["runs", "entries"], run: whole_run },
    Target { name: "identity", vectors: &["identity"], run: identity },
    Target { name: "revision", vectors: &["json"], run: records::revision },
    Target { name: "record_json", vectors: &["json"], run: records::json },
    Target { name: "card", vectors: &[], run: card },
    Target { name: "carry", vectors: &["carry"], run: carry },
    Target { name: "segment", vectors: &[], run: segment },
    Target { name: "certificate", vectors: &[], run: read_certificate },
    Target { name: "fork", vectors: &["forks"], run: fork },
    Target { name: "statement", vectors: &["statements"], run: statement },
    Target { name: "checkpoint", vectors: &["history"], run: checkpoint },
    Target { name: "chunks", vectors: &["artifacts"], run: chunks },
    Target { name: "sealed", vectors: &["seals"], run: sealed },
    Target { name: "messages", vectors: &["reconcile", "json"], run: messages },
    Target { name: "evidence", vectors: &[], run: evidence },
    Target { name: "import", vectors: &[], run: imports::import },
    Target { name: "workbook", vectors: &[], run: imports::workbook },
];

/// The target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|t| t.name == name)
}

/// Runs a target by its name, for the programs of `tests/fuzz`.
pub fn one(name: &str, bytes: &[u8]) {
    (target(name).expect("a target of this name").run)(bytes);
}

fn entry(bytes: &[u8]) {
    let Ok(entries) = unpack(bytes) else { return };
    let mut again = Vec::new();
    for unchecked in entries {
        let key = feed().key().expect("a feed of records has a key");
        if let Ok(entry) = unchecked.verify(&feed(), &key) {
            entry.write_to(&mut again);
            assert!(bytes.windows(again.len()).any(|part| part == again), "what was read is what was there");
            again.clear();
        }
    }
}

fn whole_run(bytes: &[u8]) {
    let Ok(entries) = unpack(bytes) else { return };
    let Ok(run) = Run::chain(feed(), entries) else { return };
    assert!(run.first().header.seq <= run.last().header.seq);
}

fn identity(bytes: &[u8]) {
    if let Ok(body) = Body::parse(bytes) {
        assert_eq!(body.encode(), bytes, "an identity body has one form");
        assert_eq!(body.event.encode(), body.event_bytes, "an event has one form");
    }
    // And as an entry of an identity feed.
    for unchecked in unpack(bytes).unwrap_or_default() {
        let _ = unchecked.parse(&Feed::identity(feed().party));
    }
}

fn card(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = Invitation::parse(&text);
    if let Ok(card) = Card::parse(&text) {
        assert!(card.addresses.len() <= caphub_proto::wire::limits::CARD_ADDRESSES_MAX);
    }
}

fn carry(bytes: &[u8]) {
    let read = |part: usize| {
        let (mut reader, mut pieces) = (Reader::new(), Vec::new());
        for part in bytes.chunks(part) {
            reader.feed(part);
            while let Some(piece) = reader.next() {
                pieces.push(piece);
            }
            assert!(reader.held() <= 2 * 1024 * 1024 + bytes.len(), "{} bytes are held", reader.held());
        }
        (pieces, reader.finish())
    };
    assert!(read(97) == read(4_096), "how a file is cut on its way says nothing");
}

fn segment(bytes: &[u8]) {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        crate::copy(&corpus::stored(), folder.path());
        folder
    });
    let path = folder.path().join("segments").join(corpus::SEGMENT);
    std::fs::write(path, bytes).expect("a segment");
    let _ = scan(folder.path(), |_, read, total| assert!(read <= total));
    // The store cuts what is torn and refuses the rest with its reason.
    if bytes.len().is_multiple_of(16) {
        let copy = tempfile::tempdir().expect("a folder");
        crate::copy(folder.path(), copy.path());
        let _ = Store::open(copy.path());
    }
}

fn read_certificate(bytes: &[u8]) {
    let _ = certificate::read(&rustls::pki_types::CertificateDer::from(bytes));
}

fn fork(bytes: &[u8]) {
    let (one, other) = bytes.split_at(bytes.len() / 2);
    if let Ok(proof) = ForkProof::check(feed(), one, other) {
        assert_ne!(proof.first(), proof.second());
    }
}

fn statement(bytes: &[u8]) {
    if let Ok(statement) = HeadStatement::decode(bytes) {
        assert_eq!(statement.encode(), bytes, "a statement has one form");
    }
    let _ = HeadStatement::read_kept(bytes);
}

fn checkpoint(bytes: &[u8]) {
    let _ = Checkpoint::parse(&String::from_utf8_lossy(bytes), &OperatorKey([2; 32]));
}

fn chunks(bytes: &[u8]) {
    use sha2::{Digest, Sha256};
    // What the bytes hash to, so that their layout is read.
    let hash = Sha256::new_with_prefix(b"caphub/manifest/1\0").chain_update(bytes).finalize();
    if let Ok(list) = Manifest::decode(bytes, hash.as_slice()) {
        assert_eq!(list.encode(), bytes, "a list has one form");
    }
}

fn sealed(bytes: &[u8]) {
    static KEY: OnceLock<ReadingKey> = OnceLock::new();
    let key = std::slice::from_ref(KEY.get_or_init(ReadingKey::generate));
    let _ = (sealing::open(bytes, key), sealing::open_granted(bytes, &[0; 16]));
}

fn messages(bytes: &[u8]) {
    let _ = ReconcileRequest::decode(bytes);
    let _ = PullRequest::decode(bytes);
    let Ok(push) = PushRequest::decode(bytes) else { return };
    for run in push.runs {
        let Some(parts) = run.feed else { continue };
        if let Ok(feed) = Feed::from_parts(&parts.party_id, &parts.operator_key, &parts.audience) {
            assert_eq!(Audience::decode(&parts.audience).is_some(), !feed.is_identity());
            let _ = unpack(&run.entries).map(|entries| Run::chain(feed, entries).is_ok());
        }
    }
}

fn evidence(bytes: &[u8]) {
    let _ = EvidenceFile::parse(bytes).map(|file| file.judge());
}

/// A folder of the project.
fn place(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(of)
}
