"""Promise: every type, order and shipped profile means the same to three parties that share no code: the emulated
boards, a Modbus client that is not ours (mbpoll), and the gateway. What gatewayctl reads through a profile is what the
boards' ledger says they answered."""
import glob
import json
import os
import struct
import subprocess
import unittest

from emulator_test import BIN, TOP, WAIT_S, Boards, wait_until

GATEWAYCTL = os.path.join(BIN, "gatewayctl")
PROFILES = os.path.join(TOP, "shared", "data", "profiles")
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")

# type: its value, its bytes most significant first
TYPES = {
    "u16": (51966, struct.pack(">H", 51966)),
    "s16": (-12345, struct.pack(">h", -12345)),
    "u32": (3735928559, struct.pack(">I", 3735928559)),
    "s32": (-1985229329, struct.pack(">i", -1985229329)),
    "u64": (81985529216486, struct.pack(">Q", 81985529216486)),
    "s64": (-81985529216486, struct.pack(">q", -81985529216486)),
    "f32": (-230.04, struct.pack(">f", -230.04)),
    "f64": (1234567.890625, struct.pack(">d", 1234567.890625)),
    "bcd16": (9041, bytes.fromhex("9041")),
    "bcd32": (12345678, bytes.fromhex("12345678")),
}


def words(raw, order):
    """The registers, in the order in which the device sends them."""
    found = [raw[i:i + 2] for i in range(0, len(raw), 2)]
    if order in ("CDAB", "DCBA"):
        found.reverse()
    if order in ("BADC", "DCBA"):
        found = [w[::-1] for w in found]
    return [int.from_bytes(w, "big") for w in found]


def point(name, address, kind="raw", **more):
    return {"name": name, "kind": kind, "table": "holding", "address": address, **more}


class Types(Boards):
    MODE = "curves"

    def write(self, value):
        """A device of every type and order instead of the usual ones, beside bits and a text."""
        self.cases = {}
        points, address = [], 0
        for kind, (wanted, raw) in TYPES.items():
            for order in ORDERS:
                name = f"{kind}-{order.lower()}"
                points.append(point(name, address, type=kind, order=order))
                self.cases[name] = (address, wanted, words(raw, order))
                address += len(raw) // 2
        points += [point("flags", 200, type="u16"), point("text", 210, kind="vms_message", type="string", count=8)]
        points += [point(f"bit{n}", 200, kind="contact", type="bit", bit=n) for n in (0, 9, 15)]
        with open(self.path("all-types.json"), "w", encoding="utf-8") as f:
            json.dump({"name": "all-types", "label": "one of each", "source": "this test", "confidence": "high",
                       "blocks": [{"table": "holding", "address": 0, "count": 100},
                                  {"table": "holding", "address": 100, "count": 200}], "points": points}, f)
        value["profiles"] = self.root
        for bus in value["buses"]:
            bus["devices"] = [{"name": f"all-{bus['type']}", "profile": "all-types", "unit": 9, "turnaround_ms": 0}]
        super().write(value)

    def test_a_real_client_finds_the_registers_of_each_type_and_order(self):
        for where in ("rtu", "tcp"):
            for name, (address, wanted, registers) in self.cases.items():
                self.order("set", f"g1/all-{where}/{name}", repr(wanted))
                found, text = self.mbpoll(where, 9, "-t", "4:hex", "-r", str(address), "-c", str(len(registers)))
                self.assertEqual([int(v, 16) for v in found.values()], registers, f"{where} {name}: {text}")

    def test_a_real_client_finds_the_numbers_it_knows(self):
        for name, kind, big in (("f32-abcd", "float", True), ("f32-cdab", "float", False), ("s32-abcd", "int", True),
                                ("s32-cdab", "int", False)):
            address, wanted, _ = self.cases[name]
            self.order("set", f"g1/all-tcp/{name}", repr(wanted))
            found, text = self.mbpoll("tcp", 9, "-t", f"4:{kind}", *(["-B"] if big else []), "-r", str(address))
            self.assertAlmostEqual(float(found[address]), wanted, places=3, msg=text)

    def test_bits_share_their_register_and_texts_fill_theirs(self):
        self.order("set", "g1/all-tcp/flags", str(0x8401))
        for bit, state in ((0, "false"), (9, "true"), (15, "true")):
            self.order("set", f"g1/all-tcp/bit{bit}", state)
        found, text = self.mbpoll("tcp", 9, "-t", "4:hex", "-r", "200")
        self.assertEqual(int(found[200], 16), 0x8600, text)
        message = "Đèo Ô Quy Hồ".encode()[:16]
        self.order("set", "g1/all-tcp/text", message.decode(errors="ignore"))
        found, text = self.mbpoll("tcp", 9, "-t", "4:hex", "-r", "210", "-c", "8")
        sent = b"".join(int(v, 16).to_bytes(2, "big") for v in found.values())
        self.assertEqual(sent.rstrip(b"\0"), message.decode(errors="ignore").encode(), text)

    def test_a_read_across_a_blocks_border_is_refused(self):
        found, text = self.mbpoll("tcp", 9, "-t", "4", "-r", "98", "-c", "2")
        self.assertEqual(len(found), 2, text)
        _, text = self.mbpoll("tcp", 9, "-t", "4", "-r", "98", "-c", "4")
        self.assertIn("Illegal data address", text)


