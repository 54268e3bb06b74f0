//! What is read of the acts of each party: a share of its own, so that nobody's flood pushes out another's acts.

use std::collections::BTreeMap;

use caphub_proto::v1::Record;
use caphub_proto::wire::PartyId;
use prost::Message;

/// Most acts of one party in one answer: sixteen times what is put in order of one engagement.
pub(super) const ACTS_MAX: usize = 65_536;
/// Most bytes of them: about a thousand each.
pub(super) const BYTES_MAX: usize = 64 << 20;

/// Acts by party, each within its share.
pub(super) struct Shares {
    acts_max: usize,
    bytes_max: usize,
    parties: BTreeMap<PartyId, Share>,
}

#[derive(Default)]
struct Share {
    acts: Vec<Record>,
    bytes: usize,
    cut: bool,
}

impl Shares {
    /// With so many acts and bytes for each party.
    pub(super) fn new(acts_max: usize, bytes_max: usize) -> Self {
        Self { acts_max, bytes_max, parties: BTreeMap::new() }
    }

    /// Takes one act in.
    pub(super) fn take(&mut self, act: Record) {
        let Some(party) = PartyId::from_slice(&act.party_id) else { return };
        let share = self.parties.entry(party).or_default();
        share.bytes = share.bytes.saturating_add(act.encoded_len());
        share.acts.push(act);
        if share.acts.len() > 2 * self.acts_max || share.bytes > 2 * self.bytes_max {
            share.trim(self.acts_max, self.bytes_max);
        }
    }

    /// All that stayed, the newest author time first, and the parties of which not all did.
    pub(super) fn end(self) -> (Vec<Record>, Vec<PartyId>) {
        let (mut acts, mut cut) = (Vec::new(), Vec::new());
        for (party, mut share) in self.parties {
            share.trim(self.acts_max, self.bytes_max);
            acts.append(&mut share.acts);
            cut.extend(share.cut.then_some(party));
        }
        acts.sort_by(|a, b| b.time_ms.cmp(&a.time_ms).then_with(|| a.entry_hash.cmp(&b.entry_hash)));
        (acts, cut)
    }
}

impl Share {
    /// The party's feeds in turn, of each what comes first in it (SPEC.md section 15.2): what is added later to a feed
    /// takes the room of nothing that stood there, and every node with the same acts keeps the same.
    fn trim(&mut self, acts_max: usize, bytes_max: usize) {
        if self.acts.len() <= acts_max && self.bytes <= bytes_max {
            return;
        }
        self.acts.sort_by(|a, b| (&a.feed_id, a.seq, &a.entry_hash).cmp(&(&b.feed_id, b.seq, &b.entry_hash)));
        let mut ordered: Vec<(usize, Record)> = Vec::with_capacity(self.acts.len());
        for act in self.acts.drain(..) {
            let turn = match ordered.last() {
                Some((turn, last)) if last.feed_id == act.feed_id => turn + 1,
                _ => 0,
            };
            ordered.push((turn, act));
        }
        // Stable: feeds stay in order within a turn.
        ordered.sort_by_key(|(turn, _)| *turn);
        self.bytes = 0;
        for (_, act) in ordered {
            let bytes = self.bytes.saturating_add(act.encoded_len());
            if self.acts.len() >= acts_max || bytes > bytes_max {
                self.cut = true;
                break;
            }
            self.bytes = bytes;
            self.acts.push(act);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(party: u8, feed: u8, seq: u64) -> Record {
        Record {
            party_id: vec![party; 32],
            feed_id: vec![feed; 32],
            seq,
            entry_hash: vec![party, feed, seq as u8],
            time_ms: seq,
            ..Record::default()
        }
    }

    #[test]
    fn a_flood_takes_the_room_of_nobody_else_and_of_nothing_that_stood_in_its_own_feeds_before() {
        let mut shares = Shares::new(4, BYTES_MAX);
        shares.take(act(1, 1, 5));
        for seq in (1..=50).rev() {
            shares.take(act(2, 2, seq));
        }
        shares.take(act(2, 3, 9));
        let (acts, cut) = shares.end();
        let kept: Vec<_> = acts.iter().map(|a| (a.feed_id[0], a.seq)).collect();
        assert_eq!(kept, [(3, 9), (1, 5), (2, 3), (2, 2), (2, 1)]);
        assert_eq!(cut, [PartyId([2; 32])]);
    }

    #[test]
    fn a_few_acts_of_many_bytes_are_cut_too() {
        let mut shares = Shares::new(100, 1_000);
        for seq in 1..=20 {
            shares.take(Record { party_name: "x".repeat(300), ..act(1, 1, seq) });
        }
        shares.take(act(3, 3, 1));
        let (acts, cut) = shares.end();
        assert!(acts.len() < 6 && acts.iter().any(|a| a.party_id == [3; 32]), "{}", acts.len());
        assert_eq!(cut, [PartyId([1; 32])]);
    }
}
