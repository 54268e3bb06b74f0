"""Section 5.1 of SPEC.md: what an opened age file says."""

from strict import refuse_if

SEALED_NEVER = {10, 15, 16, 17, 19, 90}  # profile, attestation, recognition, refusal, node card, erasure
SEALED_ONLY = {22, 91}  # nomination, thread grant
CURVE_P = 2**255 - 19


def protobuf(data):
    """Field numbers with their values, in order; refused where it is no message."""
    fields, at = [], 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            refuse_if(at >= len(data) or shift > 63, "record_malformed")
            byte = data[at]
            value, shift, at = value | (byte & 0x7F) << shift, shift + 7, at + 1
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        refuse_if(tag >> 3 == 0 or tag & 7 not in (0, 1, 2, 5), "record_malformed")
        if tag & 7 == 0:
            value = varint()
        else:
            size = {1: 8, 5: 4}.get(tag & 7) or (varint() if tag & 7 == 2 else 0)
            refuse_if(at + size > len(data), "record_malformed")
            value, at = data[at : at + size], at + size
        fields.append((tag >> 3, value))
    return fields


def small_order(key):
    """True where eight times the point with this u is the neutral one: three doublings in Montgomery's ladder."""
    u = (int.from_bytes(key, "little") & ((1 << 255) - 1)) % CURVE_P
    x, z = u, 1
    for _ in range(3):
        total, difference = (x + z) ** 2 % CURVE_P, (x - z) ** 2 % CURVE_P
        gap = total - difference
        x, z = total * difference % CURVE_P, gap * (difference + 121666 * gap) % CURVE_P
    return z == 0
