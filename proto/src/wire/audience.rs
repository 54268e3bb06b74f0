//! Who may see a feed (SPEC.md section 2.3).

use std::fmt;

use crate::wire::ids::PartyId;

/// The audience of a feed; part of its id, so that it can never be widened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Audience {
    /// Any authenticated caller.
    Public,
    /// Peers, their members and the node's own members.
    Network,
    /// Nodes and members of the named hub.
    Hub(PartyId),
    /// Carried like `Network`, readable by those it is sealed to; the thread's id.
    Sealed([u8; 16]),
}

impl Audience {
    /// The bytes that enter the feed id.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Public => vec![0],
            Self::Network => vec![1],
            Self::Hub(hub) => [&[2][..], hub.as_bytes()].concat(),
            Self::Sealed(thread) => [&[3][..], thread].concat(),
        }
    }

    /// Reads exactly one audience; `None` for an unknown type or any other length.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (0, []) => Some(Self::Public),
            (1, []) => Some(Self::Network),
            (2, rest) => PartyId::from_slice(rest).map(Self::Hub),
            (3, rest) => rest.try_into().ok().map(Self::Sealed),
            _ => None,
        }
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Public => f.write_str("public"),
            Self::Network => f.write_str("network"),
            Self::Hub(hub) => write!(f, "hub:{hub}"),
            Self::Sealed(thread) => write!(f, "sealed:{}", hex::encode(thread)),
        }
    }
}
