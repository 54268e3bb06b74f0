//! Runs in pieces for links on which a whole one would take too long.

use bytes::Bytes;
use caphub_proto::wire::Feed;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::ENTRY_TAG;
use caphub_proto::wire::keys::Verifier;
use caphub_proto::wire::pace::BATCH_BYTES_MAX;

/// The run in pieces of about `bytes`, each ending at an entry whose signature is valid: only such a piece can be
/// verified by itself. One piece where the run is small, where the link is so fast that messages are as large as they
/// get, or where no signature inside it is valid.
pub fn pieces(feed: &Feed, packed: Bytes, bytes: usize) -> Vec<Bytes> {
    // Twice the size is near enough: a signature costs more than half a message.
    let long = bytes < BATCH_BYTES_MAX as usize && packed.len() > bytes * 2;
    let verifier = feed.key().filter(|_| long).and_then(|key| Verifier::new(key.as_bytes()));
    let (Some(verifier), Ok(entries)) = (verifier, unpack(&packed)) else { return vec![packed] };
    let (mut pieces, mut from, mut at) = (Vec::new(), 0, 0);
    for (index, entry) in entries.iter().enumerate() {
        at += entry.packed_len();
        let next = entries.get(index + 1).map_or(0, caphub_proto::wire::UncheckedEntry::packed_len);
        let full = at - from + next > bytes && next > 0;
        if full && verifier.verify(ENTRY_TAG, entry.header, entry.signature) {
            pieces.push(packed.slice(from..at));
            from = at;
        }
    }
    pieces.push(packed.slice(from..));
    pieces
}

/// The longest beginning of a run of at most `bytes` that can be verified by itself; `None` where there is none.
pub fn beginning(feed: &Feed, packed: &Bytes, bytes: u64) -> Option<Bytes> {
    let verifier = feed.key().and_then(|key| Verifier::new(key.as_bytes()))?;
    let entries = unpack(packed).ok()?;
    let mut ends = Vec::new();
    for entry in &entries {
        let at = ends.last().map_or(0, |(at, _)| *at) + entry.packed_len();
        if at as u64 > bytes {
            break;
        }
        ends.push((at, entry));
    }
    let signed = |(_, entry): &&(usize, &caphub_proto::wire::UncheckedEntry<'_>)| {
        verifier.verify(ENTRY_TAG, entry.header, entry.signature)
    };
    ends.iter().rev().find(signed).map(|(at, _)| packed.slice(..*at))
}

#[cfg(test)]
mod tests {
    use caphub_proto::wire::entry::Draft;
    use caphub_proto::wire::{Audience, PartyId, Run, Signer};

    use super::*;

    fn run(entries: usize) -> (Feed, Bytes) {
        let key = Signer::from_seed(&[7; 32]);
        let feed = Feed::records(PartyId([1; 32]), key.public(), Audience::Public);
        let (mut head, mut packed) = (None, Vec::new());
        for n in 0..entries {
            let body = vec![n as u8; 100];
            let draft = Draft { feed: &feed, head, time_ms: 5, body: &body };
            let (entry, seq, hash) = draft.sign(&key).expect("an entry");
            head = Some((seq, hash));
            packed.extend(entry);
        }
        (feed, packed.into())
    }

    fn stands_alone(feed: &Feed, packed: &Bytes) {
        let verifier = Verifier::new(feed.key().expect("a key").as_bytes()).expect("a good key");
        let run = Run::chain(*feed, unpack(packed).expect("entries")).expect("a chain");
        run.authenticate(&verifier).expect("a signature");
    }

    #[test]
    fn pieces_are_the_run_and_each_can_be_verified() {
        let (feed, packed) = run(100);
        for bytes in [1, 300, 1_000, 4_096, 10_000, 100_000] {
            let pieces = pieces(&feed, packed.clone(), bytes);
            assert_eq!(pieces.concat(), packed[..], "{bytes}");
            pieces.iter().for_each(|p| stands_alone(&feed, p));
            assert!(pieces.iter().all(|p| p.len() <= (bytes * 2).max(283)), "{bytes}");
        }
    }

    #[test]
    fn a_beginning_fits_and_can_be_verified() {
        let (feed, mut packed) = run(10);
        assert_eq!(beginning(&feed, &packed, 282), None);
        for bytes in [283, 600, 2_830, 5_000] {
            let part = beginning(&feed, &packed, bytes).expect("a part");
            assert!(part.len() as u64 <= bytes && part.len() as u64 + 283 > bytes.min(2_830));
            stands_alone(&feed, &part);
        }
        // An entry whose signature was never valid is no place to end.
        let mut bytes = packed.to_vec();
        bytes[283 + 118] ^= 1;
        packed = bytes.into();
        assert_eq!(beginning(&feed, &packed, 600).map(|p| p.len()), Some(283));
    }
}
