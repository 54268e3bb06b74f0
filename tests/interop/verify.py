"""Checks the vectors in proto/vectors, from SPEC.md alone and without any code of the nodes.

Usage: python verify.py [FOLDER]     exit code 0 where every case has the result that it states, 1 otherwise

Needs the package `cryptography` for the equation of Ed25519; the strict rules around it are written out here.
Section numbers are those of SPEC.md.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import re
import struct
import sys
from dataclasses import dataclass, field, replace

from acts import check_acts
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

INTEGER_END = 1 << 53
BODY_MIN, BODY_MAX = 16, 65_536
RUN_ENTRIES_MAX, RUN_BYTES_MAX = 1_024, 1_048_576
KEYS_MAX, LABEL_MAX, REVOKE_MAX, LOG_MAX = 16, 64, 1_024, 4_096


class Refused(Exception):
    """Carries a reason code of section 10."""


def refuse_if(condition, reason):
    if condition:
        raise Refused(reason)


def tagged(tag, *parts):
    return hashlib.sha256(tag.encode("ascii") + b"\0" + b"".join(parts)).digest()


# Section 2.1: strict Ed25519.

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


# Sections 2.3 and 2.4: feeds.


@dataclass(frozen=True)
class Feed:
    id: bytes
    identity: bool


def feed_of(party, key, audience):
    """The feed of three byte strings as they travel."""
    refuse_if(len(party) != 32, "bad_length")
    if not key and not audience:
        return Feed(tagged("caphub/identity/1", party), True)
    refuse_if(len(key) != 32, "bad_length")
    lengths = {0: 1, 1: 1, 2: 33, 3: 17}
    refuse_if(not audience or lengths.get(audience[0]) != len(audience), "bad_audience")
    return Feed(tagged("caphub/feed/1", party, key, audience), False)


# Section 3: entries and runs.


@dataclass(frozen=True)
class Entry:
    header: bytes
    signature: bytes
    body: bytes | None
    seq: int
    previous: bytes
    time: int
    hash: bytes


def parse_entry(feed, header, signature, body):
    """Steps 2 to 12 of section 3.2."""
    refuse_if(len(header) != 118 or len(signature) != 64, "bad_length")
    version, kind, feed_id, seq, previous, time, body_hash, body_length = struct.unpack(
        ">BB32sQ32sQ32sI", header
    )
    refuse_if(version != 1, "unknown_version")
    refuse_if(kind not in (0, 1), "unknown_kind")
    refuse_if(not 1 <= seq < INTEGER_END, "bad_seq")
    refuse_if((previous == bytes(32)) != (seq == 1), "bad_previous")
    refuse_if(time >= INTEGER_END, "bad_time")
    refuse_if(body_length < BODY_MIN, "body_too_small")
    refuse_if(body_length > BODY_MAX, "body_too_large")
    refuse_if(feed_id != feed.id or (kind == 0) != feed.identity, "wrong_feed")
    if body is not None:
        refuse_if(len(body) != body_length, "body_length")
        refuse_if(tagged("caphub/body/1", body) != body_hash, "body_hash")
    entry_hash = tagged("caphub/entry-hash/1", header, signature)
    return Entry(header, signature, body, seq, previous, time, entry_hash)


def check_header_signature(key, entry):
    check_signature(key, b"caphub/entry/1\0" + entry.header, entry.signature)


def judge_run(feed, key, parts):
    """Section 3.3, steps 1 to 3; parts are (header, signature, body) in order."""
    refuse_if(not parts, "empty_run")
    packed = sum(len(h) + len(s) + 1 + len(b or b"") for h, s, b in parts)
    refuse_if(packed > RUN_BYTES_MAX, "run_too_large")
    check_header_signature(key, chain_run(feed, parts)[-1])


def chain_run(feed, parts):
    """Section 3.3, step 1: the entries, each checked and chained to the one before."""
    chained = []
    for count, (header, signature, body) in enumerate(parts, 1):
        refuse_if(count > RUN_ENTRIES_MAX, "run_too_large")
        entry = parse_entry(feed, header, signature, body)
        if chained:
            before = chained[-1]
            refuse_if(entry.seq == before.seq and entry.hash != before.hash, "fork")
            refuse_if(entry.seq != before.seq + 1, "gap")
            refuse_if(entry.previous != before.hash, "wrong_previous")
        chained.append(entry)
    return chained


# Section 13.1: fork proofs.


def unpack(packed):
    """(header, signature, body) of each entry of a packed run."""
    refuse_if(len(packed) > RUN_BYTES_MAX, "run_too_large")
    at, parts = 0, []
    while at < len(packed):
        refuse_if(len(parts) == RUN_ENTRIES_MAX, "run_too_large")
        header, signature, presence = packed[at : at + 118], packed[at + 118 : at + 182], packed[at + 182 : at + 183]
        refuse_if(presence not in (b"\0", b"\1"), "bad_length")
        at, body = at + 183, None
        if presence == b"\1":
            length = int.from_bytes(header[114:118], "big")
            body, at = packed[at : at + length], at + length
            refuse_if(len(body) != length, "bad_length")
        parts.append((header, signature, body))
    refuse_if(not parts, "empty_run")
    return parts


def judge_fork(party, key, audience, first, second):
    """The last common entry of a proof: (seq, entry hash)."""
    feed = feed_of(party, key, audience)
    refuse_if(feed.identity, "wrong_feed")
    runs = []
    for packed in (first, second):
        parts = unpack(packed)
        refuse_if(any(body is not None for _, _, body in parts), "bad_proof")
        runs.append(chain_run(feed, parts))
    refuse_if(not is_good_point(key), "bad_key")
    for run in runs:
        check_header_signature(key, run[-1])
    others = {entry.seq: entry for entry in runs[1]}
    for entry in runs[0]:
        other = others.get(entry.seq)
        if other is not None and other.hash != entry.hash:
            refuse_if(other.previous != entry.previous, "bad_proof")
            return entry.seq - 1, entry.previous
    raise Refused("bad_proof")


# Section 4: identity.


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        refuse_if(self.at + count > len(self.data), "identity_malformed")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def key_list(self, may_be_empty=False):
        threshold, count = self.number(1), self.number(1)
        keys = [self.take(32) for _ in range(count)]
        if not (may_be_empty and count == 0 and threshold == 0):
            sound = 1 <= count <= KEYS_MAX and len(set(keys)) == count and 1 <= threshold <= count
            refuse_if(not sound, "identity_keys")
        return KeyList(threshold, keys)


@dataclass(frozen=True)
class KeyList:
    threshold: int
    keys: list


@dataclass
class Event:
    kind: int
    data: bytes = b""
    salt: bytes = b""
    signer: int = 0
    cosignatures: list = field(default_factory=list)
    fields: dict = field(default_factory=dict)


INCEPT, ROTATE, AUTHORISE, REVOKE, RECOVER = 1, 2, 3, 4, 5


def parse_body(body):
    """Section 4.1."""
    reader = Reader(body)
    salt, start = reader.take(16), reader.at
    event = Event(reader.number(1), salt=salt)
    event.fields = read_fields(event.kind, reader)
    event.data = body[start : reader.at]
    event.signer, count = reader.number(1), reader.number(1)
    event.cosignatures = [(reader.number(1), reader.take(64)) for _ in range(count)]
    refuse_if(reader.at != len(body), "identity_malformed")
    return event


def read_fields(kind, reader):
    if kind == INCEPT:
        names = ["party_kind", "root", "next", "recovery"]
        values = [reader.number(1), reader.key_list(), reader.key_list(), reader.key_list(True)]
        return dict(zip(names, values))
    if kind == ROTATE:
        return {"revealed": reader.key_list(), "next": reader.key_list()}
    if kind == AUTHORISE:
        out = {"key": reader.take(32), "capabilities": reader.number(2), "not_after": reader.number(8)}
        refuse_if(out["not_after"] >= INTEGER_END, "identity_malformed")
        out |= {"recipient": reader.take(32), "possession": reader.take(64)}
        length = reader.number(1)
        refuse_if(length > LABEL_MAX, "identity_malformed")
        try:
            out["label"] = reader.take(length).decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("identity_malformed") from None
        return out
    if kind == REVOKE:
        out = {"key": reader.take(32), "reason": reader.number(1), "feeds": []}
        count = reader.number(2)
        refuse_if(count > REVOKE_MAX, "identity_malformed")
        for _ in range(count):
            feed = (reader.take(32), reader.number(8), reader.take(32))
            refuse_if(feed[1] >= INTEGER_END, "identity_malformed")
            out["feeds"].append(feed)
        return out
    if kind == RECOVER:
        names = ["revealed", "root", "next", "recovery"]
        return {name: reader.key_list(name == "recovery") for name in names}
    raise Refused("identity_unknown_event")


@dataclass(frozen=True)
class State:
    party_kind: int
    root: KeyList
    next: KeyList
    recovery: KeyList
    operators: dict


def check_signatures(entry, event, feed_id, keys, needed):
    """Section 4.2."""
    refuse_if(event.signer >= len(keys), "identity_signer")
    check_header_signature(keys[event.signer], entry)
    message = b"caphub/identity-sig/1\0" + feed_id + struct.pack(">Q", entry.seq) + entry.previous
    message += struct.pack(">Q", entry.time) + hashlib.sha256(event.data).digest()
    signers = {event.signer}
    for index, signature in event.cosignatures:
        refuse_if(index >= len(keys), "identity_signer")
        refuse_if(not holds(keys[index], message, signature), "identity_signer")
        refuse_if(index in signers, "identity_signer")
        signers.add(index)
    refuse_if(len(signers) < needed, "identity_threshold")


def check_revealed(entry, event, feed_id, committed):
    revealed = event.fields["revealed"]
    commitments = {tagged("caphub/next/1", key) for key in revealed.keys}
    refuse_if(not committed.keys or not commitments <= set(committed.keys), "identity_commitment")
    refuse_if(len(revealed.keys) < committed.threshold, "identity_commitment")
    needed = max(revealed.threshold, committed.threshold)
    check_signatures(entry, event, feed_id, revealed.keys, needed)


class Log:
    """Sections 4.3 and 4.4."""

    def __init__(self, party):
        self.party = party
        self.feed = feed_of(party, b"", b"")
        self.steps = []  # (entry hash, rank, state)
        self.conflict = False

    def apply(self, header, signature, body):
        """What the event did; raises Refused."""
        entry = parse_entry(self.feed, header, signature, body)
        refuse_if(entry.body is None, "body_missing")
        at = entry.seq - 1
        if at < len(self.steps) and self.steps[at][0] == entry.hash:
            return "known"
        refuse_if(at > len(self.steps) or at >= LOG_MAX, "gap")
        previous = self.steps[at - 1][0] if at else bytes(32)
        refuse_if(entry.previous != previous, "wrong_previous")
        event = parse_body(entry.body)
        state = self.judge(entry, event, self.steps[at - 1][2] if at else None)
        rank = {ROTATE: 1, RECOVER: 2}.get(event.kind, 0)
        held = max((step[1] for step in self.steps[at:]), default=None)
        if held is None:
            self.steps.append((entry.hash, rank, state))
            return "appended"
        if rank > held:
            self.steps[at:] = [(entry.hash, rank, state)]
            return "replaced"
        self.conflict |= rank == held
        raise Refused("identity_conflict")

    def judge(self, entry, event, state):
        fields, feed_id = event.fields, self.feed.id
        refuse_if((event.kind == INCEPT) != (state is None), "identity_not_incept")
        if event.kind == INCEPT:
            party = tagged("caphub/party/1", event.salt, event.data)
            refuse_if(party != self.party, "identity_party")
            check_signatures(entry, event, feed_id, fields["root"].keys, fields["root"].threshold)
            return State(fields["party_kind"], fields["root"], fields["next"], fields["recovery"], {})
        if event.kind == ROTATE:
            check_revealed(entry, event, feed_id, state.next)
            return replace(state, root=fields["revealed"], next=fields["next"])
        if event.kind == RECOVER:
            check_revealed(entry, event, feed_id, state.recovery)
            lists = {name: fields[name] for name in ("root", "next", "recovery")}
            return replace(state, **lists)
        check_signatures(entry, event, feed_id, state.root.keys, state.root.threshold)
        key = fields["key"]
        if event.kind == REVOKE:
            refuse_if(key not in state.operators, "identity_unknown_key")
            operator = state.operators[key] | {"revoked": fields}
        else:
            refuse_if(key in state.operators, "identity_duplicate_key")
            message = b"caphub/operator/1\0" + self.party
            message += struct.pack(">HQ", fields["capabilities"], fields["not_after"]) + fields["recipient"]
            refuse_if(not holds(key, message, fields["possession"]), "identity_possession")
            operator = fields | {"revoked": None}
        return replace(state, operators=state.operators | {key: operator})

    def as_stated(self):
        """The state in the form of identity.json."""
        if not self.steps:
            return None
        head, _, state = self.steps[-1]
        out = {"party_kind": state.party_kind}
        for name in ("root", "next", "recovery"):
            keys = getattr(state, name)
            out |= {name: [k.hex() for k in keys.keys], f"{name}_threshold": keys.threshold}
        out["operators"] = [operator_as_stated(state.operators[k]) for k in sorted(state.operators)]
        return out | {"conflict": self.conflict, "head_seq": len(self.steps), "head_hash": head.hex()}


def operator_as_stated(operator):
    revoked = operator["revoked"]
    if revoked is not None:
        feeds = [{"feed": f.hex(), "seq": s, "hash": h.hex()} for f, s, h in revoked["feeds"]]
        revoked = {"reason": revoked["reason"], "feeds": feeds}
    out = {name: operator[name].hex() for name in ("key", "recipient")}
    return out | {n: operator[n] for n in ("capabilities", "not_after", "label")} | {"revoked": revoked}


# Section 11.2: fingerprints of ranges.


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


# Section 14: carry files.

MARK = b"caphub carry 1\n\0"
LIMITS = {1: 2_048, 2: 1_048_675, 3: 2_097_255, 4: 65_536, 5: 65_536, 6: 233_488, 7: 113}
LIMIT_OF_LATER_TYPES = 4_194_304
BROKEN_MAX = 64


class CarryReader(Reader):
    """As the reader of identity bodies, with the reason of this section."""

    def take(self, count):
        refuse_if(self.at + count > len(self.data), "carry_format")
        self.at += count
        return self.data[self.at - count : self.at]


def parse_manifest(payload):
    """Section 14.3; the set, the part and the key."""
    refuse_if(len(payload) < 64, "carry_format")
    signed, signature = payload[:-64], payload[-64:]
    reader = CarryReader(signed)
    set_id, part, purpose = reader.take(16), reader.number(4), reader.number(1)
    _author, key, _log = reader.take(32), reader.take(32), reader.take(16)
    time, entries, count = reader.number(8), reader.number(8), reader.number(1)
    refuse_if(part == 0 or purpose > 1 or count > 16, "carry_format")
    refuse_if(time >= INTEGER_END or entries >= INTEGER_END, "carry_format")
    reader.take(48 * count)
    length = reader.number(1)
    refuse_if(length > 64, "carry_format")
    try:
        reader.take(length).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("carry_format") from None
    refuse_if(reader.at != len(signed), "carry_format")
    check_signature(key, b"caphub/carry/1\0" + signed, signature)
    return set_id, part, key


def parse_carry_feed(reader):
    party, key = reader.take(32), reader.take(reader.number(1))
    return feed_of(party, key, reader.take(reader.number(1)))


def check_payload(kind, payload):
    """Section 14.5, step 3, save for manifests."""
    reader = CarryReader(payload)
    if kind in (2, 3):
        parse_carry_feed(reader)
    if kind == 3:
        reader.take(reader.number(4))
    if kind == 5:
        reader.take(64)


def judge_end(payload, before, frames, manifest):
    refuse_if(len(payload) != 113 or payload[16] > 1, "carry_format")
    refuse_if(manifest is None, "carry_damaged")
    set_id, part, key = manifest
    message = b"caphub/carry-end/1\0" + set_id + struct.pack(">I", part) + payload[:49]
    check_signature(key, message, payload[49:])
    sound = payload[17:49] == hashlib.sha256(before).digest() and payload[:4] == struct.pack(">I", frames)
    refuse_if(not sound, "carry_damaged")


def read_carry(data, frames):
    """Fills frames; raises Refused with the reason of the file."""
    refuse_if(data[:16] != MARK[: len(data)], "carry_format")
    refuse_if(len(data) < 16, "carry_cut")
    at, manifest, broken = 16, None, 0
    while True:
        refuse_if(broken >= BROKEN_MAX, "carry_damaged")
        refuse_if(at + 13 > len(data), "carry_cut")
        kind, length = data[at], int.from_bytes(data[at + 1 : at + 5], "big")
        refuse_if(kind == 0 or length > LIMITS.get(kind, LIMIT_OF_LATER_TYPES), "carry_format")
        end = at + 13 + length
        refuse_if(end > len(data), "carry_cut")
        payload = data[at + 13 : end]
        sound = tagged("caphub/frame/1", data[at : at + 5], payload)[:8] == data[at + 5 : at + 13]
        if sound and kind == 7:
            judge_end(payload, data[:at], len(frames), manifest)
            refuse_if(end != len(data), "carry_damaged")
            return
        reason = ""
        try:
            refuse_if(not sound, "carry_damaged")
            if kind == 1:
                found = parse_manifest(payload)
                refuse_if(frames, "carry_format")
                manifest = found
            else:
                check_payload(kind, payload)
        except Refused as refused:
            reason = refused.args[0]
            broken += 1
        frames.append({"at": at, "type": kind, "reason": reason})
        at = end


# Section 13.2: head statements.

HEAD = struct.Struct(">16s32s32sB32s32sQ32sQB64s")


@dataclass(frozen=True)
class Statement:
    log: bytes
    party: bytes
    node: bytes
    class_kind: int
    class_hub: bytes
    feed: bytes
    seq: int
    hash: bytes
    time: int
    cut: int
    signature: bytes


def read_statement(data):
    refuse_if(len(data) != HEAD.size, "bad_length")
    s = Statement(*HEAD.unpack(data))
    refuse_if(s.class_kind > 2 or (s.class_kind < 2 and s.class_hub != bytes(32)), "bad_audience")
    refuse_if(s.seq >= INTEGER_END or (s.seq == 0 and s.hash != bytes(32)), "bad_seq")
    refuse_if(s.time >= INTEGER_END, "bad_time")
    refuse_if(s.cut > 2, "unknown_kind")
    check_signature(s.node, b"caphub/head/1\0" + data[:194], s.signature)
    return s


def compare_statements(feed, one, other, chain):
    """What two statements say together; chain has the hashes of an identity log's events."""
    same = [(s.log, s.party, s.node, s.feed) for s in (one, other)]
    if same[0] != same[1] or one.feed != feed.id:
        return "unrelated"
    in_order = (one.time, other.seq) <= (other.time, one.seq)
    held, lower = (one, other) if in_order else (other, one)
    if lower.seq > held.seq or (lower.seq, lower.hash) == (held.seq, held.hash):
        return "consistent"
    if feed.identity:

        def known(s):
            return s.seq == 0 or (s.seq <= len(chain) and chain[s.seq - 1] == s.hash)

        piece = held.seq != lower.seq and known(held) and known(lower)
        return "contradiction" if piece else "replaced"
    return {0: "contradiction", 1: "revoked", 2: "forked"}[lower.cut]


