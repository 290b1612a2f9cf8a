"""Promise: what is written about the programs is true. Every option and command has its place in man page and
completion, and no page names one that is not there; links lead somewhere; pages made from tables and programs are as
those are now; every message that troubleshooting.md explains is one that a program can say.

Run with the folder of the built programs as first argument; IOC_UPDATE=1 writes the generated parts anew.
"""
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("IOC_BIN", ROOT / "build/dev/bin"))
UPDATE = bool(os.environ.get("IOC_UPDATE"))
PAGES = {"gatewayd": 8, "gatewayctl": 1, "collectord": 8, "collectorctl": 1, "board-emulator": 1}
COMPLETION = ROOT / "docs/completion/ioc.bash"
OPTION = r"(?<![\w-])(?:--[a-z][a-z-]+|-[a-zA-Z])(?![\w-])"
SOURCES = ("shared", "gateway", "collector", "boards")


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=60, check=False)


# --- what the programs accept ---

def left_column(text):
    """Of each line of a help that explains an option, what stands before the explanation."""
    lines = re.findall(r"^ {2,4}(-.*)$", text, re.MULTILINE)
    return [re.split(r" {2,}", line)[0] for line in lines]


def commands_of(program, path, text):
    """Commands a help lists, and those its usage lines spell out and call to have options."""
    listed = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.MULTILINE)
    found = [path + [w] for w in re.findall(r"^  ([a-z-]+) ", listed[1], re.MULTILINE)] if listed else []
    for words in re.findall(rf"^(?:Usage:|      ) {program} ((?:[a-z]+ )+).*\[options\]", text, re.MULTILINE):
        if len(words.split()) > len(path) and words.split()[:len(path)] == path:
            found.append(words.split())
    return found


def forms(program, path=()):
    """(command words, options) of the program and, below it, of each of its commands."""
    path = list(path)
    done = run(BIN / program, *path, "--help")
    if done.returncode != 0:
        raise AssertionError(f"{program} {' '.join(path)} --help ends with {done.returncode}: {done.stderr}")
    options = set(re.findall(OPTION, " ".join(left_column(done.stdout))))
    found = [(path, options)]
    for below in commands_of(program, path, done.stdout):
        found += forms(program, below)
    return found


def built():
    return [p for p in PAGES if (BIN / p).exists()]


class Programs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.forms = {p: forms(p) for p in built()}

    def man(self, program):
        return read(f"docs/man/{program}.{PAGES[program]}").replace("\\-", "-")

    def test_each_program_says_what_it_takes(self):
        self.assertGreaterEqual(len(self.forms), 4, f"programs in {BIN}")
        for program, found in self.forms.items():
            self.assertTrue(set().union(*(options for _, options in found)), program)

    def test_every_option_and_command_is_in_the_man_page(self):
        for program, found in self.forms.items():
            page = self.man(program)
            for path, options in found:
                for word in path + sorted(options - {"--help", "-h"}):
                    found = re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", page)
                    self.assertTrue(found, f"{program}: {word}")

    def test_no_man_page_names_an_option_that_is_not_there(self):
        known = set().union(*(options for found in self.forms.values() for _, options in found))
        for program in self.forms:
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", self.man(program)))
            self.assertLessEqual(named, known, program)

    def test_every_option_and_command_is_completed(self):
        shell = shutil.which("bash")
        if not shell:
            self.skipTest("no bash here")
        for program, found in self.forms.items():
            for path, options in found:
                words = [str(BIN / program), *path, ""]
                function = "_ioc_emulator" if program == "board-emulator" else "_ioc"
                done = run(shell, "-c", f'source "{COMPLETION}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); {function};'
                           ' printf "%s\\n" "${COMPREPLY[@]}"', "complete", *words)
                self.assertEqual(done.stderr, "")
                wanted = options | {below[-1] for below, _ in found if below[:-1] == path and below}
                self.assertLessEqual(wanted, set(done.stdout.split()), f"{program} {path}")

    def test_the_man_pages_are_set_without_a_complaint(self):
        if not shutil.which("man") or not shutil.which("groff"):
            self.skipTest("no man here")
        for program, section in PAGES.items():
            page = ROOT / f"docs/man/{program}.{section}"
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(page)],
                                  capture_output=True, text=True, check=False,
                                  env={**os.environ, "LC_ALL": "C.UTF-8", "MANPAGER": "cat"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), page)


