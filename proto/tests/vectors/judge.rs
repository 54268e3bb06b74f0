//! How the library judges a case: from the hexadecimal text alone.

use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::{Feed, OperatorKey, Reason, Run, UncheckedEntry};

use crate::case::EntryHex;

/// The bytes of an entry, which borrow from here.
pub struct Bytes {
    header: Vec<u8>,
    signature: Vec<u8>,
    body: Vec<u8>,
}

impl Bytes {
    pub fn of(entry: &EntryHex) -> Self {
        let bytes = |text: &str| hex::decode(text).unwrap();
        Self { header: bytes(&entry.header), signature: bytes(&entry.signature), body: bytes(&entry.body) }
    }

    pub fn unchecked(&self) -> Result<UncheckedEntry<'_>, Reason> {
        let header = self.header[..].try_into().map_err(|_| Reason::BadLength)?;
        let signature = self.signature[..].try_into().map_err(|_| Reason::BadLength)?;
        Ok(UncheckedEntry { header, signature, body: (!self.body.is_empty()).then_some(&self.body) })
    }
}

pub fn feed_of(entry: &EntryHex) -> Result<Feed, Reason> {
    let (party, audience) = (hex::decode(&entry.party_id).unwrap(), hex::decode(&entry.audience).unwrap());
    let key = hex::decode(&entry.operator_key).unwrap();
    Feed::from_parts(&party, if audience.is_empty() { &[] } else { &key }, &audience)
}

pub fn entry(case: &EntryHex) -> Result<(), Reason> {
    let feed = feed_of(case)?;
    assert_eq!(hex::encode(feed.id().0), case.feed_id);
    let bytes = Bytes::of(case);
    let unchecked = bytes.unchecked()?;
    let signer =
        OperatorKey::from_slice(&hex::decode(&case.operator_key).unwrap()).ok_or(Reason::BadLength)?;
    let entry = unchecked.verify(&feed, &signer)?;
    assert_eq!(hex::encode(entry.hash.0), case.entry_hash);
    Ok(())
}

pub fn run(entries: &[EntryHex]) -> Result<(), Reason> {
    let first = entries.first().ok_or(Reason::EmptyRun)?;
    let feed = feed_of(first)?;
    let bytes: Vec<Bytes> = entries.iter().map(Bytes::of).collect();
    let unchecked = bytes.iter().map(Bytes::unchecked).collect::<Result<Vec<_>, _>>()?;
    let run = Run::chain(feed, unchecked)?;
    let key = OperatorKey::from_slice(&hex::decode(&first.operator_key).unwrap()).unwrap();
    run.authenticate(&Verifier::new(key.as_bytes()).ok_or(Reason::BadKey)?)
}