# Section 13.3: histories.


def leaf_hash(data):
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(tree_root(leaves[:k]), tree_root(leaves[k:]))


def implied_roots(start, end, size, path):
    """The roots of the smaller and the larger tree that a path leads to (RFC 9162 sections 2.1.3.2 and 2.1.4.2)."""
    f, s = end, size - 1
    small, large = start, start
    for hash_ in path:
        if s == 0:
            return None
        if f & 1 or f == s:
            small, large = node_hash(hash_, small), node_hash(hash_, large)
            while f and not f & 1:
                f, s = f >> 1, s >> 1
        else:
            large = node_hash(large, hash_)
        f, s = f >> 1, s >> 1
    return (small, large) if s == 0 else None


def is_consistent(size_from, root_from, size_to, root_to, path):
    if size_from == 0 or size_from == size_to:
        same = root_from == (tree_root([]) if size_from == 0 else root_to)
        return not path and size_from <= size_to and same
    if size_from > size_to:
        return False
    path = list(path)
    if size_from & (size_from - 1) == 0:
        path.insert(0, root_from)
    if not path:
        return False
    f, s = size_from - 1, size_to - 1
    while f & 1:
        f, s = f >> 1, s >> 1
    return implied_roots(path[0], f, s + 1, path[1:]) == (root_from, root_to)


