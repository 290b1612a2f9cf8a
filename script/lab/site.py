"""One site: who is where, and the configuration files that say so."""
import json
import os
import re
import shutil
import sqlite3
import tempfile
import time

from .broker import Broker
from .pki import Pki
from .process import Child, LabError, free_ports, run, wait_until
from .rules import hasten

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Device:
    def __init__(self, name, profile, unit, period_ms=1000, turnaround_ms=5, config=None, **emulated):
        self.name, self.profile, self.unit = name, profile, unit
        self.period_ms, self.turnaround_ms = period_ms, turnaround_ms
        self.config = config or {}  # further keys of the device in gateway.json
        self.emulated = emulated  # what hangs on it: load, factor, follows


class Bus:
    def __init__(self, name, kind, devices, baud=9600, timeout_ms=1000):
        self.name, self.kind, self.devices = name, kind, devices
        self.baud, self.timeout_ms, self.port = baud, timeout_ms, None


class Gateway:
    def __init__(self, name, area, label, buses):
        self.name, self.area, self.label, self.buses = name, area, label, buses
        self.child, self.link_port, self.starts = None, None, []


def three_gateways():
    """An air station, a lighting cabinet and a junction: what the demo shows."""
    return [
        Gateway("air-01", "doan-ket", "air station", [
            Bus("rs485-1", "rtu", [Device("air", "renke-rs-fsxcs", 1)])]),
        Gateway("light-01", "tan-phong", "lighting cabinet", [
            Bus("rs485-1", "rtu", [Device("relays", "wb-mr6c", 1), Device("lamp-leg", "pzem-016", 2, load="lamps", follows="relays/k1")], baud=19200),
            Bus("rs485-2", "rtu", [Device("feeder", "eastron-sdm630", 1)], baud=19200)]),
        Gateway("junction-01", "doan-ket", "junction", [
            Bus("lan", "tcp", [Device("detectors", "wb-mcm8", 1)])]),
    ]


