"""Promise: every text a program gives people has its Vietnamese: each _() and N_() of the sources, and each help and
summary of gatewayctl's tables, stands translated in shared/data/po/vi.po, with the same values to fill in; and nothing is
kept there that no program says.

IOC_UPDATE=1 adds what is missing, untranslated, to the end of the file.
"""
import os
import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CATALOGUE = ROOT / "shared/data/po/vi.po"
SOURCES = ("shared", "gateway", "collector", "boards")
LITERAL = r'"(?:[^"\\\n]|\\.)*"'
TEXT = rf"{LITERAL}(?:\s*{LITERAL})*"
DIRECTIVE = r"%(?:\d+\$)?[-+ #0]*(?:\*|\d+)?(?:\.(?:\*|\d+))?(?:hh|h|ll|l|z|j)?[a-zA-Z%]"
ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def joined(text):
    """The value of adjacent C literals."""
    raw = "".join(part[1:-1] for part in re.findall(LITERAL, text))
    return re.sub(r"\\(.)", lambda m: ESCAPES[m[1]], raw)


def said():
    """Every text that is to be translated, and a file that says it."""
    found = {}
    for folder in SOURCES:
        for file in sorted((ROOT / folder).rglob("*.c")):
            code = file.read_text(encoding="utf-8")
            name = str(file.relative_to(ROOT))
            for text in re.findall(rf"(?<![A-Za-z0-9_])N?_\(\s*({TEXT})\s*\)", code):
                found.setdefault(joined(text), name)
    return found


def untranslatable():
    """Texts of gatewayctl's tables that are printed translated but not marked."""
    found = []
    for file in sorted((ROOT / "gateway/gatewayctl").glob("*.c")):
        code = file.read_text(encoding="utf-8")
        for text in re.findall(rf"\.(?:help|summary) = ({TEXT})", code):
            found.append(f"{file.name}: {joined(text)}")
        for text in re.findall(rf'^    \{{"[a-z]+", gatewayctl_\w+,\s*({TEXT})', code, re.MULTILINE):
            found.append(f"{file.name}: {joined(text)}")
    return found


def catalogue():
    text = CATALOGUE.read_text(encoding="utf-8")
    entries = re.findall(rf"^msgid ({TEXT})\nmsgstr ({TEXT})", text, re.MULTILINE)
    return [(joined(a), joined(b)) for a, b in entries]


def quoted(text):
    parts = re.findall(r"[^\n]*\n|[^\n]+", text)
    lines = ['"' + p.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"' for p in parts]
    return lines[0] if len(lines) == 1 else '""\n' + "\n".join(lines)


class Texts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.said = said()
        if os.environ.get("IOC_UPDATE"):
            known = {a for a, _ in catalogue()}
            with open(CATALOGUE, "a", encoding="utf-8") as f:
                for text, name in cls.said.items():
                    if text not in known:
                        flag = "#, c-format\n" if re.search(DIRECTIVE, text) else ""
                        f.write(f"\n#: {name}\n{flag}msgid {quoted(text)}\nmsgstr \"\"\n")
        cls.entries = catalogue()
        cls.known = dict(cls.entries)

    def test_there_is_something_to_translate(self):
        self.assertGreater(len(self.said), 50)

    def test_every_text_is_translated(self):
        missing = [f"{name}: {text!r}" for text, name in self.said.items() if not self.known.get(text)]
        self.assertEqual(missing, [], f"translate them in {CATALOGUE.name}")

    def test_every_help_and_summary_of_gatewayctl_is_marked(self):
        self.assertEqual(untranslatable(), [], "put N_() around them")

    def test_nothing_is_kept_that_nobody_says(self):
        self.assertEqual([a for a, _ in self.entries if a and a not in self.said], [])

    def test_no_text_is_there_twice(self):
        self.assertEqual(len(self.entries), len(self.known))

    def test_translations_fill_in_the_same_values_in_the_same_order(self):
        for text, translated in self.entries[1:]:
            self.assertEqual(re.findall(DIRECTIVE, text), re.findall(DIRECTIVE, translated), text)

    def test_translations_begin_and_end_their_lines_alike(self):
        for text, translated in self.entries[1:]:
            self.assertEqual(text[-1:] == "\n", translated[-1:] == "\n", text)
            self.assertEqual(re.match(" *", text)[0], re.match(" *", translated)[0], text)


if __name__ == "__main__":
    sys.exit(unittest.main())
