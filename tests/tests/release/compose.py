"""Checks a compose file by its published schema, and prints it as JSON with what it repeats written out."""

import json
import sys

import yaml
from compose_spec import PyCompose

with open(sys.argv[1], encoding="utf-8") as file:
    merged = yaml.safe_load(file)
services = {name: value for name, value in merged.items() if not name.startswith("x-")}
PyCompose.from_yaml(yaml.safe_dump(services)).validate()
print(json.dumps(services))
