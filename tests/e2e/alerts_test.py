"""Promise 5: one alarm per problem, and it survives. A lamp goes out; broker and collector are killed with -9; the
operator acknowledges; the lamp is replaced. One raise, one acknowledgement, one clear; and whoever connects is shown
every standing alert."""
import json
import os
import subprocess
import unittest

from lab.process import run, wait_until
from lab.site import Bus, Device, Gateway, Site


def standing(site, seconds=3):
    """What mosquitto_sub with the operator's certificate is shown on connect: {rule: alert}."""
    done = subprocess.run(
        ["mosquitto_sub", "-h", "localhost", "-p", str(site.broker.ports["operators"]), "--cafile",
         site.pki.root_cert, "--cert", site.pki.cert("operator-1"), "--key", site.pki.key("operator-1"),
         "-t", "ioc/v1/alerts/+/+", "--retained-only", "-W", str(seconds)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    alerts = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    return {a["rule"]: a for a in alerts}


class Alerts(unittest.TestCase):
    def audit(self, site, verb):
        return site.rows("SELECT COUNT(*) FROM audit WHERE what = ?", verb)[0][0]

    def test_an_alarm_survives_its_broker_and_its_collector(self):
        gateways = [Gateway("light-01", "tan-phong", "cabinet", [
            Bus("rs485-1", "rtu", [Device("relays", "wb-mr6c", 1, period_ms=500)], baud=115200)])]
        with Site(os.environ["IOC_BIN"], gateways) as site:
            site.prepare()
            site.start()
            wait_until(lambda: site.rows("SELECT 1 FROM pack LIMIT 1"), 30, "the first pack")
            site.ctl("set", "light-01/relays/k2", "1")
            site.ctl("set", "light-01/relays/k2-real", "0")
            alert = wait_until(lambda: standing(site).get("lamp-out"), 40, "the alert of the lamp")
            self.assertEqual(alert["occurrence"], 1)
            self.assertEqual(alert["state"], "unacknowledged")
            self.assertTrue(alert["text_vi"] if "text_vi" in alert else alert["text"]["vi"])

            site.broker.restart()
            again = wait_until(lambda: standing(site).get("lamp-out"), 40, "the alert again after the broker's death")
            self.assertEqual((again["occurrence"], again["revision"]), (1, alert["revision"]))

            site.collector.kill()
            site.start_collector()
            self.assertEqual(self.audit(site, "raise"), 1)

            reply = run(os.path.join(site.bin, "collectorctl"), "ack", alert["id"], "--comment", "crew sent", "--host",
                        "localhost", "--port", site.broker.ports["operators"], "--ca", site.pki.root_cert, "--cert",
                        site.pki.cert("operator-1"), "--key", site.pki.key("operator-1"))
            self.assertIn("done", reply.stdout)
            wait_until(lambda: standing(site).get("lamp-out", {}).get("state") == "acknowledged", 20, "the acknowledgement")

            site.ctl("set", "light-01/relays/k2-real", "auto")
            site.ctl("set", "light-01/relays/k2", "auto")
            wait_until(lambda: "lamp-out" not in standing(site), 40, "the alert to go")
            self.assertEqual([self.audit(site, v) for v in ("raise", "acknowledge", "clear")], [1, 1, 1])


if __name__ == "__main__":
    unittest.main()
