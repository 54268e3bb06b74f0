"""Section 15 of SPEC.md: the order of acts, and what they make of an engagement, a fund or a call. Slow, plain, and shares no
code with the nodes."""

from collections import defaultdict
from fractions import Fraction

BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def party_bytes(text):
    """The 32 bytes of a party id in its text form (2.2); the checksum is judged elsewhere."""
    bits = "".join(f"{BECH32.index(c):05b}" for c in text[4:-6])
    return int(bits[:256], 2).to_bytes(32, "big").hex()


def kind_of(act):
    """The name and the fields of what an act says."""
    ((name, fields),) = act["act"]["act"].items()
    return name, fields


def seen(act):
    return [(s["feed_id"], s["seq"], s["entry_hash"]) for s in act["act"]["after"]]


def place_all(case):
    """Splits acts by 15.1: `(those to be put in order, verdicts of all others)`."""
    root, verdicts = case["root"], {}
    if case["kind"] == "fellowship":
        acts = {a["hash"]: a for a in case["acts"]}
        first = {"audience": "00"}
    else:
        acts = {a["hash"]: a for a in case["acts"] if a["hash"] == root or a["act"]["root"] == root}
        first = acts[root]
    if case["kind"] == "engagement":
        sides = {party_bytes(kind_of(first)[1][name]) for name in ("recipient", "provider")}
        for act in list(acts.values()):
            if act["party"] not in sides:
                verdicts[act["hash"]] = "not_a_party"
    for act in acts.values():
        if act["hash"] not in verdicts and act["audience"] != first["audience"]:
            verdicts[act["hash"]] = "other_audience"
    held = {h: a for h, a in acts.items() if h not in verdicts}
    for act in held.values():
        if act["void"]:
            verdicts[act["hash"]] = "repudiated" if act["void"] in ("revoked", "frozen") else act["void"]
    live = {h: a for h, a in held.items() if not a["void"]}
    cuts = {c["feed_id"]: c["last"] for c in case["cuts"]}
    waiting, changed = set(), True
    while changed:
        changed = False
        for act in live.values():
            for feed, seq, named in seen(act):
                there = named in held and (held[named]["feed_id"], held[named]["seq"]) == (feed, seq)
                never = feed in cuts and seq > cuts[feed]
                if act["hash"] not in waiting and (named in waiting or not (there or never)):
                    waiting.add(act["hash"])
                    changed = True
    for waits in waiting:
        verdicts[waits] = "waiting"
    return {h: a for h, a in live.items() if h not in waiting}, verdicts


def precede(acts):
    """Of each act, the hashes of all that precede it."""
    direct = {}
    for act in acts.values():
        known = {act["feed_id"]: (act["seq"] - 1, None)}
        for feed, seq, named in seen(act):
            if feed != act["feed_id"]:
                known[feed] = (seq, named)
        direct[act["hash"]] = {
            o["hash"]
            for o in acts.values()
            if o["feed_id"] in known
            and (o["seq"] < known[o["feed_id"]][0] or (o["seq"] == known[o["feed_id"]][0] and known[o["feed_id"]][1] in (None, o["hash"])))
        }
    past = {h: set(d) for h, d in direct.items()}
    changed = True
    while changed:
        changed = False
        for before in past.values():
            more = set().union(*(past[b] for b in before)) - before
            if more:
                before |= more
                changed = True
    return past


def order(acts, sides, rank, chosen=None):
    past = precede(acts)

    def support(one, other):
        parties = {
            a["party"]
            for a in acts.values()
            if a["party"] in sides and a["party"] != acts[one]["party"] and one in past[a["hash"]] and other not in past[a["hash"]]
        }
        return len(parties)

    taken, left = [], set(acts if chosen is None else chosen)
    while left:
        candidates = [h for h in left if not past[h] & left]
        unbeaten = [c for c in candidates if not any(support(o, c) > support(c, o) for o in candidates if o != c)]
        taken.append(min(unbeaten or candidates, key=lambda h: (rank(acts[h]), h)))
        left.remove(taken[-1])
    return [acts[h] for h in taken]


