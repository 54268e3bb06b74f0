//! Tokens that name where the next page begins: sealed, so that they say nothing, and nobody else can make one.

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};

use super::ViewsError;
use super::page::Rank;
use crate::keys::random;

/// Bytes before the sealed place: random, and long enough to be drawn for each token.
const NONCE_BYTES: usize = 24;
/// Bytes of a token: the nonce, the place and what proves both.
const TOKEN_BYTES: usize = NONCE_BYTES + Rank::BYTES + 16;

/// Makes and reads tokens. The key is as old as the process: after a restart a list begins again.
pub(super) struct Tokens(XChaCha20Poly1305);

impl Tokens {
    /// With a fresh key.
    pub(super) fn new() -> Result<Self, ViewsError> {
        Ok(Self(XChaCha20Poly1305::new(&random::<32>()?.into())))
    }

    /// The token of a place.
    pub(super) fn token(&self, rank: Rank) -> Result<String, ViewsError> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        // What is sealed has 20 bytes: that can not be too long.
        let sealed = self.0.encrypt(XNonce::from_slice(&nonce), &rank.bytes()[..]).unwrap_or_default();
        Ok(hex::encode([&nonce[..], &sealed].concat()))
    }

    /// The place of a token that `token` made.
    pub(super) fn rank(&self, token: &str) -> Option<Rank> {
        let mut bytes = [0; TOKEN_BYTES];
        hex::decode_to_slice(token, &mut bytes).ok()?;
        let (nonce, sealed) = bytes.split_at(NONCE_BYTES);
        Rank::read(&self.0.decrypt(XNonce::from_slice(nonce), sealed).ok()?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::views::PageRequest;

    #[test]
    fn a_token_comes_back_as_it_was_says_nothing_and_any_other_is_refused() {
        let tokens = Tokens::new().unwrap();
        let rank = Rank::read(&[7; Rank::BYTES]).unwrap();
        let token = tokens.token(rank).unwrap();
        assert_eq!(tokens.rank(&token), Some(rank));
        assert_ne!(token, tokens.token(rank).unwrap(), "not even that two places are the same");
        assert!(!token.contains(&hex::encode([7; 4])));
        assert_eq!(Tokens::new().unwrap().rank(&token), None, "another node's");
        for at in 0..token.len() {
            let other = if &token[at..=at] == "0" { "1" } else { "0" };
            let changed = [&token[..at], other, &token[at + 1..]].concat();
            assert_eq!(tokens.rank(&changed), None, "{at}");
        }
        let long = token.repeat(1_000);
        for bad in ["x", "00", &token[2..], &long, "\u{202e}", &"ff".repeat(TOKEN_BYTES)] {
            let request = PageRequest { size: 0, token: bad.to_owned() };
            assert!(matches!(request.after(&tokens), Err(ViewsError::BadPageToken)), "{bad}");
        }
    }
}
