"""Section 8.2 of SPEC.md: what a record must have. Judged here: the kinds by which parties ask, offer and admit; records
of other kinds are taken as they are."""

import datetime
import re

from rules import COUNTRIES, PARENT, read_codes

TITLE, TEXT, SHORT, LIST, TRANSLATIONS = 1_024, 32_768, 2_048, 256, 64
THEMES = {"policy_strategy", "incident_management", "cybercrime", "culture_skills", "standards", "emerging_technologies"}
MODES = {"in_person", "online", "hybrid", "self_paced"}
OFFERS = {"technology_transfer", "technical_assistance", "financial_support", "training", "fellowship", "equipment", "expertise"}
URGENCIES = {"", "low", "normal", "high", "critical"}
REASONS = {"outside_mandate", "identity_unverified", "legal_requirement", "quota", "other"}
PARTY_KINDS = {"state", "regional_body", "sub_regional_body", "international_organisation", "provider", "csirt", "university"}
GROUPS, SCOPES = {"ldc", "lldc", "sids"}, {"sub_region", "region", "all"}
TLP = {"", "TLP:RED", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:GREEN", "TLP:CLEAR"}
# RFC 5646 section 2.1, without the grandfathered tags that have a form of their own.
LANGUAGE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4}|[a-z]{5,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|\d{3}))?"
    r"(?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*(?:-[a-wyz\d](?:-[a-z\d]{2,8})+)*(?:-x(?:-[a-z\d]{1,8})+)?|x(?:-[a-z\d]{1,8})+",
    re.IGNORECASE | re.ASCII,
)


def short(text):
    return len(text.encode("utf-8")) <= SHORT


def language(tag):
    return LANGUAGE.fullmatch(tag) is not None


def localised(text, most, required=False):
    """`text` with at most so many bytes in each language; the message itself says whether it is there."""
    texts = [(text.language, text.text), *((t.language, t.text) for t in text.translations)]
    if required and not text.text.strip():
        return False
    languages = [tag.lower() for tag, _ in texts]
    return (
        all(language(tag) for tag, _ in texts)
        and len(text.translations) <= TRANSLATIONS
        and len(set(languages)) == len(languages)
        and all(short(t.translator) for t in text.translations)
        and all(len(words.encode("utf-8")) <= most for _, words in texts)
    )


def optional(record, name, most=TEXT):
    return not record.HasField(name) or localised(getattr(record, name), most)


def title(record, name="title"):
    return record.HasField(name) and localised(getattr(record, name), TITLE, True)


def every(items, rule):
    return len(items) <= LIST and all(rule(item) for item in items)


def country(code):
    return code in COUNTRIES


def region(code):
    return code == "001" or code in PARENT


def theme(code):
    vocabulary, colon, rest = code.partition(":")
    return code in THEMES or bool(colon and vocabulary and rest and len(code.encode("utf-8")) <= 128)


def date(text):
    try:
        return len(text) == 10 and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def date_or_none(text):
    return not text or date(text)


def window(record):
    start, end = getattr(record.window, "from"), record.window.until
    return date_or_none(start) and date_or_none(end) and not (start and end and end < start)


def url(text):
    return short(text) and (not text or text.startswith(("http://", "https://", "mailto:")))


def party(value):
    return len(value) == 32


def reach(record):
    area = record.reachable_from
    return every(area.countries, country) and every(area.regions, region) and short(area.note)


def cost(value):
    price = value.price
    if value.free and value.HasField("price"):
        return False
    amount = not value.HasField("price") or re.fullmatch(r"\d{1,18}(\.\d{1,18})?", price.amount, re.ASCII)
    return bool(amount) and short(value.note)


def places(record):
    return every(record.countries, country) and every(record.regions, region)


def need(r):
    terms = r.terms
    return (
        title(r) and optional(r, "description") and len(r.themes) > 0 and every(r.themes, theme)
        and optional(r, "beneficiaries") and places(r) and r.urgency in URGENCIES and window(r)
        and every(r.languages, language) and every(r.delivery_modes, MODES.__contains__)
        and every(r.national_plans, lambda p: short(p.title) and url(p.url)) and optional(r, "own_contribution")
        and every(terms.data_locations, country) and every(terms.languages, language) and short(terms.law)
        and every(terms.technology_not_accepted, short) and every(r.escalation, lambda e: e.scope in SCOPES)
        and date(r.confirm_by) and every(r.offer_types, OFFERS.__contains__) and short(r.asked.unit)
    )


def offer(r):
    to = r.eligibility
    reason = to.exclusion_reason.strip() or not to.excluded_countries
    return (
        title(r) and optional(r, "description") and r.offer_type in OFFERS and len(r.themes) > 0
        and every(r.themes, theme) and short(r.capacity.unit) and places(to) and every(to.groups, GROUPS.__contains__)
        and every(to.excluded_countries, country) and short(to.exclusion_reason) and bool(reason) and optional(to, "note")
        and every(r.conditions, lambda t: localised(t, TEXT, True)) and cost(r.cost) and every(r.languages, language)
        and places(r) and every(r.delivery_modes, MODES.__contains__) and window(r) and date(r.confirm_by) and reach(r)
        and every(r.data_locations, country) and short(r.law) and every(r.technology, short)
    )


def profile(r):
    return (
        title(r, "name") and r.kind in PARTY_KINDS and (not r.country or country(r.country)) and every(r.regions, region)
        and optional(r, "description") and every(r.languages, language) and url(r.url) and short(r.contact)
    )


def attestation(r):
    named = not r.country or country(r.country)
    return party(r.party) and r.level in (1, 2, 3) and short(r.mandate) and short(r.name) and named and date_or_none(r.until)


def refusal(r):
    words = bool(r.what.strip()) and all(map(short, (r.what, r.basis, r.scope)))
    return (not r.party or party(r.party)) and words and r.reason in REASONS and date_or_none(r.until)


def entries(r, least, most=1_024):
    return least <= len(r.entries) <= most and all(len(e.feed_id) == 32 and e.seq > 0 for e in r.entries)


RULES = {
    "profile": profile,
    "need": need,
    "offer": offer,
    "attestation": attestation,
    "recognition": lambda r: party(r.hub) and short(r.name) and short(r.note),
    "refusal": refusal,
    "reply": lambda r: party(r.party) and len(r.record_id) == 16 and r.HasField("text")
    and localised(r.text, TEXT, True) and r.claim in ("", "eased", "lifted"),
    "node_card": lambda r: len(r.node_key) == 32 and len(r.addresses) <= 8 and all(map(short, r.addresses))
    and every(r.languages, language) and short(r.name) and every(r.regions, region),
    "withdraw": lambda r: short(r.note) and entries(r, 1 if r.erase else 0),
    "erasure": lambda r: entries(r, 1),
}


def is_valid(revision):
    read_codes()
    source = revision.source
    sound = (
        len(revision.record_id) == 16
        and revision.number != 0
        and (revision.number == 1) == (not revision.parents)
        and every(revision.parents, party)
        and revision.tlp in TLP
        and all(map(short, (source.identifier, source.url, source.licence, source.catalogue)))
    )
    kind = revision.WhichOneof("record")
    return sound and (kind not in RULES or bool(RULES[kind](getattr(revision, kind))))
