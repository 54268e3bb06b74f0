//! A node's store in memory: one log of frames, of which a crash leaves what was synced and a part of the rest.
//!
//! Heads and tails are derived from the frames alone, as the real store derives its index, so that a crash is a
//! truncation and a rebuild.

use std::collections::BTreeMap;
use std::rc::Rc;

use bytes::Bytes;
use caphub_proto::v1;
use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::entry_hash;
use caphub_proto::wire::limits::{HEADER_BYTES, SIGNATURE_BYTES};
use caphub_proto::wire::{EntryHash, Feed, FeedId, Head, Seq};

/// What a frame does to its feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Follows the head.
    Append,
    /// Puts what stood from its first place on out of force.
    Replace,
    /// Stands above a hole.
    Tail,
    /// Brings bodies that were missing.
    Refill,
}

/// One stored run.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What it does.
    pub kind: Kind,
    /// Its feed.
    pub feed: Feed,
    /// Its first place.
    pub first: u64,
    /// The packed entries.
    pub packed: Bytes,
    /// True where the register of own batches has it too.
    pub own: bool,
}

/// A part of a feed that one frame brought.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Its first place.
    pub first: u64,
    /// The hash of each of its entries.
    pub hashes: Vec<EntryHash>,
    /// The packed entries.
    pub packed: Bytes,
}

/// What is held of one feed.
#[derive(Clone, Debug)]
pub struct Held {
    /// The feed.
    pub feed: Feed,
    /// Contiguous from 1.
    pub pieces: Vec<Piece>,
    /// Above holes, by their first place.
    pub tails: BTreeMap<u64, Piece>,
}

/// One node's log and what is derived from it.
#[derive(Clone, Debug)]
pub struct Store {
    /// Which log this is; a restored one begins another.
    pub log_id: [u8; 16],
    frames: Vec<Rc<Frame>>,
    durable: usize,
    feeds: BTreeMap<FeedId, Held>,
}

/// A copy of a store that was put aside.
#[derive(Clone, Debug)]
pub struct Backup(Vec<Rc<Frame>>);

impl Backup {
    /// Frames in it.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// True where it is of an empty store.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Store {
    /// An empty log.
    pub fn new(log_id: [u8; 16]) -> Self {
        Self { log_id, frames: Vec::new(), durable: 0, feeds: BTreeMap::new() }
    }

    /// Writes frames; they are not durable before `synced`, and nothing shows them.
    pub fn write(&mut self, frames: impl IntoIterator<Item = Frame>) -> usize {
        self.frames.extend(frames.into_iter().map(Rc::new));
        self.frames.len()
    }

    /// Makes frames up to this count durable, and shows them.
    pub fn synced(&mut self, upto: usize) {
        let new: Vec<Rc<Frame>> = self.frames.get(self.durable..upto).unwrap_or_default().to_vec();
        self.durable = self.durable.max(upto);
        new.iter().for_each(|f| self.show(f));
    }

    /// A power cut: what was synced stays, and of the rest as many frames as `luck` says.
    pub fn crash(&mut self, luck: usize) {
        let kept = self.durable + luck.min(self.frames.len() - self.durable);
        self.rebuild(kept);
    }

    /// What a backup of this moment holds.
    pub fn backup(&self) -> Backup {
        Backup(self.frames[..self.durable].to_vec())
    }

    /// Puts a backup in place of everything, as a log of its own.
    pub fn restore(&mut self, backup: &Backup, log_id: [u8; 16]) {
        self.frames.clone_from(&backup.0);
        self.log_id = log_id;
        self.rebuild(self.frames.len());
    }

    fn rebuild(&mut self, kept: usize) {
        self.frames.truncate(kept);
        self.durable = kept;
        self.feeds.clear();
        let frames = self.frames.clone();
        frames.iter().for_each(|f| self.show(f));
    }

