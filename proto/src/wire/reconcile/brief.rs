//! Heads in few bytes, for a caller that knows most of the feeds.

use crate::wire::ids::{EntryHash, FeedId};
use crate::wire::limits::INTEGER_END;
use crate::wire::reconcile::SHORT_BYTES;
use crate::wire::reconcile::set::{Item, Stated};

/// Part of a feed id.
pub type Part = [u8; SHORT_BYTES];

/// Deepest path below which ids still differ in that many bytes.
const PATH_MAX: usize = 2 * (32 - SHORT_BYTES);

/// The part of an id by which a feed is told below a path; `None` too deep.
pub fn part(id: &FeedId, path_len: usize) -> Option<Part> {
    (path_len <= PATH_MAX).then_some(())?;
    id.as_bytes()[path_len / 2..].first_chunk().copied()
}

/// Heads of a range; `None` where its path is too deep.
pub fn encode(items: &[Item], path_len: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(items.len() * 20);
    for item in items {
        bytes.extend_from_slice(&part(&item.id, path_len)?);
        let mut number = item.stated.seq << 1 | u64::from(item.stated.frozen);
        while number >= 0x80 {
            bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes.extend_from_slice(&item.stated.hash.as_bytes()[..SHORT_BYTES]);
    }
    Some(bytes)
}

/// Reads what `encode` wrote: of each hash the first bytes, followed by zeroes.
pub fn decode(mut bytes: &[u8]) -> Option<Vec<(Part, Stated)>> {
    let mut heads = Vec::new();
    while !bytes.is_empty() {
        let (part, rest) = bytes.split_first_chunk::<SHORT_BYTES>()?;
        let (number, rest) = varint(rest)?;
        let (short, rest) = rest.split_first_chunk::<SHORT_BYTES>()?;
        let mut hash = [0; 32];
        hash[..SHORT_BYTES].copy_from_slice(short);
        let (seq, frozen) = (number >> 1, number & 1 == 1);
        let none = frozen && seq == 0 && hash == [0; 32];
        if seq >= INTEGER_END || (seq == 0 && !none) {
            return None;
        }
        heads.push((*part, Stated { seq, hash: EntryHash(hash), frozen }));
        bytes = rest;
    }
    Some(heads)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    // 54 bits fit eight bytes of seven.
    for (at, byte) in bytes.iter().take(8).enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[at + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::feed::Feed;
    use crate::wire::ids::PartyId;

    #[test]
    fn what_is_encoded_is_read_back_as_far_as_it_goes() {
        let stated = |seq, byte, frozen| Stated { seq, hash: EntryHash([byte; 32]), frozen };
        let item = |n, stated| Item::new(Feed::identity(PartyId([n; 32])), stated);
        let items = [
            item(1, stated(1, 7, false)),
            item(2, stated(63, 8, true)),
            item(3, stated(64, 8, false)),
            item(4, stated(INTEGER_END - 1, 9, true)),
            item(5, Stated { seq: 0, hash: EntryHash::default(), frozen: true }),
        ];
        let read = decode(&encode(&items, 3).expect("a shallow path")).expect("heads");
        for (item, (part, stated)) in items.iter().zip(&read) {
            assert_eq!(part, &item.id.as_bytes()[1..9]);
            assert_eq!((stated.seq, stated.frozen), (item.stated.seq, item.stated.frozen));
            assert!(stated.is_at(item.stated.hash));
        }
        assert_eq!(read.len(), items.len());
        assert_eq!((encode(&items, 48).is_some(), encode(&items, 49)), (true, None));
    }

    #[test]
    fn what_nobody_encodes_is_refused() {
        let head = |number: &[u8]| [&[1; 8][..], number, &[2; 8]].concat();
        assert!(decode(&head(&[2])).is_some());
        for wrong in [&[0][..], &[1], &[0x80; 9], &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], &[]] {
            assert_eq!(decode(&head(wrong)), None, "{wrong:?}");
        }
        assert_eq!(decode(&head(&[2])[..16]), None);
    }
}