def is_included(index, size, leaf, root, path):
    if index >= size:
        return False
    found = implied_roots(leaf, index, size, path)
    return found is not None and found[1] == root


@dataclass(frozen=True)
class Checkpoint:
    log: str
    size: int
    root: bytes
    restored: list


def read_note(note, key):
    """A checkpoint that the key signed, or None."""
    try:
        return open_note(note, key)
    except ValueError:  # a line with too few words, or no base64
        return None


def open_note(note, key):
    if any(c < " " and c != "\n" for c in note) or "\n\n" not in note or not note.endswith("\n"):
        return None
    text, signatures = note.rsplit("\n\n", 1)
    lines = text.split("\n")
    log = re.fullmatch("caphub/log/([0-9a-f]{32})", lines[0])
    if len(lines) < 3 or not log or "" in lines or not re.fullmatch("0|[1-9][0-9]*", lines[1]):
        return None
    root, restored = base64.b64decode(lines[2], validate=True), []
    for line in lines[3:]:
        if line.startswith("restored "):
            words = line.split(" ")
            restored = [words[1], words[2], base64.b64decode(words[3], validate=True).hex()]
    key_id = hashlib.sha256(lines[0].encode() + b"\n\1" + key).digest()[:4]
    for line in signatures[:-1].split("\n"):
        dash, name, signed = line.split(" ")
        signed = base64.b64decode(signed, validate=True)
        if dash != "\u2014" or (name, signed[:4]) != (lines[0], key_id):
            continue
        if holds(key, (text + "\n").encode(), signed[4:]):
            return Checkpoint(log[1], int(lines[1]), root, restored)
    return None


