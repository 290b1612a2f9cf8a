"""Promise 2 at the edge: what is held back is not missed, what is worked out is right, and who works on a device is left
in peace. Two meters through gatewayd, mosquitto and collectord: one with a deadband, a heartbeat and a sum; its voltage
goes too high, somebody repairs it under `maintain`, and the alarm is suppressed by design and then normal."""
import json
import os
import socket
import unittest

from lab.process import run, wait_until
from lab.site import Bus, Device, Gateway, Site

HEARTBEAT_MS = 4000
PERIOD_MS = 500
WORK_S = 5


def ask(path, **request):
    """One request to gatewayd's control socket and its first line of answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect(path)
        s.sendall(json.dumps({"v": 1, "id": 1, **request}).encode() + b"\n")
        return json.loads(s.makefile().readline())


class Edge(unittest.TestCase):
    def site(self):
        first = {"report": [{"point": "voltage", "deadband": 30, "heartbeat_ms": HEARTBEAT_MS}],
                 "derived": [{"name": "both", "kind": "power", "sum": ["power", "second/power"]}]}
        return Site(os.environ["IOC_BIN"], [Gateway("edge-01", "tan-phong", "two meters", [
            Bus("lan", "tcp", [Device("first", "pzem-016", 1, period_ms=PERIOD_MS, config=first),
                               Device("second", "pzem-016", 2, period_ms=PERIOD_MS)])])])

    def stored(self, site, point):
        """The records of a point of edge-01, oldest first."""
        dump = run(os.path.join(site.bin, "collectorctl"), "store", "dump", "--store", site.store).stdout
        device, name = point.split("/")
        records = [r for r in map(json.loads, dump.splitlines()) if (r.get("device"), r.get("point")) == (device, name)]
        return sorted(records, key=lambda r: r["t"])

    def audit(self, site):
        """What became of the voltage's alarms, too high and too low: {verb: how often}."""
        return dict(site.rows("SELECT what, COUNT(*) FROM audit WHERE object = 'edge-01/first/voltage' GROUP BY what"))

    def test_from_the_bus_to_the_operator(self):
        with self.site() as site:
            site.prepare()
            site.start()
            for device, power in (("first", 100), ("second", 40)):
                site.ctl("set", f"edge-01/{device}/voltage", "230")
                site.ctl("set", f"edge-01/{device}/power", str(power))
            wait_until(lambda: any(r.get("v") == 140 for r in self.stored(site, "first/both")), 20, "the sum of both", 0.5)

            site.ctl("set", "edge-01/first/voltage", "290")
            wait_until(lambda: "raise" in self.audit(site), 20, "the alarm of the voltage")
            self.check_deadband(site)

            answer = ask(site.path("edge-01.sock"), verb="maintain", device="first", for_s=WORK_S)
            self.assertEqual(answer.get("quality"), "maintenance", answer)
            wait_until(lambda: self.audit(site).get("suppress") == 2, 10, "the suppression")
            site.ctl("set", "edge-01/first/voltage", "230")
            wait_until(lambda: self.audit(site).get("unsuppress") == 2, 20, "its end")
            self.assertEqual(self.audit(site), {"raise": 1, "suppress": 2, "clear": 1, "unsuppress": 2})
            self.check_quality(site)

    def check_deadband(self, site):
        """Every current is there; of the voltage the jump and the heartbeats."""
        voltage, current = self.stored(site, "first/voltage"), self.stored(site, "first/current")
        self.assertGreater(len(current), 3 * len(voltage))
        self.assertEqual(voltage[-1]["v"], 290)
        gaps = [b["t"] - a["t"] for a, b in zip(voltage, voltage[1:])]
        self.assertLess(max(gaps), HEARTBEAT_MS + 2 * PERIOD_MS + 1000, gaps)

    def check_quality(self, site):
        """Marked while the work lasted, the sum with it, and the second meter never."""
        for point in ("first/current", "first/both"):
            qualities = [r["q"] for r in self.stored(site, point)]
            self.assertIn("maintenance", qualities)
            self.assertEqual({qualities[0], qualities[-1]}, {"good"}, point)
        self.assertEqual({r["q"] for r in self.stored(site, "second/current")}, {"good"})


if __name__ == "__main__":
    unittest.main()
