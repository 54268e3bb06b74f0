"""A member's client of caphub, written from SPEC.md alone. Prints one JSON object; exit code 3 where the node refuses.

Usage: python client.py FOLDER COMMAND [ARGUMENT...]

  found NAME                 makes an identity: root, next and recovery keys, and the signing key `first`
  join FILE                  joins the hub of an invitation
  need TITLE KEY             signs a public need with this key; for the hub's members: KEY+hub, for the network: KEY+network
  sync KEY                   moves what differs over a link of this key, both ways, and verifies all of it
  report                     what is held and what counts, and by whose authority
  key-add LABEL              authorises a signing key
  key-revoke OLD KEY         revokes OLD while it follows the node, and brings that by a link of KEY
  rotate                     the next root key takes over; what the old one then signs is refused
  bring-forged TITLE OLD KEY a need signed with OLD, brought by a link of KEY
  bring-stale KEY            what the old root key signed after a rotation, brought by a link of KEY
  search WORDS KEY           the node's search, each record compared with the signed entry that is held
  services KEY               reflection and health, as common tools ask for them
  tamper                     changes each feed at many places, and shows that all of these are refused
"""

import datetime
import json
import os
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(sys.prefix) / "stubs"))

import grpc  # noqa: E402
from entries import feed_of  # noqa: E402
from grpc_status import rpc_status  # noqa: E402
from google.rpc import error_details_pb2  # noqa: E402
from home import PUBLIC, Home  # noqa: E402
from party import authorise, identity_body, now_ms, packed_entry  # noqa: E402
from replica import Replica  # noqa: E402
from services import check_services  # noqa: E402
from strict import Refused  # noqa: E402
from sync import PATIENCE, Far  # noqa: E402
from texts import party_text, read_signed  # noqa: E402

from caphub.v1 import exchange_pb2, exchange_pb2_grpc, membership_pb2, membership_pb2_grpc, records_pb2, text_pb2  # noqa: E402
from caphub.v1 import federation_pb2 as wire  # noqa: E402


def reason_in(error):
    """The reason code in the status of a call that failed (section 10)."""
    status = rpc_status.from_call(error)
    for detail in status.details if status else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            return info.reason
    return ""


def far(home, label):
    return Far(home.replica, home.party, home.key(label), home.card())


def need(title):
    said = records_pb2.Need(title=text_pb2.LocalisedText(language="en", text=title), themes=["incident_management"])
    said.countries.append("TV")
    said.confirm_by = (datetime.date.today() + datetime.timedelta(days=180)).isoformat()
    return records_pb2.Revision(record_id=os.urandom(16), number=1, need=said)


def found(home, name):
    home.found(name, "csirt")
    return {"party": party_text(home.party)}


def join(home, path):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    card = read_signed(text)
    home.state["card"] = card | {"hub": card["hub"].hex()}
    link = far(home, "first")
    link.hello()
    link.learn_hub()
    # The invitation counts only where the hub lets its key admit.
    inviter = home.replica.operator(card["hub"], bytes.fromhex(card["admit"]))
    if not inviter or not inviter["capabilities"] & 4 or inviter["revoked"] or int(card["until"]) < now_ms():
        raise ValueError("the invitation is not the hub's, or has ended")
    log = home.replica.feeds[feed_of(home.party, b"", b"").id]
    asked = membership_pb2.JoinRequest(
        identity=log.packed(1, len(log.entries)), code=bytes.fromhex(card["code"]), name=home.state["name"],
        country=card["country"], kind=home.state["kind"],
    )
    said = membership_pb2_grpc.MembershipServiceStub(link.channel).Join(asked, timeout=PATIENCE)
    return {"state": membership_pb2.MembershipState.Name(said.state)}


def publish_need(home, title, label):
    label, _, kind = label.partition("+")
    audience = {"": PUBLIC, "network": b"\1", "hub": b"\2" + home.card()["hub"]}[kind]
    held, entry = home.publish(need(title), label, audience)
    return {"feed": held.feed.id.hex(), "seq": entry.seq, "hash": entry.hash.hex()}


def sync(home, label):
    link = far(home, label)
    report = link.sync()
    # Asked the other way, the node states the same, and nothing that we do not hold.
    link.hello()
    ours = {h.feed.id: h.head() for h in home.replica.feeds.values() if h.entries}
    theirs = link.heads()
    differ = [f.hex() for f in {**ours, **theirs} if ours.get(f) != theirs.get(f)]
    public = [(h, e) for h in home.replica.feeds.values() if h.feed.identity or h.audience == PUBLIC for e in h.entries]
    sizes = [link.check_published(*pair) for pair in public] if not differ else []
    return report | {"differ": differ, "proven_in_history": len(sizes)}


def report(home):
    replica, hub = home.replica, home.card()["hub"]
    voids, shown = {}, replica.records()
    for _, _, void in replica.judged()[0]:
        if void:
            voids[void] = voids.get(void, 0) + 1
    needs = [
        {
            "title": one.revision.need.title.text,
            "party": party_text(one.held.party),
            "audience": one.held.audience.hex(),
            "hash": one.entry.hash.hex(),
        }
        for one in shown
        if one.kind == "need"
    ]
    return {
        "party": party_text(home.party),
        "feeds": len([h for h in replica.feeds.values() if h.entries]),
        "entries": sum(len(h.entries) for h in replica.feeds.values()),
        "void": voids,
        "needs": sorted(needs, key=lambda n: n["title"]),
        "kinds": sorted({one.kind for one in shown}),
        "members": {party_text(p): level for p, level in replica.admitted(hub).items()},
    }


