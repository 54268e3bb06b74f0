"""Sections 3.1 and 4 of SPEC.md from the author's side: an identity of one's own, and entries that its keys sign."""

import os
import struct
import time

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from entries import feed_of
from strict import tagged

NO_END = (1 << 53) - 1
NO_RECIPIENT = bytes(32)
KINDS = {"state": 1, "regional_body": 2, "provider": 5, "csirt": 6, "university": 7}


def now_ms():
    return time.time_ns() // 1_000_000


class Key:
    """An Ed25519 key from its seed."""

    def __init__(self, seed=None):
        self.seed = seed or os.urandom(32)
        self.private = Ed25519PrivateKey.from_private_bytes(self.seed)
        self.public = self.private.public_key().public_bytes_raw()

    def sign(self, message):
        return self.private.sign(message)

    def commitment(self):
        return tagged("caphub/next/1", self.public)


def key_list(*keys):
    """One of KEYS or COMMITMENTS, with threshold 1."""
    return bytes([1, len(keys)]) + b"".join(keys)


def packed_entry(key, feed, head, body):
    """The next entry of a feed, as it travels in a run, and the head after it; head is (seq, entry hash)."""
    seq, previous = head[0] + 1, head[1]
    body_hash = tagged("caphub/body/1", body)
    fields = 1, 0 if feed.identity else 1, feed.id, seq, previous, now_ms(), body_hash, len(body)
    header = struct.pack(">BB32sQ32sQ32sI", *fields)
    signature = key.sign(b"caphub/entry/1\0" + header)
    return header + signature + b"\1" + body, (seq, tagged("caphub/entry-hash/1", header, signature))


NOTHING = (0, bytes(32))


def incept(kind, root, next_, recovery):
    lists = key_list(root.public) + key_list(next_.commitment()) + key_list(recovery.commitment())
    return b"\x01" + bytes([KINDS[kind]]) + lists


def authorise(party, key, capabilities, label):
    stated = struct.pack(">HQ", capabilities, NO_END) + NO_RECIPIENT
    possession = key.sign(b"caphub/operator/1\0" + party + stated)
    name = label.encode("utf-8")
    return b"\x03" + key.public + stated + possession + bytes([len(name)]) + name


def revoke(key, reason, places):
    """`places` are the last (feed id, seq, entry hash) that count."""
    out = b"\x04" + key + bytes([reason]) + struct.pack(">H", len(places))
    return out + b"".join(struct.pack(">32sQ32s", *place) for place in places)


def rotate(revealed, next_):
    return b"\x02" + key_list(revealed.public) + key_list(next_.commitment())


def identity_body(event, salt=None):
    """An event signed by the header's signer alone: index 0, no further signatures."""
    return (salt or os.urandom(16)) + event + b"\0\0"


def found(kind, root, next_, recovery):
    """The party id and the first entry of its log, with the head after it."""
    salt, event = os.urandom(16), incept(kind, root, next_, recovery)
    party = tagged("caphub/party/1", salt, event)
    entry, head = packed_entry(root, feed_of(party, b"", b""), NOTHING, identity_body(event, salt))
    return party, entry, head
