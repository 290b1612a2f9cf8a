"""Promise: the emulated boards speak real Modbus. Judged by mbpoll (a libmodbus client that is not ours) over a
pseudo terminal and TCP, by bytes on a socket, and by the ledger the boards keep."""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get("IOC_BIN", os.path.join(TOP, "build", "dev", "bin"))
EMULATOR = os.path.join(BIN, "board-emulator")
WAIT_S = 20


def wait_until(condition, what):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {WAIT_S} s in vain for {what}")


def echo(peer):
    with peer:
        try:
            while data := peer.recv(4096):
                peer.sendall(data)
        except ConnectionError:
            pass


def echo_all(listener):
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=echo, args=(peer,), daemon=True).start()


class Boards(unittest.TestCase):
    MODE = "unique"

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="ioc-emulator-")
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.echo = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.echo.close)
        self.write({
            "seed": 5, "mode": self.MODE, "ledger": self.path("ledger.jsonl"), "control": self.path("ctl"),
            "profiles": os.path.join(TOP, "shared", "data", "profiles"),
            "buses": [
                {"name": "rs485-1", "gateway": "g1", "type": "rtu", "link": self.path("tty"), "pace": False, "devices": [
                    {"name": "air", "profile": "renke-rs-fsxcs", "unit": 1, "turnaround_ms": 0},
                    {"name": "relays", "profile": "wb-mr6c", "unit": 2, "turnaround_ms": 0}]},
                {"name": "lan", "gateway": "g1", "type": "tcp", "devices": [
                    {"name": "meter", "profile": "eastron-sdm630", "unit": 1, "turnaround_ms": 0},
                    {"name": "loops", "profile": "wb-mcm8", "unit": 2, "turnaround_ms": 0}]}],
            "links": [{"name": "cable", "listen": 0, "to_host": "127.0.0.1", "to_port": self.echo.getsockname()[1]}]})
        self.start()

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, value):
        with open(self.path("boards.json"), "w", encoding="utf-8") as f:
            json.dump(value, f)

    def start(self):
        self.boards = subprocess.Popen([EMULATOR, "-c", self.path("boards.json")], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self.stop)
        self.ports = {}
        for line in self.boards.stdout:
            said = json.loads(line)
            if said.get("ready"):
                return
            self.ports[said.get("bus") or said.get("link")] = said.get("port")
        self.fail(f"the boards ended with {self.boards.wait()} instead of getting ready")

    def stop(self):
        if self.boards.poll() is None:
            self.boards.send_signal(signal.SIGTERM)
        self.boards.stdout.close()
        return self.boards.wait(WAIT_S)

    def ctl(self, *words):
        return subprocess.run([EMULATOR, "ctl", self.path("ctl"), *words], capture_output=True, text=True, check=False)

    def order(self, *words):
        done = self.ctl(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def ledger(self):
        """The ledger so far. It is written 100 ms late, so a caller waits for what it wants to see."""
        with open(self.path("ledger.jsonl"), encoding="utf-8") as f:
            return [json.loads(line) for line in f.read().splitlines(True) if line.endswith("\n")]

    def mbpoll(self, where, unit, *args, values=()):
        if where == "rtu":
            target = ["-m", "rtu", "-b", "9600", "-P", "none", self.path("tty")]
        else:
            target = ["-m", "tcp", "-p", str(self.ports["lan"]), "127.0.0.1"]
        command = ["mbpoll", "-0", "-1", "-q", "-a", str(unit), "-o", "1", *args, *target[:-1], target[-1], *values]
        done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
        found = {int(a): v for a, v in re.findall(r"^\[(\d+)\]:\s+(\S+)", done.stdout, re.M)}
        return found, done.stdout + done.stderr

    # --- a client of our own, for what a good client never does ---

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.ports["lan"]), WAIT_S)
        self.addCleanup(s.close)
        return s

    @staticmethod
    def request(transaction, unit, function, address, count):
        return struct.pack(">HHHBBHH", transaction, 0, 6, unit, function, address, count)

    @staticmethod
    def receive(s):
        head = b""
        while len(head) < 7:
            more = s.recv(7 - len(head))
            if not more:
                return None
            head += more
        transaction, protocol, length, unit = struct.unpack(">HHHB", head)
        pdu = b""
        while len(pdu) < length - 1:
            more = s.recv(length - 1 - len(pdu))
            if not more:
                return None
            pdu += more
        return transaction, protocol, unit, pdu


