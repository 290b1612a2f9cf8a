"""Promise 8: nobody needs the source. Each bad configuration gets one message with file, line, path and reason, and
exit 2; each good one exits 0 and what -p prints reads back."""
import os
import subprocess
import unittest

from lab.site import Site

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def check(program, path, option="-n"):
    return subprocess.run([os.path.join(os.environ["IOC_BIN"], program), option, "-c", path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8", timeout=30, check=False, cwd=TOP)


class Configuration(unittest.TestCase):
    def bad(self, side, program):
        folder = os.path.join(TOP, "tests", "golden", "config", side, "bad")
        names = sorted(n for n in os.listdir(folder) if n.endswith(".json"))
        self.assertGreaterEqual(len(names), 8)
        for name in names:
            with self.subTest(name):
                done = check(program, os.path.join(folder, name))
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(name, done.stderr)
                with open(os.path.join(folder, name[:-5] + ".expect"), encoding="utf-8") as f:
                    for words in f.read().splitlines():
                        self.assertIn(words, done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, "one message, not a flood:\n" + done.stderr)

    def test_gatewayd_refuses_each_bad_one(self):
        self.bad("gateway", "gatewayd")

    def test_collectord_refuses_each_bad_one(self):
        self.bad("collector", "collectord")

    def test_good_ones_pass_and_print_what_reads_back(self):
        with Site(os.environ["IOC_BIN"]) as site:
            site.prepare()
            for program, name in [("collectord", "collector")] + [("gatewayd", g.name) for g in site.gateways]:
                with self.subTest(name):
                    good = site.path(f"{name}.json")
                    self.assertEqual(check(program, good).returncode, 0)
                    printed = check(program, good, "-p")
                    self.assertEqual(printed.returncode, 0, printed.stderr)
                    again = site.path(f"{name}-again.json")
                    with open(again, "w", encoding="utf-8") as f:
                        f.write(printed.stdout)
                    self.assertEqual(check(program, again).returncode, 0)
                    self.assertEqual(check(program, again, "-p").stdout, printed.stdout)

    def test_a_file_that_is_not_there_is_bad_configuration_too(self):
        for program in ("gatewayd", "collectord"):
            done = check(program, "/nowhere/at-all.json")
            self.assertEqual(done.returncode, 2)
            self.assertIn("/nowhere/at-all.json", done.stderr)


if __name__ == "__main__":
    unittest.main()
