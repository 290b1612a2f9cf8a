#!/usr/bin/env python3
"""Promise: the published JSON Schemas and the programs agree.

Every golden message is valid under its schema and uses no member the schema does not name; every
file below refused/ breaks its schema. unit.model.message proves the same of the C code.
"""
import json
import pathlib
import sys

import jsonschema

TOP = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = TOP / "shared/data/messages"
GOLDEN = TOP / "tests/golden/messages"


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def named_members(schema):
    """All member names a schema speaks of, at any depth."""
    names = set()
    if isinstance(schema, dict):
        names |= set(schema.get("properties", {}))
        schema = schema.values()
    if not isinstance(schema, str) and hasattr(schema, "__iter__"):
        for part in schema:
            names |= named_members(part)
    return names


def used_members(value):
    if isinstance(value, dict):
        return set(value).union(*map(used_members, value.values()))
    if isinstance(value, list):
        return set().union(*map(used_members, value))
    return set()


def validators():
    for path in sorted(SCHEMAS.glob("*.json")):
        schema = load(path)
        jsonschema.Draft202012Validator.check_schema(schema)
        yield path.stem, jsonschema.Draft202012Validator(schema)


def check_accepted(path, validator):
    message = load(path)
    for error in validator.iter_errors(message):
        yield f"{path.name}: {error.json_path}: {error.message}"
    for name in sorted(used_members(message) - named_members(validator.schema)):
        yield f"{path.name}: member {name} is not in the schema"


def main():
    problems = []
    checks = 0
    for name, validator in validators():
        accepted = sorted(GOLDEN.glob(f"{name}.*.json"))
        refused = sorted((GOLDEN / "refused").glob(f"{name}.*.json"))
        if not accepted or not refused:
            problems.append(f"{name}: needs a golden file and a refused one")
        for path in accepted:
            problems += check_accepted(path, validator)
        problems += [f"refused/{p.name}: the schema takes it" for p in refused
                     if validator.is_valid(load(p))]
        checks += len(accepted) + len(refused)
    print("\n".join(problems) or f"{checks} messages agree with their schemas")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
