"""Section 11 of SPEC.md from a member's side: hello, reconcile, pull and push, each answer checked."""

from entries import feed_of
from evidence import is_included, leaf_hash, read_note, read_statement
from link import dial
from party import now_ms
from reconcile import below, fingerprint
from revisions import SERVE
from strict import Refused

from caphub.v1 import federation_pb2 as wire
from caphub.v1 import federation_pb2_grpc

CALLS_MAX = 64
PATIENCE = 30
MESSAGE = 262_144


class Far:
    """A hub's node at the end of a link of one of our keys."""

    def __init__(self, replica, party, operator, card):
        self.replica, self.party, self.hub = replica, party, card["hub"]
        faults = []
        for address in card["address"]:
            try:
                self.channel, self.node = dial(address, party, operator, card["hub"])
                break
            except (OSError, ValueError) as fault:
                faults.append(f"{address}: {fault}")
        else:
            raise ConnectionError("; ".join(faults) or "the card names no address")
        self.federation = federation_pb2_grpc.FederationServiceStub(self.channel)

    def hello(self):
        said = self.federation.Hello(
            wire.HelloRequest(versions=[1], software="interop", time_ms=now_ms()), timeout=PATIENCE
        )
        if (said.version, said.party_id, said.node_key) != (1, self.hub, self.node):
            raise ValueError("hello states another party or node than the certificate")
        return said

    def learn_hub(self):
        """First contact: the hub's identity log over this link, before anything else is trusted."""
        feed = feed_of(self.hub, b"", b"").id
        self.pull([(feed, 1)])
        operator = self.replica.operator(self.hub, self.node)
        if not operator or not operator["capabilities"] & SERVE or operator["revoked"] or operator["not_after"] < now_ms():
            raise ValueError("the hub's identity log does not let this node serve")

    def pull(self, ranges):
        """Takes in ranges of feeds; what was refused, and why."""
        request = wire.PullRequest(ranges=[wire.FeedRange(feed_id=f, **{"from": start}) for f, start in ranges])
        asked, taken, refused = {f for f, _ in ranges}, 0, []
        for message in self.federation.Pull(request, timeout=PATIENCE):
            for run in message.runs:
                parts = run.feed.party_id, run.feed.operator_key, run.feed.audience
                try:
                    if feed_of(*parts).id not in asked:
                        raise ValueError("a feed that was not asked for")
                    taken += self.replica.take(*parts, run.entries)
                except Refused as reason:
                    refused.append((feed_of(*parts).id.hex(), reason.args[0]))
        return taken, refused

    def differences(self, roots):
        """{feed id: head stated by the far end, or None} of all feeds of which the two sides state different things."""
        named, out = [getattr(root, "class") for root in roots], {}
        work, calls = {}, 0
        for root, class_ in zip(roots, named):
            ours = self.replica.stated(class_, self.party, named)
            if self.replica.root(ours) != root.fingerprint:
                work[class_] = [b""]
        while work:
            calls += 1
            if calls > CALLS_MAX:
                raise ValueError("reconcile does not end")
            asks = [
                wire.ClassAsks(**{"class": c}, asks=[wire.RangeAsk(path=p, levels=0, heads_max=16) for p in sorted(paths)])
                for c, paths in sorted(work.items())
            ]
            answer = self.federation.Reconcile(wire.ReconcileRequest(classes=asks), timeout=PATIENCE)
            work, asked = {}, work
            for answers in answer.classes:
                class_ = getattr(answers, "class")
                for part in answers.answers:
                    asked[class_].remove(part.path)  # ValueError where it was not asked for
                    ours = self.within(self.replica.stated(class_, self.party, named), part.path)
                    if part.children:
                        deeper = self.unequal(ours, part)
                        work.setdefault(class_, []).extend(deeper)
                    else:
                        self.compare(ours, part, out)
            work = {c: paths for c, paths in work.items() if paths}
        return out, calls

    @staticmethod
    def within(items, path):
        digits = "".join(f"{step:x}" for step in path)
        return [i for i in items if i[0].hex().startswith(digits)]

    @staticmethod
    def unequal(ours, part):
        """Paths of the ranges one half byte deeper whose fingerprints differ."""
        mask, prints = int.from_bytes(part.children[:2], "big"), part.children[2:]
        deeper = []
        for step in range(16):
            theirs = bytes(16)
            if mask >> (15 - step) & 1:
                theirs, prints = prints[:16], prints[16:]
            depth = len(part.path)
            if fingerprint(below(ours, depth, step), depth + 1)[:16] != theirs:
                deeper.append(part.path + bytes([step]))
        if prints:
            raise ValueError("fingerprints are left over")
        return deeper

    def compare(self, ours, part, out):
        ours, digits = dict(ours), "".join(f"{step:x}" for step in part.path)
        if part.count != len(part.heads):
            raise ValueError("heads are missing")
        for head in part.heads:
            feed = feed_of(head.feed.party_id, head.feed.operator_key, head.feed.audience).id
            if not feed.hex().startswith(digits):
                raise ValueError("a head outside its range")
            item = feed + head.seq.to_bytes(8, "big") + head.entry_hash + bytes([head.frozen])
            if ours.pop(feed, None) != item:
                out[feed] = head
        out.update(dict.fromkeys(ours))

    def sync(self):
        """One sync; what moved, and what either side refused."""
        said = self.hello()
        self.learn_hub()
        differing, calls = self.differences(said.roots)
        identity_first = sorted(differing, key=lambda f: not (differing[f] and not differing[f].feed.audience))
        ranges = []
        for feed in identity_first:
            head, held = differing[feed], self.replica.feeds.get(feed)
            seq = held.head()[0] if held else 0
            if head and head.seq > seq:
                ranges.append((feed, seq + 1))
        taken, refused = self.pull(ranges) if ranges else (0, [])
        starts = {f: head.seq if head else 0 for f, head in differing.items()}
        report = {"standing": said.standing, "reconcile_calls": calls, "received": taken, "refused_here": refused}
        return report | self.push({f: s for f, s in starts.items() if f in self.replica.feeds})

    def push(self, starts):
        """Sends what we hold of these feeds above what the far end states, identity feeds first."""
        messages, sent = [], []
        feeds = sorted((self.replica.feeds[f] for f in starts), key=lambda h: not h.feed.identity)
        for held in feeds:
            start, end = starts[held.feed.id] + 1, held.head()[0]
            if start <= end and held.party == self.party:
                feed = wire.Feed(party_id=held.party, operator_key=held.key, audience=held.audience)
                messages += [wire.PushRequest(runs=[r]) for r in runs_of(feed, held, start, end)]
                sent.append(held)
        done = {"stored": 0, "known": 0, "refusals": [], "receipts": 0}
        for answer in self.federation.Push(iter(messages), timeout=PATIENCE) if messages else ():
            done["stored"] += answer.stored
            done["known"] += answer.known
            for refusal in answer.refusals:
                place = {"feed": refusal.feed_id.hex(), "from": getattr(refusal, "from")}
                done["refusals"].append(place | {"reason": refusal.reason})
            for receipt in answer.receipts:
                self.check_receipt(receipt)
                done["receipts"] += 1
        return done

    def check_receipt(self, receipt):
        """Section 13.2: a signed word of this node that it holds the feed up to there."""
        stated = read_statement(receipt.statement)
        feed = feed_of(receipt.feed.party_id, receipt.feed.operator_key, receipt.feed.audience)
        held = self.replica.feeds[feed.id]
        if (stated.party, stated.node, stated.feed) != (self.hub, self.node, feed.id):
            raise ValueError("a receipt of another node or feed")
        if stated.seq and held.entries[stated.seq - 1].hash != stated.hash:
            raise ValueError("a receipt of another entry")

    def check_published(self, held, entry):
        """Section 13.3: a public entry lies in the history that the node signs."""
        said = self.federation.Checkpoint(wire.CheckpointRequest(feed_id=held.feed.id, seq=entry.seq), timeout=PATIENCE)
        note = read_note(said.note, said.node_key)
        operator = self.replica.operator(self.hub, said.node_key)
        if note is None or not operator or not operator["capabilities"] & SERVE:
            raise ValueError("the checkpoint is not signed by a node of the hub")
        if not is_included(said.leaf, note.size, leaf_hash(entry.hash), note.root, list(said.inclusion)):
            raise ValueError("the entry is not in the history")
        return note.size

    def heads(self):
        """{feed id: (seq, hash)} by the other way of asking, for those that do not reconcile."""
        out = {}
        for message in self.federation.Heads(wire.HeadsRequest(), timeout=PATIENCE):
            for head in message.heads:
                feed = feed_of(head.feed.party_id, head.feed.operator_key, head.feed.audience)
                out[feed.id] = head.seq, head.entry_hash
        return out


def runs_of(feed, held, start, end):
    """Runs that each fit a message."""
    at, packed = start, b""
    for seq in range(start, end + 1):
        one = held.packed(seq, seq)
        if packed and (len(packed) + len(one) > MESSAGE or seq - at == 1_024):
            yield wire.Run(feed=feed, entries=packed)
            at, packed = seq, b""
        packed += one
    yield wire.Run(feed=feed, entries=packed)