class Void(Exception):
    """Carries a reason code of 15.6."""


def need(condition, reason):
    if not condition:
        raise Void(reason)


def alike(text):
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text.strip())


def conflicts(terms, stated):
    terms, stated = terms or {}, stated or {}
    found = set()
    places = terms.get("data_locations", [])
    found |= {f"data_location:{x}" for x in stated.get("data_locations", []) if places and x not in places}
    ours, theirs = ([alike(x) for x in side.get("languages", [])] for side in (terms, stated))
    if ours and not set(ours) & set(theirs):
        found |= {f"language:{x}" for x in stated.get("languages", [])}
    law = stated.get("law", "").strip()
    if law and terms.get("law", "").strip() and alike(law) != alike(terms["law"]):
        found.add(f"law:{law}")
    refused = {alike(x) for x in terms.get("technology_not_accepted", [])}
    found |= {f"technology:{x.strip()}" for x in stated.get("technology", []) if alike(x) in refused}
    return sorted(found, key=lambda c: c.encode())


class Engagement:
    def __init__(self, first):
        fields = kind_of(first)[1]
        self.recipient, self.provider = (party_bytes(fields[n]) for n in ("recipient", "provider"))
        self.proposer, self.word, self.state = first["party"], first["hash"], "proposed"
        self.terms = fields["terms"]
        self.conditions = fields["conditions"] if self.proposer == self.provider else None
        self.conflicts, self.waived = conflicts(self.terms, self.conditions), []
        self.evaluated, self.outcomes, self.before = set(), {}, None

    def sides(self):
        return {self.recipient, self.provider}

    def rank(self, act):
        return 0 if act["party"] == self.recipient else 1

    def turn(self, act, who, states, to):
        need(who is None or act["party"] == who, "wrong_party")
        need(self.state in states, "out_of_turn")
        self.state = to

    def step(self, act):
        name, fields = kind_of(act)
        other = self.provider if self.proposer == self.recipient else self.recipient
        early = ("proposed", "agreed")
        before = self.before if self.state == "disputed" and act["party"] == self.recipient else None
        if name == "confirm" and before == "delivered":
            self.state = "confirmed"
        elif name == "withdraw" and before in ("accepted", "active"):
            self.state = "withdrawn"
        elif name == "agree":
            self.turn(act, self.provider, early, "agreed")
            self.word, self.conditions = act["hash"], fields["conditions"]
            self.conflicts = conflicts(self.terms, self.conditions)
        elif name == "accept":
            need(act["party"] == self.recipient, "wrong_party")
            need(self.state == "agreed" or (self.state == "proposed" and self.proposer == self.provider), "out_of_turn")
            need(fields["to"] == self.word, "other_terms")
            found = set(conflicts(self.terms, self.conditions)) | set(conflicts(fields["terms"], self.conditions))
            need(found <= set(fields["waivers"]), "terms_conflict")
            self.state = "accepted"
            self.conflicts = self.waived = sorted(found, key=lambda c: c.encode())
        elif name in ("start", "deliver", "confirm"):
            who = self.recipient if name == "confirm" else self.provider
            states = {"start": ("accepted", "active"), "deliver": ("active", "delivered"), "confirm": ("delivered", "confirmed")}
            self.turn(act, who, states[name][:1], states[name][1])
        elif name == "evaluate":
            need(act["party"] not in self.evaluated, "already_done")
            self.turn(act, None, ("confirmed",), "evaluated" if self.evaluated else "confirmed")
            self.evaluated.add(act["party"])
        elif name == "decline":
            self.turn(act, other, early, "declined")
        elif name == "withdraw":
            who = self.proposer if self.state in early else None
            self.turn(act, who, (*early, "accepted", "active"), "withdrawn")
        elif name == "dispute":
            before = self.state
            self.turn(act, None, ("accepted", "active", "delivered"), "disputed")
            self.before, self.outcomes = before, {}
        elif name == "resolve":
            need(self.state == "disputed", "out_of_turn")
            self.outcomes[act["party"]] = fields["outcome"]
            if len(self.outcomes) == 2 and len(set(self.outcomes.values())) == 1:
                self.state = {"resume": self.before, "confirmed": "confirmed", "ended": "withdrawn"}[fields["outcome"]]
        else:
            need(name == "note", "out_of_turn")

    def result(self):
        return {"state": self.state, "conflicts": self.conflicts, "waived": self.waived}