def compare_notes(one, other, middle, path):
    if one.log != other.log:
        return "unrelated"
    small, large = sorted((one, other), key=lambda c: c.size)
    if small.size == large.size:
        return "one" if small.root == large.root else "two"
    if not is_consistent(small.size, middle, large.size, large.root, path):
        return "unproven"
    return "one" if middle == small.root else "two"


# The files, section 12.


class Case:
    """The bytes of one entry of a file; hexadecimal MUST be lower case there."""

    def __init__(self, stated):
        self.stated = stated
        names = ["party_id", "operator_key", "audience", "feed_id", "header", "signature", "body", "entry_hash"]
        for name in names:
            if stated[name] != stated[name].lower():
                raise ValueError(f"{name} is not in lower case")
            setattr(self, name, bytes.fromhex(stated[name]))
        self.body = self.body or None
        self.check_hashes()

    def check_hashes(self):
        key = self.operator_key if self.audience else b""
        tag = "caphub/feed/1" if self.audience else "caphub/identity/1"
        if tagged(tag, self.party_id, key, self.audience) != self.feed_id:
            raise ValueError("feed_id is not the hash of its parts")
        if tagged("caphub/entry-hash/1", self.header, self.signature) != self.entry_hash:
            raise ValueError("entry_hash is not the hash of header and signature")

    def feed(self):
        return feed_of(self.party_id, self.operator_key if self.audience else b"", self.audience)

    def parts(self):
        return self.header, self.signature, self.body


