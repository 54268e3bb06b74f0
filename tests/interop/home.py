"""A folder with one organisation's keys and what it holds; all of it is verified again at each start."""

import json
import os
import pathlib

from entries import feed_of
from party import NOTHING, Key, authorise, found, identity_body, packed_entry, revoke, rotate
from replica import Replica
from revisions import ENGAGE, PUBLISH

PUBLIC = b"\0"


class Home:
    def __init__(self, folder):
        self.path = pathlib.Path(folder) / "interop.json"
        self.replica = Replica()
        if self.path.exists():
            self.state = json.loads(self.path.read_text(encoding="utf-8"))
            # Identity feeds were written first.
            for party, key, audience, packed in self.state["feeds"]:
                self.replica.take(*(bytes.fromhex(part) for part in (party, key, audience, packed)))

    def found(self, name, kind):
        """A new identity with one signing key, `first`."""
        root, next_, recovery = Key(), Key(), Key()
        party, entry, _ = found(kind, root, next_, recovery)
        self.state = {"name": name, "kind": kind, "party": party.hex(), "keys": {}}
        self.state |= {"root": root.seed.hex(), "next": next_.seed.hex(), "recovery": recovery.seed.hex()}
        self.replica.take(party, b"", b"", entry)
        self.add_key("first")

    @property
    def party(self):
        return bytes.fromhex(self.state["party"])

    def secret(self, name):
        return Key(bytes.fromhex(self.state[name]))

    def key(self, label):
        return Key(bytes.fromhex(self.state["keys"][label]))

    def card(self):
        return self.state["card"] | {"hub": bytes.fromhex(self.state["card"]["hub"])}

    def append(self, signer, event):
        """An event of the own identity log; it is judged as a stranger's would be."""
        log = self.replica.logs[self.party]
        head = len(log.steps), log.steps[-1][0]
        entry, _ = packed_entry(signer, log.feed, head, identity_body(event))
        self.replica.take(self.party, b"", b"", entry)

    def add_key(self, label, signer="root"):
        key = Key()
        self.append(self.secret(signer), authorise(self.party, key, PUBLISH | ENGAGE, label))
        self.state["keys"][label] = key.seed.hex()

    def revoke_key(self, label):
        """Ends a key; what it signed until now goes on to count."""
        key = self.key(label).public
        feeds = [h for h in self.replica.feeds.values() if h.key == key and h.party == self.party]
        self.append(self.secret("root"), revoke(key, 2, [(h.feed.id, *h.head()) for h in feeds]))

    def rotate(self):
        """The next root key takes the place of the present one, which is kept only to show that it no longer works."""
        revealed, next_ = self.secret("next"), Key()
        self.append(revealed, rotate(revealed, next_))
        self.state |= {"old_root": self.state["root"], "root": revealed.seed.hex(), "next": next_.seed.hex()}

    def publish(self, revision, label, audience=PUBLIC):
        """Signs a revision into the feed of this key and audience."""
        key = self.key(label)
        held = self.replica.held(self.party, key.public, audience)
        entry, _ = packed_entry(key, held.feed, held.head(), salted(revision))
        self.replica.take(self.party, key.public, audience, entry)
        return held, held.entries[-1]

    def forge(self, revision, label, audience=PUBLIC):
        """What a thief of a key would bring: the next entry of its feed, kept nowhere."""
        key = self.key(label)
        feed = feed_of(self.party, key.public, audience)
        held = self.replica.feeds.get(feed.id)
        entry, _ = packed_entry(key, feed, held.head() if held else NOTHING, salted(revision))
        return key.public, entry

    def save(self):
        feeds = sorted(self.replica.feeds.values(), key=lambda h: not h.feed.identity)
        parts = [(h.party, h.key, h.audience, h.packed(1, len(h.entries))) for h in feeds if h.entries]
        self.state["feeds"] = [[part.hex() for part in feed] for feed in parts]
        new = self.path.with_suffix(".new")
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(json.dumps(self.state), encoding="utf-8")
        new.replace(self.path)


def salted(revision):
    return os.urandom(16) + revision.SerializeToString()