class Fund:
    def __init__(self, first):
        self.root, self.closed = first["hash"], False
        self.founders = None
        self.charter(kind_of(first)[1])
        self.founders = self.board
        self.pledges, self.projects, self.amendments = {}, {}, {}
        self.approvals, self.balances = defaultdict(set), defaultdict(Fraction)
        self.references = set()

    def charter(self, fields):
        self.board = {party_bytes(p) for p in fields["board"]}
        self.threshold, self.currencies = fields["threshold"], fields["currencies"]

    def sides(self):
        return self.founders

    def rank(self, act):
        return 0

    def on_board(self, act):
        need(act["party"] in self.board, "wrong_party")

    def is_open(self):
        need(not self.closed, "out_of_turn")

    def money(self, stated):
        need(stated["currency"] in self.currencies, "wrong_currency")
        return stated["currency"], Fraction(stated["amount"])

    def move(self, currency, source, to, amount):
        need(source.startswith("donor") or self.balances[currency, source] >= amount, "over_balance")
        self.balances[currency, source] -= amount
        self.balances[currency, to] += amount

    def agreed(self, act, about, milestone, amount=None):
        subject = about, milestone, amount
        need(len((self.approvals[subject] | {act["party"]}) & self.board) >= self.threshold, "under_threshold")
        del self.approvals[subject]

    def came_in(self, payer, fields):
        named = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in "".join(fields["reference"].split()))
        need((payer, named) not in self.references, "already_done")
        return payer, named

    def project(self, about):
        need(about in self.projects, "unknown_subject")
        return self.projects[about]

    def milestone(self, project, number):
        need(1 <= number <= len(project["parts"]), "unknown_subject")
        return project["parts"][number - 1]

    def payable(self, project, number):
        need(not self.milestone(project, number)["paid"], "already_done")
        before = project["parts"][: number - 1]
        need(all(m["paid"] and m["received"] and m["reported"] for m in before), "milestone_order")

    def step(self, act):
        name, fields = kind_of(act)
        need(name != "charter", "out_of_turn")
        getattr(self, "do_" + name)(act, fields)

    def do_note(self, act, fields):
        pass

    def do_pledge(self, act, fields):
        self.is_open()
        currency, amount = self.money(fields["amount"])
        self.pledges[act["hash"]] = {"donor": act["party"], "currency": currency, "amount": amount, "paid": 0, "back": 0}

    def do_paid_in(self, act, fields):
        self.on_board(act)
        currency, amount = self.money(fields["amount"])
        need(fields["about"] in self.pledges, "unknown_subject")
        pledge = self.pledges[fields["about"]]
        need(pledge["currency"] == currency, "wrong_currency")
        named = self.came_in(pledge["donor"], fields)
        need(pledge["paid"] + amount <= pledge["amount"], "over_balance")
        self.move(currency, f"donor {pledge['donor']}", "free", amount)
        self.references.add(named)
        pledge["paid"] += amount

    def do_propose(self, act, fields):
        self.is_open()
        currency, amount = self.money(fields["amount"])
        amounts = [Fraction(m["amount"]) for m in fields["milestones"]]
        need(sum(amounts) == amount, "over_balance")
        parts = [{"amount": a, "paid": False, "received": False, "reported": False} for a in amounts]
        project = {"recipient": party_bytes(fields["recipient"]), "currency": currency, "amount": amount}
        self.projects[act["hash"]] = project | {"parts": parts, "votes": {}, "state": "proposed"}

    def do_vote(self, act, fields):
        self.on_board(act)
        self.is_open()
        project = self.project(fields["about"])
        need(project["state"] == "proposed", "out_of_turn")
        project["votes"][act["party"]] = fields["yes"]

    def do_commit(self, act, fields):
        self.on_board(act)
        self.is_open()
        project = self.project(fields["about"])
        need(project["state"] == "proposed", "out_of_turn")
        yes = [p for p, vote in project["votes"].items() if vote and p in self.board]
        need(len(yes) >= self.threshold, "under_threshold")
        self.move(project["currency"], "free", f"committed {fields['about']}", project["amount"])
        project["state"] = "committed"

    def do_approve(self, act, fields):
        self.on_board(act)
        about, number = fields["about"], fields["milestone"]
        if about in self.projects:
            need(self.projects[about]["state"] == "committed", "out_of_turn")
            if number:
                self.payable(self.projects[about], number)
        else:
            known = about == self.root or about in self.pledges or about in self.amendments
            need(known and number == 0 and (about in self.pledges) == bool(fields["amount"]), "unknown_subject")
        amount = None
        if fields["amount"]:
            need(about in self.pledges, "unknown_subject")
            currency, amount = self.money(fields["amount"])
            need(self.pledges[about]["currency"] == currency, "wrong_currency")
        need(act["party"] not in self.approvals[about, number, amount], "already_done")
        self.approvals[about, number, amount].add(act["party"])

    def do_disburse(self, act, fields):
        self.on_board(act)
        project = self.project(fields["about"])
        need(project["state"] == "committed", "out_of_turn")
        self.payable(project, fields["milestone"])
        self.agreed(act, fields["about"], fields["milestone"])
        part = self.milestone(project, fields["milestone"])
        self.move(project["currency"], f"committed {fields['about']}", f"paid {fields['about']}", part["amount"])
        part["paid"] = True

    def said(self, act, fields, what):
        project = self.project(fields["about"])
        need(act["party"] == project["recipient"], "wrong_party")
        part = self.milestone(project, fields["milestone"])
        need(part["paid"], "out_of_turn")
        need(not part[what], "already_done")
        part[what] = True
        return project

    def do_receipt(self, act, fields):
        project = self.said(act, fields, "received")
        if project["state"] == "committed" and all(m["received"] for m in project["parts"]):
            project["state"] = "done"

    def do_report(self, act, fields):
        self.said(act, fields, "reported")

    def do_refund(self, act, fields):
        self.on_board(act)
        currency, amount = self.money(fields["amount"])
        project = self.project(fields["about"])
        need(project["currency"] == currency, "wrong_currency")
        named = self.came_in(project["recipient"], fields)
        self.move(currency, f"paid {fields['about']}", "free", amount)
        self.references.add(named)

    def do_release(self, act, fields):
        self.on_board(act)
        about, project = fields["about"], self.project(fields["about"])
        left = self.balances[project["currency"], f"committed {about}"]
        need(project["state"] == "committed" and fields["milestone"] == 0 and left, "out_of_turn")
        self.agreed(act, about, 0)
        self.move(project["currency"], f"committed {about}", "free", left)
        project["state"] = "released"

    def do_pay_back(self, act, fields):
        self.on_board(act)
        currency, amount = self.money(fields["amount"])
        need(fields["about"] in self.pledges, "unknown_subject")
        pledge = self.pledges[fields["about"]]
        need(pledge["currency"] == currency, "wrong_currency")
        need(pledge["back"] + amount <= pledge["paid"] and self.balances[currency, "free"] >= amount, "over_balance")
        self.agreed(act, fields["about"], 0, amount)
        self.move(currency, "free", f"donor {pledge['donor']}", amount)
        pledge["back"] += amount

    def do_amend(self, act, fields):
        self.on_board(act)
        self.is_open()
        self.amendments[act["hash"]] = fields
        self.approvals[act["hash"], 0, None].add(act["party"])

    def do_enact(self, act, fields):
        self.on_board(act)
        self.is_open()
        need(fields["about"] in self.amendments, "unknown_subject")
        charter = self.amendments[fields["about"]]
        inside = {c for (c, account), sum_ in self.balances.items() if sum_ and account.startswith(("free", "committed"))}
        need(inside <= set(charter["currencies"]), "wrong_currency")
        self.agreed(act, fields["about"], 0)
        del self.amendments[fields["about"]]
        self.charter(charter)

    def do_close(self, act, fields):
        self.on_board(act)
        self.is_open()
        need(fields["about"] == self.root, "unknown_subject")
        need(not any(sum_ for (_, account), sum_ in self.balances.items() if account.startswith("committed")), "out_of_turn")
        self.agreed(act, self.root, 0)
        self.closed = True

    def result(self):
        used = {f"{currency} {account}": decimal(sum_) for (currency, account), sum_ in self.balances.items()}
        return {"balances": used, "closed": self.closed}


