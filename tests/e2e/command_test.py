"""Promise 7, whole: a light is switched by its schedule, also when the uplink is cut, or by a command an operator signed,
and by nothing else. Real broker, collectord, collectorctl, gatewayd and an emulated relay: the answer is what was read
back; what a rogue collector publishes is refused, recorded, and switches nothing.
"""
import json
import os
import re
import subprocess
import time
import unittest

from lab.control import Control
from lab.process import run, wait_until
from lab.site import Bus, Device, Gateway, Site

AREA, GATEWAY, ROGUE = "tan-phong", "light-01", "collector-2"
VIET_NAM_S = 7 * 3600


def local(seconds):
    return time.strftime("%H:%M", time.gmtime(seconds + VIET_NAM_S))


class Command(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cabinet = [Bus("rs485-1", "rtu", [Device("relays", "wb-mr6c", 1)], baud=19200)]
        cls.site = site = Site(os.environ["IOC_BIN"], [Gateway(GATEWAY, AREA, "cabinet", cabinet)])
        cls.gateway = site.gateways[0]
        site.prepare()
        site.pki.person("collector", ROGUE, [AREA])
        site.broker.configure()
        cls.control = Control(site, GATEWAY)
        cls.control.install()
        cls.sign([{"at": "00:00", "value": False}])
        Command.starts = 1
        site.start()
        cls.gateway.child.wait_line("connected and subscribed")

    @classmethod
    def tearDownClass(cls):
        cls.site.close()

    @classmethod
    def sign(cls, steps):
        """A new revision: street-a is k1 and k2 and follows the steps."""
        cls.control.sign(["street-a", "relays/k3"], {"street-a": ["relays/k1", "relays/k2"]}, steps)

    def restart(self):
        """Another start, with a connection: a command to a gateway that is not there is nobody's."""
        self.gateway.child.stop()
        self.site.start_gateway(self.gateway)
        Command.starts += 1
        self.gateway.child.wait_line("connected and subscribed", occurrences=self.starts)

    def command(self, *words):
        done = run(*self.site.operator("command", "--json", "--yes", *words), check=False, timeout_s=60)
        return done.returncode, json.loads(done.stdout.strip().splitlines()[-1]) if done.stdout.strip() else done.stderr

    def relay(self, point):
        """What the emulated relay's contact really is, as the centre last stored it."""
        rows = self.site.rows("SELECT body FROM pack WHERE gateway = ? ORDER BY epoch DESC, seq DESC LIMIT 5", GATEWAY)
        for (body,) in rows:
            for record in reversed(json.loads(body)):
                if record["n"] == f"relays/{point}-real" and "vb" in record:
                    return record.get("vb")
        return None

    def events(self, words):
        return [1 for (body,) in self.site.rows("SELECT body FROM pack WHERE gateway = ?", GATEWAY)
                if words in (body.decode() if isinstance(body, bytes) else body)]

    # --- tests ---

    def test_a_signed_command_is_answered_with_what_was_read_back(self):
        code, said = self.command(GATEWAY, "street-a", "on", "--hold", "10s")
        self.assertEqual((code, said["result"]), (0, "done"), said)
        self.assertIs(said["value"], True)
        self.gateway.child.wait_line(r"accepted: operator-1 .*switch street-a on for 10 s")
        wait_until(lambda: self.events("accepted: operator-1"), 20, "the record of the command")
        self.gateway.child.wait_line(r"street-a: off, by its schedule", 30)  # it ends by itself
        code, said = self.command(GATEWAY, "relays/k3", "on")
        self.assertEqual((code, said["result"]), (0, "done"), said)
        code, said = self.command(GATEWAY, "relays/k3", "--release")
        self.assertEqual((code, said["result"]), (0, "done"), said)

    def test_what_a_key_may_not_is_refused_with_the_reason(self):
        code, said = self.command(GATEWAY, "relays/k4", "on")
        self.assertEqual((code, said["result"]), (3, "refused"), said)
        self.assertIn("may not command relays/k4", said["reason"])

    def publish(self, payload, *words):
        site = self.site
        subprocess.run(
            ["mosquitto_pub", "-h", "localhost", "-p", str(site.broker.ports["collectors"]), "--cafile",
             site.pki.root_cert, "--cert", site.pki.cert(ROGUE), "--key", site.pki.key(ROGUE), "-i", ROGUE, "-q", "1",
             "-t", f"ioc/v1/gw/{AREA}/{GATEWAY}/command", "-m", payload, *words], check=True, timeout=20)

    def test_a_rogue_collector_switches_nothing(self):
        self.publish('{"v":1,"id":"x","gateway":"light-01","target":"street-a","action":"set","value":true}')
        self.gateway.child.wait_line(r"security: command refused: from nobody known: not signed")
        self.publish("eyJhbGciOiJub25lIn0.e30.")
        self.gateway.child.wait_line(r"security: command refused: from nobody known: ", occurrences=2)
        self.publish("e30.e30.e30", "-r")  # waits at the broker for the gateway's next connection
        self.restart()
        self.gateway.child.wait_line(r"security: command refused: from nobody known: a retained message")
        self.publish("", "-r")  # takes the retained one away
        wait_until(lambda: self.events("command refused: from nobody known"), 20, "the record of the attempts")
        log = self.gateway.child.output()
        self.assertNotIn("street-a: on", log.rpartition("refused: from nobody known")[2])

    def test_the_schedule_switches_with_the_uplink_cut(self):
        due = int(time.time() / 60) * 60 + 60
        due += 60 if due - time.time() < 20 else 0  # time to restart
        self.sign([{"at": local(due), "value": True}, {"at": local(due - 7200), "value": False}])
        self.restart()
        self.site.ctl("link", GATEWAY, "cut")
        Command.starts += 1  # it connects once more when the link is back
        try:
            self.gateway.child.wait_line(rf"control document: revision {self.control.revision}")
            self.gateway.child.wait_line(r"street-a: on, by its schedule", 100)
        finally:
            self.site.ctl("link", GATEWAY, "up")
        self.gateway.child.wait_line("connected and subscribed", 60, occurrences=self.starts)
        wait_until(lambda: self.relay("k1") is True and self.relay("k2") is True, 60, "the lamps' state at the centre")

    def test_a_lower_revision_never_comes_back(self):
        with open(self.control.file, "rb") as f:
            old = f.read()
        self.sign([{"at": "00:00", "value": False}])
        self.restart()
        self.gateway.child.wait_line(rf"control document: revision {self.control.revision}")
        with open(self.control.file, "wb") as f:
            f.write(old)
        config = self.site.path(f"{GATEWAY}.json")
        done = run(os.path.join(self.site.bin, "gatewayd"), "-n", "-c", config, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("is below", done.stderr)
        self.restart()
        self.gateway.child.wait_line("the last accepted one stays in force")
        # Not the document, but gateway.json and the profiles name a configuration: it is the same all the time.
        self.assertEqual(len(set(re.findall(r" devices, configuration (\w+)", self.gateway.child.output()))), 1)


if __name__ == "__main__":
    unittest.main()
