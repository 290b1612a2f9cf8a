"""Promise 2, fault 15: a reply later than its deadline is never taken for another request's.

Every reply of the emulated slaves carries values of its own, so one late reply taken for the next one shows as a
wrong value. Lateness runs from 1.1 to 5 times the timeout, on RTU and on TCP.
"""
import os
import unittest

from lab.process import wait_until
from lab.site import Bus, Device, Gateway, Site

TIMEOUT_MS = 150
FACTORS = (1.1, 1.5, 2, 3, 4, 5)


class Late(unittest.TestCase):
    def test_late_replies_give_no_wrong_value(self):
        gateways = [Gateway("late-01", "doan-ket", "late", [
            Bus("rs485-1", "rtu", [Device("air", "renke-rs-fsxcs", 1, period_ms=300),
                                   Device("meter", "pzem-016", 2, period_ms=300)], baud=115200, timeout_ms=TIMEOUT_MS),
            Bus("lan", "tcp", [Device("counter", "wb-mcm8", 1, period_ms=300)], timeout_ms=TIMEOUT_MS)])]
        with Site(os.environ["IOC_BIN"], gateways, mode="unique") as site:
            site.prepare()
            site.start()
            self.wait_values(site, 3)
            for factor in FACTORS:
                for device in ("air", "meter", "counter"):
                    site.ctl("fault", f"late-01/{device}", "late", str(int(TIMEOUT_MS * factor)))
                self.wait_late(site)
                for device in ("air", "meter", "counter"):
                    site.ctl("fault", f"late-01/{device}", "none")
                self.wait_values(site, 2)
            site.silence()
            found = site.settle(30)
            self.assertEqual(found["wrong"], 0, found)
            self.assertEqual(found["doubled"], 0, found)
            self.assertGreater(self.late_replies(site), len(FACTORS), "the fault never struck: nothing was proved")
            print(f"samples={found['samples']} late={self.late_replies(site)} wrong=0", flush=True)

    def late_replies(self, site):
        with open(site.ledger, encoding="utf-8") as f:
            return sum('"late"' in line for line in f)

    def wait_late(self, site):
        had = self.late_replies(site)
        wait_until(lambda: self.late_replies(site) > had + 5, 40, "late replies in the ledger")

    def wait_values(self, site, packs):
        had = len(site.rows("SELECT 1 FROM pack"))
        wait_until(lambda: len(site.rows("SELECT 1 FROM pack")) >= had + packs, 40, "packs in the store")


if __name__ == "__main__":
    unittest.main()
