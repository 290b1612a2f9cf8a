"""Promise 7, at the desk: what the control authority signs is what a gateway would take, a revision stands for one
content, and the key stays private. The shipped example is the document."""
import json
import os
import re
import shutil
import stat
import tempfile
import unittest

from lab.process import run
from lab.site import TOP

EXAMPLE = os.path.join(TOP, "docs", "examples", "control.json")


class ControlSign(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="ioc-control-")
        self.addCleanup(shutil.rmtree, self.root)
        self.key, self.out = self.path("control.key"), self.path("control.jws")
        self.ctl("control", "key", "--out", self.key)

    def path(self, name):
        return os.path.join(self.root, name)

    def ctl(self, *words, check=True):
        return run(os.path.join(os.environ["IOC_BIN"], "collectorctl"), *words, check=check)

    def sign(self, path):
        return self.ctl("control", "sign", "--key", self.key, "--out", self.out, path, check=False)

    def example(self, **changes):
        """The example with members changed, as a file of its own."""
        with open(EXAMPLE, encoding="utf-8") as f:
            text = re.sub(r'("(?:[^"\\]|\\.)*")|//[^\n]*', lambda m: m[1] or "", f.read())
        document = {**json.loads(text), **changes}
        with open(self.path("changed.json"), "w", encoding="utf-8") as f:
            json.dump(document, f)
        return self.path("changed.json")

    def refused(self, path, why):
        """Not signed, with the reason; and what was signed before is untouched."""
        before = self.signed()
        done = self.sign(path)
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(why, done.stderr)
        self.assertEqual(self.signed(), before)

    def signed(self):
        if not os.path.exists(self.out):
            return None
        with open(self.out, encoding="ascii") as f:
            return f.read()

    def test_the_key_is_private_and_never_overwritten(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.key).st_mode), 0o600)
        self.assertEqual(self.ctl("control", "key", "--out", self.key, check=False).returncode, 2)
        run("openssl", "pkey", "-pubin", "-in", self.key + ".pub", "-noout")

    def test_check_shows_who_may_what(self):
        out = self.ctl("control", "check", EXAMPLE).stdout
        for words in ("gateway gw-1, revision 1", "lan-2026 (lan) may street-*", "street-a: 2 points by all-night"):
            self.assertIn(words, out)

    def test_a_revision_stands_for_one_content(self):
        self.assertEqual(self.sign(EXAMPLE).returncode, 0)
        self.assertEqual(self.sign(EXAMPLE).returncode, 0)
        self.refused(self.example(utc_offset_min=60), 'raise "revision": 1 is not above 1')
        self.assertEqual(self.sign(self.example(revision=5)).returncode, 0)
        self.refused(self.example(revision=4), "4 is not above 5")
        self.assertEqual(self.sign(self.example(gateway="gw-2")).returncode, 0, "another gateway counts by itself")

    def test_what_a_gateway_would_refuse_is_not_signed(self):
        self.refused(self.example(gateway="GW 1"), "gateway")
        self.refused(self.example(lights=[]), "lights")
        self.refused(self.example(revision=0), "revision")
        self.refused(self.example(keys=[{
            "kid": "lan-1", "operator": "lan", "may": [{"target": "street-a"}],
            "public_key": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"}]), "public_key (lan-1)")
        self.refused(self.key, "line 1")

    def test_an_operators_entry_has_the_name_commands_are_signed_with(self):
        self.ctl("ca", "init", "--dir", self.path("ca"), "--name", "X")
        self.ctl("identity", "lan", "--out", self.path("ids"))
        self.ctl("ca", "sign", "--dir", self.path("ca"), "--role", "operator", "--out", self.path("lan.pem"),
                 self.path("ids/lan.csr"))
        entry = json.loads(self.ctl("control", "entry", "--cert", self.path("lan.pem"), "--key",
                                    self.path("ids/lan.key")).stdout)
        self.assertEqual(entry["operator"], "lan")
        self.assertRegex(entry["kid"], r"^lan-[0-9a-f]{8}$")
        self.refused(self.example(keys=[entry]), "DEVICE/POINT")
        entry["may"] = [{"target": "street-*"}]
        self.assertEqual(self.sign(self.example(keys=[entry])).returncode, 0)


if __name__ == "__main__":
    unittest.main()