class Shipped(Boards):
    """Each shipped profile as a device of its own on the LAN, in unique mode."""

    def write(self, value):
        self.names = sorted(os.path.basename(p)[:-5] for p in glob.glob(os.path.join(PROFILES, "*.json")))
        value["buses"] = value["buses"][1:]
        value["buses"][0]["devices"] = [{"name": n, "profile": n, "unit": u, "turnaround_ms": 0}
                                        for u, n in enumerate(self.names, 1)]
        super().write(value)

    def read(self, name):
        config = {"gateway": "g1", "area": "a", "profiles": PROFILES,
                  "broker": dict.fromkeys(("ca", "cert", "key"), __file__) | {"host": "127.0.0.1"},
                  "buses": [{"name": "lan", "type": "tcp", "host": "127.0.0.1", "port": self.ports["lan"]}],
                  "devices": [{"name": name, "profile": name, "bus": "lan", "unit": self.names.index(name) + 1,
                               "timeout_ms": 5000}]}
        with open(self.path("gateway.json"), "w", encoding="utf-8") as f:
            json.dump(config, f)
        done = subprocess.run([GATEWAYCTL, "read", "--json", "-c", self.path("gateway.json"), name],
                              capture_output=True, text=True, timeout=WAIT_S, check=False)
        self.assertEqual(done.stderr, "", name)
        return json.loads(done.stdout)

    def answered(self, name, points):
        """The ledger's last line of each of the points, once they are all there."""
        def complete():
            last = {r["point"]: r for r in self.ledger() if r["device"] == name and r["fate"] == "ok"}
            return last if points <= set(last) else None
        return wait_until(complete, f"the ledger's lines of {name}")

    def test_what_the_gateway_reads_is_what_the_device_answered(self):
        total = 0
        for name in self.names:
            read = {p["point"]: p for p in self.read(name)["points"]}
            ledger = self.answered(name, set(read))
            for point_name, row in read.items():
                what = f"{name}/{point_name}: {row} {ledger[point_name]}"
                self.assertEqual(row["quality"], "good", what)
                if isinstance(row["value"], (int, float)) and not isinstance(row["value"], bool):
                    self.assertAlmostEqual(row["value"], ledger[point_name]["v"], msg=what,
                                           delta=1e-6 * abs(row["value"]))
                else:
                    self.assertEqual(row["value"], ledger[point_name]["v"], what)
            total += len(read)
        self.assertGreater(total, 700)

    def test_a_sonde_is_read_by_its_codes(self):
        unit = self.names.index("ysi-exo-dcp") + 1
        name = "g1/ysi-exo-dcp"
        self.order("set", f"{name}/ph", "7.25")
        for _ in range(3):
            codes, text = self.mbpoll("tcp", unit, "-t", "4", "-r", "128", "-c", "32")
            slot = [int(c) for c in codes.values()].index(18)
            states, _ = self.mbpoll("tcp", unit, "-t", "4", "-r", "256", "-c", "32")
            values, _ = self.mbpoll("tcp", unit, "-t", "4:float", "-r", "384", "-c", "32")
            self.assertEqual((states[256 + slot], float(values[384 + 2 * slot])), ("0", 7.25), text)
            self.order("remap", name)


if __name__ == "__main__":
    unittest.main()
