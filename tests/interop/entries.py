"""Sections 2.3, 2.4, 3 and 13.1 of SPEC.md: feeds, entries, runs and fork proofs."""

import struct
from dataclasses import dataclass

from strict import Refused, check_signature, is_good_point, refuse_if, tagged

INTEGER_END = 1 << 53
BODY_MIN, BODY_MAX = 16, 65_536
RUN_ENTRIES_MAX, RUN_BYTES_MAX = 1_024, 1_048_576


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