class Modbus(Boards):
    def test_a_real_client_reads_over_the_terminal_what_the_ledger_says(self):
        for _ in range(3):
            found, text = self.mbpoll("rtu", 1, "-t", "4", "-r", "500", "-c", "16")
            self.assertEqual(len(found), 16, text)
        rows = wait_until(lambda: [r for r in self.ledger() if r["device"] == "air"][-13:], "ledger lines")
        last = {r["point"]: r for r in rows}
        self.assertEqual([int(found[507])], last["pm2-5"]["raw"])
        self.assertEqual(last["pm2-5"]["fate"], "ok")
        readings = [r["v"] for r in self.ledger() if r["point"] == "pm2-5"]
        self.assertEqual(len(set(readings)), 3, "unique mode repeats no value")

    def test_a_real_client_reads_floats_over_tcp(self):
        found, text = self.mbpoll("tcp", 1, "-t", "3:float", "-B", "-r", "0", "-c", "6")
        self.assertEqual(len(found), 6, text)
        rows = wait_until(lambda: [r for r in self.ledger() if r["point"] == "voltage-l1"], "the ledger's line")
        self.assertAlmostEqual(float(found[0]), rows[-1]["v"], delta=abs(rows[-1]["v"]) * 1e-5 + 1e-3)
        self.assertEqual(struct.pack(">HH", *rows[-1]["raw"]), struct.pack(">f", rows[-1]["v"]))

    def test_a_written_relay_shows_in_its_contact(self):
        for state in ("1", "0", "1"):
            _, text = self.mbpoll("rtu", 2, "-t", "0", "-r", "0", values=[state])
            self.assertIn("Written 1 references", text)
            found, text = self.mbpoll("rtu", 2, "-t", "1", "-r", "96", "-c", "1")
            self.assertEqual(found.get(96), state, text)

    def test_refusals_are_the_specifications(self):
        _, text = self.mbpoll("rtu", 1, "-t", "4", "-r", "9000", "-c", "1")
        self.assertIn("Illegal data address", text)
        _, text = self.mbpoll("rtu", 7, "-t", "4", "-r", "500", "-c", "1")
        self.assertIn("timed out", text, "foreign units are met with silence")
        s = self.connect()
        s.sendall(self.request(1, 1, 0x2b, 0, 1) + self.request(2, 1, 4, 0, 126) + self.request(3, 9, 4, 0, 1))
        self.assertEqual([self.receive(s)[3] for _ in range(3)], [b"\xab\x01", b"\x84\x03", b"\x84\x0b"])

    def test_requests_in_pieces_and_in_heaps(self):
        s, other = self.connect(), self.connect()
        for byte in self.request(7, 1, 4, 0, 2):
            s.sendall(bytes([byte]))
        self.assertEqual(self.receive(s)[0], 7)
        s.sendall(b"".join(self.request(n, 1, 4, 0, 2) for n in range(10)))
        other.sendall(self.request(99, 2, 4, 60, 2))
        self.assertEqual(self.receive(other)[0], 99)
        self.assertEqual([self.receive(s)[0] for _ in range(10)], list(range(10)))
        other.sendall(b"GET / HTTP/1.1\r\n\r\n")
        self.assertIsNone(self.receive(other), "what is not Modbus is hung up on")


class Faults(Boards):
    def test_fates_tell_which_replies_may_be_believed(self):
        s = self.connect()
        for fault, fate in (("none", "ok"), ("late 150", "late"), ("dribble 5", "dribble"), ("stuck", "ok"),
                            ("wrong-unit", "wrong-unit"), ("noise 100", "noise")):
            self.order("fault", "g1/meter", *fault.split())
            before = len(self.ledger())
            s.sendall(self.request(1, 1, 4, 0, 2))
            if fate in ("noise", "wrong-unit"):
                s = self.connect() if not s.recv(64) else s
            else:
                self.assertEqual(self.receive(s)[2], 1)
            row = wait_until(lambda n=before: self.ledger()[n:], f"the reply with {fault}")[0]
            self.assertEqual((row["point"], row["fate"]), ("voltage-l1", fate))
            if fate == "noise":
                s = self.connect()

    def test_a_dead_device_leaves_its_neighbour_alone(self):
        self.order("fault", "g1/air", "dead")
        _, text = self.mbpoll("rtu", 1, "-t", "4", "-r", "500", "-c", "1")
        self.assertIn("timed out", text)
        found, text = self.mbpoll("rtu", 2, "-t", "1", "-r", "96", "-c", "1")
        self.assertEqual(len(found), 1, text)
        self.order("fault", "g1/air", "exception", "6")
        _, text = self.mbpoll("rtu", 1, "-t", "4", "-r", "500", "-c", "1")
        self.assertRegex(text, "busy")

    def test_a_pulled_adapter_is_gone_and_comes_back(self):
        self.order("bus", "rs485-1", "pull")
        self.assertFalse(os.path.lexists(self.path("tty")))
        self.order("bus", "g1/rs485-1", "plug")
        found, text = self.mbpoll("rtu", 1, "-t", "4", "-r", "500", "-c", "1")
        self.assertEqual(len(found), 1, text)
        self.order("bus", "lan", "pull")
        with self.assertRaises(OSError):
            socket.create_connection(("127.0.0.1", self.ports["lan"]), WAIT_S)
        self.order("bus", "lan", "plug")
        self.connect()

    def test_a_reply_nobody_waited_for_is_not_the_next_ones(self):
        tty = os.open(self.path("tty"), os.O_RDWR | os.O_NOCTTY)
        os.write(tty, bytes.fromhex("010301f400018404")[:6])  # half a request, and the gateway is killed
        os.close(tty)
        for _ in range(3):  # what follows within T3.5 is still the same, broken, frame
            found, text = self.mbpoll("rtu", 1, "-t", "4", "-r", "500", "-c", "1")
            if found:
                break
        self.assertEqual(len(found), 1, text)

    def test_the_uplink_cable(self):
        threading.Thread(target=echo_all, args=(self.echo,), daemon=True).start()
        port = self.ports["cable"]
        s = socket.create_connection(("127.0.0.1", port), WAIT_S)
        s.sendall(b"over")
        self.assertEqual(s.recv(16), b"over")
        self.order("link", "cable", "stall")
        s.sendall(b"stalled")
        s.settimeout(0.3)
        with self.assertRaises(TimeoutError):
            s.recv(16)
        s.settimeout(WAIT_S)
        self.order("link", "cable", "up")
        self.assertEqual(s.recv(16), b"stalled")
        self.order("link", "cable", "cut")
        with self.assertRaises(ConnectionResetError):
            s.recv(16)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), WAIT_S)
        self.order("link", "cable", "up")
        s.close()
        with socket.create_connection(("127.0.0.1", port), WAIT_S) as s:
            s.sendall(b"x" * 100000)
            s.shutdown(socket.SHUT_WR)
            got = b"".join(iter(lambda: s.recv(65536), b""))
        self.assertEqual(len(got), 100000, "all arrives, then the end")

    def test_status_and_refused_commands(self):
        self.order("fault", "g1/air", "noise", "5")
        status = json.loads(self.order("status"))
        self.assertEqual(status["buses"][0]["devices"][0]["fault"], "noise 5")
        for words, said in ((["fault", "g1/nobody", "dead"], "g1/nobody"), (["set", "g1/air/pm2-5", "warm"], "ug/m3"),
                            (["link", "x", "up"], "status"), (["bus", "x", "pull"], "status"), (["dance"], "fault")):
            done = self.ctl(*words)
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)


