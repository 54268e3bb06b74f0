//! One set of stated heads, as a radix trie whose fingerprints are made again only where something changed.

use std::sync::OnceLock;

use crate::mutant;
use crate::wire::feed::Feed;
use crate::wire::ids::{EntryHash, FeedId};
use crate::wire::keys::tagged_hash;
use crate::wire::reconcile::{LEAF_MAX, PATH_MAX, Print, SHORT_BYTES};

const LEAF_TAG: &[u8] = b"caphub/reconcile-leaf/1\0";
const NODE_TAG: &[u8] = b"caphub/reconcile-node/1\0";

/// How far a feed goes, as a node says to others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stated {
    /// Last place without gaps that counts; 0 only for a feed whose first entries already fork.
    pub seq: u64,
    /// The entry there; zeroes at 0.
    pub hash: EntryHash,
    /// A proven fork begins after it.
    pub frozen: bool,
}

impl Stated {
    /// True where the entry there is this one, as far as its hash is known: of a brief head the first 8 bytes are, and
    /// the others are zeroes.
    pub fn is_at(&self, hash: EntryHash) -> bool {
        let (known, rest) = self.hash.0.split_at(SHORT_BYTES);
        self.hash == hash || (rest.iter().all(|b| *b == 0) && hash.0.starts_with(known))
    }
}

/// One feed of a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Item {
    /// The feed's id.
    pub id: FeedId,
    /// What the id is the hash of.
    pub feed: Feed,
    /// How far it goes.
    pub stated: Stated,
}

/// Stated heads of one class.
#[derive(Clone, Debug, Default)]
pub struct Set {
    root: Node,
}

#[derive(Clone, Debug)]
enum Node {
    Leaf(Vec<Item>, OnceLock<Print>),
    Branch(Box<Branch>),
}

#[derive(Clone, Debug)]
struct Branch {
    children: [Node; 16],
    count: usize,
    print: OnceLock<Print>,
}

/// A range of a set.
#[derive(Clone, Copy, Debug)]
pub struct Range<'a> {
    part: Part<'a>,
    depth: usize,
}

#[derive(Clone, Copy, Debug)]
enum Part<'a> {
    /// At most `LEAF_MAX` items, in order.
    Few(&'a [Item]),
    Many(&'a Branch),
}

impl Item {
    /// A feed at a place.
    pub fn new(feed: Feed, stated: Stated) -> Self {
        Self { id: feed.id(), feed, stated }
    }

    /// What enters the fingerprint: feed id 32, seq 8, entry hash 32, frozen 1.
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.as_bytes());
        out.extend_from_slice(&self.stated.seq.to_be_bytes());
        if !mutant!(FingerprintWithoutHash) {
            out.extend_from_slice(self.stated.hash.as_bytes());
        }
        out.push(u8::from(self.stated.frozen));
    }
}

impl Set {
    /// Puts a feed in, or in the place of what was stated of it before.
    pub fn put(&mut self, item: Item) {
        self.root.put(item, 0);
    }

    /// Takes a feed out; false where it is not in.
    pub fn remove(&mut self, id: &FeedId) -> bool {
        self.root.remove(id, 0)
    }

    /// What is stated of a feed.
    pub fn get(&self, id: &FeedId) -> Option<&Item> {
        let (mut node, mut depth) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(items, _) => return items.iter().find(|i| i.id == *id),
                Node::Branch(branch) => {
                    node = &branch.children[nibble(id, depth)];
                    depth += 1;
                }
            }
        }
    }

    /// Feeds in it.
    pub fn len(&self) -> usize {
        self.root.count()
    }

    /// True where none is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The fingerprint of all of it.
    pub fn print(&self) -> Print {
        self.range(&[]).print()
    }

    /// The feeds whose ids begin with these half bytes; a path has at most 64 of them, each below 16.
    pub fn range(&self, path: &[u8]) -> Range<'_> {
        let (mut node, mut depth) = (&self.root, 0);
        for step in path {
            match node {
                Node::Branch(branch) => node = &branch.children[usize::from(*step) & 15],
                Node::Leaf(items, _) => {
                    return Range { part: Part::Few(within(items, path)), depth: path.len() };
                }
            }
            depth += 1;
        }
        match node {
            Node::Leaf(items, _) => Range { part: Part::Few(items), depth },
            Node::Branch(branch) => Range { part: Part::Many(branch), depth },
        }
    }

    /// All feeds, by ascending id.
    pub fn items(&self) -> Vec<Item> {
        self.range(&[]).items()
    }
}

impl<'a> Range<'a> {
    /// Feeds in it.
    pub fn count(&self) -> usize {
        match self.part {
            Part::Few(items) => items.len(),
            Part::Many(branch) => branch.count,
        }
    }

    /// Zeroes for none; else of a list of feeds, or of the sixteen ranges below.
    pub fn print(&self) -> Print {
        match self.part {
            Part::Few(items) => leaf_print(items),
            Part::Many(branch) => branch.print(),
        }
    }

