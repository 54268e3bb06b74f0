//! Pages: the newest or best of what matches, and the token that names where the next page begins.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use caphub_proto::v1::Record;
use caphub_proto::wire::limits::FUTURE_MS_MAX;
use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::ColumnValues;
use tantivy::{DocAddress, DocId, Score, SegmentOrdinal, SegmentReader};

use super::ViewsError;
use super::schema::{TIE, TIME};
use super::token::Tokens;

/// Records of a page where the caller states no size.
pub const PAGE_SIZE_DEFAULT: u32 = 50;
/// Most records of a page.
pub const PAGE_SIZE_MAX: u32 = 200;

/// Which page is asked for, as it travels.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageRequest {
    /// 0 for the default; more than `PAGE_SIZE_MAX` gives that many.
    pub size: u32,
    /// Empty for the first page.
    pub token: String,
}

/// One page of a list or a search.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    /// In order.
    pub records: Vec<Record>,
    /// Names the next page; empty at the last.
    pub next_page_token: String,
    /// Entries of the log that the views have not taken in.
    pub behind: u64,
    /// Records on all pages.
    pub total: u64,
}

impl PageRequest {
    /// The number of records.
    pub(super) fn records(&self) -> usize {
        let size = if self.size == 0 { PAGE_SIZE_DEFAULT } else { self.size };
        size.min(PAGE_SIZE_MAX) as usize
    }

    /// The rank after which the page begins; `None` at the first page.
    pub(super) fn after(&self, tokens: &Tokens) -> Result<Option<Rank>, ViewsError> {
        match self.token.is_empty() {
            true => Ok(None),
            false => tokens.rank(&self.token).map(Some).ok_or(ViewsError::BadPageToken),
        }
    }
}

/// A place in the order of a list or search: the highest comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Rank {
    /// Bits of a score that is not negative, which sort as the score does; 0 in lists.
    score: u32,
    /// The author's claim; 0 while it lies in the future, so that nobody stays on top by it.
    time_ms: u64,
    /// From the entry hash.
    tie: u64,
}

impl Rank {
    /// Bytes of a rank.
    pub(super) const BYTES: usize = 20;

    pub(super) fn bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..4].copy_from_slice(&self.score.to_be_bytes());
        bytes[4..12].copy_from_slice(&self.time_ms.to_be_bytes());
        bytes[12..].copy_from_slice(&self.tie.to_be_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = caphub_proto::wire::bytes::Reader::new(bytes);
        Some(Self { score: reader.u32()?, time_ms: reader.u64()?, tie: reader.u64()? })
    }
}

/// The highest ranks after a place, and how many match in all.
pub(super) struct Top {
    /// How many are wanted.
    pub(super) limit: usize,
    /// Only ranks below this one.
    pub(super) after: Option<Rank>,
    /// By score first.
    pub(super) scored: bool,
    /// The reader's clock.
    pub(super) now_ms: u64,
}

/// What `Top` finds: the number of matches, and the ranks from the highest down.
pub(super) struct Found {
    pub(super) total: u64,
    pub(super) ranks: Vec<(Rank, DocAddress)>,
}

pub(super) struct SegmentTop {
    segment: SegmentOrdinal,
    limit: usize,
    after: Option<Rank>,
    future_ms: u64,
    time: Arc<dyn ColumnValues<u64>>,
    tie: Arc<dyn ColumnValues<u64>>,
    total: u64,
    heap: BinaryHeap<Reverse<(Rank, DocId)>>,
    /// The last of those kept, once there are as many as are wanted.
    lowest: Option<Rank>,
}

impl Collector for Top {
    type Fruit = Found;
    type Child = SegmentTop;

    fn for_segment(&self, segment: SegmentOrdinal, reader: &SegmentReader) -> tantivy::Result<SegmentTop> {
        let fast = reader.fast_fields();
        Ok(SegmentTop {
            segment,
            limit: self.limit,
            after: self.after,
            future_ms: self.now_ms.saturating_add(FUTURE_MS_MAX),
            time: fast.column_first_or_default(TIME)?,
            tie: fast.column_first_or_default(TIE)?,
            total: 0,
            heap: BinaryHeap::with_capacity(self.limit + 1),
            lowest: None,
        })
    }

    fn requires_scoring(&self) -> bool {
        self.scored
    }

    fn merge_fruits(&self, found: Vec<Found>) -> tantivy::Result<Found> {
        let total = found.iter().map(|f| f.total).sum();
        let mut ranks: Vec<_> = found.into_iter().flat_map(|f| f.ranks).collect();
        ranks.sort_unstable_by(|a, b| b.cmp(a));
        ranks.truncate(self.limit);
        Ok(Found { total, ranks })
    }
}

impl SegmentCollector for SegmentTop {
    type Fruit = Found;

    fn collect(&mut self, doc: DocId, score: Score) {
        self.total += 1;
        let score = score.max(0.0).to_bits();
        // In a long list most come after what is kept: that is decided with as few reads as can be.
        let lowest = self.lowest;
        if lowest.is_some_and(|lowest| score < lowest.score) {
            return;
        }
        let claimed = self.time.get_val(doc);
        let time_ms = if claimed > self.future_ms { 0 } else { claimed };
        if lowest.is_some_and(|lowest| (score, time_ms) < (lowest.score, lowest.time_ms)) {
            return;
        }
        let rank = Rank { score, time_ms, tie: self.tie.get_val(doc) };
        if lowest.is_some_and(|lowest| rank <= lowest) || self.after.is_some_and(|after| rank >= after) {
            return;
        }
        self.heap.push(Reverse((rank, doc)));
        if self.heap.len() > self.limit {
            self.heap.pop();
        }
        if self.heap.len() >= self.limit {
            self.lowest = self.heap.peek().map(|Reverse((lowest, _))| *lowest);
        }
    }

    fn harvest(self) -> Found {
        let segment = self.segment;
        let ranks = self.heap.into_iter().map(|Reverse((rank, doc))| (rank, DocAddress::new(segment, doc)));
        Found { total: self.total, ranks: ranks.collect() }
    }
}

/// Collects where all matches are, in no order.
pub(super) struct Addresses;

pub(super) struct SegmentAddresses(SegmentOrdinal, Vec<DocAddress>);

impl Collector for Addresses {
    type Fruit = Vec<DocAddress>;
    type Child = SegmentAddresses;

    fn for_segment(&self, segment: SegmentOrdinal, _: &SegmentReader) -> tantivy::Result<SegmentAddresses> {
        Ok(SegmentAddresses(segment, Vec::new()))
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, found: Vec<Vec<DocAddress>>) -> tantivy::Result<Vec<DocAddress>> {
        Ok(found.concat())
    }
}

impl SegmentCollector for SegmentAddresses {
    type Fruit = Vec<DocAddress>;

    fn collect(&mut self, doc: DocId, _: Score) {
        self.1.push(DocAddress::new(self.0, doc));
    }

    fn harvest(self) -> Vec<DocAddress> {
        self.1
    }
}