    /// Drops the body of an entry, wherever it stands.
    pub fn drop_body(&mut self, feed: &FeedId, seq: u64) {
        if let Some(held) = self.feeds.get_mut(feed) {
            for piece in held.pieces.iter_mut().chain(held.tails.values_mut()) {
                if let Some(packed) = without_body(piece.first, &piece.packed, seq) {
                    piece.packed = packed;
                }
            }
        }
        for frame in self.frames.iter_mut().filter(|f| f.feed.id() == *feed) {
            if let Some(packed) = without_body(frame.first, &frame.packed, seq) {
                *frame = Rc::new(Frame { packed, ..frame.as_ref().clone() });
            }
        }
    }

    fn show(&mut self, frame: &Frame) {
        let held = self.feeds.entry(frame.feed.id()).or_insert_with(|| Held::new(frame.feed));
        held.show(frame);
    }

    /// The durable end of the log, in frames.
    pub fn end(&self) -> u64 {
        self.durable as u64
    }

    /// Frames that are written and not durable.
    pub fn unsynced(&self) -> usize {
        self.frames.len() - self.durable
    }

    /// Durable frames from a place on.
    pub fn frames_from(&self, ordinal: u64) -> &[Rc<Frame>] {
        let from = usize::try_from(ordinal).unwrap_or(usize::MAX).min(self.durable);
        &self.frames[from..self.durable]
    }

    /// What is held of a feed.
    pub fn held(&self, feed: &FeedId) -> Option<&Held> {
        self.feeds.get(feed)
    }

    /// All feeds, in the order of their ids.
    pub fn feeds(&self) -> impl Iterator<Item = (&FeedId, &Held)> {
        self.feeds.iter()
    }

    /// The last place contiguous from 1.
    pub fn head(&self, feed: &FeedId) -> Option<Head> {
        self.feeds.get(feed)?.head()
    }
}

impl Held {
    fn new(feed: Feed) -> Self {
        Self { feed, pieces: Vec::new(), tails: BTreeMap::new() }
    }

    /// The last place contiguous from 1.
    pub fn head(&self) -> Option<Head> {
        let last = self.pieces.last()?;
        last.head()
    }

    /// The hash of the entry at a place contiguous from 1.
    pub fn hash_at(&self, seq: u64) -> Option<EntryHash> {
        let at = self.pieces.partition_point(|p| p.first <= seq).checked_sub(1)?;
        let piece = &self.pieces[at];
        piece.hashes.get(usize::try_from(seq - piece.first).ok()?).copied()
    }

    /// The hash of the entry at a place above a hole.
    pub fn hash_above(&self, seq: u64) -> Option<EntryHash> {
        let within = |t: &Piece| t.hashes.get(usize::try_from(seq.checked_sub(t.first)?).ok()?).copied();
        self.tails.values().find_map(within)
    }

    /// The entry at a place contiguous from 1, packed.
    pub fn entry(&self, seq: u64) -> Option<Bytes> {
        let at = self.pieces.partition_point(|p| p.first <= seq).checked_sub(1)?;
        self.pieces[at].slice(seq, seq)
    }

    /// Runs from one place to another, each the end of a piece or the last place asked for.
    pub fn runs(&self, from: u64, to: u64) -> Vec<v1::Run> {
        let feed = caphub_node::author::feed_parts(&self.feed);
        let within = self.pieces.iter().filter(|p| p.first <= to && p.end() > from);
        let cut = within.filter_map(|p| p.slice(from.max(p.first), to.min(p.end() - 1)));
        cut.map(|entries| v1::Run { feed: Some(feed.clone()), entries }).collect()
    }

    fn show(&mut self, frame: &Frame) {
        let piece = Piece::of(frame);
        match frame.kind {
            Kind::Append => self.pieces.push(piece),
            Kind::Replace => {
                self.cut(frame.first);
                self.pieces.push(piece);
            }
            Kind::Tail => self.tail(piece),
            Kind::Refill => self.refill(&piece),
        }
        self.join();
    }

