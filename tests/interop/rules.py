"""Section 16 of SPEC.md: published rules. The tables of countries and regions are the shipped lists, which are data."""

import datetime
import pathlib
import struct
from fractions import Fraction

from acts import decimal
from evidence import read_statement
from strict import Refused, tagged

def read_table(name):
    path = pathlib.Path(__file__).resolve().parent.parent.parent / "proto" / "src" / "codes" / name
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


COUNTRIES, GROUP_OF, NARROWEST, REGION, PARENT = [], {}, {}, {}, {}


def read_codes():
    if COUNTRIES:
        return
    PARENT.update({row[0]: row[1] for row in read_table("regions.tsv")})
    for row in read_table("countries.tsv"):
        alpha2, _, _, intermediate, sub_region, region, groups = row[:7]
        COUNTRIES.append(alpha2)
        GROUP_OF[alpha2] = set(filter(None, groups.split(",")))
        NARROWEST[alpha2] = intermediate or sub_region or region or "001"
        REGION[alpha2] = region or "001"


def in_region(code):
    def holds_it(region):
        while region:
            if region == code:
                return True
            region = PARENT[region]
        return False

    return {c for c in COUNTRIES if holds_it(NARROWEST[c])}


def in_group(code):
    return {c for c in COUNTRIES if code in GROUP_OF[c]}


def named(record):
    found = set(record.get("countries", [])) & set(COUNTRIES)
    for code in record.get("regions", []):
        found |= in_region(code)
    return found


def let_in(rule):
    """Whom the lists name, and whom the rule excludes."""
    if not rule or not any(rule.get(name) for name in ("countries", "regions", "groups")):
        lists = set(COUNTRIES)
    else:
        lists = named(rule).union(*(in_group(g) for g in rule.get("groups", [])))
    return lists, set((rule or {}).get("excluded_countries", []))


def weights_of(rules, kind, default):
    if rules is None:
        return default
    found = dict.fromkeys(default, 0)
    names = [w["criterion"] for w in rules["weights"]]
    ok = rules["rule_type"] == kind and len(names) == len(set(names)) and set(names) <= set(default)
    for weight in rules["weights"]:
        ok = ok and weight["weight"] <= 1_000
        found[weight["criterion"]] = weight["weight"]
    return found if ok and any(found.values()) else None


DEFAULT_MATCHING = {
    "theme": 25,
    "place": 15,
    "offer_type": 10,
    "delivery": 10,
    "language": 10,
    "window": 10,
    "capacity": 5,
    "eligibility": 5,
    "cost": 5,
    "terms": 5,
}
DEFAULT_PRIORITY = {"unmet": 30, "ldc": 15, "lldc": 10, "sids": 10, "never_served": 20, "waiting": 15}
FULL = (60, "full")


