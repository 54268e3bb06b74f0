//! Node cards and invitations: small signed texts for a file or an e-mail (SPEC.md section 7).
//!
//! The signature covers every line before it, byte for byte.

use std::fmt;

use crate::wire::ids::{OperatorKey, PartyId};
use crate::wire::keys::{Checked, Signer, check};
use crate::wire::limits::{CARD_ADDRESSES_MAX, CARD_BYTES_MAX, INTEGER_END};

const CARD_HEAD: &str = "caphub node card 1";
const INVITATION_HEAD: &str = "caphub invitation 1";

/// How to reach a node of a hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Card {
    /// The hub.
    pub party: PartyId,
    /// The node's operator key, with the capability `serve`.
    pub node_key: OperatorKey,
    /// The hub's name, for people.
    pub name: String,
    /// host:port, tried in turn.
    pub addresses: Vec<String>,
    /// BCP 47 tags.
    pub languages: Vec<String>,
    /// When the card was made, milliseconds since 1970 UTC; the newer of two counts.
    pub time_ms: u64,
}

/// Asks somebody in, once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invitation {
    /// Where to go; its node key is the one that signed the card's place in the invitation.
    pub card: Card,
    /// The key that invites, with the capability `admit`.
    pub admit_key: OperatorKey,
    /// One-time code.
    pub code: [u8; 16],
    /// ISO 3166-1 alpha-2 code of the invited state, or empty.
    pub country: String,
    /// The invited organisation's name, or empty.
    pub invited: String,
    /// Last millisecond.
    pub not_after: u64,
}

/// Why a text is not a card or an invitation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// It starts with other words, or is too long.
    #[error("this is not a {expected} file")]
    NotOne {
        /// What was expected: node card, invitation.
        expected: &'static str,
    },
    /// A line is missing, malformed or out of order.
    #[error("line {line} should state \"{expected}\"")]
    Line {
        /// From 1.
        line: usize,
        /// The line's key.
        expected: &'static str,
    },
    /// The text was changed after it was signed, or cut short.
    #[error("the signature does not fit the text: it was changed or cut short on its way")]
    Signature,
}

impl Card {
    /// The signed text.
    pub fn to_text(&self, signer: &Signer) -> String {
        let body = format!("{CARD_HEAD}\n{}", self.lines());
        finish(body, b"caphub/card/1\0", signer)
    }

    /// Reads a card and checks its signature by the node key that it states.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let mut lines = Lines::start(text, CARD_HEAD, "node card")?;
        let card = Self::read(&mut lines)?;
        lines.finish(b"caphub/card/1\0", &card.node_key)?;
        Ok(card)
    }

    fn lines(&self) -> String {
        let mut out = format!("hub {}\nnode {}\nname {}\n", self.party, self.node_key, one_line(&self.name));
        for address in self.addresses.iter().take(CARD_ADDRESSES_MAX) {
            out.push_str(&format!("address {}\n", one_line(address)));
        }
        out.push_str(&format!("languages {}\ntime {}\n", one_line(&self.languages.join(" ")), self.time_ms));
        out
    }

    fn read(lines: &mut Lines<'_>) -> Result<Self, CardError> {
        let party = lines.parsed("hub")?;
        let node_key = lines.parsed("node")?;
        let name = lines.value("name")?.to_owned();
        let mut addresses = Vec::new();
        while addresses.len() < CARD_ADDRESSES_MAX && lines.next_is("address") {
            addresses.push(lines.value("address")?.to_owned());
        }
        let languages = lines.value("languages")?.split_whitespace().map(str::to_owned).collect();
        let time_ms = lines.time("time")?;
        Ok(Self { party, node_key, name, addresses, languages, time_ms })
    }
}

impl Invitation {
    /// The signed text; `signer` is the admit key.
    pub fn to_text(&self, signer: &Signer) -> String {
        let body = format!(
            "{INVITATION_HEAD}\n{}admit {}\ncode {}\ncountry {}\ninvited {}\nuntil {}\n",
            self.card.lines(),
            self.admit_key,
            hex::encode(self.code),
            one_line(&self.country),
            one_line(&self.invited),
            self.not_after,
        );
        finish(body, b"caphub/invitation/1\0", signer)
    }

    /// Reads an invitation and checks its signature by the admit key that it states. That the hub authorised
    /// that key is for the hub to check, and for the invited once it holds the hub's identity log.
    pub fn parse(text: &str) -> Result<Self, CardError> {
        let mut lines = Lines::start(text, INVITATION_HEAD, "invitation")?;
        let card = Card::read(&mut lines)?;
        let admit_key = lines.parsed("admit")?;
        let code_at = lines.line + 1;
        let code = hex::decode(lines.value("code")?).ok().and_then(|c| c.try_into().ok());
        let code = code.ok_or(CardError::Line { line: code_at, expected: "code" })?;
        let country = lines.value("country")?.to_owned();
        let invited = lines.value("invited")?.to_owned();
        let not_after = lines.time("until")?;
        lines.finish(b"caphub/invitation/1\0", &admit_key)?;
        Ok(Self { card, admit_key, code, country, invited, not_after })
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.party)
    }
}

fn finish(body: String, tag: &[u8], signer: &Signer) -> String {
    let signature = hex::encode(signer.sign(tag, body.as_bytes()));
    format!("{body}signature {signature}\n")
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

struct Lines<'a> {
    whole: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn start(text: &'a str, head: &str, expected: &'static str) -> Result<Self, CardError> {
        let fits =
            text.len() <= CARD_BYTES_MAX && text.strip_prefix(head).is_some_and(|r| r.starts_with('\n'));
        match fits {
            true => Ok(Self { whole: text, at: head.len() + 1, line: 1 }),
            false => Err(CardError::NotOne { expected }),
        }
    }

    fn peek(&self) -> Option<&'a str> {
        self.whole.get(self.at..)?.split_once('\n').map(|(line, _)| line)
    }

    fn next_is(&self, key: &str) -> bool {
        self.peek().is_some_and(|l| l.split(' ').next() == Some(key))
    }

    fn value(&mut self, key: &'static str) -> Result<&'a str, CardError> {
        self.line += 1;
        let error = CardError::Line { line: self.line, expected: key };
        let line = self.peek().ok_or(error.clone())?;
        let rest = line.strip_prefix(key).ok_or(error.clone())?;
        self.at += line.len() + 1;
        rest.strip_prefix(' ').or(rest.is_empty().then_some("")).ok_or(error)
    }

    fn parsed<T: std::str::FromStr>(&mut self, key: &'static str) -> Result<T, CardError> {
        let value = self.value(key)?;
        value.parse().map_err(|_| CardError::Line { line: self.line, expected: key })
    }

    fn time(&mut self, key: &'static str) -> Result<u64, CardError> {
        let time: u64 = self.parsed(key)?;
        let error = CardError::Line { line: self.line, expected: key };
        Some(time).filter(|t| *t < INTEGER_END).ok_or(error)
    }

    fn finish(mut self, tag: &[u8], key: &OperatorKey) -> Result<(), CardError> {
        let signed = self.whole.get(..self.at).ok_or(CardError::Signature)?;
        let signature = hex::decode(self.value("signature")?).ok().and_then(|s| s.try_into().ok());
        let signature: [u8; 64] = signature.ok_or(CardError::Signature)?;
        let whole = self.at == self.whole.len();
        match whole && check(key.as_bytes(), tag, signed.as_bytes(), &signature) == Checked::Valid {
            true => Ok(()),
            false => Err(CardError::Signature),
        }
    }
}