    /// Tails that touch become one.
    fn tail(&mut self, mut piece: Piece) {
        if let Some(above) = self.tails.remove(&piece.end()) {
            piece = piece.and(&above);
        }
        let below = self.tails.values().find(|t| t.end() == piece.first).map(|t| t.first);
        if let Some(below) = below.and_then(|first| self.tails.remove(&first)) {
            piece = below.and(&piece);
        }
        self.tails.insert(piece.first, piece);
    }

    /// Tails that follow the head are a hole no longer.
    fn join(&mut self) {
        while let Some(head) = self.head() {
            let Some(tail) = self.tails.remove(&(head.seq.value() + 1)) else { break };
            if first_previous(&tail.packed) != Some(head.hash) {
                break;
            }
            self.pieces.push(tail);
        }
    }

    fn cut(&mut self, from: u64) {
        self.pieces.retain(|p| p.first < from);
        self.tails.clear();
        if let Some(last) = self.pieces.last_mut()
            && let Some(packed) = last.slice(last.first, from - 1)
        {
            last.hashes.truncate((from - last.first) as usize);
            last.packed = packed;
        }
    }

    fn refill(&mut self, brought: &Piece) {
        for piece in self.pieces.iter_mut().filter(|p| p.first < brought.end() && p.end() > brought.first) {
            let whole: Option<Vec<u8>> = (piece.first..piece.end())
                .map(|seq| brought.slice(seq, seq).filter(has_body).or_else(|| piece.slice(seq, seq)))
                .try_fold(Vec::new(), |mut all, part| {
                    all.extend_from_slice(&part?);
                    Some(all)
                });
            if let Some(whole) = whole {
                piece.packed = whole.into();
            }
        }
    }
}

impl Piece {
    fn of(frame: &Frame) -> Self {
        let hashes = unpack(&frame.packed).unwrap_or_default();
        let hashes = hashes.iter().map(|e| entry_hash(e.header, e.signature)).collect();
        Self { first: frame.first, hashes, packed: frame.packed.clone() }
    }

    fn and(&self, after: &Self) -> Self {
        let hashes = [&self.hashes[..], &after.hashes].concat();
        Self { first: self.first, hashes, packed: [&self.packed[..], &after.packed].concat().into() }
    }

    /// Its last entry.
    pub fn head(&self) -> Option<Head> {
        Some(Head { seq: Seq::new(self.end() - 1)?, hash: *self.hashes.last()? })
    }

    /// The place after its last.
    pub fn end(&self) -> u64 {
        self.first + self.hashes.len() as u64
    }

    /// The packed entries from one place to another, both in it.
    pub fn slice(&self, from: u64, to: u64) -> Option<Bytes> {
        if from > to || from < self.first || to >= self.end() {
            return None;
        }
        if from == self.first && to + 1 == self.end() {
            return Some(self.packed.clone());
        }
        let entries = unpack(&self.packed).ok()?;
        let upto = |seq: u64| -> usize {
            entries.iter().take((seq - self.first) as usize).map(|e| e.packed_len()).sum()
        };
        Some(self.packed.slice(upto(from)..upto(to + 1)))
    }
}

/// Packed entries from a place on without the body of one of them; `None` where there is none.
fn without_body(first: u64, packed: &Bytes, seq: u64) -> Option<Bytes> {
    let entries = unpack(packed).ok()?;
    let at = usize::try_from(seq.checked_sub(first)?).ok()?;
    entries.get(at)?.body?;
    let mut out = Vec::with_capacity(packed.len());
    for (n, entry) in entries.iter().enumerate() {
        out.extend_from_slice(entry.header);
        out.extend_from_slice(entry.signature);
        let body = entry.body.filter(|_| n != at);
        out.push(u8::from(body.is_some()));
        out.extend_from_slice(body.unwrap_or_default());
    }
    Some(out.into())
}

fn has_body(entry: &Bytes) -> bool {
    entry.get(HEADER_BYTES + SIGNATURE_BYTES) == Some(&1)
}

fn first_previous(packed: &[u8]) -> Option<EntryHash> {
    EntryHash::from_slice(packed.get(42..74)?)
}
