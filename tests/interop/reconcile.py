"""Section 11.2 of SPEC.md: fingerprints of ranges of feeds."""

from strict import tagged


def fingerprint(items, depth):
    """Of (feed id, item) pairs that share the first `depth` half bytes."""
    if not items:
        return bytes(32)
    if len(items) <= 4:
        return tagged("caphub/reconcile-leaf/1", *(item for _, item in sorted(items)))
    return tagged("caphub/reconcile-node/1", *(fingerprint(below(items, depth, s), depth + 1) for s in range(16)))


def below(items, depth, step):
    return [i for i in items if int(i[0].hex()[depth], 16) == step]


def packed_fingerprints(items, depth, levels):
    ranges = [items]
    for level in range(levels):
        ranges = [below(r, depth + level, s) for r in ranges for s in range(16)]
    bits = "".join("1" if r else "0" for r in ranges)
    mask = int(bits, 2).to_bytes(len(bits) // 8, "big")
    return mask + b"".join(fingerprint(r, depth + levels)[:16] for r in ranges if r)