class Call:
    """15.4: acts that concern the whole call first, then each nomination by itself."""

    STEPS = {
        "accept": ("N", ("granted",), "accepted"),
        "decline": ("N", ("granted",), "declined"),
        "withdraw": ("N", ("nominated", "granted", "accepted", "started"), "withdrawn"),
        "start": ("A", ("accepted",), "started"),
        "complete": ("A", ("started",), "completed"),
        "certificate": ("A", ("completed",), "certified"),
    }

    def __init__(self, author):
        self.author, self.nominees, self.closing, self.draw, self.listed = author, {}, None, None, None

    def subject(self, act):
        name, fields = kind_of(act)
        if name in ("close", "cosign", "draw", "note"):
            return None
        return (act["party"] if name == "nominate" else party_bytes(fields["nominator"])), fields["nomination"]

    def whole(self, act):
        name, fields = kind_of(act)
        if name == "cosign":
            need(act["party"] != self.author, "wrong_party")
            need(self.closing and self.closing["act"] == fields["closing"], "unknown_subject")
            need(act["party"] not in self.closing["cosigned"], "already_done")
            self.closing["cosigned"].append(act["party"])
        elif name != "note":
            need(act["party"] == self.author, "wrong_party")
            need((self.closing if name == "close" else self.draw) is None, "already_done")
            if name == "close":
                self.closing, self.listed = {"act": act["hash"], "cosigned": []}, set(fields["nominations"])
                self.closing["turns"] = dict(zip(fields["nominations"], fields["turns"]))
            else:
                self.draw = fields["value"]

    def step(self, key, act):
        name, fields = kind_of(act)
        if name == "nominate":
            need(key not in self.nominees, "already_done")
            listed = None if self.listed is None else key[1] in self.listed
            self.nominees[key] = {"state": "nominated", "rank": 0, "listed": listed}
            return
        who, states, to = self.STEPS.get(name, ("A", ("nominated",), None))
        need(act["party"] == (key[0] if who == "N" else self.author), "wrong_party")
        need(key in self.nominees, "unknown_subject")
        nominee = self.nominees[key]
        if name == "decide":
            need(nominee["listed"] is not False, "not_listed")
            to = "granted" if fields["granted"] else "refused"
        need(nominee["state"] in states, "out_of_turn")
        nominee["state"] = to
        if name == "decide":
            nominee["rank"] = fields["rank"]

    def take(self, acts, verdicts):
        def judge(step, act):
            try:
                step(act)
                verdicts[act["hash"]] = "counted"
            except Void as void:
                verdicts[act["hash"]] = str(void)

        subjects = {h: self.subject(a) for h, a in acts.items()}
        chosen = [h for h, of in subjects.items() if of is None]
        for act in order(acts, {self.author}, lambda a: a["party"] != self.author, chosen):
            judge(self.whole, act)
        for key in sorted({of for of in subjects.values() if of}):
            chosen = [h for h, of in subjects.items() if of == key]
            for act in order(acts, {self.author, key[0]}, lambda a: a["party"] != key[0], chosen):
                judge(lambda a: self.step(key, a), act)

    def turns(self, acts, verdicts):
        """16.4: which of its party's each nomination is, in the order in which that party nominated."""
        owners = defaultdict(set)
        for party, nomination in self.nominees:
            owners[nomination].add(party)
        self.owner = {n: next(iter(of)) for n, of in owners.items() if len(of) == 1}
        made = []
        for act in acts.values():
            name, fields = kind_of(act)
            counts = name == "nominate" and verdicts[act["hash"]] == "counted"
            if counts and self.owner.get(fields["nomination"]) == act["party"]:
                made.append((act["seq"], act["feed_id"], fields["nomination"], act["party"]))
        found, each = {}, defaultdict(int)
        for _, _, nomination, party in sorted(made):
            each[party] += 1
            found[nomination] = each[party]
        return found

    def differing(self, now):
        """Parties whose nominations the list puts in another order."""
        stated, found = self.closing["turns"], []
        for party in sorted(set(self.owner.values())):
            mine = [n for n in self.listed if self.owner.get(n) == party]
            listed = sorted(mine, key=lambda n: (stated.get(n, 0), n))
            if any(now.get(a, 0) > now.get(b, 0) for a, b in zip(listed, listed[1:])):
                found.append(party)
        return found

    def result(self, acts, verdicts):
        nominees = {f"{party} {nomination}": n for (party, nomination), n in self.nominees.items()}
        turns = self.turns(acts, verdicts)
        if self.closing:
            self.closing["cosigned"].sort()
            self.closing["turns_differ"] = self.differing(turns)
        return {"nominees": nominees, "closing": self.closing, "draw": self.draw, "turns": turns}


