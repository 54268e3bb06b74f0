"""Section 8.1 of SPEC.md: which revisions of a record count, which one is shown, and what its withdrawals erase."""

from dataclasses import dataclass, field

from validity import is_valid

PUBLISH, ENGAGE, ADMIT, TREASURY, SERVE = 1, 2, 4, 8, 16
CAPABILITY = {
    **dict.fromkeys(("call", "nomination", "engagement", "fellowship"), ENGAGE),
    **dict.fromkeys(("attestation", "recognition", "refusal"), ADMIT),
    **dict.fromkeys(("node_card", "erasure"), SERVE),
    "fund": TREASURY,
}
ACTS = {"engagement", "fellowship", "fund"}
SEALED_ONLY = {"nomination", "thread_grant"}
# Bodies of these kinds can never be erased (8.2).
KEPT = {"attestation", "recognition", "refusal", "reply", "withdraw", "erasure"} | ACTS


@dataclass
class One:
    """A revision with its place, and why it is void; `party` and `key` are those of its feed."""

    held: object
    entry: object
    revision: object
    void: str = ""

    @property
    def kind(self):
        return self.revision.WhichOneof("record")

    def withdrawal(self):
        return self.revision.withdraw if self.kind == "withdraw" else None

    def erases(self):
        return self.kind == "withdraw" and self.revision.withdraw.erase

    def needed(self):
        """Capabilities for what it is; of a withdrawal, also for what it says that it takes back."""
        of = CAPABILITY.get(self.kind, PUBLISH)
        stated = self.revision.withdraw.kind if self.kind == "withdraw" else ""
        return of | (CAPABILITY.get(stated, PUBLISH) if stated else 0)

    def kind_as_was(self):
        return (self.revision.withdraw.kind if self.kind == "withdraw" else "") or self.kind


@dataclass
class Verdict:
    shown: One | None = None
    conflicts: list = field(default_factory=list)
    excused: set = field(default_factory=set)


def judge(ones, operator_of):
    """Judges all revisions of one record, which are of one party; sets why each is void."""
    by_hash = {one.entry.hash: one for one in ones}
    for one in ones:
        one.void = alone(one, by_hash, operator_of(one))
    in_order = sorted((o for o in ones if not o.void), key=lambda o: (o.revision.number, o.entry.hash))
    for one in in_order:
        if one.held.audience != in_order[0].held.audience:
            one.void = "bad_audience"
    named = {(e.feed_id, e.seq) for o in ones if not o.void and o.erases() for e in o.revision.withdraw.entries}
    kept = {h: o for h, o in by_hash.items() if (o.held.feed.id, o.entry.seq) not in named or o.kind in KEPT}
    counted = {}
    for one in kept.values():
        if one.void:
            continue
        if counts(one, kept):
            counted[one.entry.hash] = one
        else:
            one.void = "wrong_parents"
    replaced = {parent for one in counted.values() for parent in behind(one, by_hash)}
    tips = sorted((o for h, o in counted.items() if h not in replaced), key=lambda o: (o.revision.number, o.entry.hash))
    excused = {
        (e.feed_id, e.seq)
        for o in counted.values()
        if o.erases() and o.revision.withdraw.kind not in KEPT
        for e in o.revision.withdraw.entries
    }
    return Verdict(tips[-1] if tips else None, tips[:-1], excused)


def alone(one, by_hash, operator):
    """What one revision, with its parents' kinds, already decides; the first fault is the reason."""
    if one.kind is None:
        return "record_malformed"
    if not is_valid(one.revision):
        return "record_invalid"
    if one.revision.HasField("sealing"):
        return "record_invalid"
    if one.kind in SEALED_ONLY:
        return "sealed_only"
    parents = [by_hash[p] for p in one.revision.parents if p in by_hash]
    acts = [o for o in [one, *parents] if o.kind_as_was() in ACTS]
    if one.revision.number != 1 and acts:
        return "act_revised"
    needed = one.needed()
    for parent in parents:
        needed |= parent.needed()
    if operator["capabilities"] & needed != needed:
        return "capability"
    return "key_ended" if one.entry.time > operator["not_after"] else ""


def counts(one, kept):
    """Its parents are held, void ones too, and its number follows; an erasing withdrawal may have lost its parents."""
    numbers = []
    for parent in one.revision.parents:
        if parent in kept:
            numbers.append(kept[parent].revision.number)
        elif one.erases():
            numbers.append(one.revision.number - 1)
        else:
            return False
    return one.revision.number == 1 + max(numbers, default=0)


def behind(one, by_hash):
    """Its parents; and of those that are void, theirs."""
    out, waiting = set(), list(one.revision.parents)
    while waiting:
        parent = waiting.pop()
        if parent not in out:
            out.add(parent)
            if parent in by_hash and by_hash[parent].void:
                waiting += by_hash[parent].revision.parents
    return out
