//! What one seed plays: how many nodes, linked how, and which faults may strike.

use crate::sim::network::Weather;
use crate::sim::queue::{Micros, SECOND};
use crate::sim::rng::Rng;
use crate::sim::topology::Topology;

/// What goes wrong, by kind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// Links lose, delay, reorder, repeat and cut.
    Weather,
    /// Groups of nodes do not reach each other for a while.
    Partition,
    /// A node loses power, and with it what was not synced.
    Crash,
    /// A backup is put in place of a node's store; the register of own batches stays.
    Restore,
    /// The same, and the register is gone too.
    RestoreBare,
    /// A clock is far off, or moves back.
    Clock,
    /// A disk takes nothing for a while.
    DiskFull,
    /// A peer leaves out feeds and states lower heads.
    Withhold,
    /// An author signs two entries for one place, on two machines.
    Fork,
    /// A peer sends again what it once received or sent.
    Replay,
    /// A peer states what it stated long ago.
    Stale,
    /// A peer sends altered and random bytes.
    Garbage,
    /// A peer sends entries of a great many parties.
    Flood,
    /// A peer leaves out bodies.
    NoBody,
    /// A peer says that feeds have another audience.
    Widen,
    /// A party puts its next root keys in force.
    Rotate,
    /// Root keys are stolen and used, and the party recovers.
    Theft,
    /// An author has the body of an entry erased.
    Erase,
    /// A file of entries is carried from one node to another by hand, and may be damaged on the way.
    Carry,
    /// A peer shows some a history of its log that others are not shown.
    Split,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::Weather,
        Self::Partition,
        Self::Crash,
        Self::Restore,
        Self::RestoreBare,
        Self::Clock,
        Self::DiskFull,
        Self::Withhold,
        Self::Fork,
        Self::Replay,
        Self::Stale,
        Self::Garbage,
        Self::Flood,
        Self::NoBody,
        Self::Widen,
        Self::Rotate,
        Self::Theft,
        Self::Erase,
        Self::Carry,
        Self::Split,
    ];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weather => "weather",
            Self::Partition => "partition",
            Self::Crash => "crash",
            Self::Restore => "restore",
            Self::RestoreBare => "restore-bare",
            Self::Clock => "clock",
            Self::DiskFull => "disk-full",
            Self::Withhold => "withhold",
            Self::Fork => "fork",
            Self::Replay => "replay",
            Self::Stale => "stale",
            Self::Garbage => "garbage",
            Self::Flood => "flood",
            Self::NoBody => "no-body",
            Self::Widen => "widen",
            Self::Rotate => "rotate",
            Self::Theft => "theft",
            Self::Erase => "erase",
            Self::Carry => "carry",
            Self::Split => "split",
        }
    }

    /// The fault of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == word)
    }

    /// True for kinds that came later than the first seeds.
    fn is_late(self) -> bool {
        matches!(self, Self::Rotate | Self::Theft | Self::Erase | Self::Carry | Self::Split)
    }

    /// True for what a dishonest peer does to its own messages.
    pub fn is_conduct(self) -> bool {
        use Fault::{Flood, Garbage, NoBody, Replay, Split, Stale, Widen, Withhold};
        matches!(self, Withhold | Replay | Stale | Garbage | Flood | NoBody | Widen | Split)
    }
}

/// All that a run follows from.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything random comes from it.
    pub seed: u64,
    /// Hubs; replicas of members come on top.
    pub hubs: usize,
    /// The shape of the links between hubs.
    pub topology: Topology,
    /// Hubs that write records, from the first on.
    pub authors: usize,
    /// Members with a replica of their own, each at one hub.
    pub members: usize,
    /// Records that each author and member writes while faults strike.
    pub records: usize,
    /// What may go wrong.
    pub faults: Vec<Fault>,
    /// How bad the links are while faults strike.
    pub weather: Weather,
    /// How long records are written and faults strike.
    pub busy: Micros,
    /// How long the healed network may take to agree.
    pub patience: Micros,
    /// Links of which only one side can dial, in a thousand.
    pub one_way: u32,
    /// True where every hub is a party with an identity log of its own; false where only authors are, as it must
    /// be with thousands of hubs.
    pub everybody_known: bool,
    /// True where syncs ask for the newest entries first.
    pub newest_first: bool,
    /// True where head statements are exchanged and judged.
    pub statements: bool,
    /// True where the two machines of one author part at once, and so do their hubs until faults end: two histories of
    /// one length meet with nobody's word about them.
    pub even_twins: bool,
}

impl Scenario {
    /// A small network under faults that the seed draws, or under some of those given.
    pub fn drawn(seed: u64, from: &[Fault]) -> Self {
        let mut rng = Rng::new(seed ^ 0x5ce_0a21);
        let hubs = rng.between(2, 7) as usize;
        let topology = *rng.pick(&Topology::ALL).unwrap_or(&Topology::Ring);
        // Kinds that came later draw apart: seeds keep what they were known for.
        let mut later = Rng::new(seed ^ 0x1a7e);
        let drawn = |f: &Fault| if f.is_late() { &mut later } else { &mut rng }.permille(400);
        let faults: Vec<Fault> = from.iter().copied().filter(drawn).collect();
        let weather = if faults.contains(&Fault::Weather) { Weather::FOUL } else { Weather::FAIR };
        Self {
            seed,
            hubs,
            topology,
            authors: rng.between(1, hubs as u64) as usize,
            members: rng.below(4) as usize,
            records: rng.between(2, 10) as usize,
            faults,
            weather,
            busy: rng.between(60, 240) * SECOND,
            patience: 1_800 * SECOND,
            one_way: if rng.permille(500) { 400 } else { 0 },
            everybody_known: true,
            newest_first: rng.permille(300),
            statements: true,
            even_twins: false,
        }
    }

    /// Two histories of one length, which meet when the network heals.
    pub fn even_twins(seed: u64) -> Self {
        let mut even = Self::drawn(seed, &[]);
        (even.authors, even.members, even.one_way, even.records) = (0, 0, 0, 2);
        even.faults = vec![Fault::Fork];
        even.even_twins = true;
        even
    }

    /// The same with every fault of these, not some.
    pub fn every(mut self, faults: &[Fault]) -> Self {
        self.faults = faults.to_vec();
        self.weather = if self.has(Fault::Weather) { Weather::FOUL } else { Weather::FAIR };
        self
    }

    /// A network without faults in which only a few hubs write, to see how it grows.
    pub fn growth(seed: u64, topology: Topology, hubs: usize) -> Self {
        Self {
            seed,
            hubs,
            topology,
            authors: hubs.min(8),
            members: 0,
            records: 4,
            faults: Vec::new(),
            weather: Weather::FAIR,
            busy: 60 * SECOND,
            patience: 24 * 3_600 * SECOND,
            one_way: 0,
            everybody_known: false,
            newest_first: false,
            statements: false,
            even_twins: false,
        }
    }

    /// The same with as many hubs, and linked in this way, where that is given.
    pub fn with(mut self, hubs: Option<usize>, topology: Option<Topology>) -> Self {
        self.topology = topology.unwrap_or(self.topology);
        if let Some(hubs) = hubs {
            self.hubs = hubs;
            self.authors = self.authors.min(hubs);
            // With many hubs only those that write have an identity log of their own: each holds all of them.
            self.everybody_known = hubs <= 64;
            self.statements &= hubs <= 64;
        }
        self
    }

    /// True where this fault may strike.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}