def reason_of(judge):
    try:
        judge()
    except Refused as refused:
        return refused.args[0]
    return ""


def check_entry(stated):
    case = Case(stated)

    def judge():
        entry = parse_entry(case.feed(), *case.parts())
        check_header_signature(case.operator_key, entry)

    return compare(stated, reason_of(judge))


def check_run(stated):
    cases = [Case(entry) for entry in stated["entries"]]

    def judge():
        refuse_if(not cases, "empty_run")
        judge_run(cases[0].feed(), cases[0].operator_key, [c.parts() for c in cases])

    return compare(stated, reason_of(judge))


def check_fork(stated):
    names = ["party_id", "operator_key", "audience", "first", "second"]
    parts, common = [bytes.fromhex(stated[name]) for name in names], (0, b"")

    def judge():
        nonlocal common
        common = judge_fork(*parts)

    faults = compare(stated, reason_of(judge))
    if common != (stated["common_seq"], bytes.fromhex(stated["common_hash"])):
        faults.append(f"the last common entry is {common}")
    return faults


def compare(stated, found):
    if found != stated["reason"] or stated["valid"] != (found == ""):
        return [f'stated {stated["reason"] or "valid"}, found {found or "valid"}']
    return []


def check_carry(stated):
    frames = []
    reason = reason_of(lambda: read_carry(bytes.fromhex(stated["file"]), frames))
    faults = [] if reason == stated["reason"] else [f'stated {stated["reason"]}, found {reason}']
    if frames != stated["frames"]:
        faults.append(f'frames are stated as {stated["frames"]}, found {frames}')
    if stated["valid"] != (not reason and not any(f["reason"] for f in frames)):
        faults.append("valid is stated wrongly")
    return faults


def check_log(stated):
    log, faults = Log(bytes.fromhex(stated["party_id"])), []
    for number, event in enumerate(stated["events"], 1):
        case, applied = Case(event), ""

        def judge():
            nonlocal applied
            applied = log.apply(*case.parts())

        found = {"reason": reason_of(judge), "applied": applied, "state": log.as_stated()}
        found["accepted"] = found["reason"] == ""
        for name, value in found.items():
            if event[name] != value:
                faults.append(f"event {number}: {name} is stated as {event[name]}, found {value}")
    return faults


def check_statements(stated):
    parts = [bytes.fromhex(stated[name]) for name in ("party_id", "operator_key", "audience")]
    result = ""

    def judge():
        nonlocal result
        read = [read_statement(bytes.fromhex(s)) for s in stated["statements"]]
        if len(read) == 2:
            chain = [bytes.fromhex(h) for h in stated["chain"]]
            result = compare_statements(feed_of(*parts), *read, chain)

    found = (reason_of(judge), result)
    due = (stated["reason"], stated["result"])
    return [] if found == due else [f"stated {due}, found {found}"]


def check_history(stated):
    path = [bytes.fromhex(h) for h in stated["path"]]
    root, root_from = bytes.fromhex(stated["root"]), bytes.fromhex(stated["from_root"])
    size, size_from, key = stated["size"], stated["from"], bytes.fromhex(stated["key"])
    kind = stated["kind"]
    if kind == "root":
        holds_true = tree_root([bytes.fromhex(leaf) for leaf in stated["leaves"]]) == root
    elif kind == "consistency":
        holds_true = is_consistent(size_from, root_from, size, root, path)
    elif kind == "inclusion":
        holds_true = is_included(size_from, size, root_from, root, path)
    elif kind == "note":
        note = read_note(stated["notes"][0], key)
        holds_true = note is not None and (note.size, note.root, note.restored) == (size, root, stated["restored"])
    else:
        found = compare_notes(*[read_note(n, key) for n in stated["notes"]], root_from, path)
        return [] if found == stated["result"] else [f"stated {stated['result']}, found {found}"]
    found = "valid" if holds_true else "invalid"
    return [] if found == stated["result"] else [f"stated {stated['result']}, found {found}"]


def check_reconcile(stated):
    items, faults = [], []
    for item in stated["items"]:
        feed = feed_of(*(bytes.fromhex(item[name]) for name in ("party_id", "operator_key", "audience"))).id
        if feed.hex() != item["feed_id"]:
            faults.append("a feed id is not the hash of its parts")
        place = struct.pack(">Q", item["seq"]) + bytes.fromhex(item["entry_hash"])
        items.append((feed, feed + place + bytes([item["frozen"]])))
    if fingerprint(items, 0).hex() != stated["fingerprint"]:
        faults.append("another fingerprint")
    for part in stated["ranges"]:
        depth = len(part["path"])
        inside = [i for i in items if i[0].hex().startswith(part["path"])]
        found = {"count": len(inside), "fingerprint": fingerprint(inside, depth).hex()}
        found |= {f"below_{levels}": packed_fingerprints(inside, depth, levels).hex() for levels in (1, 2)}
        faults += [f"{part['path']}: another {name}" for name, value in found.items() if part[name] != value]
    return faults


# Section 16: published rules. The tables of countries and regions are the shipped lists, which are data.


def read_table(name):
    path = pathlib.Path(__file__).resolve().parent.parent.parent / "proto" / "src" / "codes" / name
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


COUNTRIES, GROUP_OF, NARROWEST, PARENT = [], {}, {}, {}


def read_codes():
    if COUNTRIES:
        return
    PARENT.update({row[0]: row[1] for row in read_table("regions.tsv")})
    for row in read_table("countries.tsv"):
        alpha2, _, _, intermediate, sub_region, region, groups = row[:7]
        COUNTRIES.append(alpha2)
        GROUP_OF[alpha2] = set(filter(None, groups.split(",")))
        NARROWEST[alpha2] = intermediate or sub_region or region or "001"


def in_region(code):
    def holds_it(region):
        while region:
            if region == code:
                return True
            region = PARENT[region]
        return False

    return {c for c in COUNTRIES if holds_it(NARROWEST[c])}


def in_group(code):
    return {c for c in COUNTRIES if code in GROUP_OF[c]}


