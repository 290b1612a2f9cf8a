"""Bad input is normal input: packs that are not UTF-8, too deep, too large, without seq, of another gateway, from the
year 2036, and an acknowledgement of what was never sent. Each is refused with its reason; the rest is served on."""
import json
import os
import subprocess
import time
import unittest

from lab.process import wait_until
from lab.site import Bus, Device, Gateway, Site

GATEWAY, AREA = "air-01", "doan-ket"
# Another gateway of the CA, without a process: its certificate publishes what a broken firmware would.
ROGUE = "rogue-01"


def pack(seq, gateway=ROGUE, when=None, **more):
    first = {"bn": f"urn:dev:ops:{gateway}:", "bt": when or round(time.time(), 3), "epoch": "77", "seq": seq and str(seq),
             "low": "1", "kind": "data", "conf": "00000000000000aa", "n": "air/pm2-5", "v": 20}
    first.update(more)
    return json.dumps([{k: v for k, v in first.items() if v is not None}]).encode()


class Refusals(unittest.TestCase):
    def publish(self, site, payload, name=ROGUE, topic=None, door="gateways", client=None):
        path = site.path("payload")
        with open(path, "wb") as f:
            f.write(payload)
        subprocess.run(
            ["mosquitto_pub", "-h", "localhost", "-p", str(site.broker.ports[door]), "--cafile", site.pki.root_cert,
             "--cert", site.pki.cert(name), "--key", site.pki.key(name), "-i", client or name, "-q", "1", "-t",
             topic or f"ioc/v1/gw/{AREA}/{name}/live", "-f", path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=20)

    def said(self, child, words, timeout_s=15):
        child.wait_line(words, timeout_s)

    def test_each_is_refused_and_the_rest_is_served(self):
        gateways = [Gateway(GATEWAY, AREA, "air", [Bus("rs485-1", "rtu", [Device("air", "renke-rs-fsxcs", 1)])]),
                    Gateway(ROGUE, AREA, "rogue", [])]
        with Site(os.environ["IOC_BIN"], gateways) as site:
            site.prepare()
            site.broker.start()
            site.start_emulator()
            site.start_collector()
            site.start_gateway(gateways[0])
            wait_until(lambda: site.rows("SELECT 1 FROM pack"), 30, "the first pack")
            cases = [
                ("UTF-8", b'[{"bn":"urn:dev:ops:rogue-01:\xff\xfe"}]'),
                ("deep", b"[" * 200 + b"]" * 200),
                ("bytes|large|65536", b'["' + b"x" * 66000 + b'"]'),
                ("seq", pack(None)),
                ("air-01", pack(2, gateway=GATEWAY)),
                ("2036|future", pack(3, when=2082758400.0)),
                ("epoch", pack(4, epoch=5)),
            ]
            for words, payload in cases:
                with self.subTest(words):
                    self.publish(site, payload)
                    self.said(site.collector, words)
            self.publish(site, pack(5))
            wait_until(lambda: site.rows("SELECT 1 FROM pack WHERE gateway = ? AND seq = 5", ROGUE), 20,
                       "a good pack of the same gateway")
            self.assertFalse(site.rows("SELECT 1 FROM pack WHERE gateway = ? AND seq = 3", ROGUE),
                             "a pack from 2036 is data")
            self.assertTrue(site.rows("SELECT 1 FROM quarantine WHERE gateway = ? AND seq = 3", ROGUE))

            self.forge_acknowledgement(site)
            site.silence()
            self.assertEqual(site.settle(30)["lost"], 0)

    def forge_acknowledgement(self, site):
        """More than the gateway ever sent: it believes none of it, says so, and goes on."""
        (store,), = site.rows("SELECT id FROM store")
        (epoch,), = site.rows("SELECT MAX(epoch) FROM pack WHERE gateway = ?", GATEWAY)
        forged = {"v": 1, "store": store, "credit": 8,
                  "acks": [{"epoch": str(epoch), "upto": "999999999", "also": [], "refused": []}]}
        self.publish(site, json.dumps(forged).encode(), name="collector-1", door="collectors",
                     topic=f"ioc/v1/gw/{AREA}/{GATEWAY}/ack", client="forger")
        site.gateways[0].child.wait_line("security|beyond", 15)
        had = len(site.rows("SELECT 1 FROM pack WHERE gateway = ?", GATEWAY))
        wait_until(lambda: len(site.rows("SELECT 1 FROM pack WHERE gateway = ?", GATEWAY)) > had + 2, 40,
                   "the gateway's packs after a forged acknowledgement")
        wait_until(lambda: site.rows("SELECT 1 FROM pack WHERE gateway = ? AND CAST(body AS TEXT) LIKE '%\"security\"%'",
                                     GATEWAY), 20, "the security event in the store")


if __name__ == "__main__":
    unittest.main()
