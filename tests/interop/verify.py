"""Checks the vectors in proto/vectors, from SPEC.md alone and without any code of the nodes.

Usage: python verify.py [FOLDER]     exit code 0 where every case has the result that it states, 1 otherwise

Needs the package `cryptography` for the equation of Ed25519; the strict rules around it are in strict.py, and each other
module beside this file is a section of SPEC.md.
"""

import hashlib
import json
import pathlib
import struct
import sys

from acts import check_acts
from artifacts import barrier_standing, chunk_list, list_is_valid
from carry import read_carry
from entries import check_header_signature, feed_of, judge_fork, judge_run, parse_entry
from evidence import compare_notes, compare_statements, is_consistent, is_included, read_note, read_statement, tree_root
from identity import Log
from reconcile import fingerprint, packed_fingerprints
from rules import allocate, closed_before, cover, distribute, match, prioritise, read_codes
from seals import SEALED_NEVER, SEALED_ONLY, protobuf, small_order
from strict import Refused, check_signature, refuse_if, tagged

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


def check_edge(stated):
    key, message, signature = (bytes.fromhex(stated[name]) for name in ["key", "message", "signature"])
    found = reason_of(lambda: check_signature(key, message, signature))
    return [] if found == stated["reason"] else [f"stated {stated['reason']}, found {found}"]


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


def check_rules(stated):
    read_codes()
    judges = {
        "matching": match,
        "priority": prioritise,
        "allocation": allocate,
        "closing": closed_before,
        "coverage": cover,
        "distribution": distribute,
    }
    found = judges[stated["kind"]](stated["input"])
    return [] if found == stated["result"] else [f"stated {stated['result']}, found {found}"]


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
        ("ed25519", check_edge),
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