def named(record):
    found = set(record.get("countries", [])) & set(COUNTRIES)
    for code in record.get("regions", []):
        found |= in_region(code)
    return found


def let_in(rule):
    """Whom the lists name, and whom the rule excludes."""
    if not rule or not any(rule.get(name) for name in ("countries", "regions", "groups")):
        lists = set(COUNTRIES)
    else:
        lists = named(rule).union(*(in_group(g) for g in rule.get("groups", [])))
    return lists, set((rule or {}).get("excluded_countries", []))


def weights_of(rules, kind, default):
    if rules is None:
        return default
    found = dict.fromkeys(default, 0)
    names = [w["criterion"] for w in rules["weights"]]
    ok = rules["rule_type"] == kind and len(names) == len(set(names)) and set(names) <= set(default)
    for weight in rules["weights"]:
        ok = ok and weight["weight"] <= 1_000
        found[weight["criterion"]] = weight["weight"]
    return found if ok and any(found.values()) else None


DEFAULT_MATCHING = {
    "theme": 25,
    "place": 15,
    "offer_type": 10,
    "delivery": 10,
    "language": 10,
    "window": 10,
    "capacity": 5,
    "eligibility": 5,
    "cost": 5,
    "terms": 5,
}
DEFAULT_PRIORITY = {"unmet": 30, "ldc": 15, "lldc": 10, "sids": 10, "never_served": 20, "waiting": 15}
FULL = (60, "full")