def decimal(amount):
    """The shortest text of an amount."""
    units = abs(amount) * 10**18
    whole, rest = divmod(int(units), 10**18)
    digits = f"{rest:018}".rstrip("0")
    return ("-" if amount < 0 else "") + str(whole) + ("." + digits if digits else "")


def check_acts(stated):
    acts, verdicts = place_all(stated)
    if stated["kind"] == "fellowship":
        made = Call(stated["root"])
        made.take(acts, verdicts)
        return compare_acts(stated, verdicts, sorted(h for h, v in verdicts.items() if v == "counted"), made.result(acts, verdicts))
    first = next(a for a in stated["acts"] if a["hash"] == stated["root"])
    made = Engagement(first) if stated["kind"] == "engagement" else Fund(first)
    counted = []
    for act in order(acts, made.sides(), made.rank):
        try:
            if act is not first:
                made.step(act)
            verdicts[act["hash"]] = "counted"
            counted.append(act["hash"])
        except Void as void:
            verdicts[act["hash"]] = str(void)
    return compare_acts(stated, verdicts, counted, made.result())


def compare_acts(stated, verdicts, counted, found):
    faults = []
    if counted != stated["counted"]:
        faults.append("another order")
    differing = {h for h in verdicts.keys() | stated["verdicts"].keys() if verdicts.get(h) != stated["verdicts"].get(h)}
    faults += [f"act {h[:8]} is {verdicts.get(h)}, stated {stated['verdicts'].get(h)}" for h in sorted(differing)]
    due = stated["result"]
    if "balances" in due:
        # An account that nothing ever entered or left need not be stated.
        found["balances"] = {k: v for k, v in found["balances"].items() if v != "0" or k in due["balances"]}
    if found != due:
        faults.append(f"makes {found}, stated {due}")
    return faults
