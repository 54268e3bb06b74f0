//! Signatures and keys that only a lax verifier takes: SPEC.md section 2.1, rule by rule.

use caphub_proto::wire::Signer;
use curve25519_dalek::constants::{ED25519_BASEPOINT_TABLE, EIGHT_TORSION};
use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha512};

/// 2^255 - 19, little-endian.
const P: [u8; 32] = {
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    p
};

/// The points of small order, in the order of multiples of one of order 8.
pub fn small_order() -> [EdwardsPoint; 8] {
    EIGHT_TORSION
}

/// The secret scalar of a key.
pub fn secret(signer: &Signer) -> Scalar {
    let hash = Sha512::digest(signer.seed());
    Scalar::from_bytes_mod_order(clamp_integer(hash[..32].try_into().unwrap()))
}

/// The public point of a secret, with a point of small order added.
pub fn public_with(secret: Scalar, torsion: EdwardsPoint) -> [u8; 32] {
    (&secret * ED25519_BASEPOINT_TABLE + torsion).compress().0
}

/// k of the verification equation.
pub fn challenge(r: &[u8; 32], a: &[u8; 32], header: &[u8]) -> Scalar {
    let hash =
        Sha512::new_with_prefix(r).chain_update(a).chain_update(b"caphub/entry/1\0").chain_update(header);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// A signature whose R is `nonce`·B plus a point of small order.
pub fn sign_with(
    secret: Scalar,
    nonce: Scalar,
    torsion: EdwardsPoint,
    a: &[u8; 32],
    header: &[u8],
) -> [u8; 64] {
    let r = (&nonce * ED25519_BASEPOINT_TABLE + torsion).compress().0;
    join(r, nonce + challenge(&r, a, header) * secret)
}

/// A signature with R as given, which encodes the identity: S is then k times the secret.
pub fn sign_with_identity(secret: Scalar, r: [u8; 32], a: &[u8; 32], header: &[u8]) -> [u8; 64] {
    join(r, challenge(&r, a, header) * secret)
}

fn join(r: [u8; 32], s: Scalar) -> [u8; 64] {
    [r, s.to_bytes()].concat().try_into().unwrap()
}

/// The identity, encoded as the rules want it.
pub fn identity() -> [u8; 32] {
    EdwardsPoint::identity().compress().0
}

/// A small y with p added: another encoding of the same point.
pub fn plus_p(y: u8) -> [u8; 32] {
    let mut out = P;
    out[0] += y;
    out
}

/// L of SPEC.md section 2.1 added to the S of a signature.
pub fn plus_order(signature: [u8; 64]) -> [u8; 64] {
    // -1 modulo L is L - 1.
    let mut order = (-Scalar::ONE).to_bytes();
    order[0] += 1;
    let mut out = signature;
    let mut carry = 0_u16;
    for (byte, add) in out[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    out
}

/// The first y from 2 on that no point has.
pub fn off_curve() -> [u8; 32] {
    let encode = |y: u8| {
        let mut out = [0; 32];
        out[0] = y;
        out
    };
    let on_curve =
        |bytes: &[u8; 32]| curve25519_dalek::edwards::CompressedEdwardsY(*bytes).decompress().is_some();
    (2..).map(encode).find(|bytes| !on_curve(bytes)).unwrap()
}
