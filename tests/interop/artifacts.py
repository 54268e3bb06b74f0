"""Section 17 of SPEC.md: files as chunks, ids of endorsements, and where a barrier stands."""

from strict import tagged

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
