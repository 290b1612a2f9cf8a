"""gatewayd beside a bare loop of libmodbus and paho, a line beside its formula, a dead slave beside none."""
import json
import os
import tempfile
import time

from lab.process import wait_until
from lab.site import Bus, Device, Gateway, Site
from measure import Figure, cpu_s, finish_tool, progress, resident_mb, run_tool, start_tool

PEERS, UNITS = 10, 5  # fifty slaves behind ten Modbus TCP peers
REGISTERS, PERIOD_MS = 100, 100  # 50,000 values a second
POINTS_REGISTERS, POINTS_PERIOD_MS = 200, 200  # as many values a second from 10,000 points
PACK = {"age_ms": 1000, "records": 500}
CREDIT = {"total": 256, "gateway_max": 64}
LINE_SLAVES, LINE_REGISTERS, LINE_TURNAROUND_MS = 25, 20, 5
LINE_PERIOD_MS = 10000  # which rtu_line makes shorter than any line can carry
LINE_BAUDS = (9600, 115200)
DEAD_PERIOD_MS, DEAD_TIMEOUT_MS, DEAD_SETTLE_S = 1000, 300, 15
RECEIVER = "receiver-1"


def write_profile(root, name, registers):
    folder = os.path.join(root, "profiles")
    os.makedirs(folder, exist_ok=True)
    points = [{"name": f"p{i}", "kind": "illuminance", "table": "holding", "address": i, "type": "u16"}
              for i in range(registers)]
    with open(os.path.join(folder, f"{name}.json"), "w", encoding="utf-8") as f:
        json.dump({"name": name, "label": "Bench slave", "source": "made for the bench", "confidence": "high",
                   "serial": {"baud": 9600, "parity": "none", "stop_bits": 1}, "turnaround_ms": LINE_TURNAROUND_MS, "points": points}, f)
    return folder


class BenchSite(Site):
    """A site of one gateway, and of somebody who listens to its packs."""

    def __init__(self, bin_dir, buses, registers, pace=False):
        root = tempfile.mkdtemp(prefix="ioc-bench-")
        self.gateway = Gateway("bench-01", "doan-ket", "bench", buses)
        super().__init__(bin_dir, [self.gateway], root=root, profiles=write_profile(root, "bench", registers),
                         pace=pace, keepalive_s=30,
                         timings={"emulator": {"ledger": None}, "gateway": {"pack": PACK}, "collector": {"credit": CREDIT}})

    def prepare(self):
        super().prepare()
        self.pki.person("collector", RECEIVER, self.areas)
        self.broker.configure()

    def door(self, door, name):
        return ["--uri", f"ssl://localhost:{self.broker.ports[door]}", "--ca", self.pki.root_cert,
                "--cert", self.pki.cert(name), "--key", self.pki.key(name), "--id", name]

    def wait_packs(self, count):
        wait_until(lambda: len(self.rows(f"SELECT 1 FROM pack LIMIT {count}")) >= count, 60, "packs of the gateway")

    def longest_pack(self):
        """A real pack of the gateway, as it stands in the store: what the bare loop sends."""
        body, = self.rows("SELECT body FROM pack WHERE kind = 0 ORDER BY LENGTH(body) DESC LIMIT 1")[0]
        with open(self.path("pack.json"), "wb") as f:
            f.write(body)
        return self.path("pack.json")


def tcp_buses(period_ms, timeout_ms=1000):
    return [Bus(f"lan-{i}", "tcp", [Device(f"slave-{i}-{unit}", "bench", unit, period_ms=period_ms, turnaround_ms=0)
                                    for unit in range(1, UNITS + 1)], timeout_ms=timeout_ms) for i in range(PEERS)]


class Load:
    """CPU, and latency at a receiver, of whoever publishes meanwhile."""

    def __init__(self, site, tools, seconds):
        self.seconds = seconds
        self.receiver = start_tool(site, "receiver", [os.path.join(tools, "latency_receiver"),
                                                      *site.door("collectors", RECEIVER), "--seconds", str(seconds)])

    def latency(self):
        return finish_tool(self.receiver, self.seconds + 30)


def measure_gatewayd(site, tools, seconds):
    load, pid = Load(site, tools, seconds), site.gateway.child.pid
    time.sleep(0.5)  # the receiver's own run-up, so that both count the same interval
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(seconds)  # the measuring interval itself
    used, took, memory = cpu_s(pid) - before, time.monotonic() - began, resident_mb(pid)
    seen = load.latency()
    return {"cpu": used / (seen["records"] * took / seconds) * 1e6, "memory": memory,
            "values_per_s": seen["records"] / seconds, **seen}


def measure_bare(site, tools, seconds, pack, buses):
    load = Load(site, tools, seconds)
    bare = run_tool([os.path.join(tools, "bare_loop"), *site.door("gateways", site.gateway.name),
                     "--topic", f"ioc/v1/gw/{site.gateway.area}/{site.gateway.name}/backfill",
                     "--ports", ",".join(str(b.port) for b in buses), "--units", UNITS, "--pack", pack,
                     "--seconds", seconds + 1, "--period-ms", PERIOD_MS, "--registers", REGISTERS])
    return {"cpu": bare["cpu_s"] / bare["values"] * 1e6, **load.latency()}


