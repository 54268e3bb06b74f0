//! Identifiers: fixed bytes that must not be mixed up (SPEC.md section 2).

use std::fmt;
use std::str::FromStr;

use crate::wire::limits::INTEGER_END;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// The id of exactly these bytes; `None` where the length differs.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The bytes as they travel.
            pub fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// An owned copy for a protobuf field.
            pub fn to_vec(self) -> Vec<u8> {
                self.0.to_vec()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), hex::encode(&self.0[..4]))
            }
        }
    };
}

macro_rules! hex_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = hex::decode(text).map_err(|_| IdError::NotHex)?;
                Self::from_slice(&bytes).ok_or(IdError::Length { found: bytes.len() })
            }
        }
    };
}

id!(
    /// A party: the hash of its salted Incept event. Shown as bech32m with prefix `cap`.
    PartyId, 32
);
id!(
    /// A feed: the hash of its party, operator key and audience.
    FeedId, 32
);
id!(
    /// An entry: the hash of its header and signature.
    EntryHash, 32
);
id!(
    /// An Ed25519 public key that a party authorised to sign in its name.
    OperatorKey, 32
);
id!(
    /// A record, unique within its party.
    RecordId, 16
);
id!(
    /// One node's own log; positions mean nothing under another.
    LogId, 16
);
hex_text!(FeedId);
hex_text!(EntryHash);
hex_text!(OperatorKey);
hex_text!(RecordId);
hex_text!(LogId);

/// Prefix of a party id as people see it.
pub const PARTY_PREFIX: &str = "cap";

impl fmt::Display for PartyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = bech32::Hrp::parse_unchecked(PARTY_PREFIX);
        let text = bech32::encode::<bech32::Bech32m>(prefix, &self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl PartyId {
    /// A few characters that stand beside the name for people; never for a decision.
    pub fn short(&self) -> String {
        let full = self.to_string();
        full.chars().take(12).collect()
    }
}

impl FromStr for PartyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32m>(text)
            .map_err(|_| IdError::NotParty)?;
        if checked.hrp().as_str() != PARTY_PREFIX {
            return Err(IdError::NotParty);
        }
        let bytes: Vec<u8> = checked.byte_iter().collect();
        let party = Self::from_slice(&bytes).ok_or(IdError::Length { found: bytes.len() })?;
        // The decoder drops the padding bits unseen; one id has one text.
        if party.to_string() == text { Ok(party) } else { Err(IdError::NotParty) }
    }
}

/// Why a text is not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A character outside 0-9 and a-f.
    #[error("not hexadecimal")]
    NotHex,
    /// The checksum, the prefix or an invalid character.
    #[error("not an organisation id: it starts with cap1 and is 62 characters long")]
    NotParty,
    /// Right alphabet, wrong size.
    #[error("{found} bytes where an id has a fixed length")]
    Length {
        /// Bytes found.
        found: usize,
    },
}

/// A place in a feed: from 1, without gaps, below 2^53.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Seq(u64);

impl Seq {
    /// The first entry of a feed.
    pub const FIRST: Seq = Seq(1);

    /// `None` for 0 and for 2^53 and above.
    pub fn new(value: u64) -> Option<Self> {
        (1..INTEGER_END).contains(&value).then_some(Self(value))
    }

    /// The number itself.
    pub fn value(self) -> u64 {
        self.0
    }

    /// The next place; `None` at the end of the range.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
