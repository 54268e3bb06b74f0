"""Section 14 of SPEC.md: carry files, frame by frame."""

import hashlib
import struct

from entries import INTEGER_END, feed_of
from identity import Reader
from strict import Refused, check_signature, refuse_if, tagged

MARK = b"caphub carry 1\n\0"
LIMITS = {1: 2_048, 2: 1_048_675, 3: 2_097_255, 4: 65_536, 5: 65_536, 6: 233_488, 7: 113, 8: 131_085, 9: 1_048_612}
LIMIT_OF_LATER_TYPES = 4_194_304
BROKEN_MAX = 64


class CarryReader(Reader):
    """As the reader of identity bodies, with the reason of this section."""

    def take(self, count):
        refuse_if(self.at + count > len(self.data), "carry_format")
        self.at += count
        return self.data[self.at - count : self.at]


def parse_manifest(payload):
    """Section 14.3; the set, the part and the key."""
    refuse_if(len(payload) < 64, "carry_format")
    signed, signature = payload[:-64], payload[-64:]
    reader = CarryReader(signed)
    set_id, part, purpose = reader.take(16), reader.number(4), reader.number(1)
    _author, key, _log = reader.take(32), reader.take(32), reader.take(16)
    time, entries, count = reader.number(8), reader.number(8), reader.number(1)
    refuse_if(part == 0 or purpose > 1 or count > 16, "carry_format")
    refuse_if(time >= INTEGER_END or entries >= INTEGER_END, "carry_format")
    reader.take(48 * count)
    length = reader.number(1)
    refuse_if(length > 64, "carry_format")
    try:
        reader.take(length).decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("carry_format") from None
    refuse_if(reader.at != len(signed), "carry_format")
    check_signature(key, b"caphub/carry/1\0" + signed, signature)
    return set_id, part, key


def parse_carry_feed(reader):
    party, key = reader.take(32), reader.take(reader.number(1))
    return feed_of(party, key, reader.take(reader.number(1)))


def check_payload(kind, payload):
    """Section 14.5, step 3, save for manifests."""
    reader = CarryReader(payload)
    if kind in (2, 3):
        parse_carry_feed(reader)
    if kind == 3:
        reader.take(reader.number(4))
    if kind == 5:
        reader.take(64)
    if kind == 8:
        check_list(payload)
    if kind == 9:
        reader.take(36)
        refuse_if(reader.at == len(payload), "carry_format")


def check_list(payload):
    """Section 17.1: the list of a file's chunks, by its layout alone."""
    reader = CarryReader(payload)
    version, chunk, length = reader.number(1), reader.number(4), reader.number(8)
    sizes = [size for size in (262_144, 524_288, 1_048_576) if -(-length // size) <= 4_096]
    refuse_if(version != 1 or not sizes or chunk != sizes[0], "carry_format")
    refuse_if(len(payload) != 13 + 32 * -(-length // chunk), "carry_format")


def judge_end(payload, before, frames, manifest):
    refuse_if(len(payload) != 113 or payload[16] > 1, "carry_format")
    refuse_if(manifest is None, "carry_damaged")
    set_id, part, key = manifest
    message = b"caphub/carry-end/1\0" + set_id + struct.pack(">I", part) + payload[:49]
    check_signature(key, message, payload[49:])
    sound = payload[17:49] == hashlib.sha256(before).digest() and payload[:4] == struct.pack(">I", frames)
    refuse_if(not sound, "carry_damaged")


def read_carry(data, frames):
    """Fills frames; raises Refused with the reason of the file."""
    refuse_if(data[:16] != MARK[: len(data)], "carry_format")
    refuse_if(len(data) < 16, "carry_cut")
    at, manifest, broken = 16, None, 0
    while True:
        refuse_if(broken >= BROKEN_MAX, "carry_damaged")
        refuse_if(at + 13 > len(data), "carry_cut")
        kind, length = data[at], int.from_bytes(data[at + 1 : at + 5], "big")
        refuse_if(kind == 0 or length > LIMITS.get(kind, LIMIT_OF_LATER_TYPES), "carry_format")
        end = at + 13 + length
        refuse_if(end > len(data), "carry_cut")
        payload = data[at + 13 : end]
        sound = tagged("caphub/frame/1", data[at : at + 5], payload)[:8] == data[at + 5 : at + 13]
        if sound and kind == 7:
            judge_end(payload, data[:at], len(frames), manifest)
            refuse_if(end != len(data), "carry_damaged")
            return
        reason = ""
        try:
            refuse_if(not sound, "carry_damaged")
            if kind == 1:
                found = parse_manifest(payload)
                refuse_if(frames, "carry_format")
                manifest = found
            else:
                check_payload(kind, payload)
        except Refused as refused:
            reason = refused.args[0]
            broken += 1
        frames.append({"at": at, "type": kind, "reason": reason})
        at = end