class Site:
    """Everything of one run. `bin_dir` holds the programs; `keep` leaves the directory for a look."""

    def __init__(self, bin_dir, gateways=None, seed=1, mode="curves", keep=False, keepalive_s=5,
                 timings=None, root=None, profiles=None, pace=True):
        self.bin, self.seed, self.mode = bin_dir, seed, mode
        self.keep = keep or "IOC_KEEP" in os.environ
        self.root = root or tempfile.mkdtemp(prefix="ioc-")
        os.makedirs(os.path.join(self.root, "log"), exist_ok=True)
        self.gateways = gateways or three_gateways()
        self.areas = sorted({g.area for g in self.gateways})
        self.keepalive_s = keepalive_s
        self.timings, self.pace = timings or {}, pace
        self.profiles = profiles or os.path.join(TOP, "shared", "data", "profiles")
        self.pki = Pki(bin_dir, self.root)
        self.operators_file = self.path("operators.json")
        self.broker = Broker(self.pki, self.root, self.operators_file)
        self.emulator = self.collector = None
        self.store = self.path("collector", "store.db")
        self.ledger = self.path("ledger.jsonl")
        self.undecided = []

    # --- files ---

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def write(self, name, value):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(value, f, indent=2, ensure_ascii=False)
        return path

    def prepare(self):
        """PKI, broker and every configuration file."""
        self.pki.init()
        for g in self.gateways:
            self.pki.gateway(g.name, g.area)
        self.pki.person("operator", "operator-1", [])
        self.pki.person("collector", "collector-1", self.areas)
        self.pki.broker("broker", ["localhost", "127.0.0.1"])
        self.write("operators.json", [{"name": "operator-1", "areas": self.areas, "role": "operator", "classes": [
            "environment", "lighting", "energy", "traffic", "system", "security"]}])
        self.broker.configure()
        self._write_emulator()
        self._write_collector()
        for g in self.gateways:
            self._write_gateway(g)

    def _write_emulator(self):
        link_ports = iter(free_ports(len(self.gateways)))
        tcp_ports = iter(free_ports(sum(b.kind == "tcp" for g in self.gateways for b in g.buses) or 1))
        buses, links = [], []
        for g in self.gateways:
            g.link_port = next(link_ports)
            links.append({"name": g.name, "listen": g.link_port, "to_host": "127.0.0.1",
                          "to_port": self.broker.ports["gateways"]})
            for b in g.buses:
                devices = [{"name": d.name, "profile": d.profile, "unit": d.unit, "turnaround_ms": d.turnaround_ms,
                            **d.emulated} for d in b.devices]
                bus = {"name": b.name, "gateway": g.name, "type": b.kind, "devices": devices}
                if b.kind == "rtu":
                    bus.update(link=self.path("tty", f"{g.name}-{b.name}"), baud=b.baud, pace=self.pace)
                else:
                    b.port = next(tcp_ports)
                    bus.update(host="127.0.0.1", port=b.port)
                buses.append(bus)
        os.makedirs(self.path("tty"), exist_ok=True)
        emulator = {
            "seed": self.seed, "mode": self.mode, "ledger": self.ledger, "control": self.path("emulator.sock"),
            "profiles": self.profiles, "buses": buses, "links": links,
            **self.timings.get("emulator", {})}
        self.write("emulator.json", {k: v for k, v in emulator.items() if v is not None})

    def _broker_block(self, name, port):
        return {"host": "localhost", "port": port, "ca": self.pki.root_cert, "cert": self.pki.cert(name),
                "key": self.pki.key(name), "keepalive_s": self.keepalive_s}

    def _write_collector(self):
        os.makedirs(os.path.dirname(self.store), exist_ok=True)
        rules = self.write("rules.json", hasten(os.path.join(TOP, "shared", "data", "rules", "lai-chau.json"), 4, 20))
        self.write("collector.json", {
            "name": "collector-1", "areas": [{"name": a} for a in self.areas], "store": {"path": self.store},
            "broker": self._broker_block("collector-1", self.broker.ports["collectors"]), "rules": rules,
            "operators": self.operators_file, **self.timings.get("collector", {})})

    def _write_gateway(self, g):
        buses, devices = [], []
        for b in g.buses:
            bus = {"name": b.name, "type": b.kind, "timeout_ms": b.timeout_ms}
            if b.kind == "rtu":
                bus.update(device=self.path("tty", f"{g.name}-{b.name}"), baud=b.baud, direction="none")
            else:
                bus.update(host="127.0.0.1", port=b.port)
            buses.append(bus)
            devices += [{"name": d.name, "profile": d.profile, "bus": b.name, "unit": d.unit,
                         "period_ms": d.period_ms, **d.config} for d in b.devices]
        self.write(f"{g.name}.json", {
            "gateway": g.name, "area": g.area, "board": "emulated",
            "profiles": self.profiles, "control_socket": self.path(f"{g.name}.sock"),
            "spool": {"path": self.path("spool", g.name), "size_mib": 16, **self.timings.get("spool", {})},
            "broker": self._broker_block(g.name, g.link_port), "buses": buses, "devices": devices,
            **self.timings.get("gateway", {})})

    # --- processes ---

    def child(self, name, program, *args):
        return Child(name, [os.path.join(self.bin, program), *args], self.path("log", f"{name}.log")).start()

    def started(self, name, program, says):
        """A daemon that has read its configuration: one that refuses it is an error here, not a long wait."""
        child = Child(name, [os.path.join(self.bin, program), "-c", self.path(f"{name}.json")],
                      self.path("log", f"{name}.log"))
        before = len(re.findall(says, child.output()))
        child.start()
        child.wait_line(says, occurrences=before + 1)
        return child

    def start_emulator(self):
        self.emulator = self.child("emulator", "board-emulator", "-c", self.path("emulator.json"))
        self.emulator.wait_line(r'"?ready"?')

    def start_collector(self):
        self.collector = self.started("collector", "collectord", r"collectord: collector .* rules")

    def start_gateway(self, g):
        os.makedirs(self.path("spool"), exist_ok=True)
        g.child = self.started(g.name, "gatewayd", r"gatewayd: .* configuration ")

    def start(self):
        self.broker.start()
        self.start_emulator()
        self.start_collector()
        for g in self.gateways:
            self.start_gateway(g)

    def kill_gateway(self, g):
        """kill -9; the replies of the 5 s before are undecided (the ledger's rule)."""
        now = int(time.time() * 1000)
        g.child.kill()
        self.undecided.append((g.name, now - 5000, int(time.time() * 1000)))

    def ctl(self, *command):
        """One order to the emulated boards."""
        return run(os.path.join(self.bin, "board-emulator"), "ctl", self.path("emulator.sock"), *command).stdout

    def operator(self, verb, *words):
        """The command line of collectorctl VERB as operator-1."""
        return [os.path.join(self.bin, "collectorctl"), verb, "--host", "localhost",
                "--port", str(self.broker.ports["operators"]), "--ca", self.pki.root_cert,
                "--cert", self.pki.cert("operator-1"), "--key", self.pki.key("operator-1"), *words]

    def silence(self):
        """No slave answers any more; the uplinks stay, so the gateways can drain."""
        for g in self.gateways:
            for b in g.buses:
                for d in b.devices:
                    self.ctl("fault", f"{g.name}/{d.name}", "dead")

    def stop(self):
        for child in [g.child for g in self.gateways] + [self.collector, self.emulator, self.broker.child]:
            if child:
                child.stop()

    def close(self):
        self.stop()
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- looking ---

    def rows(self, sql, *args):
        """Rows of the collector's store, read beside the running collector."""
        if not os.path.exists(self.store):
            return []
        db = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=5)
        try:
            return db.execute(sql, args).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()

    def balance(self):
        """The ledger against the store: (verdict line, figures). Exact, whatever still runs."""
        dump = self.path("dump.jsonl")
        with open(dump, "w", encoding="utf-8") as out:
            out.write(run(os.path.join(self.bin, "collectorctl"), "store", "dump", "--store", self.store,
                          timeout_s=120).stdout)
        spans = [word for name, a, b in self.undecided for word in ("--undecided", f"{name}:{a}-{b}")]
        done = run(os.path.join(self.bin, "board-emulator"), "ledger", "check", self.ledger, dump, "--json", *spans,
                   check=False, timeout_s=120)
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (IndexError, ValueError) as e:
            raise LabError(f"ledger check: exit {done.returncode}\n{done.stdout}{done.stderr}") from e

    def settle(self, timeout_s=60):
        """Waits until nothing is lost any more: the gateways have drained and the collector has committed."""
        last = {}

        def balanced():
            last.update(self.balance())
            return last["lost"] == 0 and last["samples"] > 0
        try:
            wait_until(balanced, timeout_s, "the ledger to balance", every_s=0.5)
        except LabError:
            pass
        return last
