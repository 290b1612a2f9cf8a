"""Promise: a technician with one line, no map and no source code gets it running. scan finds devices of different speed
and stop bits; decode names the order of their registers; read, write and timing work with the port alone and beside a
running gatewayd, which keeps its port; plan refuses an overfull bus with the sum."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from lab.pki import Pki
from lab.process import Child, free_ports, wait_until

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("IOC_BIN", os.path.join(TOP, "build", "dev", "bin"))
SHIPPED = os.path.join(TOP, "shared", "data", "profiles")
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
VALUES = (("voltage", "voltage", 230.1), ("frequency", "frequency", 49.98), ("energy", "energy", 12345.6),
          ("outside", "air_temperature", -3.5))


def profile_of(order):
    points = [{"name": name, "kind": kind, "table": "input", "address": 2 * i, "type": "f32", "order": order}
              for i, (name, kind, _) in enumerate(VALUES)]
    return {"name": f"order-{order.lower()}", "label": f"f32 in {order}", "source": "test", "confidence": "high",
            "serial": {"baud": 9600, "parity": "none", "stop_bits": 1}, "points": points}


class Bench(unittest.TestCase):
    """Emulated boards on a line of their own, and gatewayctl."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="ioc-technician-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.profiles = self.path("profiles")
        shutil.copytree(SHIPPED, self.profiles)
        for order in ORDERS:
            self.write(f"profiles/order-{order.lower()}.json", profile_of(order))
        self.config = self.path("gateway.json")

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, value):
        with open(self.path(name), "w", encoding="utf-8") as f:
            json.dump(value, f)

    def start_boards(self, devices, **bus):
        self.write("boards.json", {"seed": 3, "control": self.path("ctl"), "profiles": self.profiles, "buses": [
            {"name": "line", "gateway": "gw-1", "type": "rtu", "link": self.path("tty"), **bus, "devices": [
                {"turnaround_ms": 5, **d} for d in devices]}]})
        boards = Child("board-emulator", [os.path.join(BIN, "board-emulator"), "-c", self.path("boards.json")],
                       self.path("boards.log")).start()
        self.addCleanup(boards.stop)
        boards.wait_line('"ready":true')

    def order(self, *words):
        done = subprocess.run([os.path.join(BIN, "board-emulator"), "ctl", self.path("ctl"), *words],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def write_config(self, devices, pki=None, **bus):
        nobody = self.path("boards.json")  # any file that is there
        broker = {"host": "localhost", "port": free_ports(1)[0], "ca": pki.root_cert if pki else nobody,
                  "cert": pki.cert("gw-1") if pki else nobody, "key": pki.key("gw-1") if pki else nobody}
        self.write("gateway.json", {
            "gateway": "gw-1", "area": "doan-ket", "profiles": self.profiles, "control_socket": self.path("gw.sock"),
            "spool": {"path": self.path("spool"), "size_mib": 16}, "broker": broker,
            "buses": [{"name": "rs485-1", "type": "rtu", "device": self.path("tty"), "timeout_ms": 500, **bus}],
            "devices": [{"bus": "rs485-1", **d} for d in devices]})

    def start_daemon(self):
        daemon = Child("gatewayd", [os.path.join(BIN, "gatewayd"), "-c", self.config], self.path("gatewayd.log")).start()
        self.addCleanup(daemon.stop)
        wait_until(lambda: os.path.exists(self.path("gw.sock")) or not daemon.running(), 15, "the control socket")
        self.assertTrue(daemon.running(), daemon.output(20))
        return daemon

    def tool(self, *words, code=0, timeout_s=120, text_in=None):
        env = dict(os.environ, LC_ALL="C.UTF-8")
        done = subprocess.run([os.path.join(BIN, "gatewayctl"), *words], capture_output=True, text=True, env=env,
                              input=text_in, timeout=timeout_s, check=False)
        self.assertEqual(done.returncode, code, f"{words}\n{done.stdout}{done.stderr}")
        return done

    def lines(self, *words, **more):
        return [json.loads(line) for line in self.tool(*words, "--json", **more).stdout.splitlines()]


class Scan(Bench):
    def setUp(self):
        super().setUp()
        self.start_boards([
            {"name": "air", "profile": "renke-rs-fsxcs", "unit": 3, "baud": 9600, "stop_bits": 1},
            {"name": "meter", "profile": "eastron-sdm630", "unit": 5, "baud": 19200, "stop_bits": 1},
            {"name": "relays", "profile": "wb-mr6c", "unit": 7, "baud": 4800, "stop_bits": 2}], baud=19200)

    def words(self, *more):
        return ["scan", self.path("tty"), "-c", self.config, "--profiles", self.profiles, "--unit", "1-8", "--parity",
                "none", "--baud", "9600,19200,4800", *more]

    def test_three_devices_of_different_speed_and_stop_bits_are_found_on_one_bus(self):
        *finds, end = self.lines(*self.words())
        self.assertEqual({f["unit"]: (f["baud"], f["stop_bits"]) for f in finds},
                         {3: (9600, 1), 5: (19200, 1), 7: (4800, 2)})
        guesses = {f["unit"]: [g["profile"] for g in f["guesses"]] for f in finds}
        self.assertEqual(guesses[3][0], "renke-rs-fsxcs")
        self.assertIn("eastron-sdm630", guesses[5])
        self.assertEqual(guesses[7][0], "wb-mr6c")
        self.assertEqual((end["found"], end["interrupted"]), (3, False))

    def test_it_ends_with_what_to_write_and_what_to_run(self):
        said = self.tool("scan", self.path("tty"), "-c", self.config, "--profiles", self.profiles, "--unit", "3",
                         "--baud", "9600", "--parity", "none", "--stop", "1")
        self.assertEqual(said.stderr, "")
        snippet = re.search(r'^  "buses".*?^  \]$', said.stdout, re.S | re.M)
        parsed = json.loads("{" + re.sub(r" //.*", "", snippet[0]) + "}")
        self.assertEqual(parsed["devices"][0]["profile"], "renke-rs-fsxcs")
        self.assertEqual(parsed["buses"][0]["device"], self.path("tty"))
        command = said.stdout.splitlines()[-1].split()
        self.assertEqual(command[:2], ["gatewayctl", "decode"])
        self.tool(*command[1:-4], "--holding", "500", "--count", "4", "-c", self.config)

    def test_an_interrupted_scan_keeps_what_it_found(self):
        scan = subprocess.Popen([os.path.join(BIN, "gatewayctl"), *self.words()], stdout=subprocess.PIPE, text=True)
        first = scan.stdout.readline()
        self.assertIn("found unit 3", first)
        scan.send_signal(signal.SIGINT)
        rest, _ = scan.communicate(timeout=20)
        self.assertEqual(scan.returncode, 130)
        self.assertIn("Devices found: ", rest)
        self.assertIn('"unit": 3', rest)

    def test_a_line_where_nobody_answers_says_what_to_check(self):
        said = self.tool("scan", self.path("tty"), "-c", self.config, "--profiles", self.profiles, "--unit", "100-102",
                         "--baud", "9600", "--parity", "none", "--stop", "1", code=1)
        self.assertIn("nobody answers", said.stderr)


class Decode(Bench):
    def test_it_names_each_of_the_four_orders(self):
        self.start_boards([{"name": o.lower(), "profile": f"order-{o.lower()}", "unit": i + 1}
                           for i, o in enumerate(ORDERS)], pace=False)
        for o in ORDERS:
            for name, _, value in VALUES:
                self.order("set", f"gw-1/{o.lower()}/{name}", str(value))
        for i, o in enumerate(ORDERS):
            found, = self.lines("decode", "--port", self.path("tty"), "-c", self.config, "--unit", str(i + 1),
                                "--input", "0", "--count", "8")
            self.assertEqual((found["verdict"], found["order"], found["type"]), ("order", o, "f32"), o)
            self.assertEqual([v["text"] for v in found["values"]], ["230.1", "49.98", "12345.6", "-3.5"])

    def test_words_come_from_a_command_line_or_from_stdin(self):
        found, = self.lines("decode", "199A", "0x4366")
        self.assertEqual((found["order"], found["values"][0]["text"]), ("CDAB", "230.1"))
        self.assertIn("230.1", self.tool("decode", "-", text_in="4366 199a\n").stdout)
        self.assertIn("four hexadecimal digits", self.tool("decode", "43", code=2).stderr)
        self.assertIn("Ambiguous", self.tool("decode", "5B07 15CD").stdout)


class Plan(Bench):
    def test_an_overfull_bus_ends_in_an_error_with_the_sum(self):
        self.start_boards([])
        self.write_config([{"name": f"meter-{i}", "profile": "eastron-sdm630", "unit": i, "period_ms": 1000}
                           for i in range(1, 4)], baud=9600)
        said = self.tool("plan", "-c", self.config, code=2)
        needs = [float(x) for x in re.findall(r"^   meter-\d +([\d.]+) ms", said.stdout, re.M)]
        total = float(re.search(r"^   sum +([\d.]+) ms  of 900 ms", said.stdout, re.M)[1])
        self.assertEqual(len(needs), 3)
        self.assertAlmostEqual(sum(needs), total, delta=0.5)
        self.assertGreater(total, 900)
        self.assertIn("T = (13 + ", said.stdout)
        self.assertIn("rs485-1", said.stderr)
        parsed = json.loads(self.tool("plan", "-c", self.config, "--json", code=2).stdout)
        self.assertTrue(parsed["buses"][0]["overfull"])

    def test_the_example_is_planned_on_a_desk_without_its_certificates(self):
        with open(os.path.join(TOP, "docs", "examples", "gateway.json"), encoding="utf-8") as f:
            text = f.read()
        with open(self.config, "w", encoding="utf-8") as f:
            f.write(re.sub(r'("profiles": *)"[^"]*"', rf'\1"{SHIPPED}"', text))
        self.assertIn("% in use", self.tool("plan", "-c", self.config).stdout)

    def test_a_bus_that_fits_shows_its_timetable(self):
        self.start_boards([])
        self.write_config([{"name": "air", "profile": "renke-rs-fsxcs", "unit": 1, "period_ms": 1000}], baud=9600)
        said = self.tool("plan", "-c", self.config).stdout
        self.assertRegex(said, r"air +1 holding +500-\d+ ")
        self.assertIn("% in use", said)


class DynamicMap(Bench):
    def test_a_sonde_that_says_itself_what_it_measures_is_read(self):
        name, = [f[:-5] for f in os.listdir(SHIPPED) if "exo" in f]
        self.start_boards([{"name": "sonde", "profile": name, "unit": 1}], pace=False)
        self.write_config([{"name": "sonde", "profile": name, "unit": 1, "period_ms": 5000}], baud=115200)
        sonde, = self.lines("read", "sonde", "-c", self.config)
        good = [p for p in sonde["points"] if p["quality"] == "good"]
        self.assertGreater(len(good), 3, sonde)
        one, = self.lines("read", f"sonde/{good[0]['point']}", "-c", self.config)
        self.assertEqual(one["points"][0]["quality"], "good")


class Line(Bench):
    """The same questions to the port alone and beside a running gatewayd."""

    def setUp(self):
        super().setUp()
        self.start_boards([{"name": "relays", "profile": "wb-mr6c", "unit": 7},
                           {"name": "meter", "profile": "eastron-sdm630", "unit": 1}], pace=False)
        self.order("set", "gw-1/meter/voltage-l1", "231.5")
        pki = Pki(BIN, self.root)
        pki.init()
        pki.gateway("gw-1", "doan-ket")
        self.write_config([{"name": "relays", "profile": "wb-mr6c", "unit": 7, "period_ms": 1000},
                           {"name": "meter", "profile": "eastron-sdm630", "unit": 1, "period_ms": 2000}],
                          pki=pki, baud=115200)

    def check_read(self, *more):
        said, = self.lines("read", "meter/voltage-l1", "-c", self.config, *more)
        self.assertEqual((said["points"][0]["value"], said["points"][0]["quality"]), (231.5, "good"))
        whole, = self.lines("read", "meter", "-c", self.config, *more)
        self.assertGreater(len(whole["points"]), 20)
        raw, = self.lines("read", "--bus", "rs485-1", "--unit", "1", "--input", "0", "--count", "2", "-c", self.config,
                          *more)
        self.assertEqual(raw["values"], [0x4367, 0x8000])
        refused = self.tool("read", "--bus", "rs485-1", "--unit", "1", "--input", "9000", "-c", self.config, *more,
                            code=1)
        self.assertIn("exception 2: it has no such address", refused.stderr)

    def check_write(self, *more):
        for value, shown in (("on", True), ("off", False)):
            said, = self.lines("write", "relays/k1", value, "--yes", "-c", self.config, *more)
            self.assertEqual(said["points"][0]["value"], shown)
            back, = self.lines("read", "relays/k1", "-c", self.config, *more)
            self.assertEqual(back["points"][0]["value"], shown)
        self.order("fault", "gw-1/relays", "deaf")  # acknowledges, and does nothing
        lied = self.tool("write", "relays/k1", "on", "--yes", "-c", self.config, *more, code=1)
        self.assertIn("what is read back is not what was written", lied.stderr)
        self.order("fault", "gw-1/relays", "none")
        self.assertIn("add --yes", self.tool("write", "relays/k1", "on", "-c", self.config, *more, code=2).stderr)
        self.assertIn("cannot be written",
                      self.tool("write", "meter/voltage-l1", "1", "--yes", "-c", self.config, *more, code=2).stderr)
        self.assertIn("neither on nor off",
                      self.tool("write", "relays/k1", "7", "--yes", "-c", self.config, *more, code=2).stderr)

    def test_the_port_alone_is_opened_and_answers(self):
        self.check_read()
        self.check_write()
        timing, = self.lines("timing", "--bus", "rs485-1", "--probes", "20", "-c", self.config)
        self.assertEqual((timing["asked"], timing["replies"], sum(timing["turnaround"])), (20, 20, 20))
        self.assertGreaterEqual(timing["timeout_ms"], 100)
        self.order("fault", "gw-1/relays", "lag", "300")
        self.tool("write", "relays/k1", "on", "--yes", "-c", self.config)
        self.order("fault", "gw-1/relays", "none")
        two = self.tool("read", "--bus", "rs485-1", "--port", self.path("tty"), "--unit", "1", "--input", "0", "-c",
                        self.config, code=2)
        self.assertIn("which line?", two.stderr)
        silent = self.tool("timing", "--bus", "rs485-1", "--unit", "99", "--holding", "0", "--probes", "2", "-c",
                           self.config, code=1)
        self.assertIn("never answered", silent.stderr)

    def test_beside_a_running_gatewayd_it_is_asked(self):
        self.start_daemon()
        self.check_read()
        self.check_write()
        wait_until(lambda: self.lines("timing", "-c", self.config)[0]["replies"] > 3, 20, "replies the daemon counts")
        refused = self.tool("scan", "--bus", "rs485-1", "--unit", "1", "-c", self.config, code=1)
        self.assertIn("--take", refused.stderr)

    def test_the_port_of_a_gatewayd_is_handed_over_and_goes_back(self):
        daemon = self.start_daemon()
        self.check_read("--take")
        *finds, _ = self.lines("scan", "--bus", "rs485-1", "--unit", "1-8", "--baud", "115200", "--parity", "none",
                               "--stop", "1", "--take", "-c", self.config)
        self.assertEqual({f["unit"] for f in finds}, {1, 7})
        wait_until(lambda: self.beside(), 20, "the daemon to have its port again")
        self.assertTrue(daemon.running())

    def beside(self):
        done = subprocess.run([os.path.join(BIN, "gatewayctl"), "read", "meter/voltage-l1", "-c", self.config],
                              capture_output=True, text=True, check=False)
        return done.returncode == 0


if __name__ == "__main__":
    unittest.main()
