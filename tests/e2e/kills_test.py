"""Promise 1: kill any process with -9 at any moment and nothing is lost, doubled or wrong (faults 1, 13, 24).

Gateway, broker and collector are killed in turn at moments drawn from a printed seed (IOC_SEED replays it) while
emulated boards answer with unique values; then the ledger is held against the store: I1 (once), I2 (seq
contiguous), I3 (the value the slave answered), I4 (nothing no slave answered).
"""
import os
import random
import time
import unittest

from lab.process import wait_until
from lab.site import Site

ROUNDS = int(os.environ.get("IOC_KILL_ROUNDS", "2"))


class Kills(unittest.TestCase):
    def test_nothing_is_lost_whoever_is_killed(self):
        seed = int(os.environ.get("IOC_SEED", "1"))
        print(f"seed {seed}: IOC_SEED={seed} replays this run", flush=True)
        chance = random.Random(seed)
        with Site(os.environ["IOC_BIN"], seed=seed, mode="unique") as site:
            site.prepare()
            site.start()
            self.wait_for_more(site, len(site.gateways), "the first packs")
            victims = [("gateway", g) for g in site.gateways] + [("broker", None), ("collector", None)]
            for _ in range(ROUNDS):
                chance.shuffle(victims)
                for kind, gateway in victims:
                    self.let_run(chance.uniform(0.3, 2.5))
                    self.kill(site, kind, gateway, chance)
            self.wait_for_more(site, 1, "packs after the last kill")
            site.silence()
            found = site.settle(60)
            self.assert_balanced(found)
            self.assert_contiguous(site)
            print(f"samples={found['samples']} lost=0 doubled=0 wrong=0", flush=True)

    def let_run(self, seconds):
        """The random moment itself: how long the victim may run before it is killed."""
        time.sleep(seconds)

    def kill(self, site, kind, gateway, chance):
        print(f"kill -9 {gateway.name if gateway else kind}", flush=True)
        if kind == "gateway":
            site.kill_gateway(gateway)
            self.let_run(chance.uniform(0, 1))
            site.start_gateway(gateway)
        elif kind == "broker":
            site.broker.kill()
            self.let_run(chance.uniform(0, 2))
            site.broker.start()
        else:
            site.collector.kill()
            self.let_run(chance.uniform(0, 2))
            site.start_collector()

    def wait_for_more(self, site, gateways, what):
        had = dict(site.rows("SELECT gateway, COUNT(*) FROM pack GROUP BY gateway"))

        def more():
            has = dict(site.rows("SELECT gateway, COUNT(*) FROM pack GROUP BY gateway"))
            return sum(has[g] > had.get(g, 0) for g in has) >= gateways
        wait_until(more, 40, what)

    def assert_balanced(self, found):
        figures = {k: found.get(k) for k in ("lost", "doubled", "wrong")}
        self.assertEqual(figures, {"lost": 0, "doubled": 0, "wrong": 0}, found)
        self.assertGreater(found["samples"], 500)

    def assert_contiguous(self, site):
        """I2: per (gateway, epoch) the committed seqs have no hole between the lowest and the highest."""
        rows = site.rows("SELECT gateway, epoch, MIN(seq), MAX(seq), COUNT(*) FROM pack GROUP BY gateway, epoch")
        self.assertTrue(rows)
        for gateway, epoch, low, high, count in rows:
            self.assertEqual(high - low + 1, count, f"{gateway} epoch {epoch}: hole between {low} and {high}")


if __name__ == "__main__":
    unittest.main()
