//! How byte strings of records look in JSON and TOML.

/// Party ids as bech32m text; empty stays empty.
pub mod party {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    use crate::wire::ids::PartyId;

    /// Writes `cap1...`.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        let text = PartyId::from_slice(bytes).map(|p| p.to_string()).unwrap_or_default();
        serializer.serialize_str(&text)
    }

    /// Reads `cap1...`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(Vec::new());
        }
        text.parse::<PartyId>().map(PartyId::to_vec).map_err(D::Error::custom)
    }
}

/// Other ids as lower-case hex.
pub mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes lower-case hex.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    /// Reads hex of either case.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        hex::decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Lists of party ids.
pub mod parties {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::wire::ids::PartyId;

    /// Writes a list of `cap1...`.
    pub fn serialize<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        let text = |bytes: &Vec<u8>| PartyId::from_slice(bytes).map(|p| p.to_string()).unwrap_or_default();
        list.iter().map(text).collect::<Vec<_>>().serialize(serializer)
    }

    /// Reads a list of `cap1...`.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|t| t.parse().map(PartyId::to_vec).map_err(D::Error::custom)).collect()
    }
}

/// Lists of other ids.
pub mod hex_list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    /// Writes a list of lower-case hex.
    pub fn serialize<S: Serializer>(list: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        list.iter().map(hex::encode).collect::<Vec<_>>().serialize(serializer)
    }

    /// Reads a list of hex of either case.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|t| hex::decode(t).map_err(D::Error::custom)).collect()
    }
}
