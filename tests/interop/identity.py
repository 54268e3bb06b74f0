"""Section 4 of SPEC.md: identity events, who signs them, and the state after each."""

import hashlib
import struct
from dataclasses import dataclass, field, replace

from entries import INTEGER_END, check_header_signature, feed_of, parse_entry
from strict import Refused, holds, refuse_if, tagged

KEYS_MAX, LABEL_MAX, REVOKE_MAX, LOG_MAX = 16, 64, 1_024, 4_096


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
