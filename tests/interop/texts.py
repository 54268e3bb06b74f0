"""Sections 2.2 and 7 of SPEC.md: ids as text, node cards and invitations."""

from entries import INTEGER_END
from strict import Refused, check_signature, refuse_if

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32M = 0x2BC830A3
CARD_BYTES_MAX, ADDRESSES_MAX = 16_384, 8
CARD_LINES = ["hub", "node", "name", "address", "languages", "time"]
INVITATION_LINES = CARD_LINES + ["admit", "code", "country", "invited", "until"]


def checksum(values):
    """The polynomial of BIP 350 over values of 5 bits."""
    total = 1
    for value in values:
        top, total = total >> 25, (total & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            total ^= term if top >> bit & 1 else 0
    return total


def prefix(hrp="cap"):
    return [ord(c) >> 5 for c in hrp] + [0] + [ord(c) & 31 for c in hrp]


def party_text(party):
    bits = "".join(f"{byte:08b}" for byte in party) + "0000"
    values = [int(bits[at : at + 5], 2) for at in range(0, 260, 5)]
    sum_ = checksum(prefix() + values + [0] * 6) ^ BECH32M
    values += [sum_ >> 5 * (5 - at) & 31 for at in range(6)]
    return "cap1" + "".join(ALPHABET[v] for v in values)


def party_of(text):
    """The 32 bytes of a party id as people see it; ValueError where it is none."""
    if len(text) != 62 or not text.startswith("cap1") or not set(text[4:]) <= set(ALPHABET):
        raise ValueError("not a party id")
    values = [ALPHABET.index(c) for c in text[4:]]
    bits = "".join(f"{v:05b}" for v in values[:-6])
    if checksum(prefix() + values) != BECH32M or bits[256:] != "0000":
        raise ValueError("not a party id")
    return int(bits[:256], 2).to_bytes(32, "big")


def read_signed(text):
    """The lines of a node card or an invitation whose signature is valid; ValueError where it is neither."""
    names = {"caphub node card 1": CARD_LINES, "caphub invitation 1": INVITATION_LINES}
    data = text.encode("utf-8")
    lines = text.split("\n")
    if len(data) > CARD_BYTES_MAX or lines[0] not in names or lines[-1]:
        raise ValueError("not a node card or an invitation")
    if any(ord(c) < 32 or 127 <= ord(c) < 160 for line in lines for c in line):
        raise ValueError("a value holds control characters")
    found, at = {"address": []}, 1
    for name in names[lines[0]] + ["signature"]:
        while name == "address" and lines[at].startswith("address ") and len(found["address"]) < ADDRESSES_MAX:
            found["address"].append(lines[at][8:])
            at += 1
        if name == "address":
            continue
        key, _, value = lines[at].partition(" ")
        if key != name:
            raise ValueError(f"line {at + 1} is not {name}")
        found[name], at = value, at + 1
    if at != len(lines) - 1 or int(found["time"]) >= INTEGER_END:
        raise ValueError("something follows the signature, or the time is too large")
    signed = data[: data.rindex(b"\nsignature ") + 1]
    invitation = lines[0] == "caphub invitation 1"
    tag = b"caphub/invitation/1\0" if invitation else b"caphub/card/1\0"
    signer = bytes.fromhex(found["admit" if invitation else "node"])
    signature = bytes.fromhex(found["signature"])
    try:
        refuse_if(len(signature) != 64, "bad_signature")
        check_signature(signer, tag + signed, signature)
    except Refused as refused:
        raise ValueError(f"the text was altered: {refused}") from None
    return found | {"hub": party_of(found["hub"])}
