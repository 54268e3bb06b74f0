//! Strict Ed25519 (SPEC.md section 2.1): S below L, canonical A and R, neither of small order, cofactorless.

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::wire::ids::OperatorKey;

/// A key that signs; its seed is an argument, and is wiped when dropped.
#[derive(Clone)]
pub struct Signer(SigningKey);

impl Signer {
    /// The key of this 32-byte seed (RFC 8032).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The seed, for storage under a passphrase.
    pub fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The public half.
    pub fn public(&self) -> OperatorKey {
        OperatorKey(self.0.verifying_key().to_bytes())
    }

    /// Signs `tag || message`.
    pub fn sign(&self, tag: &[u8], message: &[u8]) -> [u8; 64] {
        self.0.sign(&[tag, message].concat()).to_bytes()
    }
}

/// What a signature check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The key signed these bytes.
    Valid,
    /// The key is not canonical, not on the curve or of small order.
    BadKey,
    /// The signature is not one of this key over these bytes.
    BadSignature,
}

/// A public key that has been checked once, for many signatures.
#[derive(Clone)]
pub struct Verifier(VerifyingKey);

impl Verifier {
    /// `None` where the key is not canonical, not on the curve or of small order.
    pub fn new(key: &[u8; 32]) -> Option<Self> {
        let parsed = VerifyingKey::from_bytes(key).ok().filter(|_| canonical(key))?;
        (!parsed.is_weak()).then_some(Self(parsed))
    }

    /// True where `signature` is this key's over `tag || message`.
    pub fn verify(&self, tag: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(&[tag, message].concat(), &Signature::from_bytes(signature)).is_ok()
    }
}

/// True where the y of an encoded point is below 2^255 - 19. The points whose sign could be written both ways, those
/// with x = 0, are of small order, and so refused as weak.
fn canonical(key: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = key;
    *low < 0xed || high & 0x7f != 0x7f || middle.iter().any(|b| *b != 0xff)
}

/// Checks one signature over `tag || message`.
pub fn check(key: &[u8; 32], tag: &[u8], message: &[u8], signature: &[u8; 64]) -> Checked {
    match Verifier::new(key) {
        None => Checked::BadKey,
        Some(verifier) if verifier.verify(tag, message, signature) => Checked::Valid,
        Some(_) => Checked::BadSignature,
    }
}

/// SHA-256 over a tag and the parts that follow it.
pub fn tagged_hash(tag: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new_with_prefix(tag);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_canonical_where_encoding_its_point_again_gives_the_same_bytes() {
        // The field's prime and the numbers around it, with both signs, then keys as they are met.
        let prime: [u8; 32] = std::array::from_fn(|i| match i {
            0 => 0xed,
            31 => 0x7f,
            _ => 0xff,
        });
        let around = (-20..=18).map(|n: i16| {
            let mut key = prime;
            key[0] = (0xed + n) as u8;
            key
        });
        let met = (0..64).map(|n: u8| tagged_hash(b"key", &[&[n]]));
        for mut key in around.chain(met) {
            for sign in [0, 0x80] {
                key[31] = key[31] & 0x7f | sign;
                let again = VerifyingKey::from_bytes(&key)
                    .is_ok_and(|k| !k.is_weak() && k.to_edwards().compress().to_bytes() == key);
                assert_eq!(Verifier::new(&key).is_some(), again, "{key:?}");
            }
        }
    }
}
