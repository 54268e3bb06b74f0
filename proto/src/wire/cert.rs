//! What binds a link certificate to an operator key (SPEC.md section 6.1). X.509 itself is not ours.

use crate::wire::bytes::Reader;
use crate::wire::ids::{OperatorKey, PartyId};
use crate::wire::keys::{Checked, Signer, check};

/// Arcs of the extension's object identifier, under 2.25, which needs no registration: the first 63 bits of
/// SHA-256("caphub/tls/1"), so that it fits the 64-bit arcs of common libraries.
pub const EXTENSION_OID: &[u64] = &[2, 25, 4_781_733_286_617_540_151];

const TAG: &[u8] = b"caphub/tls/1\0";

/// The extension's value: party id 32, operator key 32, not-after 8, signature 64.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Binding {
    /// Who is at the far end.
    pub party: PartyId,
    /// The key that vouches for the certificate's key.
    pub key: OperatorKey,
    /// Last millisecond of the certificate.
    pub not_after: u64,
    signature: [u8; 64],
}

impl Binding {
    /// Signs for the certificate key with this SubjectPublicKeyInfo (DER).
    pub fn sign(party: PartyId, signer: &Signer, not_after: u64, spki: &[u8]) -> Self {
        let signature = signer.sign(TAG, &message(party, not_after, spki));
        Self { party, key: signer.public(), not_after, signature }
    }

    /// Reads the extension's value and checks its signature over the certificate's key; `None` where either
    /// fails. Whether the party authorised the key, and whether the time has passed, is for the caller.
    pub fn parse(bytes: &[u8], spki: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let binding = Self {
            party: PartyId(reader.array()?),
            key: OperatorKey(reader.array()?),
            not_after: reader.u64()?,
            signature: reader.array()?,
        };
        let message = message(binding.party, binding.not_after, spki);
        let valid = check(binding.key.as_bytes(), TAG, &message, &binding.signature) == Checked::Valid;
        (reader.is_empty() && valid).then_some(binding)
    }

    /// The extension's value.
    pub fn encode(&self) -> Vec<u8> {
        [self.party.as_bytes(), &self.key.as_bytes()[..], &self.not_after.to_be_bytes(), &self.signature]
            .concat()
    }
}

fn message(party: PartyId, not_after: u64, spki: &[u8]) -> Vec<u8> {
    [party.as_bytes(), &not_after.to_be_bytes()[..], spki].concat()
}