class Ledger(Boards):
    def test_sigterm_and_quit_flush_the_ledger(self):
        s = self.connect()
        for n in range(50):
            s.sendall(self.request(n, 1, 4, 0, 2))
            self.receive(s)
        self.assertEqual(self.stop(), 0)
        self.assertEqual(len(self.ledger()), 50)
        self.start()
        s = self.connect()
        s.sendall(self.request(1, 1, 4, 0, 2))
        self.receive(s)
        self.order("quit")
        self.assertEqual(self.boards.wait(WAIT_S), 0)
        self.assertEqual(len(self.ledger()), 51)

    def check(self, rows, *options):
        with open(self.path("dump.jsonl"), "w", encoding="utf-8") as f:
            for seq, r in enumerate(rows):
                f.write(json.dumps({**{k: r[k] for k in ("gateway", "device", "point", "t", "v")}, "q": "good",
                                    "cause": None, "epoch": "1", "seq": str(seq)}) + "\n")
        return subprocess.run([EMULATOR, "ledger", "check", self.path("ledger.jsonl"), self.path("dump.jsonl"), *options],
                              capture_output=True, text=True, check=False)

    def test_a_ledger_is_held_against_a_store(self):
        s = self.connect()
        for n in range(20):
            s.sendall(self.request(n, 1, 4, 0, 12))
            self.receive(s)
        self.stop()
        rows = self.ledger()
        self.assertEqual(len(rows), 120)
        done = self.check(rows)
        self.assertEqual((done.returncode, done.stdout.splitlines()[0]), (0, "samples=120 lost=0 doubled=0 wrong=0"))
        done = self.check(rows[:-1] + rows[:1], "--json")
        verdict = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1)
        self.assertEqual((verdict["lost"], verdict["doubled"], verdict["wrong"]), (1, 1, 0))
        done = self.check(rows[:-1], "--undecided", f"g1:{rows[-1]['t']}-{rows[-1]['t']}", "--tolerance", "1000")
        self.assertEqual(done.returncode, 0, done.stdout)


class CommandLine(unittest.TestCase):
    def run_with(self, *args):
        return subprocess.run([EMULATOR, *args], capture_output=True, text=True, check=False, timeout=WAIT_S)

    def test_exit_codes(self):
        self.assertEqual(self.run_with("--help").returncode, 0)
        self.assertEqual(self.run_with().returncode, 64)
        self.assertEqual(self.run_with("-x").returncode, 64)
        self.assertEqual(self.run_with("ledger", "check", "only-one").returncode, 64)
        self.assertEqual(self.run_with("ctl", "/nonexistent/socket", "status").returncode, 1)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
            f.write('{\n  "profiles": "/nonexistent",\n  "buses": [ { "nme": 1 } ]\n}\n')
            f.flush()
            done = self.run_with("-c", f.name, "-n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("line 3", done.stderr)
        self.assertIn("name", done.stderr)


if __name__ == "__main__":
    unittest.main()
