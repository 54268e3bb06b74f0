"""Sections 13.2 and 13.3 of SPEC.md: head statements, histories and checkpoints."""

import base64
import hashlib
import re
import struct
from dataclasses import dataclass

from entries import INTEGER_END
from strict import check_signature, holds, refuse_if

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