class Units(unittest.TestCase):
    def test_the_units_start_what_is_built(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("no systemd-analyze here")
        with tempfile.TemporaryDirectory() as folder:
            names = []
            for program in ("gatewayd", "collectord"):
                names.append(os.path.join(folder, f"{program}.service"))
                with open(names[-1], "w", encoding="utf-8") as f:
                    f.write(read(f"docs/systemd/{program}.service").replace("/usr/bin/", f"{BIN.resolve()}/"))
            done = run("systemd-analyze", "verify", "--man=no", *names)
            self.assertEqual((done.returncode, done.stderr), (0, ""))


# --- links ---

def texts():
    """Everything a reader follows links in."""
    found = [n for n in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md") if (ROOT / n).exists()]
    for pattern in ("docs/*.md", "docs/man/*", "docs/examples/*", "boards/*/*.md"):
        found += sorted(os.path.relpath(n, ROOT) for n in glob.glob(str(ROOT / pattern)))
    return found


def anchors(text):
    """The anchors that the headings of a Markdown page get."""
    heads = re.findall(r"^#+ +(.*?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in heads}


class Links(unittest.TestCase):
    def test_links_lead_to_a_file_and_a_heading(self):
        for name in texts():
            for target in re.findall(r"\]\(([^)\s]+)\)", read(name)):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = ROOT / name if not path else (ROOT / name).parent / path
                self.assertTrue(file.exists(), f"{name}: {target}")
                if anchor:
                    self.assertIn(anchor, anchors(file.read_text(encoding="utf-8")), f"{name}: {target}")

    def test_pages_named_in_passing_are_there(self):
        for name in texts():
            for path in re.findall(r"(?<![\w/])docs/[\w./-]*\.(?:md|svg|json)", read(name).replace("\\-", "-")):
                self.assertTrue((ROOT / path).exists(), f"{name}: {path}")


# --- generated parts ---

def json_with_comments(path):
    return json.loads(re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda m: m[1] or "", read(path)))


def duration(seconds):
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s" if seconds else "at once"


def operand(side):
    condition = next((f"{k} {side[k]}" for k in ("above", "below") if k in side), None)
    return f"`{side['kind']}` {condition or ('on' if side.get('equals', True) else 'off')}"


def abnormal(rule):
    """When the rule holds something for abnormal, in a few words."""
    kind = f"`{rule['where']['kind']}`" if "where" in rule else ""
    side = rule.get("side", "above")
    text = {
        "threshold": lambda: f"{kind} {side} " + "; ".join(
            str(limit["value"]) + "".join(f" {k} {limit[k]}" for k in ("from", "until") if k in limit)
            for limit in rule["limits"]),
        "state": lambda: f"{kind} {'on' if rule.get('equals', True) else 'off'}",
        "mismatch": lambda: f"{operand(rule['when'])}, and not {operand(rule['expect'])}",
        "stalled": lambda: f"{kind} up by less than {rule.get('at_least', 1)} in {duration(rule['within_s'])}",
        "no_data": lambda: f"nothing usable of a {rule.get('per', 'device')} for {duration(rule['hold_s'])}",
        "offline": lambda: "gateway cut off",
        "fault": lambda: f"any point of a {rule.get('per', 'device')} is bad for the cause `{rule['fault']}`",
    }[rule["type"]]()
    if "deadband" in rule:
        text += f"; clears {rule['deadband']} inside"
    if "hours" in rule:
        text += f"; {rule['hours']['from']} to {rule['hours']['until']}"
    return text


def priority(rule):
    side = rule.get("side", "above")
    return "; ".join([rule["priority"]] + [f"{e['priority']} {side} {e['limit']}" for e in rule.get("escalations", [])])


def sentence(text):
    return text[0].upper() + text[1:].rstrip(".") + "."


def rules_table():
    rows = ["| rule | abnormal when | raised, cleared after | priority | cause, consequence, action |",
            "|---|---|---|---|---|"]
    for rule in json_with_comments("shared/data/rules/lai-chau.json")["rules"]:
        why = " ".join(sentence(rule[k]) for k in ("cause", "consequence", "action") if rule.get(k))
        delays = f"{duration(rule.get('on_delay_s', 0))}, {duration(rule.get('off_delay_s', 0))}"
        rows.append(f"| `{rule['name']}` | {abnormal(rule)} | {delays} | {priority(rule)} | {why} |")
    return "\n".join(rows) + "\n"


def profiles_table():
    rows = ["| profile | device | confidence | points | left open by its source |", "|---|---|---|---|---|"]
    for path in sorted(glob.glob(str(ROOT / "shared/data/profiles/*.json"))):
        profile = json_with_comments(os.path.relpath(path, ROOT))
        points = sum(p.get("repeat", 1) for p in profile["points"])
        confidence = "ours" if profile.get("ours") else profile["confidence"]
        rows.append(f"| `{profile['name']}` | {profile['label']} | {confidence} | {points} | "
                    f"{' '.join(profile.get('open', []))} |")
    return "\n".join(rows) + "\n"


class Generated(unittest.TestCase):
    maxDiff = None

    def matches(self, path, text):
        if UPDATE:
            (ROOT / path).write_text(text, encoding="utf-8")
        self.assertEqual(read(path), text, f"{path} is old; run this test with IOC_UPDATE=1")

    def part_matches(self, path, what, table):
        before, mark, rest = read(path).partition(f"<!-- {what} -->\n")
        self.assertTrue(mark)
        _, end, after = rest.partition("<!-- end -->")
        self.matches(path, before + mark + table + end + after)

    def test_the_table_of_shipped_rules(self):
        self.part_matches("docs/rules.md", "shipped rules", rules_table())

    def test_the_table_of_shipped_profiles(self):
        self.part_matches("docs/profiles.md", "shipped profiles", profiles_table())

    def test_the_reference_of_the_emulator(self):
        self.matches("docs/configuration-emulator.md", run(BIN / "board-emulator", "--document").stdout)


class Operators(unittest.TestCase):
    def test_every_field_and_word_of_alerts_requests_and_replies_is_explained(self):
        page = read("docs/operators.md")
        for name in ("alert", "operator-request", "operator-reply"):
            fields = json.loads(read(f"shared/data/messages/{name}.json"))["properties"]
            words = list(fields) + [w for f in fields.values() for w in f.get("enum", [])]
            for word in words:
                self.assertTrue(re.search(rf'[`"]{word}[`"]', page), f"{name}: {word}")


# --- messages ---

def messages():
    """Every string a source file can say, adjacent literals joined, a gap where a value is filled in."""
    found = []
    for folder in SOURCES:
        for name in sorted((ROOT / folder).rglob("*.c")):
            code = re.sub(r'%" PRI\w+\s*"', "%d", name.read_text(encoding="utf-8"))
            for text in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*', code):
                joined = "".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', text)).replace('\\"', '"')
                found.append(re.sub(r"%[-+ 0-9.*]*(?:ll|l|z|j)?[a-zA-Z]", "\0", joined))
    return "\n".join(found)


class Messages(unittest.TestCase):
    def test_each_message_explained_is_one_that_can_be_said(self):
        said = messages()
        rows = re.findall(r"^\| `` ?(.*?) ?`` \|", read("docs/troubleshooting.md"), re.MULTILINE)
        self.assertGreater(len(rows), 20)
        for row in rows:
            for part in re.split("…", row):
                self.assertIn(part.strip(), said, row)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BIN = pathlib.Path(sys.argv.pop(1))
    unittest.main()
