"""Sections 2.1 and 2.2 of SPEC.md: strict Ed25519 and hashes with tags."""

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

class Refused(Exception):
    """Carries a reason code of section 10."""


def refuse_if(condition, reason):
    if condition:
        raise Refused(reason)


def tagged(tag, *parts):
    return hashlib.sha256(tag.encode("ascii") + b"\0" + b"".join(parts)).digest()


P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def decode_point(encoded):
    """The point (x, y), or None where the encoding is not canonical or no point has this y."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        return None
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * SQRT_M1 % P
    if v * x * x % P != u:
        return None
    if x == 0 and sign:
        return None
    return (P - x if x % 2 != sign else x), y


def add(one, other):
    (x1, y1), (x2, y2) = one, other
    t = D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P
    return x, y


def is_good_point(encoded):
    point = decode_point(encoded)
    if point is None:
        return False
    for _ in range(3):
        point = add(point, point)
    return point != (0, 1)


def check_signature(key, message, signature):
    """Raises Refused with bad_key or bad_signature."""
    refuse_if(len(key) != 32 or not is_good_point(key), "bad_key")
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    refuse_if(s >= L or not is_good_point(r), "bad_signature")
    try:
        # The library computes [S]B - [k]A and compares its encoding with R: the cofactorless equation.
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        raise Refused("bad_signature") from None


def holds(key, message, signature):
    try:
        check_signature(key, message, signature)
    except Refused:
        return False
    return True
