"""Section 8.3 of SPEC.md: records as JSON, and names and numbers of the schema, which never change.

Usage: python mapping.py            checks proto/vectors/json.json and schema.txt against the schema files
       python mapping.py --write    writes both: every field of every kind, filled; every name with its number
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
VECTORS = HERE.parent.parent / "proto" / "vectors"
sys.path.insert(0, str(pathlib.Path(sys.prefix) / "stubs"))

from google.protobuf import descriptor_pool  # noqa: E402
from google.protobuf.descriptor import FieldDescriptor as Field  # noqa: E402
from texts import party_text  # noqa: E402

from caphub.v1 import admin_pb2, artifact_pb2, carry_pb2, exchange_pb2, federation_pb2, membership_pb2, records_pb2  # noqa: E402

FILES = [admin_pb2, artifact_pb2, carry_pb2, exchange_pb2, federation_pb2, membership_pb2, records_pb2]
# Byte fields that hold party ids; all others are hexadecimal.
PARTIES = {"party", "hub", "recipient", "provider", "nominator", "provider_party", "attesting_hubs", "board"}
# Has no JSON: it holds keys.
HIDDEN = {"thread_grant"}


def to_json(message):
    """Every field, empty ones too."""
    out = {}
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof:
            continue
        value = getattr(message, field.name)
        if field.is_repeated:
            out[field.name] = [one_json(field, item) for item in value]
        elif field.type == Field.TYPE_MESSAGE and not message.HasField(field.name):
            out[field.name] = None
        else:
            out[field.name] = one_json(field, value)
    for choice in message.DESCRIPTOR.oneofs:
        name = message.WhichOneof(choice.name)
        out[choice.name] = {name: to_json(getattr(message, name))} if name else None
    return out


def one_json(field, value):
    if field.type == Field.TYPE_MESSAGE:
        return to_json(value)
    if field.type == Field.TYPE_BYTES:
        return (party_text(value) if value else "") if field.name in PARTIES else value.hex()
    return value


class Filler:
    """Puts something else into every field, so that no two can be taken for each other."""

    def __init__(self):
        self.count = 0

    def fill(self, message):
        for field in message.DESCRIPTOR.fields:
            if field.containing_oneof:
                continue
            if field.is_repeated:
                for _ in range(2):
                    self.put(field, getattr(message, field.name))
            elif field.type == Field.TYPE_MESSAGE:
                self.fill(getattr(message, field.name))
            else:
                setattr(message, field.name, self.value(field))
        return message

    def put(self, field, values):
        if field.type == Field.TYPE_MESSAGE:
            self.fill(values.add())
        else:
            values.append(self.value(field))

    def value(self, field):
        self.count += 1
        if field.type == Field.TYPE_STRING:
            return f"{field.name} {self.count}"
        if field.type == Field.TYPE_BYTES:
            return self.count.to_bytes(32, "big")
        if field.type == Field.TYPE_BOOL:
            return True
        if field.type == Field.TYPE_ENUM:
            return 1
        # A large one where it fits: numbers are written as numbers.
        return (1 << 53) - self.count if field.type in (Field.TYPE_UINT64, Field.TYPE_INT64) else self.count


def cases():
    """One of each kind, and of each act of a kind that has several."""
    out = []
    for field in records_pb2.Revision.DESCRIPTOR.oneofs_by_name["record"].fields:
        if field.name in HIDDEN:
            continue
        acts = [act.name for choice in field.message_type.oneofs for act in choice.fields]
        for act in acts or [None]:
            revision, filler = records_pb2.Revision(), Filler()
            record = getattr(revision, field.name)
            record.SetInParent()
            filler.fill(record)
            if act:
                getattr(record, act).SetInParent()
                filler.fill(getattr(record, act))
            name = f"{field.name}: {act}" if act else field.name
            body = revision.SerializeToString(deterministic=True).hex()
            out.append({"name": name, "kind": field.name, "body": body, "record": to_json(record)})
    return out


def schema():
    """A line for each field, value and call."""
    lines, seen = [], set()

    def of_message(message):
        if message.full_name in seen or not message.full_name.startswith("caphub."):
            return
        seen.add(message.full_name)
        for field in message.fields:
            kind = field.message_type or field.enum_type
            kind = kind.full_name if kind else FieldTypes[field.type]
            many = "repeated " if field.is_repeated else ""
            lines.append(f"{message.full_name}.{field.name} {field.number} {many}{kind}")
        for nested in message.nested_types:
            of_message(nested)

    def of_file(file):
        if file.name in seen:
            return
        seen.add(file.name)
        for dependency in file.dependencies:
            of_file(dependency)
        for message in file.message_types_by_name.values():
            of_message(message)
        for enum in file.enum_types_by_name.values():
            lines.extend(f"{enum.full_name}.{v.name} {v.number}" for v in enum.values)
        for service in file.services_by_name.values():
            for call in service.methods:
                ways = "stream " * call.client_streaming + "-> " + "stream " * call.server_streaming
                lines.append(f"{call.full_name} {call.input_type.full_name} {ways}{call.output_type.full_name}")

    for module in FILES:
        of_file(descriptor_pool.Default().FindFileByName(module.DESCRIPTOR.name))
    return sorted(lines)


FieldTypes = {number: name[5:].lower() for name, number in vars(Field).items() if name.startswith("TYPE_")}


def main():
    if sys.argv[1:] == ["--write"]:
        text = json.dumps({"cases": cases()}, indent=2, ensure_ascii=False)
        (VECTORS / "json.json").write_text(text + "\n", encoding="utf-8")
        (VECTORS / "schema.txt").write_text("\n".join(schema()) + "\n", encoding="utf-8")
        return 0
    stated = json.loads((VECTORS / "json.json").read_text(encoding="utf-8"))["cases"]
    faults = []
    for case in stated:
        revision = records_pb2.Revision.FromString(bytes.fromhex(case["body"]))
        if revision.WhichOneof("record") != case["kind"] or revision.SerializeToString(deterministic=True).hex() != case["body"]:
            faults.append(f"json.json: {case['name']}: another kind or other bytes")
        elif to_json(getattr(revision, case["kind"])) != case["record"]:
            faults.append(f"json.json: {case['name']}: another JSON")
    print(f"json.json: {len(stated)} cases")
    now = set(schema())
    locked = (VECTORS / "schema.txt").read_text(encoding="utf-8").splitlines()
    faults += [f"schema.txt: gone or changed: {line}" for line in locked if line not in now]
    print(f"schema.txt: {len(locked)} names")
    missing = {case["name"] for case in cases()} - {case["name"] for case in stated}
    new = sorted(now - set(locked)) + sorted(missing)
    if new:
        print(f"{len(new)} new names are not in the files yet (mapping.py --write adds them), {new[0]} for one")
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults or not stated or not locked else 0


if __name__ == "__main__":
    sys.exit(main())
