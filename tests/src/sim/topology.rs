//! Who dials whom. Every topology is connected.

use crate::sim::rng::Rng;

/// The shape of the links between hubs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topology {
    /// Each with the next one.
    Ring,
    /// Each with one above it, of which each has at most four below.
    Tree,
    /// A ring's worth of random links over a random tree: about three links a node.
    Random,
    /// All with the first.
    Star,
    /// All with all; for small numbers.
    Clique,
}

impl Topology {
    /// Those of which growth is measured.
    pub const GROWTH: [Self; 4] = [Self::Ring, Self::Tree, Self::Random, Self::Star];
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Ring, Self::Tree, Self::Random, Self::Star, Self::Clique];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ring => "ring",
            Self::Tree => "tree",
            Self::Random => "random",
            Self::Star => "hub-and-spoke",
            Self::Clique => "clique",
        }
    }

    /// The topology of a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == word)
    }

    /// Pairs of nodes, no pair twice and none with itself.
    pub fn edges(self, nodes: usize, rng: &mut Rng) -> Vec<(usize, usize)> {
        let mut edges: Vec<(usize, usize)> = match self {
            Self::Ring => (0..nodes).map(|n| (n, (n + 1) % nodes)).collect(),
            Self::Tree => (1..nodes).map(|n| (n, (n - 1) / 4)).collect(),
            Self::Star => (1..nodes).map(|n| (n, 0)).collect(),
            Self::Clique => (0..nodes).flat_map(|a| (0..a).map(move |b| (a, b))).collect(),
            Self::Random => {
                let tree = (1..nodes).map(|n| (n, rng.index(n))).collect::<Vec<_>>();
                let more = (0..nodes / 2).map(|_| (rng.index(nodes), rng.index(nodes))).collect::<Vec<_>>();
                [tree, more].concat()
            }
        };
        edges.iter_mut().for_each(|(a, b)| (*a, *b) = (*a.max(b), *a.min(b)));
        edges.retain(|(a, b)| a != b);
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topology_is_connected_at_every_size() {
        for topology in Topology::ALL {
            for nodes in [1, 2, 3, 5, 17, 60] {
                let edges = topology.edges(nodes, &mut Rng::new(7));
                let mut group: Vec<usize> = (0..nodes).collect();
                for _ in 0..nodes {
                    for (a, b) in &edges {
                        let low = group[*a].min(group[*b]);
                        (group[*a], group[*b]) = (low, low);
                    }
                }
                assert!(group.iter().all(|g| *g == 0), "{topology:?} of {nodes}");
            }
        }
    }
}
