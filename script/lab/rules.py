"""The province's rules for a run that lasts a minute: the same rules with their waiting times shortened."""
import json
import re

WAITS = ("on_delay_s", "off_delay_s", "within_s")
TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.S)


def load(path):
    """JSON with comments, as the product reads it."""
    with open(path, encoding="utf-8") as f:
        return json.loads(TOKEN.sub(lambda m: m.group() if m.group().startswith('"') else " ", f.read()))


def hasten(path, longest_s, silence_s):
    """Delays of at most longest_s; silence is noticed after silence_s, which must exceed the time a dead gateway
    takes to be noticed. Hours of the day hold no more: the emulated day is not ours; rules that need them go."""
    rules = load(path)
    rules["rules"] = [r for r in rules["rules"] if "hours" not in r or r["type"] == "stalled"]
    for rule in rules["rules"]:
        rule.pop("hours", None)
        for wait in WAITS:
            if wait in rule:
                rule[wait] = min(rule[wait], longest_s)
        if "hold_s" in rule:
            rule["hold_s"] = silence_s
    return rules
