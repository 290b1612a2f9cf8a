#!/usr/bin/env python3
"""Promise: an editor that knows shared/data/schema/profile.json accepts every shipped profile, and marks
what no single key may say; unit.model.profile proves the reader's side, relations between keys included.
"""
import json
import pathlib
import sys

import jsonschema

TOP = pathlib.Path(__file__).resolve().parents[2]
BAD = TOP / "tests/golden/profiles/bad"
# Wrong by one key alone, so that an editor can tell.
MARKED = ("address_negative", "bit_16", "block_empty", "blocks_too_many", "code_zero", "map_of_63", "map_without_slots",
          "ours_no_bool", "string_too_long", "unknown_type")


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def main():
    schema = load(TOP / "shared/data/schema/profile.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    shipped = sorted((TOP / "shared/data/profiles").glob("*.json"))
    problems = [f"{path.name}: {error.json_path}: {error.message}"
                for path in shipped for error in validator.iter_errors(load(path))]
    problems += [f"bad/{name}.json: the schema takes it" for name in MARKED
                 if validator.is_valid(load(BAD / f"{name}.json"))]
    if not shipped:
        problems.append("there is no profile")
    print("\n".join(problems) or f"{len(shipped)} profiles agree with their schema")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
