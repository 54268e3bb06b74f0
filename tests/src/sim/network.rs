//! What happens to a message between two nodes: a link as TCP shows it, slow, lossy, parted or cut.
//!
//! Loss shows as delay, for the transport repeats what was lost, until it gives up and the connection is cut.
//! Messages of one call keep their order; calls and connections overtake each other. Requests are repeated as a
//! retrying transport repeats them, so that the far end may get one twice.

use std::collections::BTreeMap;

use crate::sim::queue::{MILLISECOND, Micros, SECOND};
use crate::sim::rng::Rng;

/// How bad the links are.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// Least and most time for one way, milliseconds.
    pub latency_ms: (u64, u64),
    /// Bytes a second of one direction of a connection.
    pub bytes_per_second: u64,
    /// Packets lost in a thousand.
    pub lost: u32,
    /// Messages in a thousand that come much later than their call's fellows of other calls.
    pub late: u32,
    /// Requests in a thousand that arrive twice.
    pub twice: u32,
    /// Messages in a thousand at which the connection is cut.
    pub cut: u32,
}

impl Weather {
    /// Nothing goes wrong.
    pub const FAIR: Self =
        Self { latency_ms: (20, 80), bytes_per_second: 1_250_000, lost: 0, late: 0, twice: 0, cut: 0 };
    /// Everything goes wrong often.
    pub const FOUL: Self =
        Self { latency_ms: (20, 600), bytes_per_second: 20_000, lost: 40, late: 50, twice: 30, cut: 15 };
}

/// One way of one connection.
pub type Way = (u64, bool);

/// What becomes of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It arrives at these times.
    Arrives(Vec<Micros>),
    /// The connection is lost; both ends learn it at this time.
    Cut(Micros),
}

/// Losses in a row after which a transport gives up.
const LOSSES_MAX: u32 = 5;
/// Time after which a silent connection counts as cut.
pub const SILENCE: Micros = 20 * SECOND;

/// The state of all links.
#[derive(Debug)]
pub struct Network {
    /// Changes when faults heal.
    pub weather: Weather,
    /// Nodes of different sides do not reach each other; all on one side: no partition.
    pub sides: Vec<u8>,
    busy: BTreeMap<Way, Micros>,
    last: BTreeMap<(Way, u32), Micros>,
    latency: BTreeMap<u64, u64>,
    rng: Rng,
}

impl Network {
    /// Links between this many nodes.
    pub fn new(nodes: usize, weather: Weather, rng: Rng) -> Self {
        let (busy, last, latency) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { weather, sides: vec![0; nodes], busy, last, latency, rng }
    }

    /// True where two nodes are on one side.
    pub fn reaches(&self, a: usize, b: usize) -> bool {
        self.sides[a] == self.sides[b]
    }

    /// The fate of a message of a call, `request` where a transport may repeat it.
    pub fn send(
        &mut self,
        now: Micros,
        way: Way,
        ends: (usize, usize),
        call: u32,
        size: usize,
        request: bool,
    ) -> Fate {
        if !self.reaches(ends.0, ends.1) {
            return Fate::Cut(now + SILENCE);
        }
        let weather = self.weather;
        if self.rng.permille(weather.cut) {
            return Fate::Cut(now + self.rng.between(0, 500) * MILLISECOND);
        }
        let mut wait = self.latency_of(way.0) * MILLISECOND;
        let mut losses = 0;
        while self.rng.permille(weather.lost) {
            losses += 1;
            wait += (200 << losses) * MILLISECOND;
            if losses > LOSSES_MAX {
                return Fate::Cut(now + wait);
            }
        }
        if self.rng.permille(weather.late) {
            wait += self.rng.between(100, 5_000) * MILLISECOND;
        }
        let sending = size as u64 * SECOND / weather.bytes_per_second.max(1);
        let sent = self.busy.get(&way).copied().unwrap_or(0).max(now) + sending;
        self.busy.insert(way, sent);
        let last = self.last.entry((way, call)).or_default();
        let arrives = (sent + wait).max(*last);
        *last = arrives;
        let mut times = vec![arrives];
        if request && self.rng.permille(weather.twice) {
            times.push(arrives + self.rng.between(1, 3_000) * MILLISECOND);
        }
        Fate::Arrives(times)
    }

    /// Time for one way of a connection; it keeps near what it was first.
    fn latency_of(&mut self, connection: u64) -> u64 {
        let (low, high) = self.weather.latency_ms;
        let base = match self.latency.get(&connection) {
            Some(base) => *base,
            None => {
                let base = self.rng.between(low, high);
                self.latency.insert(connection, base);
                base
            }
        };
        base + self.rng.below(base / 8 + 1)
    }

    /// Forgets a connection that has ended.
    pub fn forget(&mut self, connection: u64) {
        self.latency.remove(&connection);
        for side in [false, true] {
            let way = (connection, side);
            self.busy.remove(&way);
            let calls: Vec<_> = self.last.range((way, 0)..=(way, u32::MAX)).map(|(k, _)| *k).collect();
            for call in calls {
                self.last.remove(&call);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_one_call_keep_their_order_and_large_ones_take_their_time() {
        let weather = Weather { lost: 200, late: 200, ..Weather::FAIR };
        let mut network = Network::new(2, weather, Rng::new(3));
        let mut last = 0;
        for n in 0..200 {
            match network.send(n, (1, false), (0, 1), 7, 12_500, false) {
                Fate::Arrives(times) => {
                    assert!(times[0] >= last && times[0] >= (n + 1) * 10 * MILLISECOND);
                    last = times[0];
                }
                Fate::Cut(at) => assert!(at > n),
            }
        }
    }

    #[test]
    fn nothing_crosses_a_partition() {
        let mut network = Network::new(2, Weather::FAIR, Rng::new(3));
        network.sides[1] = 1;
        assert_eq!(network.send(5, (1, false), (0, 1), 0, 1, true), Fate::Cut(5 + SILENCE));
    }
}