def key_add(home, label):
    home.add_key(label)
    return {"key": home.key(label).public.hex()}


def key_revoke(home, old, label):
    """Follows by the old key, revokes it by another link, and times the end of the stream."""
    victim, ended = far(home, old), {}
    current = threading.Event()
    position = victim.hello().position

    def follow():
        try:
            for message in victim.federation.Pull(wire.PullRequest(position=position, follow=True)):
                if message.current:
                    current.set()
            ended["reason"] = "the stream ended"
        except grpc.RpcError as error:
            ended["reason"], ended["status"] = reason_in(error), error.code().name
        ended["at"] = time.monotonic()

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    if not current.wait(PATIENCE):
        raise ValueError("the follow stream does not become current")
    home.revoke_key(old)
    begun = time.monotonic()
    moved = far(home, label).sync()
    acknowledged = time.monotonic()
    thread.join(PATIENCE)
    if "at" not in ended:
        raise ValueError("the stream of the revoked key goes on")
    out = {"sync": moved, "stream_ended_ms": round((ended["at"] - acknowledged) * 1000), "stream": ended["reason"]}
    out |= {"revoked_in_ms": round((acknowledged - begun) * 1000), "status": ended.get("status", "")}
    for name, again in (("old_link", lambda: victim.hello()), ("new_link", lambda: far(home, old).hello())):
        try:
            again()
            out[name] = "let in"
        except grpc.RpcError as error:
            out[name] = reason_in(error) or error.code().name
    return out


def rotate(home):
    """Rotates, and shows that the root key of before signs nothing that counts any more."""
    home.rotate()
    log, key = home.replica.logs[home.party], home.key("first")
    event = identity_body(authorise(home.party, key, 1, "by the old root"))
    entry, _ = packed_entry(home.secret("old_root"), log.feed, (len(log.steps), log.steps[-1][0]), event)
    home.state["stale"] = entry.hex()
    try:
        home.replica.take(home.party, b"", b"", entry)
    except Refused as refused:
        return {"old_root": refused.args[0]}
    raise ValueError("an event by the old root key was taken")


def push_one(home, label, feed, packed):
    def message():
        yield wire.PushRequest(runs=[wire.Run(feed=feed, entries=packed)])

    said = list(far(home, label).federation.Push(message(), timeout=PATIENCE))
    return {"stored": sum(s.stored for s in said), "refusals": [r.reason for s in said for r in s.refusals]}


def bring_forged(home, title, old, label):
    key, packed = home.forge(need(title), old)
    return push_one(home, label, wire.Feed(party_id=home.party, operator_key=key, audience=PUBLIC), packed)


def bring_stale(home, label):
    return push_one(home, label, wire.Feed(party_id=home.party), bytes.fromhex(home.state["stale"]))


def search(home, words, label):
    """The node's own search; each record found is compared with the signed entry that is held here."""
    stub = exchange_pb2_grpc.ExchangeServiceStub(far(home, label).channel)
    said, out = stub.Search(exchange_pb2.SearchRequest(query=words, page_size=50), timeout=PATIENCE), []
    for record in said.records:
        entry = home.replica.feeds[record.feed_id].entries[record.seq - 1]
        if entry.hash != record.entry_hash or entry.body[16:] != record.revision.SerializeToString():
            raise ValueError("the node shows another revision than was signed")
        out.append(record.revision.need.title.text)
    return {"titles": sorted(out)}


def services(home, label):
    return check_services(far(home, label).channel)


def tamper(home):
    """One bit of a feed changed: the copy must be refused as a whole, with a reason and not by chance."""
    reasons = {}
    for held in home.replica.feeds.values():
        packed = held.packed(1, len(held.entries))
        for at in range(0, len(packed), max(1, len(packed) // 64)):
            altered = packed[:at] + bytes([packed[at] ^ 1 << at % 8]) + packed[at + 1 :]
            other = Replica()
            if not held.feed.identity:
                log = home.replica.feeds[feed_of(held.party, b"", b"").id]
                other.take(held.party, b"", b"", log.packed(1, len(log.entries)))
            try:
                other.take(held.party, held.key, held.audience, altered)
            except Refused as refused:
                reasons[refused.args[0]] = reasons.get(refused.args[0], 0) + 1
            else:
                raise ValueError(f"byte {at} of feed {held.feed.id.hex()} was changed, and the feed taken")
    return {"refused_changes": sum(reasons.values()), "reasons": reasons}


COMMANDS = {
    "found": found,
    "join": join,
    "need": publish_need,
    "sync": sync,
    "report": report,
    "key-add": key_add,
    "key-revoke": key_revoke,
    "rotate": rotate,
    "bring-forged": bring_forged,
    "bring-stale": bring_stale,
    "search": search,
    "services": services,
    "tamper": tamper,
}


def main():
    if len(sys.argv) < 3 or sys.argv[2] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        return 2
    home = Home(sys.argv[1])
    try:
        said = COMMANDS[sys.argv[2]](home, *sys.argv[3:])
    except grpc.RpcError as error:
        said = {"refused": reason_in(error), "status": error.code().name, "message": error.details()}
    except Refused as refused:
        said = {"refused": refused.args[0], "status": "here"}
    home.save()
    print(json.dumps(said))
    return 3 if "refused" in said else 0


if __name__ == "__main__":
    sys.exit(main())