    /// One of the sixteen ranges below it.
    pub fn child(&self, step: u8) -> Range<'a> {
        let depth = self.depth + 1;
        let step = usize::from(step) & 15;
        match self.part {
            Part::Few(items) => {
                let at = items.partition_point(|i| nibble(&i.id, self.depth) < step);
                let end = items.partition_point(|i| nibble(&i.id, self.depth) <= step);
                Range { part: Part::Few(&items[at..end]), depth }
            }
            Part::Many(branch) => match &branch.children[step] {
                Node::Leaf(items, _) => Range { part: Part::Few(items), depth },
                Node::Branch(below) => Range { part: Part::Many(below), depth },
            },
        }
    }

    /// Its feeds, by ascending id.
    pub fn items(&self) -> Vec<Item> {
        let mut items = Vec::with_capacity(self.count());
        match self.part {
            Part::Few(few) => items.extend_from_slice(few),
            Part::Many(branch) => branch.children.iter().for_each(|c| c.collect(&mut items)),
        }
        items
    }
}

impl Default for Node {
    fn default() -> Self {
        Self::Leaf(Vec::new(), OnceLock::new())
    }
}

impl Node {
    fn count(&self) -> usize {
        match self {
            Self::Leaf(items, _) => items.len(),
            Self::Branch(branch) => branch.count,
        }
    }

    fn print(&self) -> Print {
        match self {
            Self::Leaf(items, print) => *print.get_or_init(|| leaf_print(items)),
            Self::Branch(branch) => branch.print(),
        }
    }

    fn collect(&self, out: &mut Vec<Item>) {
        match self {
            Self::Leaf(items, _) => out.extend_from_slice(items),
            Self::Branch(branch) => branch.children.iter().for_each(|c| c.collect(out)),
        }
    }

    /// True where the feed was not in.
    fn put(&mut self, item: Item, depth: usize) -> bool {
        match self {
            Self::Branch(branch) => {
                branch.print = OnceLock::new();
                let added = branch.children[nibble(&item.id, depth)].put(item, depth + 1);
                branch.count += usize::from(added);
                added
            }
            Self::Leaf(items, print) => {
                *print = OnceLock::new();
                match items.binary_search_by_key(&item.id, |i| i.id) {
                    Ok(at) => {
                        items[at] = item;
                        return false;
                    }
                    Err(at) => items.insert(at, item),
                }
                if items.len() > LEAF_MAX {
                    let items = std::mem::take(items);
                    *self = Self::Branch(Box::new(Branch::of(items, depth)));
                }
                true
            }
        }
    }

    fn remove(&mut self, id: &FeedId, depth: usize) -> bool {
        match self {
            Self::Leaf(items, print) => {
                let Ok(at) = items.binary_search_by_key(id, |i| i.id) else { return false };
                items.remove(at);
                *print = OnceLock::new();
            }
            Self::Branch(branch) => {
                if !branch.children[nibble(id, depth)].remove(id, depth + 1) {
                    return false;
                }
                branch.print = OnceLock::new();
                branch.count -= 1;
                // The shape depends on the set alone, whatever was in it before.
                if branch.count <= LEAF_MAX {
                    let mut items = Vec::with_capacity(branch.count);
                    branch.children.iter().for_each(|c| c.collect(&mut items));
                    *self = Self::Leaf(items, OnceLock::new());
                }
            }
        }
        true
    }
}

impl Branch {
    fn of(items: Vec<Item>, depth: usize) -> Self {
        let mut children: [Node; 16] = Default::default();
        let count = items.len();
        for item in items {
            children[nibble(&item.id, depth)].put(item, depth + 1);
        }
        Self { children, count, print: OnceLock::new() }
    }

    fn print(&self) -> Print {
        *self.print.get_or_init(|| {
            let prints = self.children.each_ref().map(Node::print);
            tagged_hash(NODE_TAG, &prints.each_ref().map(|p| &p[..]))
        })
    }
}

fn leaf_print(items: &[Item]) -> Print {
    if items.is_empty() {
        return [0; 32];
    }
    let mut bytes = Vec::with_capacity(items.len() * 73);
    items.iter().for_each(|i| i.encode(&mut bytes));
    tagged_hash(LEAF_TAG, &[&bytes])
}

/// The half byte of an id at a depth.
fn nibble(id: &FeedId, depth: usize) -> usize {
    // Two ids that share all 64 half bytes are one: no trie is deeper.
    let byte = id.as_bytes()[(depth / 2).min(PATH_MAX / 2 - 1)];
    usize::from(if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 })
}

fn within<'a>(items: &'a [Item], path: &[u8]) -> &'a [Item] {
    let at = items.partition_point(|i| compare(&i.id, path).is_lt());
    let end = items.partition_point(|i| compare(&i.id, path).is_le());
    &items[at..end]
}

/// How an id stands to the range of a path: before it, in it, after it.
pub(super) fn compare(id: &FeedId, path: &[u8]) -> std::cmp::Ordering {
    let steps = path.iter().enumerate().map(|(depth, step)| nibble(id, depth).cmp(&usize::from(*step)));
    steps.into_iter().find(|o| o.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}