def part(some, whole, why):
    return FULL if some >= whole else (max(1, some * 60 // whole), why)


def window_of(record):
    window = record.get("window") or {}
    ends = [window.get("from") or "0001-01-01", window.get("until") or "9999-12-31"]
    return [datetime.date.fromisoformat(end) for end in ends]


def primary(tags):
    return {tag.split("-")[0].lower() for tag in tags}


def share_place(of, offer):
    area = named(offer)
    if of <= set(offer.get("countries", [])):
        return FULL
    if not offer.get("countries") and not offer.get("regions"):
        return 40, "place_open"
    if of <= area:
        return 48, "place_region"
    return (24, "place_part") if of & area else (0, "place_other")


def share_delivery(asked, given):
    asked, given = set(asked), set(given)
    if not asked or asked & given:
        return FULL
    if not given:
        return 30, "delivery_unstated"
    either = {"in_person", "online"}
    near = ("hybrid" in asked and either & given) or ("hybrid" in given and either & asked)
    return (40, "delivery_near") if near else (0, "delivery_other")


def share_language(asked, given):
    if not asked or primary(asked) & primary(given):
        return FULL
    return (0, "language_other") if given else (30, "language_unstated")


def share_window(need, offer):
    (a, b), (c, d) = window_of(need), window_of(offer)
    both = (min(b, d) - max(a, c)).days + 1
    if both <= 0:
        return 0, "window_apart"
    stated = need.get("window") or {}
    if not stated.get("from") or not stated.get("until"):
        return FULL
    return part(both, (b - a).days + 1, "window_part")


def share_capacity(asked, given):
    if not asked or not asked.get("amount"):
        return FULL
    if not given or not given.get("amount"):
        return 30, "capacity_unstated"
    if asked["unit"].strip().lower() != given["unit"].strip().lower():
        return 20, "capacity_unit"
    return part(given["amount"], asked["amount"], "capacity_part")


def share_eligibility(of, may):
    if may == set(COUNTRIES) or (of and of <= may):
        return FULL
    if not of:
        return 30, "eligibility_unknown"
    return (30, "eligibility_part") if of & may else (0, "eligibility_none")


def share_cost(cost):
    if cost and cost.get("free"):
        return FULL
    return (15, "cost_price") if cost and cost.get("price") else (30, "cost_unstated")


def share_terms(terms, offer):
    if not terms:
        return FULL
    def plain(record, name):
        return {word.strip().lower() for word in record.get(name, [])}

    ours, theirs = plain(terms, "languages"), plain(offer, "languages")
    laws = [record.get("law", "").strip().lower() for record in (terms, offer)]
    data = plain(terms, "data_locations")
    conflict = ours and theirs and not ours & theirs
    conflict = conflict or (all(laws) and laws[0] != laws[1])
    conflict = conflict or (data and not plain(offer, "data_locations") <= data)
    if conflict or plain(terms, "technology_not_accepted") & plain(offer, "technology"):
        return 0, "terms_conflict"
    return (30, "terms_conditions") if offer.get("conditions") else FULL


def shut_off(of, need, offer, today):
    lists, excluded = let_in(offer.get("eligibility"))
    shut = bool(of) and not of & (lists - excluded)
    by_name = shut and bool(of & excluded) and of & lists <= excluded
    reach = named(offer.get("reachable_from") or {})
    facts = {
        "excluded": by_name,
        "not_eligible": shut and not by_name,
        "not_reachable": bool(of) and bool(reach) and not of & reach,
        "offer_past": window_of(offer)[1] < today,
        "need_past": window_of(need)[1] < today,
    }
    return [name for name, holds_true in facts.items() if holds_true]


TODAY = datetime.date(2026, 11, 25)


def match(stated):
    need, offer = stated["need"], stated["offer"]
    weights = weights_of(stated.get("weights"), "matching", DEFAULT_MATCHING)
    if weights is None:
        return "bad weights"
    themes, shared = set(need["themes"]), set(need["themes"]) & set(offer["themes"])
    if not shared:
        return None
    of = named(need) or {stated["country"]} & set(COUNTRIES)
    lists, excluded = let_in(offer.get("eligibility"))
    types = need.get("offer_types", [])
    shares = {
        "theme": part(len(shared), len(themes), "theme_part"),
        "place": share_place(of, offer),
        "offer_type": FULL if not types or offer.get("offer_type") in types else (0, "type_other"),
        "delivery": share_delivery(need.get("delivery_modes", []), offer.get("delivery_modes", [])),
        "language": share_language(need.get("languages", []), offer.get("languages", [])),
        "window": share_window(need, offer),
        "capacity": share_capacity(need.get("asked"), offer.get("capacity")),
        "eligibility": share_eligibility(of, lists - excluded),
        "cost": share_cost(offer.get("cost")),
        "terms": share_terms(need.get("terms"), offer),
    }
    criteria = [
        {"criterion": name, "share": share, "why": why, "points": weights[name] * share // 60}
        for name, (share, why) in shares.items()
    ]
    score = sum(c["points"] for c in criteria)
    return {"score": score, "criteria": criteria, "exclusions": shut_off(of, need, offer, TODAY)}


def prioritise(stated):
    weights = weights_of(stated.get("weights"), "priority", DEFAULT_PRIORITY)
    of = set(stated["countries"])
    waiting = min(stated["waiting_days"], 360) if stated["unmet"] else 0
    shares = {name: 360 * bool(of & in_group(name)) for name in ("ldc", "lldc", "sids")}
    shares |= {"unmet": 360 * stated["unmet"], "never_served": 360 * (stated["served"] == 0), "waiting": waiting}
    points = [weights[name] * shares[name] // 360 for name in DEFAULT_PRIORITY]
    return {"score": sum(points), "points": points}


def allocate(stated):
    lists, excluded = let_in(stated["eligibility"])
    hashes = sorted({bytes.fromhex(a["application"]) for a in stated["applications"]})
    count = struct.pack(">I", len(hashes))
    list_hash = tagged("caphub/closing/1", bytes.fromhex(stated["call"]), count, *hashes)
    value = stated["value"] and bytes.fromhex(stated["value"])

    def outside(application):
        of = set(application["countries"])
        if not application["attested"]:
            return "not_attested"
        if of & (lists - excluded):
            return None
        return "excluded" if of & excluded else "not_eligible"

    def lot(application):
        return tagged("caphub/draw/1", value, list_hash, bytes.fromhex(application["application"])) if value else None

    def row(application, outcome, rank=0, tier=0, drawn=None):
        drawn = drawn.hex() if drawn else None
        return {"application": application["application"], "outcome": outcome, "rank": rank, "tier": tier, "lot": drawn}

    applications = sorted(stated["applications"], key=lambda a: a["application"])
    within = [a for a in applications if not outside(a)]
    placed, given = [], 0
    for tier, priority in enumerate(sorted({a["priority"] for a in within}, reverse=True), 1):
        same = sorted((lot(a) or b"", a["application"], a) for a in within if a["priority"] == priority)
        left = max(0, stated["places"] - given)
        for at, (drawn, _, application) in enumerate(same):
            if left >= len(same):
                outcome = "place"
            elif left == 0:
                outcome = "no_place"
            elif not drawn:
                outcome = "undrawn"
            else:
                outcome = "place" if at < left else "no_place"
            placed.append(row(application, outcome, given + at + 1, tier, drawn))
        given += len(same)
    placed += [row(a, outside(a)) for a in applications if outside(a)]
    return {"list_hash": list_hash.hex(), "placed": placed}


def cover(stated):
    within, needs = in_region(stated["region"]), stated["needs"]
    waited = {n["id"]: max(0, (TODAY - datetime.date.fromisoformat(n["since"])).days) for n in needs}

    def counts(of):
        mine = [n for n in needs if of & set(n["countries"])]
        unmet = [n for n in mine if not n["met"]]
        without = [n for n in unmet if not n["open_offers"]]
        themes = sorted({t for n in without for t in n["themes"]})
        return {
            "needs": len(mine),
            "unmet": len(unmet),
            "without_offer": len(without),
            "themes_without_offer": {t: sum(t in n["themes"] for n in without) for t in themes},
            "longest_days": max([waited[n["id"]] for n in unmet], default=0),
        }

    def order(row, code):
        return -row["counts"]["longest_days"], -row["counts"]["unmet"], row[code]

    hubs, admitted = set(stated["hubs"]), set(stated["admitted"])
    countries = [{"country": c, "hub": c in hubs, "admitted": c in admitted, "counts": counts({c})} for c in within]
    regions = []
    for region in {NARROWEST[c] for c in within}:
        of = {c for c in within if NARROWEST[c] == region}
        row = {"region": region, "countries": len(of), "with_hub": len(of & hubs), "admitted": len(of & admitted)}
        regions.append(row | {"counts": counts(of)})
    unmet = sorted((n["since"], n["id"]) for n in needs if not n["met"] and within & set(n["countries"]))
    return {
        "countries": sorted(countries, key=lambda row: order(row, "country")),
        "regions": sorted(regions, key=lambda row: order(row, "region")),
        "unmet": [id for _, id in unmet],
    }


STAGES = {"accepted": 1, "active": 1, "disputed": 1, "delivered": 2, "confirmed": 3, "evaluated": 3}


def distribute(stated):
    def is_in(countries, group):
        if group == "none":
            return not countries
        return bool(set(countries) & (in_group(group) if group.isalpha() else in_region(group)))

    groups = []
    for group in ["ldc", "lldc", "sids", "002", "019", "142", "150", "009", "none"]:
        mine = [n for n in stated["needs"] if is_in(n["countries"], group)]
        stages = [STAGES.get(n["state"], 0) for n in mine]
        groups.append({
            "group": group,
            "needs": len(mine),
            "matched": sum(n["open_offers"] > 0 for n in mine),
            "under_way": sum(s in (1, 2) for s in stages),
            "served": stages.count(3),
            "shut_off": sum(n["open_offers"] == 0 < n["shut_offers"] for n in mine),
            "refused": sum(is_in(of, group) for of in stated["refusals"]),
        })

    def is_free_of_conditions(offer):
        priced = (offer.get("cost") or {}).get("price")
        return not (offer.get("conditions") or priced or (offer.get("eligibility") or {}).get("excluded_countries"))

    providers = []
    for provider in sorted({o["provider"] for o in stated["offers"] + stated["engagements"]}):
        offers = [o["offer"] for o in stated["offers"] if o["provider"] == provider]
        stages = [STAGES.get(e["state"], 0) for e in stated["engagements"] if e["provider"] == provider]
        providers.append({
            "provider": provider,
            "offers": len(offers),
            "unconditional": sum(map(is_free_of_conditions, offers)),
            "conditions": sum(len(o.get("conditions", [])) for o in offers),
            "pledged": sum(s >= 1 for s in stages),
            "delivered": sum(s >= 2 for s in stages),
            "confirmed": sum(s >= 3 for s in stages),
        })
    return {"groups": groups, "providers": providers}


def check_rules(stated):
    read_codes()
    judges = {
        "matching": match,
        "priority": prioritise,
        "allocation": allocate,
        "coverage": cover,
        "distribution": distribute,
    }
    found = judges[stated["kind"]](stated["input"])
    return [] if found == stated["result"] else [f"stated {stated['result']}, found {found}"]


CHUNK_SIZES = [256 * 1024, 512 * 1024, 1024 * 1024]


def chunk_size(length):
    return next(size for size in CHUNK_SIZES if -(-length // size) <= 4096)


def chunk_list(data):
    size = chunk_size(len(data))
    hashes = [tagged("caphub/chunk/1", data[at : at + size]) for at in range(0, len(data), size)]
    return b"\x01" + size.to_bytes(4, "big") + len(data).to_bytes(8, "big") + b"".join(hashes)


def list_is_valid(data, manifest):
    if tagged("caphub/manifest/1", data) != manifest or len(data) < 13 or (len(data) - 13) % 32:
        return False
    size, length = int.from_bytes(data[1:5], "big"), int.from_bytes(data[5:13], "big")
    if data[0] != 1 or length > 4 << 30 or size != chunk_size(length):
        return False
    return -(-length // size) == (len(data) - 13) // 32


def barrier_standing(case):
    steps = sorted(case["steps"], key=lambda s: (s["number"], s["hash"]))
    turns = {
        "reported": {"reported"},
        "eased": {"reported", "eased", "recurred"},
        "lifted": {"reported", "eased", "lifted", "recurred"},
        "recurred": {"eased", "lifted", "recurred"},
    }
    state, begun, back, out = "reported", steps[0]["number"], 0, []
    as_of = steps[0]["as_of"] or case["since"]
    for step in steps[1:]:
        said = step["state"]
        if state not in turns[said]:
            out.append(step["number"])
            continue
        if said == "recurred" and state != "recurred":
            back, begun = back + 1, step["number"]
        if said != state:
            as_of = step["as_of"] or case["since"]
        state = said
    replies = [r for r in case["replies"] if r["party"] != case["reporter"] and max(r["number"], 1) >= begun]
    latest = {}
    for reply in sorted(replies, key=lambda r: (r["number"], r["hash"])):
        latest[reply["party"]] = reply["claim"]
    claims = [
        {"party": party, "provider": party == case["provider"], "state": claim}
        for party, claim in sorted(latest.items())
        if claim and state != "lifted" and claim != state
    ]
    shown = "answered" if state == "reported" and replies else state
    return {
        "state": shown, "answered": bool(replies), "as_of": as_of, "recurrences": back, "claims": claims,
        "out_of_turn": out,
    }


def check_artifact(case):
    if case["kind"] == "file":
        data = bytes(i % 251 for i in range(case["bytes"]))
        found = {"digest": hashlib.sha256(data).hexdigest(), "list": chunk_list(data).hex()}
        found["manifest"] = tagged("caphub/manifest/1", chunk_list(data)).hex()
    elif case["kind"] == "list":
        found = {"valid": list_is_valid(bytes.fromhex(case["list"]), bytes.fromhex(case["manifest"]))}
    elif case["kind"] == "endorsement":
        about = bytes.fromhex(case["party"] + case["record_id"]) + case["endorsement_type"].encode()
        found = {"result": tagged("caphub/endorsement/1", about)[:16].hex()}
    else:
        found = barrier_standing(case)
    return [f"{name} is {value}" for name, value in found.items() if case[name] != value]


# Section 5.1: what an opened age file says.

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


def check_seal(stated):
    if stated["key"]:
        weak = small_order(bytes.fromhex(stated["key"]))
        return [] if weak == stated["weak"] else [f"stated {stated['weak']}, found {weak}"]
    plain, audience = bytes.fromhex(stated["plain"]), bytes.fromhex(stated["audience"])
    place = bytes.fromhex(stated["feed_id"]) + struct.pack(">Q", stated["seq"])

    def judge():
        refuse_if(plain[:40] != place, "record_malformed")
        fields = protobuf(plain[40:])
        kinds = {number for number, _ in fields if number >= 10}
        sealing = [value for number, value in fields if number == 6]
        if audience[0] == 3:
            refuse_if(kinds & SEALED_NEVER, "open_only")
            openings = [v for s in sealing for n, v in protobuf(s) if n == 2]
            opening = openings[-1] if openings else b""
            thread = tagged("caphub/thread/1", opening)[:16]
            refuse_if(len(opening) != 32 or thread != audience[1:], "not_in_thread")
        else:
            refuse_if(sealing, "record_invalid")
            refuse_if(kinds & SEALED_ONLY, "sealed_only")

    found = reason_of(judge)
    return [] if found == stated["reason"] else [f"stated {stated['reason']}, found {found}"]


def main():
    here = pathlib.Path(__file__).resolve().parent
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here.parent.parent / "proto" / "vectors"
    failed = 0
    files = [
        ("entries", check_entry),
        ("runs", check_run),
        ("identity", check_log),
        ("reconcile", check_reconcile),
        ("forks", check_fork),
        ("statements", check_statements),
        ("history", check_history),
        ("carry", check_carry),
        ("seals", check_seal),
        ("rules", check_rules),
        ("artifacts", check_artifact),
        ("acts", check_acts),
    ]
    for name, check in files:
        cases = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))["cases"]
        for case in cases:
            for fault in check(case):
                failed += 1
                print(f"{name}.json: {case['name']}: {fault}", file=sys.stderr)
        print(f"{name}.json: {len(cases)} cases")
        failed += not cases
    if failed:
        print(f"error: {failed} results differ from what the files state", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