def part(some, whole, why):
    return FULL if some >= whole else (max(1, some * 60 // whole), why)


def window_of(record):
    window = record.get("window") or {}
    ends = [window.get("from") or "0001-01-01", window.get("until") or "9999-12-31"]
    return [datetime.date.fromisoformat(end) for end in ends]


def primary(tags):
    return {tag.split("-")[0].lower() for tag in tags}


def share_place(of, offer):
    area = named(offer)
    if of <= set(offer.get("countries", [])):
        return FULL
    if not offer.get("countries") and not offer.get("regions"):
        return 40, "place_open"
    if of <= area:
        return 48, "place_region"
    return (24, "place_part") if of & area else (0, "place_other")


def share_delivery(asked, given):
    asked, given = set(asked), set(given)
    if not asked or asked & given:
        return FULL
    if not given:
        return 30, "delivery_unstated"
    either = {"in_person", "online"}
    near = ("hybrid" in asked and either & given) or ("hybrid" in given and either & asked)
    return (40, "delivery_near") if near else (0, "delivery_other")


def share_language(asked, given):
    if not asked or primary(asked) & primary(given):
        return FULL
    return (0, "language_other") if given else (30, "language_unstated")


def share_window(need, offer):
    (a, b), (c, d) = window_of(need), window_of(offer)
    both = (min(b, d) - max(a, c)).days + 1
    if both <= 0:
        return 0, "window_apart"
    stated = need.get("window") or {}
    if not stated.get("from") or not stated.get("until"):
        return FULL
    return part(both, (b - a).days + 1, "window_part")


def share_capacity(asked, given):
    if not asked or not asked.get("amount"):
        return FULL
    if not given or not given.get("amount"):
        return 30, "capacity_unstated"
    if asked["unit"].strip().lower() != given["unit"].strip().lower():
        return 20, "capacity_unit"
    return part(given["amount"], asked["amount"], "capacity_part")


def share_eligibility(of, may):
    if may == set(COUNTRIES) or (of and of <= may):
        return FULL
    if not of:
        return 30, "eligibility_unknown"
    return (30, "eligibility_part") if of & may else (0, "eligibility_none")


def share_cost(cost):
    if cost and cost.get("free"):
        return FULL
    return (15, "cost_price") if cost and cost.get("price") else (30, "cost_unstated")


def share_terms(terms, offer):
    if not terms:
        return FULL
    def plain(record, name):
        return {word.strip().lower() for word in record.get(name, [])}

    ours, theirs = plain(terms, "languages"), plain(offer, "languages")
    laws = [record.get("law", "").strip().lower() for record in (terms, offer)]
    data = plain(terms, "data_locations")
    conflict = ours and theirs and not ours & theirs
    conflict = conflict or (all(laws) and laws[0] != laws[1])
    conflict = conflict or (data and not plain(offer, "data_locations") <= data)
    if conflict or plain(terms, "technology_not_accepted") & plain(offer, "technology"):
        return 0, "terms_conflict"
    return (30, "terms_conditions") if offer.get("conditions") else FULL


def shut_off(of, need, offer, today):
    lists, excluded = let_in(offer.get("eligibility"))
    shut = bool(of) and not of & (lists - excluded)
    by_name = shut and bool(of & excluded) and of & lists <= excluded
    reach = named(offer.get("reachable_from") or {})
    facts = {
        "excluded": by_name,
        "not_eligible": shut and not by_name,
        "not_reachable": bool(of) and bool(reach) and not of & reach,
        "offer_past": window_of(offer)[1] < today,
        "need_past": window_of(need)[1] < today,
    }
    return [name for name, holds_true in facts.items() if holds_true]


TODAY = datetime.date(2026, 11, 25)
DAY_MS = 86_400_000


def not_asked(of, stated):
    """15.7 at the end of today: whether the need is not yet asked where the offer's party is."""
    steps, since = stated["need"].get("escalation", []), stated.get("stated_ms", 0)
    now = ((TODAY - datetime.date(1970, 1, 1)).days + 1) * DAY_MS - 1
    now = min(now, stated.get("answered_ms") or now)
    over = [s["scope"] for s in steps if now >= since and s["after_days"] <= (now - since) // DAY_MS]
    if not steps or not of or "all" in over:
        return False
    codes = {(REGION if "region" in over else NARROWEST)[c] for c in of}
    return stated.get("provider_country") not in set().union(*(in_region(code) for code in codes))


def match(stated):
    need, offer = stated["need"], stated["offer"]
    weights = weights_of(stated.get("weights"), "matching", DEFAULT_MATCHING)
    if weights is None:
        return "bad weights"
    themes, shared = set(need["themes"]), set(need["themes"]) & set(offer["themes"])
    if not shared:
        return None
    of = named(need) or {stated["country"]} & set(COUNTRIES)
    lists, excluded = let_in(offer.get("eligibility"))
    types = need.get("offer_types", [])
    shares = {
        "theme": part(len(shared), len(themes), "theme_part"),
        "place": share_place(of, offer),
        "offer_type": FULL if not types or offer.get("offer_type") in types else (0, "type_other"),
        "delivery": share_delivery(need.get("delivery_modes", []), offer.get("delivery_modes", [])),
        "language": share_language(need.get("languages", []), offer.get("languages", [])),
        "window": share_window(need, offer),
        "capacity": share_capacity(need.get("asked"), offer.get("capacity")),
        "eligibility": share_eligibility(of, lists - excluded),
        "cost": share_cost(offer.get("cost")),
        "terms": share_terms(need.get("terms"), offer),
    }
    criteria = [
        {"criterion": name, "share": share, "why": why, "points": weights[name] * share // 60}
        for name, (share, why) in shares.items()
    ]
    score = sum(c["points"] for c in criteria)
    exclusions = shut_off(of, need, offer, TODAY) + ["not_asked"] * not_asked(of, stated)
    return {"score": score, "criteria": criteria, "exclusions": exclusions}


def prioritise(stated):
    weights = weights_of(stated.get("weights"), "priority", DEFAULT_PRIORITY)
    of = set(stated["countries"])
    waiting = min(stated["waiting_days"], 360) if stated["unmet"] else 0
    shares = {name: 360 * bool(of & in_group(name)) for name in ("ldc", "lldc", "sids")}
    shares |= {"unmet": 360 * stated["unmet"], "never_served": 360 * (stated["served"] == 0), "waiting": waiting}
    points = [weights[name] * shares[name] // 360 for name in DEFAULT_PRIORITY]
    return {"score": sum(points), "points": points}


def allocate(stated):
    lists, excluded = let_in(stated["eligibility"])
    hashes = sorted({bytes.fromhex(a["application"]) for a in stated["applications"]})
    count = struct.pack(">I", len(hashes))
    list_hash = tagged("caphub/closing/1", bytes.fromhex(stated["call"]), count, *hashes)
    value = stated["value"] and bytes.fromhex(stated["value"])

    def outside(application):
        of = set(application["countries"])
        if not application["attested"]:
            return "not_attested"
        if of & (lists - excluded):
            return None
        return "excluded" if of & excluded else "not_eligible"

    def lot(application):
        return tagged("caphub/draw/1", value, list_hash, bytes.fromhex(application["application"])) if value else None

    def row(application, outcome, rank=0, tier=0, turn=0, drawn=None):
        drawn = drawn.hex() if drawn else None
        hash_ = application["application"]
        return {"application": hash_, "outcome": outcome, "rank": rank, "tier": tier, "round": turn, "lot": drawn}

    applications = sorted(stated["applications"], key=lambda a: a["application"])
    within = [a for a in applications if not outside(a)]
    placed, given, rounds, counted = [], 0, {}, {}
    for a in sorted(within, key=lambda a: (a.get("turn", 0), a["application"])):
        party = a.get("party", a["application"])
        rounds[a["application"]] = counted[party] = counted.get(party, 0) + 1
    order = lambda a: (rounds[a["application"]], -a["priority"])
    for tier, of in enumerate(sorted({order(a) for a in within}), 1):
        same = sorted((lot(a) or b"", a["application"], a) for a in within if order(a) == of)
        left = max(0, stated["places"] - given)
        for at, (drawn, _, application) in enumerate(same):
            if left >= len(same):
                outcome = "place"
            elif left == 0:
                outcome = "no_place"
            elif not drawn:
                outcome = "undrawn"
            else:
                outcome = "place" if at < left else "no_place"
            placed.append(row(application, outcome, given + at + 1, tier, of[0], drawn))
        given += len(same)
    placed += [row(a, outside(a)) for a in applications if outside(a)]
    return {"list_hash": list_hash.hex(), "placed": placed}


def closed_before(stated):
    """When, and by which hub, a closing list is shown to have been there before the public value."""

    def hash_at(feed, seq):
        chain = stated["chains"].get(feed.hex(), [])
        return bytes.fromhex(chain[seq - 1]) if 1 <= seq <= len(chain) else None

    firsts = []
    for entry in (stated["call"], stated["closing"]):
        found = []
        for text in stated["statements"]:
            try:
                s = read_statement(bytes.fromhex(text))
            except Refused:
                continue
            hub = s.party.hex()
            counts = hub in stated["hubs"] and hub != stated["author"] and s.time < stated["draw_ms"]
            counts = counts and s.node.hex() in stated["node_keys"].get(hub, [])
            there = s.feed.hex() == entry["feed_id"] and s.seq >= entry["seq"] and hash_at(s.feed, s.seq) == s.hash
            if counts and there and hash_at(s.feed, entry["seq"]) == bytes.fromhex(entry["entry"]):
                found.append((s.time, hub))
        firsts.append(min(found, default=None))
    if None in firsts:
        return None
    time, hub = max(firsts)
    return {"time_ms": time, "hub": hub}


def cover(stated):
    within, needs = in_region(stated["region"]), stated["needs"]
    waited = {n["id"]: max(0, (TODAY - datetime.date.fromisoformat(n["since"])).days) for n in needs}

    def counts(of):
        mine = [n for n in needs if of & set(n["countries"])]
        unmet = [n for n in mine if not n["met"]]
        without = [n for n in unmet if not n["open_offers"]]
        themes = sorted({t for n in without for t in n["themes"]})
        return {
            "needs": len(mine),
            "unmet": len(unmet),
            "without_offer": len(without),
            "themes_without_offer": {t: sum(t in n["themes"] for n in without) for t in themes},
            "longest_days": max([waited[n["id"]] for n in unmet], default=0),
        }

    def order(row, code):
        return -row["counts"]["longest_days"], -row["counts"]["unmet"], row[code]

    hubs, admitted = set(stated["hubs"]), set(stated["admitted"])
    countries = [{"country": c, "hub": c in hubs, "admitted": c in admitted, "counts": counts({c})} for c in within]
    regions = []
    for region in {NARROWEST[c] for c in within}:
        of = {c for c in within if NARROWEST[c] == region}
        row = {"region": region, "countries": len(of), "with_hub": len(of & hubs), "admitted": len(of & admitted)}
        regions.append(row | {"counts": counts(of)})
    unmet = sorted((n["since"], n["id"]) for n in needs if not n["met"] and within & set(n["countries"]))
    return {
        "countries": sorted(countries, key=lambda row: order(row, "country")),
        "regions": sorted(regions, key=lambda row: order(row, "region")),
        "unmet": [id for _, id in unmet],
    }


STAGES = {"accepted": 1, "active": 1, "disputed": 1, "delivered": 2, "confirmed": 3, "evaluated": 3}


def distribute(stated):
    def is_in(countries, group):
        if group == "none":
            return not countries
        return bool(set(countries) & (in_group(group) if group.isalpha() else in_region(group)))

    groups = []
    for group in ["ldc", "lldc", "sids", "002", "019", "142", "150", "009", "none"]:
        mine = [n for n in stated["needs"] if is_in(n["countries"], group)]
        stages = [STAGES.get(n["state"], 0) for n in mine]
        groups.append({
            "group": group,
            "needs": len(mine),
            "matched": sum(n["open_offers"] > 0 for n in mine),
            "under_way": sum(s in (1, 2) for s in stages),
            "served": stages.count(3),
            "shut_off": sum(n["open_offers"] == 0 < n["shut_offers"] for n in mine),
            "refused": sum(is_in(of, group) for of in stated["refusals"]),
        })

    def is_free_of_conditions(offer):
        priced = (offer.get("cost") or {}).get("price")
        return not (offer.get("conditions") or priced or (offer.get("eligibility") or {}).get("excluded_countries"))

    providers = []
    for provider in sorted({o["provider"] for o in stated["offers"] + stated["engagements"]}):
        offers = [o["offer"] for o in stated["offers"] if o["provider"] == provider]
        stages = [STAGES.get(e["state"], 0) for e in stated["engagements"] if e["provider"] == provider]
        providers.append({
            "provider": provider,
            "offers": len(offers),
            "unconditional": sum(map(is_free_of_conditions, offers)),
            "conditions": sum(len(o.get("conditions", [])) for o in offers),
            "pledged": sum(s >= 1 for s in stages),
            "delivered": sum(s >= 2 for s in stages),
            "confirmed": sum(s >= 3 for s in stages),
        })
    money = []
    for provider, currency in sorted({(p["provider"], p["currency"]) for p in stated["pledges"]}):
        mine = [p for p in stated["pledges"] if (p["provider"], p["currency"]) == (provider, currency)]
        sums = {name: decimal(sum(Fraction(p[name]) for p in mine)) for name in ("pledged", "paid", "paid_back")}
        money.append({"provider": provider, "currency": currency} | sums)
    return {"groups": groups, "providers": providers, "money": money}
