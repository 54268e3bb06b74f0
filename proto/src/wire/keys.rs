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
        let parsed = VerifyingKey::from_bytes(key).ok()?;
        let canonical = parsed.to_edwards().compress().to_bytes() == *key;
        (canonical && !parsed.is_weak()).then_some(Self(parsed))
    }

    /// True where `signature` is this key's over `tag || message`.
    pub fn verify(&self, tag: &[u8], message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(&[tag, message].concat(), &Signature::from_bytes(signature)).is_ok()
    }
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
