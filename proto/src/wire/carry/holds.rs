//! What a replica or node holds, stated so that only who holds a feed can read what is said of it
//! (SPEC.md section 14.4).
//!
//! Feed ids can be guessed from keys that are public; the hash of a feed's first entry cannot. So a file that
//! anybody may find tells nobody that a feed exists, or how long it is, who does not hold it.

use std::collections::HashMap;

use crate::wire::bytes::Reader as Bytes;
use crate::wire::carry::HOLDS_MAX;
use crate::wire::feed::Head;
use crate::wire::ids::{EntryHash, FeedId, Seq};
use crate::wire::keys::tagged_hash;

const TOKEN_TAG: &[u8] = b"caphub/hold/1\0";
const PAD_TAG: &[u8] = b"caphub/hold-pad/1\0";
const TOKEN: usize = 16;
/// Seq 8, entry hash 32, mark 1.
const MASKED: usize = 41;
const FROZEN: u8 = 1;

/// What one side holds of one feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// The last entry that it states.
    pub head: Head,
    /// It holds a proof that the feed forked.
    pub frozen: bool,
}

/// What one side holds, as it stated it.
#[derive(Clone, Default, Debug)]
pub struct Holds {
    stated: HashMap<[u8; TOKEN], ([u8; 16], [u8; MASKED])>,
    nonces: Vec<[u8; 16]>,
}

impl Holds {
    /// Payloads of as many frames as it takes. `feeds`: id, hash of the first entry, what is held.
    pub fn encode(nonce: [u8; 16], feeds: &[(FeedId, EntryHash, Held)]) -> Vec<Vec<u8>> {
        let frame = |part: &[(FeedId, EntryHash, Held)]| {
            let mut out = nonce.to_vec();
            for (feed, first, held) in part {
                let mut masked = [0; MASKED];
                masked[..8].copy_from_slice(&held.head.seq.value().to_be_bytes());
                masked[8..40].copy_from_slice(held.head.hash.as_bytes());
                masked[40] = if held.frozen { FROZEN } else { 0 };
                mask(&mut masked, &nonce, feed, first);
                out.extend_from_slice(&token(&nonce, feed, first));
                out.extend_from_slice(&masked);
            }
            out
        };
        match feeds.is_empty() {
            true => vec![frame(&[])],
            false => feeds.chunks(HOLDS_MAX).map(frame).collect(),
        }
    }

    /// Takes in one frame's payload; `None` where its length is not one that it can have.
    pub fn add(&mut self, payload: &[u8]) -> Option<()> {
        let mut bytes = Bytes::new(payload);
        let nonce = bytes.array()?;
        if !bytes.rest().len().is_multiple_of(TOKEN + MASKED) {
            return None;
        }
        if !self.nonces.contains(&nonce) {
            self.nonces.push(nonce);
        }
        while !bytes.is_empty() {
            self.stated.insert(bytes.array()?, (nonce, bytes.array()?));
        }
        Some(())
    }

    /// What it states of a feed, to who holds the feed's first entry.
    pub fn of(&self, feed: &FeedId, first: &EntryHash) -> Option<Held> {
        let found = |nonce: &[u8; 16]| self.stated.get(&token(nonce, feed, first));
        let (nonce, mut masked) = *self.nonces.iter().find_map(found)?;
        mask(&mut masked, &nonce, feed, first);
        let mut bytes = Bytes::new(&masked);
        let (seq, hash) = (Seq::new(bytes.u64()?)?, EntryHash(bytes.array()?));
        Some(Held { head: Head { seq, hash }, frozen: bytes.u8()? & FROZEN != 0 })
    }

    /// How many feeds it states.
    pub fn len(&self) -> usize {
        self.stated.len()
    }

    /// True where it states none.
    pub fn is_empty(&self) -> bool {
        self.stated.is_empty()
    }
}

fn token(nonce: &[u8; 16], feed: &FeedId, first: &EntryHash) -> [u8; TOKEN] {
    let hash = tagged_hash(TOKEN_TAG, &[nonce, feed.as_bytes(), first.as_bytes()]);
    std::array::from_fn(|i| hash[i])
}

fn mask(masked: &mut [u8; MASKED], nonce: &[u8; 16], feed: &FeedId, first: &EntryHash) {
    let pad = |block: u8| tagged_hash(PAD_TAG, &[nonce, feed.as_bytes(), first.as_bytes(), &[block]]);
    let (one, two) = (pad(0), pad(1));
    masked.iter_mut().zip(one.iter().chain(&two)).for_each(|(byte, pad)| *byte ^= pad);
}