def bench_load(bin_dir, tools, seconds):
    """CPU and latency at 50,000 values a second, each beside the bare loop's."""
    buses = tcp_buses(PERIOD_MS)
    with BenchSite(bin_dir, buses, REGISTERS) as site:
        progress(f"{PEERS * UNITS} slaves x {REGISTERS} registers: starting")
        site.prepare()
        site.start()
        site.wait_packs(50)
        progress(f"gatewayd for {seconds} s")
        ours = measure_gatewayd(site, tools, seconds)
        pack = site.longest_pack()
        site.gateway.child.stop()
        site.collector.stop()
        progress(f"the bare loop for {seconds} s")
        bare = measure_bare(site, tools, seconds, pack, buses)
    return [
        Figure("cpu", "CPU", "s a million values", ours["cpu"], bare["cpu"], "bare loop", "ratio", "1.30"),
        Figure("p50", "sample to receiver, p50", "ms", ours["p50_ms"], bare["p50_ms"], "bare loop", "plus"),
        Figure("p99", "sample to receiver, p99", "ms", ours["p99_ms"], bare["p99_ms"], "bare loop", "plus", "+5 ms")]


def bench_memory(bin_dir, _tools, seconds):
    """Resident memory with 10,000 points, at the same 50,000 values a second."""
    with BenchSite(bin_dir, tcp_buses(POINTS_PERIOD_MS), POINTS_REGISTERS) as site:
        progress("10,000 points: starting")
        site.prepare()
        site.start()
        site.wait_packs(50)
        time.sleep(seconds)  # what the load makes it take, it has taken by then
        memory = resident_mb(site.gateway.child.pid)
    return [Figure("memory", "memory, 10,000 points", "MB resident", memory, limit="12")]


def bench_line(bin_dir, tools, seconds, baud):
    """Transactions on a paced pty, and how many the line's formula allows."""
    slaves = [Device(f"slave-{unit}", "bench", unit, period_ms=LINE_PERIOD_MS, turnaround_ms=LINE_TURNAROUND_MS)
              for unit in range(1, LINE_SLAVES + 1)]
    with BenchSite(bin_dir, [Bus("line", "rtu", slaves, baud=baud)], LINE_REGISTERS, pace=True) as site:
        progress(f"a line of {baud} baud for {seconds} s")
        site.prepare()
        site.start_emulator()
        done = run_tool([os.path.join(tools, "rtu_line"), "--config", site.path(f"{site.gateway.name}.json"),
                         "--seconds", seconds])
    return Figure(f"rtu_{baud}", f"RTU, {baud} baud", "transactions/s", done["transactions"] / done["seconds"],
                  1e6 / done["line_us"], "formula", "share", "98 %")


def bench_lines(bin_dir, tools, seconds):
    return [bench_line(bin_dir, tools, seconds, baud) for baud in LINE_BAUDS]


def periods_ms(site, dead, first, last):
    """Mean interval between the samples of each healthy slave that were read in [first, last)."""
    times = {}
    for body, in site.rows("SELECT body FROM pack WHERE kind = 0"):
        pack = json.loads(body)
        for record in pack:
            at = pack[0]["bt"] + record.get("t", 0)
            if record["n"].endswith("/p0") and first <= at < last:
                times.setdefault(record["n"], []).append(at)
    times.pop(f"{dead}/p0", None)
    return [1000 * (max(t) - min(t)) / (len(t) - 1) for t in times.values() if len(t) > 1]


def bench_dead(bin_dir, _tools, seconds):
    """By how much the healthy slaves' period grows when one of fifty on their bus is dead."""
    slaves = [Device(f"slave-{unit}", "bench", unit, period_ms=DEAD_PERIOD_MS, turnaround_ms=0)
              for unit in range(1, PEERS * UNITS + 1)]
    seconds = max(seconds, 2 * DEAD_SETTLE_S)
    with BenchSite(bin_dir, [Bus("lan", "tcp", slaves, timeout_ms=DEAD_TIMEOUT_MS)], REGISTERS) as site:
        progress(f"one dead slave of {len(slaves)}, twice {seconds} s")
        site.prepare()
        site.start()
        site.wait_packs(10)
        whole = time.time()
        time.sleep(seconds)  # the measuring interval itself
        site.ctl("fault", f"{site.gateway.name}/{slaves[0].name}", "dead")
        died = time.time()
        time.sleep(seconds)
        end = time.time()
        time.sleep(3)  # so that what was read is stored
        before, after = (periods_ms(site, slaves[0].name, *span) for span in ((whole, died), (died, end)))
    mean = [sum(p) / len(p) for p in (after, before)]
    return [Figure("dead", f"one dead slave of {len(slaves)}", "ms healthy period", mean[0], mean[1], "without",
                   "growth", "under 2 %")]


PARTS = {"load": bench_load, "memory": bench_memory, "line": bench_lines, "dead": bench_dead}


def bench(bin_dir, tools, seconds, only=None):
    figures = [f for part in only or PARTS for f in PARTS[part](bin_dir, tools, seconds)]
    return (f"gateway   {PEERS * UNITS} slaves x {REGISTERS} registers every {PERIOD_MS} ms, mutual TLS, QoS 1, spool on; "
            f"packs of {PACK['records']} records at most"), figures
