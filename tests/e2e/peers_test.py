"""Promise: gatewayd and the emulated boards understand Modbus as others do.

gatewayd polls python3-pymodbus servers over RTU (two pseudo terminals, bridged), TCP and RTU over TCP; every type in
every order arrives in the collector's store as the number that was encoded here, by hand. The other way round mbpoll,
a libmodbus client, reads the same registers from the board-emulator.
"""
import json
import os
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import tty
import unittest

from lab.process import Child, LabError, free_ports, port_open, wait_until
from lab.site import Gateway, Site

BIN = os.environ["IOC_BIN"]
HERE = os.path.dirname(os.path.abspath(__file__))
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
# type: struct's letter, raw value, scale in the profile
WIDE = {"u32": (">I", 305419896, 1), "s32": (">i", -19088744, 1), "u64": (">Q", 987654321012, 0.001),
        "s64": (">q", -987654321012, 0.001), "f32": (">f", 1234.5, 1), "f64": (">d", -98765.4321, 1)}
NARROW = {"u16": (">H", 54321, 1), "s16": (">h", -12345, 1)}
TEXT = "Lai Chau"
KINDS = ("rtu", "tcp", "rtu-over-tcp")


def words(raw, order):
    """Registers of big-endian bytes as a device of that order sends them."""
    pairs = [raw[i:i + 2] for i in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        pairs.reverse()
    if order in ("BADC", "DCBA"):
        pairs = [pair[::-1] for pair in pairs]
    return [int.from_bytes(pair, "big") for pair in pairs]


class Map:
    """One profile with every table, type and order; what its registers hold, and what that means."""

    def __init__(self):
        self.points, self.values = [], {}
        self.data = {"coil": [], "discrete": [], "holding": [], "input": []}
        for table in ("coil", "discrete"):
            for i in range(10):
                self._add(table, f"bit{i}", "lamp_state", [int(i % 3 == 0)], i % 3 == 0, type="bit")
        for table in ("holding", "input"):
            for name, (letter, raw, scale) in {**NARROW, **WIDE}.items():
                for order in ORDERS if name in WIDE else ("ABCD", "BADC"):
                    self._add(table, f"{name}-{order.lower()}", "power", words(struct.pack(letter, raw), order),
                              raw * scale, type=name, order=order, scale=scale)
            self._add(table, "bcd16", "power", [0x4321], 4321, type="bcd16")
            for order in ORDERS:
                self._add(table, f"bcd32-{order.lower()}", "power", words(bytes.fromhex("12345678"), order), 12345678,
                          type="bcd32", order=order)
            for order in ("ABCD", "BADC"):
                self._add(table, f"text-{order.lower()}", "vms_message", words(TEXT.encode(), order), TEXT,
                          type="string", count=len(TEXT) // 2, order=order)
            for bit in (0, 5, 15):
                on = bit != 5
                self._add(table, f"bit{bit}", "lamp_state", [on << bit], on, type="bit", bit=bit)

    def _add(self, table, name, kind, registers, value, **more):
        name = f"{table}-{name}"
        self.points.append({"name": name, "kind": kind, "table": table, "address": len(self.data[table]), **more})
        self.data[table] += registers
        self.values[name] = value

    def profile(self):
        return {"name": "peer", "label": "A slave of others", "source": "made for the test", "confidence": "high",
                "turnaround_ms": 50, "points": self.points}


class Bridge:
    """Two pseudo terminals back to back: a cable between two programs that each open a serial port."""

    def __init__(self):
        self.ends = [os.openpty() for _ in range(2)]
        for _, slave in self.ends:
            tty.setraw(slave)
        self.names = [os.ttyname(slave) for _, slave in self.ends]
        self.over = os.pipe()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        masters = [master for master, _ in self.ends]
        while True:
            ready, _, _ = select.select([self.over[0], *masters], [], [])
            if self.over[0] in ready:
                return
            for fd in ready:
                os.write(masters[1 - masters.index(fd)], os.read(fd, 4096))

    def close(self):
        os.write(self.over[1], b"x")
        self.thread.join()
        for fd in [*self.over, *(fd for end in self.ends for fd in end)]:
            os.close(fd)


def python_with_pymodbus():
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import pymodbus.server, serial"], capture_output=True, check=False).returncode == 0:
            return python
    raise LabError("no python3 here has pymodbus and serial; run script/bootstrap")


class PeerSite(Site):
    """A gateway whose buses lead to servers of others; its uplink and the centre are as ever."""

    def __init__(self, map_):
        root = tempfile.mkdtemp(prefix="ioc-peers-")
        super().__init__(BIN, [Gateway("peers-01", "doan-ket", "peers", [])], root=root,
                         profiles=os.path.join(root, "profiles"))
        self.bridge = Bridge()
        self.servers = []
        self.map = map_
        self.write("profiles/peer.json", map_.profile())
        self.write("data.json", map_.data)

    def prepare(self):
        super().prepare()
        self.ports = free_ports(2)
        with open(self.path("peers-01.json"), encoding="utf-8") as f:
            config = json.load(f)
        config["buses"] = [
            {"name": "rtu", "type": "rtu", "device": self.bridge.names[0], "baud": 115200, "timeout_ms": 2000},
            {"name": "tcp", "type": "tcp", "host": "127.0.0.1", "port": self.ports[0], "timeout_ms": 2000},
            {"name": "rtu-over-tcp", "type": "rtu-over-tcp", "host": "127.0.0.1", "port": self.ports[1], "baud": 115200,
             "timeout_ms": 2000}]
        config["devices"] = [{"name": f"{kind}-dev", "profile": "peer", "bus": kind, "unit": 7} for kind in KINDS]
        self.write("peers-01.json", config)

    def start_servers(self):
        python = python_with_pymodbus()
        for kind, where in zip(KINDS, (self.bridge.names[1], *self.ports)):
            self.servers.append(Child(kind, [python, os.path.join(HERE, "peer_server.py"), kind, str(where),
                                             self.path("data.json")], self.path("log", f"{kind}.log")).start())
        for port in self.ports:
            wait_until(lambda p=port: port_open(p), 20, "a pymodbus server")

    def stop(self):
        super().stop()
        for server in self.servers:
            server.stop()

    def close(self):
        self.stop()
        self.bridge.close()
        super().close()

    def seen(self):
        """Every value of every point in the store, in the order of its packs."""
        found = {}
        for body, in self.rows("SELECT body FROM pack WHERE kind = 0"):
            base = ""
            for record in json.loads(body):
                base = record.get("bn", base)
                value = next((record[key] for key in ("v", "vb", "vs") if key in record), None)
                found.setdefault((base + record.get("n", "")).rsplit(":", 1)[-1], []).append(value)
        return found


class Gatewayd(unittest.TestCase):
    def test_it_reads_every_type_and_order_of_a_slave_of_others_on_all_three_transports(self):
        map_ = Map()
        with PeerSite(map_) as site:
            site.prepare()
            site.start_servers()
            site.start()
            wanted = {f"{kind}-dev/{name}": value for kind in KINDS for name, value in map_.values.items()}

            def all_good():
                found = site.seen()
                return found if all(sum(v is not None for v in found.get(name, [])) >= 3 for name in wanted) else None
            try:
                found = wait_until(all_good, 60, "three good values of every point")
            except LabError:
                have = site.seen()
                self.fail(f"missing: {[n for n in wanted if n not in have][:5]}; have: {list(have.items())[:5]}\n"
                          f"{site.gateways[0].child.output(2000)}")
            for name, value in wanted.items():
                for got in found[name]:
                    if got is None:
                        continue  # bad, with its cause: before the server was there
                    if isinstance(value, (bool, str)):
                        self.assertEqual((type(got), got), (type(value), value), name)
                    else:
                        self.assertAlmostEqual(got, value, delta=abs(value) * 1e-9, msg=name)
            print(f"points={len(wanted)} values={sum(map(len, found.values()))} wrong=0", flush=True)


class Emulator(unittest.TestCase):
    """board-emulator read by mbpoll: the registers, and what mbpoll itself makes of those it understands."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="ioc-peers-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.map = Map()
        os.makedirs(self.path("profiles"))
        self.write("profiles/peer.json", self.map.profile())
        self.port, = free_ports(1)
        device = {"name": "dev", "profile": "peer", "unit": 7, "turnaround_ms": 0}
        self.write("boards.json", {
            "seed": 1, "mode": "unique", "ledger": self.path("ledger.jsonl"), "control": self.path("ctl"),
            "profiles": self.path("profiles"), "links": [], "buses": [
                {"name": "line", "gateway": "g1", "type": "rtu", "link": self.path("tty"), "pace": False,
                 "devices": [device]},
                {"name": "lan", "gateway": "g2", "type": "tcp", "host": "127.0.0.1", "port": self.port,
                 "devices": [device]}]})
        self.boards = Child("boards", [os.path.join(BIN, "board-emulator"), "-c", self.path("boards.json")],
                            self.path("boards.log")).start()
        self.addCleanup(self.boards.stop)
        self.boards.wait_line(r'"?ready"?')
        for gateway in ("g1", "g2"):
            for name, value in self.map.values.items():
                self.order("set", f"{gateway}/dev/{name}", str(int(value) if isinstance(value, bool) else value))

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, value):
        with open(self.path(name), "w", encoding="utf-8") as f:
            json.dump(value, f)

    def order(self, *command):
        done = subprocess.run([os.path.join(BIN, "board-emulator"), "ctl", self.path("ctl"), *command],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def mbpoll(self, where, *args):
        target = ["-m", "rtu", "-b", "9600", "-P", "none", self.path("tty")] if where == "rtu" else [
            "-m", "tcp", "-p", str(self.port), "127.0.0.1"]
        done = subprocess.run(["mbpoll", "-0", "-1", "-q", "-a", "7", "-o", "2", *args, *target], capture_output=True,
                              text=True, timeout=20, check=False)
        return {int(a): v for a, v in re.findall(r"^\[(\d+)\]:\s+(\S+)", done.stdout, re.M)} or self.fail(
            done.stdout + done.stderr)

    def test_mbpoll_reads_every_register_of_every_type_and_order(self):
        for where in ("rtu", "tcp"):
            for table, code in (("coil", "0"), ("discrete", "1"), ("input", "3:hex"), ("holding", "4:hex")):
                wanted = self.map.data[table]
                for first in range(0, len(wanted), 100):
                    part = wanted[first:first + 100]
                    found = self.mbpoll(where, "-t", code, "-r", str(first), "-c", str(len(part)))
                    got = [int(found[first + i], 16 if ":" in code else 10) for i in range(len(part))]
                    self.assertEqual(got, part, f"{where} {table}")

    def test_mbpoll_understands_the_orders_it_knows(self):
        """-B: high word first, which is ABCD; without it CDAB."""
        for point in self.map.points:
            if point["table"] != "holding" or point["type"] not in ("s32", "f32") or point["order"] not in ORDERS[:2]:
                continue
            big = ["-B"] if point["order"] == "ABCD" else []
            word = "int" if point["type"] == "s32" else "float"
            for where in ("rtu", "tcp"):
                found = self.mbpoll(where, "-t", f"4:{word}", *big, "-r", str(point["address"]), "-c", "1")
                self.assertAlmostEqual(float(found[point["address"]]), self.map.values[point["name"]], places=3)


if __name__ == "__main__":
    unittest.main()
