"""Promise: an operator sees on a terminal, on a pipe and in a script what stands at the broker, can acknowledge it,
and gets the terminal back as it was.

mosquitto runs on the configuration collectorctl wrote; messages come from the gateways' and the collector's own
certificates. Binaries come from $IOC_BIN.
"""
import datetime
import fcntl
import json
import os
import pty
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from identity_test import BIN, Site, Watcher  # noqa: E402

WIDTH, HEIGHT = 120, 36


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def alert(name, priority="high", state="unacknowledged", revision=1, **more):
    return json.dumps({"v": 1, "id": name, "area": "muong-te", "rule": "pm2-5-high", "object": "gw-01/air-1/pm2-5",
                       "class": "environment", "priority": priority, "state": state, "occurrence": 4,
                       "revision": revision, "list_revision": 118, "raised": now(), "changed": now(),
                       "unit": "ug/m3", "suppressed_children": 0, "agency": "Sở Nông nghiệp và Môi trường",
                       "text_vi": "Bụi PM2.5 vượt ngưỡng", "text_en": "PM2.5 above its limit", "durable": True,
                       "points": ["gw-01/air-1/pm2-5"], **more}, ensure_ascii=False)


def state(online):
    return json.dumps({"v": 1, "online": online, "session": "0123456789abcdef", "firmware": "0.1.0", "epoch": "7",
                       "clock": "synchronised", "epochs": []})


def pack(seq, value):
    return json.dumps([{"bn": "urn:dev:ops:gw-01:", "bt": time.time(), "epoch": "7", "seq": str(seq), "low": "1",
                        "kind": "data", "conf": "0123456789abcdef", "n": "air-1/pm2-5", "t": 0, "v": value}])


class Terminal:
    """A program on a pseudo-terminal, with what it has written so far."""

    def __init__(self, *command, **env):
        self.master, slave = pty.openpty()
        self.resize(WIDTH, HEIGHT)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.text = ""
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
                                        env={**os.environ, "TERM": "vt100", "LC_ALL": "C.UTF-8", **env})

    def resize(self, width, height):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def until(self, text, seconds=20):
        deadline = time.monotonic() + seconds
        while text not in self.text:
            if time.monotonic() > deadline:
                raise AssertionError(f"'{text}' did not show in:\n{self.text[-4000:]}")
            if select.select([self.master], [], [], 0.1)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode("utf-8", "replace")
                except OSError:
                    raise AssertionError(f"ended without '{text}':\n{self.text[-4000:]}") from None

    def finish(self):
        """Reads to the end; the exit code."""
        deadline = time.monotonic() + 20
        while self.process.poll() is None or select.select([self.master], [], [], 0)[0]:
            if time.monotonic() > deadline:
                self.process.kill()
                raise AssertionError("it did not end")
            if select.select([self.master], [], [], 0.05)[0]:
                self.text += os.read(self.master, 65536).decode("utf-8", "replace")
        return self.process.returncode

    def settings_are_back(self):
        return termios.tcgetattr(self.slave) == self.before

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(10)
        os.close(self.master)
        os.close(self.slave)


class WatchTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="ioc-watch-")
        cls.site = Site(cls.root)
        s = cls.site
        s.init()
        s.admit("broker", "broker", "--host", "127.0.0.1", "--host", "localhost")
        s.admit("gw-01", "gateway", "--area", "muong-te")
        s.admit("lan", "operator")
        s.admit("centre", "collector", "--area", "*")
        s.write_rules()
        s.start_broker()

    @classmethod
    def tearDownClass(cls):
        cls.site.stop()
        shutil.rmtree(cls.root)

    def setUp(self):
        for name in ("a-1", "a-2"):
            self.say("alerts/muong-te/" + name, None)
        self.say("collector/muong-te/state", json.dumps(
            {"v": 1, "online": True, "store": "00112233445566778899aabbccddeeff", "owner_epoch": 3,
             "list_revision": 118, "standing": 2, "at": now()}))
        self.say("alerts/muong-te/a-1", alert("a-1", "medium", "acknowledged", acknowledged=now(),
                                              acknowledged_by="hoa"))
        self.say("alerts/muong-te/a-2", alert("a-2", "critical"))

    def say(self, topic, text, who="centre", listener="collectors", retain=True):
        words = self.site.client(who, listener, "mosquitto_pub", "-t", "ioc/v1/" + topic)
        words += ["-n"] if text is None else ["-m", text]
        subprocess.run(words + (["-r"] if retain else []), check=True, timeout=30, capture_output=True)

    def command(self, verb, *words, port=None):
        base = os.path.join(self.site.ids, "lan")
        return [os.path.join(BIN, "collectorctl"), verb, "--host", "127.0.0.1", "--port",
                str(port or self.site.ports["operators"]), "--ca", self.site.path("ca/root.pem"), "--cert",
                base + ".pem", "--key", base + ".key", *words]

    def run_command(self, *words, **more):
        return subprocess.run(self.command(*words, **more), capture_output=True, text=True, timeout=60,
                              env={**os.environ, "LC_ALL": "C.UTF-8"})

    # --- scripts and pipes ---

    def test_once_prints_what_stands(self):
        done = self.run_command("watch", "--once", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        told = json.loads(done.stdout)
        self.assertEqual(told["version"], 1)
        self.assertEqual([a["id"] for a in told["alerts"]], ["a-2", "a-1"])
        plain = self.run_command("watch", "--once", "--lang", "both").stdout.splitlines()
        self.assertEqual(len(plain), 2)
        self.assertRegex(plain[0], "^critical +unacknowledged .*muong-te/a-2 Bụi .* / PM2.5 above")

    def test_once_says_that_nobody_answers(self):
        done = self.run_command("watch", "--once", port=1)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no connection to 127.0.0.1:1", done.stderr)

    def test_a_pipe_gets_a_line_a_change(self):
        notes = self.site.path("notes")
        with open(notes, "w", encoding="utf-8") as f:
            f.write("a drill begins\nnot yet who")
        process = subprocess.Popen(self.command("watch", "--for", "30", "--lang", "en", "--notes", notes), stdout=subprocess.PIPE,
                                   text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
        lines = []
        try:
            for line in process.stdout:
                lines.append(line.strip())
                if "alert a-2" in line:
                    self.say("gw/muong-te/gw-01/state", state(True), "gw-01", "gateways")
                if "gw-01 online" in line:
                    self.say("gw/muong-te/gw-01/state", state(False), "gw-01", "gateways")
                if "gw-01 OFFLINE" in line:
                    with open(notes, "a", encoding="utf-8") as f:
                        f.write("le\n")
                if "not yet whole" in line:
                    process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(10), 0)
        finally:
            process.kill()
            process.stdout.close()
        text = "\n".join(lines)
        self.assertNotIn("\033", text)
        for line in lines:
            self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00 ")
        for part in ("link up", "collector of muong-te online", "alert a-2 CRITICAL UNACKNOWLEDGED: PM2.5 above",
                     "gateway muong-te/gw-01 online", "a drill begins"):
            self.assertIn(part, text)

    def test_bad_usage_is_told(self):
        self.assertEqual(self.run_command("watch", "--area", "Mường").returncode, 2)
        self.assertEqual(self.run_command("watch", "--json").returncode, 2)
        self.assertEqual(self.run_command("watch", "--for", "never").returncode, 64)
        self.assertEqual(self.run_command("ack", "Not-An-Alert").returncode, 2)

    # --- the terminal ---

    def test_the_screen_shows_follows_resizes_and_comes_back(self):
        screen = Terminal(*self.command("watch"))
        try:
            screen.until("KHẨN CẤP")
            screen.until("Bụi PM2.5 vượt ngưỡng")
            screen.until("\033[0;1;31m")  # colour, beside the word
            screen.until("trung tâm hoạt động")
            self.say("gw/muong-te/gw-01/state", state(True), "gw-01", "gateways")
            screen.until("trực tuyến")
            for seq in range(1, 4):
                self.say("gw/muong-te/gw-01/live", pack(seq, 20.5 + seq), "gw-01", "gateways", retain=False)
            screen.until("23.5 µg/m³")
            self.assertFalse(screen.settings_are_back())
            screen.resize(60, 10)
            screen.text = ""
            screen.until("\033[J")
            screen.until("\033[J", 5)
            screen.text = ""
            screen.until("\033[J")
            frame = screen.text.split("\033[H")[-1]
            self.assertLessEqual(frame.count("\r\n"), 9)
            os.write(screen.master, b"\x03")  # Ctrl-C, as typed
            self.assertEqual(screen.finish(), 0)
            self.assertTrue(screen.text.endswith("\033[0m\033[?25h\033[?1049l"), repr(screen.text[-80:]))
            self.assertTrue(screen.settings_are_back())
        finally:
            screen.close()

    def test_no_color_ascii_and_dumb_are_honoured(self):
        screen = Terminal(*self.command("watch", "--ascii", "--for", "2"), NO_COLOR="1")
        try:
            self.assertEqual(screen.finish(), 0)
            self.assertIn("KHAN CAP", screen.text)
            self.assertTrue(screen.text.isascii())
            self.assertNotIn("31m", screen.text)
        finally:
            screen.close()
        screen = Terminal(*self.command("watch", "--for", "2"), TERM="dumb")
        try:
            self.assertEqual(screen.finish(), 0)
            self.assertIn("cảnh báo a-2 KHẨN CẤP", screen.text)
            self.assertNotIn("\033", screen.text)
        finally:
            screen.close()

    # --- acknowledging ---

    def test_ack_carries_what_was_seen_and_shows_the_answer(self):
        heard = Watcher(self.site, "centre", "collectors", "operators/lan/request")
        ack = subprocess.Popen(self.command("ack", "a-2", "--comment", "đã báo trực", "--verdict", "true"),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            heard.until("ioc/v1/operators/lan/request ")
            request = json.loads(heard.messages()[0].split(" ", 1)[1])
            self.assertEqual((request["alert"], request["occurrence"], request["revision"]), ("a-2", 4, 1))
            self.assertEqual((request["comment"], request["verdict"]), ("đã báo trực", "true"))
            reply = {"v": 1, "id": "another", "result": "refused", "reason": "not yours"}
            self.say("operators/lan/reply", json.dumps(reply), retain=False)
            reply = {"v": 1, "id": request["id"], "result": "done", "reason": ""}
            self.say("operators/lan/reply", json.dumps(reply), retain=False)
            out, errors = ack.communicate(timeout=30)
            self.assertEqual(ack.returncode, 0, errors)
            self.assertIn("a-2: done", out)
        finally:
            ack.kill()
            heard.close()

    def test_ack_of_nothing_and_without_an_answer(self):
        done = self.run_command("ack", "no-such", "--timeout", "2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no such alert stands", done.stderr)
        done = self.run_command("ack", "a-2", "--timeout", "2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("did not answer", done.stderr)


if __name__ == "__main__":
    unittest.main()
