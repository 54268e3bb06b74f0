"""What one organisation holds: every run verified (3.3), every identity event judged (4), every record's authority (8.1)."""

from dataclasses import dataclass, field

from entries import Entry, chain_run, check_header_signature, feed_of, unpack
from identity import Log
from google.protobuf.message import DecodeError
from reconcile import fingerprint
from revisions import One, judge
from strict import refuse_if

from caphub.v1 import records_pb2

ZERO = bytes(32)


@dataclass
class Held:
    """A feed: its parts as they travel, and its entries from 1 on."""

    party: bytes
    key: bytes
    audience: bytes
    entries: list = field(default_factory=list)

    def __post_init__(self):
        self.feed = feed_of(self.party, self.key, self.audience)

    def head(self):
        return (self.entries[-1].seq, self.entries[-1].hash) if self.entries else (0, ZERO)

    def class_bytes(self):
        """Section 11.2: sealed feeds are compared with those of the network."""
        kind = b"\0" if self.feed.identity else self.audience[:1]
        return {b"\2": self.audience, b"\3": b"\1"}.get(kind, kind)

    def packed(self, start, end):
        return b"".join(packed_one(e) for e in self.entries[start - 1 : end])


def packed_one(entry: Entry):
    body = b"\0" if entry.body is None else b"\1" + entry.body
    return entry.header + entry.signature + body


class Replica:
    def __init__(self):
        self.logs, self.feeds = {}, {}

    def held(self, party, key, audience):
        feed = feed_of(party, key, audience)
        return self.feeds.setdefault(feed.id, Held(party, key, audience))

    def take(self, party, key, audience, packed):
        """Verifies a run, whoever sent it, and keeps what is new; how many entries that were. Raises Refused."""
        feed = feed_of(party, key, audience)
        parts = unpack(packed)
        if feed.identity:
            return self.take_events(party, parts)
        run = chain_run(feed, parts)
        check_header_signature(key, run[-1])
        self.check_authority(party, key, feed, run)
        held = self.feeds.get(feed.id) or Held(party, key, audience)
        seq, _ = held.head()
        refuse_if(run[0].seq > seq + 1, "gap")
        for entry in run:
            if entry.seq <= seq:
                refuse_if(held.entries[entry.seq - 1].hash != entry.hash, "fork")
        fresh = [e for e in run if e.seq > seq]
        if fresh and seq:
            refuse_if(fresh[0].previous != held.entries[-1].hash, "fork")
        for entry in run:  # A body that was withheld before is filled in.
            if entry.seq <= seq and held.entries[entry.seq - 1].body is None:
                held.entries[entry.seq - 1] = entry
        held.entries += fresh
        self.feeds[feed.id] = held
        return len(fresh)

    def take_events(self, party, parts):
        log = self.logs.get(party) or Log(party)
        held = self.feeds.get(log.feed.id) or Held(party, b"", b"")
        fresh = 0
        for header, signature, body in parts:
            (entry,) = chain_run(log.feed, [(header, signature, body)])
            done = log.apply(header, signature, body)
            if done != "known":
                held.entries[entry.seq - 1 :] = [entry]
                fresh += 1
        self.logs[party], self.feeds[log.feed.id] = log, held
        for other in self.feeds.values():  # What a new revocation voids is let go.
            if other.party == party and not other.feed.identity:
                del other.entries[self.end_of(other) :]
        return fresh

    def operator(self, party, key):
        log = self.logs.get(party)
        return log.steps[-1][2].operators.get(key) if log else None

    def cut_of(self, party, key, feed_id):
        """(seq, hash) of the last entry that counts where the key is revoked; None where nothing cuts it off."""
        operator = self.operator(party, key)
        if not operator or operator["revoked"] is None:
            return None
        named = [(s, h) for f, s, h in operator["revoked"]["feeds"] if f == feed_id]
        return named[0] if named else (0, ZERO)

    def check_authority(self, party, key, feed, run):
        """Section 4.5."""
        refuse_if(party not in self.logs, "unknown_party")
        refuse_if(self.operator(party, key) is None, "unknown_key")
        cut = self.cut_of(party, key, feed.id)
        if cut is not None:
            refuse_if(run[-1].seq > cut[0], "revoked")
            at = [e for e in run if e.seq == cut[0]]
            refuse_if(at and at[0].hash != cut[1], "revoked")

    def end_of(self, held):
        """How many entries of a records feed count; all where no revocation cuts it off."""
        cut = self.cut_of(held.party, held.key, held.feed.id)
        if cut is None:
            return len(held.entries)
        seq, named = cut
        reached = seq <= len(held.entries) and (seq == 0 or held.entries[seq - 1].hash == named)
        return seq if reached or seq > len(held.entries) else 0

    def stated(self, class_, own=None, named=()):
        """(feed id, item) of each feed of a class; for class 04, those of `own` whose class is not in `named`."""
        out = []
        for held in self.feeds.values():
            seq, entry_hash = held.head()
            mine = held.party == own and held.class_bytes() not in named
            if seq and (held.class_bytes() == class_ or (class_ == b"\4" and mine)):
                out.append((held.feed.id, held.feed.id + seq.to_bytes(8, "big") + entry_hash + b"\0"))
        return out

    def root(self, items):
        return fingerprint(items, 0)[:16]

    def judged(self):
        """([(held, entry, why it is void)] of every records entry, {(party, record id): verdict})."""
        groups, out, absent = {}, [], []
        for held in self.feeds.values():
            for entry in held.entries if not held.feed.identity else ():
                if entry.body is None:
                    absent.append((held, entry))
                elif held.audience[:1] == b"\3":
                    out.append((held, entry, "sealed"))
                elif (revision := decoded(entry.body)) is None:
                    out.append((held, entry, "record_malformed"))
                else:
                    groups.setdefault((held.party, revision.record_id), []).append(One(held, entry, revision))
        verdicts = {
            record: judge(ones, lambda one: self.operator(one.held.party, one.held.key))
            for record, ones in groups.items()
        }
        out += [(one.held, one.entry, one.void) for ones in groups.values() for one in ones]
        excused = {(party, *place) for (party, _), verdict in verdicts.items() for place in verdict.excused}
        for held, entry in absent:
            erased = (held.party, held.feed.id, entry.seq) in excused
            out.append((held, entry, "erased" if erased else "body_missing"))
        return out, verdicts

    def records(self):
        """What is shown of each record that counts and is not withdrawn."""
        shown = [verdict.shown for verdict in self.judged()[1].values()]
        return [one for one in shown if one and one.kind != "withdraw"]

    def admitted(self, hub):
        """Parties that this hub attests, with their level."""
        found = {}
        for one in sorted(self.records(), key=lambda one: one.entry.time):
            if one.held.party == hub and one.kind == "attestation":
                found[one.revision.attestation.party] = one.revision.attestation.level
        return found


def decoded(body):
    """The revision in a body, or None where it is no protobuf."""
    revision = records_pb2.Revision()
    try:
        revision.ParseFromString(body[16:])
    except DecodeError:
        return None
    return revision
