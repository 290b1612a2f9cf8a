"""Promise 7, at the centre: broker and collector only carry a command. It arrives as it was signed, once, from whom the
operators file lets command; its result, whatever it is, reaches who asked, across a restart of the collector; all of it
is audited.

Real broker, collectord and collectorctl; the gateway is played by mosquitto's clients with the gateway's certificate.
"""
import base64
import json
import os
import subprocess
import time
import unittest

from lab.process import Child, run, wait_until
from lab.site import Gateway, Site

AREA, GATEWAY = "tan-phong", "light-01"
OPERATORS = [
    {"name": "operator-1", "role": "operator", "areas": [AREA], "classes": ["lighting"]},
    {"name": "viewer-1", "role": "viewer", "areas": ["*"]},
    {"name": "air-1", "role": "operator", "areas": [AREA], "classes": ["environment"]},
    {"name": "elsewhere-1", "role": "operator", "areas": ["doan-ket"]},
]


def unbase64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def der_of(signature):
    """r and s as JWS carries them, as openssl reads them."""
    def integer(value):
        body = value.lstrip(b"\0") or b"\0"
        body = b"\0" + body if body[0] & 0x80 else body
        return b"\x02" + bytes([len(body)]) + body
    body = integer(signature[:32]) + integer(signature[32:])
    return b"\x30" + bytes([len(body)]) + body


class Relay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = site = Site(os.environ["IOC_BIN"], [Gateway(GATEWAY, AREA, "cabinet", []),
                                                       Gateway("other-01", "doan-ket", "cabinet", [])])
        site.prepare()
        for name in ("viewer-1", "air-1", "elsewhere-1"):
            site.pki.person("operator", name, [])
        site.write("operators.json", OPERATORS)
        site.broker.configure()
        site.broker.start()
        site.start_collector()
        cls.seq = 0
        cls.epoch = int(time.time() * 1000)

    @classmethod
    def tearDownClass(cls):
        cls.site.close()

    def setUp(self):
        self.children = []
        self.say_state("5f1c9b7e")

    def tearDown(self):
        for child in self.children:
            child.kill()

    # --- whom the test plays ---

    def client(self, program, who, door, *words):
        site = self.site
        return [program, "-h", "localhost", "-p", str(site.broker.ports[door]), "-V", "5", "-q", "1", "--cafile",
                site.pki.root_cert, "--cert", site.pki.cert(who), "--key", site.pki.key(who), *words]

    def publish(self, who, door, topic, text, *words):
        return run(*self.client("mosquitto_pub", who, door, "-t", "ioc/v1/" + topic, "-m", text, *words), check=False)

    def listen(self, who, door, topic):
        """A subscriber that is known to be subscribed; its messages are lines of its log."""
        log = self.site.path("log", f"listen-{len(os.listdir(self.site.path('log')))}.log")
        child = Child(f"{who} on {topic}", ["stdbuf", "-oL", *self.client(
            "mosquitto_sub", who, door, "-d", "-t", "ioc/v1/" + topic, "-F", "heard %r %p")], log).start()
        self.children.append(child)
        child.wait_line(r"^Subscribed \(mid")
        return child

    @staticmethod
    def heard(child):
        """"{retained} {payload}" of each message; a line still being written is none yet."""
        return [line[6:] for line in child.output().split("\n")[:-1] if line.startswith("heard ")]

    def hear(self, child, count):
        return wait_until(lambda: len(self.heard(child)) >= count and self.heard(child), 20, f"{child.name} to hear")

    def say_state(self, nonce, online=True, gateway=GATEWAY, area=AREA):
        state = {"v": 1, "online": online, "session": "0123456789abcdef", "firmware": "0", "epoch": str(self.epoch),
                 "clock": "synchronised", "epochs": [], "nonce": nonce}
        self.publish(gateway, "gateways", f"gw/{area}/{gateway}/state", json.dumps(state), "-r")

    def result_pack(self, **result):
        """The gateway's answer: a pack of kind result, with what was read back beside it."""
        type(self).seq += 1
        text = json.dumps({"v": 1, **result})
        records = [{"bn": f"urn:dev:ops:{GATEWAY}:", "bt": round(time.time(), 3), "epoch": str(self.epoch),
                    "seq": str(self.seq), "low": "1", "kind": "result", "conf": "0123456789abcdef", "n": "command",
                    "vs": text}, {"n": "relays/k1", "vb": True}]
        return json.dumps(records)

    def send_pack(self, pack):
        return self.publish(GATEWAY, "gateways", f"gw/{AREA}/{GATEWAY}/live", pack)

    # --- the operator ---

    def order(self, *words, who="operator-1"):
        site = self.site
        return subprocess.Popen(
            [os.path.join(site.bin, "collectorctl"), "command", "--host", "localhost", "--port",
             str(site.broker.ports["operators"]), "--ca", site.pki.root_cert, "--cert", site.pki.cert(who), "--key",
             site.pki.key(who), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")

    def finish(self, process):
        out, errors = process.communicate(timeout=60)
        return process.returncode, out.strip(), errors.strip()

    def commanded(self, *words, **result):
        """An order from its signing to its end: (exit code, stdout, the signed text, its payload)."""
        gateway = self.listen(GATEWAY, "gateways", f"gw/{AREA}/{GATEWAY}/command")
        process = self.order(*words)
        retained, jws = self.hear(gateway, 1)[0].split(" ")
        self.assertEqual(retained, "0")
        payload = json.loads(unbase64(jws.split(".")[1]))
        gateway.stop()
        kid = json.loads(unbase64(jws.split(".")[0]))["kid"]
        self.send_pack(self.result_pack(id=payload["id"], operator="operator-1", target=payload["target"], kid=kid,
                                        **result))
        return (*self.finish(process)[:2], jws, payload)

    def audit(self, request_id):
        return [row[0] for row in self.site.rows(
            "SELECT what || ' ' || who || ' ' || object || ' ' || text FROM audit WHERE text LIKE ? ORDER BY rowid",
            f"%{request_id}%")]

    # --- promises ---

    def test_a_command_arrives_as_signed_and_its_result_comes_back(self):
        code, out, jws, payload = self.commanded("--hold", "30m", GATEWAY, "relays/k1", "on", result="done", value=True)
        self.assertEqual((code, out), (0, f"{GATEWAY} relays/k1: done, read back on"))
        self.assertEqual({k: payload[k] for k in ("gateway", "target", "action", "value", "hold_s", "nonce")},
                         {"gateway": GATEWAY, "target": "relays/k1", "action": "set", "value": True, "hold_s": 1800,
                          "nonce": "5f1c9b7e"})
        header, body, signature = jws.split(".")
        key, der = self.site.path("operator.pub"), self.site.path("signature.der")
        run("openssl", "ec", "-in", self.site.pki.key("operator-1"), "-pubout", "-out", key)
        with open(der, "wb") as f:
            f.write(der_of(unbase64(signature)))
        signed = self.site.path("signed.txt")
        with open(signed, "w", encoding="ascii") as f:
            f.write(f"{header}.{body}")
        run("openssl", "dgst", "-sha256", "-verify", key, "-signature", der, signed)
        relayed, result = self.audit(payload["id"])
        self.assertIn(f"command operator-1 {GATEWAY}/relays/k1 relayed: set true for 1800 s", relayed)
        self.assertIn(f"command result operator-1 {GATEWAY}/relays/k1 done; read back true", result)

    def test_what_was_not_done_has_its_own_exit_code(self):
        said = {}
        for result, more in (("mismatched", {"value": False}), ("failed", {"reason": "no answer"}),
                             ("refused", {"reason": "the key may not"}), ("sent", {})):
            said[result] = self.commanded(GATEWAY, "relays/k1", "on", result=result, **more)[:2]
        self.assertEqual(said, {
            "mismatched": (5, f"{GATEWAY} relays/k1: mismatched, read back off instead of on"),
            "failed": (4, f"{GATEWAY} relays/k1: failed: no answer"),
            "refused": (3, f"{GATEWAY} relays/k1: refused: the key may not"),
            "sent": (0, f"{GATEWAY} relays/k1: sent to all; nobody answers a broadcast")})

    def test_the_counter_rises_with_each_command(self):
        first, second = (int(self.commanded(GATEWAY, "relays/k1", "off", result="done")[3]["counter"]) for _ in range(2))
        self.assertGreater(second, first)

    def test_without_an_answer_the_outcome_is_said_to_be_unknown(self):
        code, out, _ = self.finish(self.order("--wait", "2s", "--json", "--yes", "--release", GATEWAY, "main-street"))
        self.assertEqual((code, json.loads(out)["result"]), (6, "unknown"))

    def test_a_result_finds_its_operator_after_a_restart(self):
        gateway = self.listen(GATEWAY, "gateways", f"gw/{AREA}/{GATEWAY}/command")
        process = self.order(GATEWAY, "relays/k1", "40")
        payload = json.loads(unbase64(self.hear(gateway, 1)[0][2:].split(".")[1]))
        gateway.stop()
        wait_until(lambda: self.audit(payload["id"]), 20, "the relay to be audited")
        self.site.collector.kill()
        self.site.start_collector()
        pack = self.result_pack(id=payload["id"], operator="operator-1", result="done", value=40)
        # A gateway sends again what is not acknowledged.
        wait_until(lambda: self.send_pack(pack) and process.poll() is not None, 30, "the result", every_s=0.5)
        self.assertEqual(self.finish(process)[:2], (0, f"{GATEWAY} relays/k1: done, read back 40"))

    def test_who_may_not_command_is_refused(self):
        gateway = self.listen(GATEWAY, "gateways", f"gw/{AREA}/{GATEWAY}/command")
        code, _, errors = self.finish(self.order(GATEWAY, "relays/k1", "on", who="viewer-1"))
        self.assertEqual(code, 3, errors)
        self.assertIn("a viewer may not command", errors)
        code, out, _ = self.finish(self.order(GATEWAY, "relays/k1", "on", who="air-1"))
        self.assertEqual(code, 3)
        self.assertIn("none of the classes lighting, energy and traffic", out)
        code, _, errors = self.finish(self.order(GATEWAY, "relays/k1", "on", who="elsewhere-1"))
        self.assertEqual(code, 1)
        self.assertIn("no such gateway in the areas you may see", errors)
        self.assertEqual(self.heard(gateway), [])

    def test_an_operator_of_another_area_gets_nothing_through_by_hand(self):
        """collectorctl is a courtesy: the collector itself refuses, and says so in its audit."""
        jws = self.commanded(GATEWAY, "relays/k1", "on", result="done")[2]
        request = {"v": 1, "id": "by-hand", "verb": "command", "area": AREA, "gateway": GATEWAY, "jws": jws}
        gateway = self.listen(GATEWAY, "gateways", f"gw/{AREA}/{GATEWAY}/command")
        replies = self.listen("elsewhere-1", "operators", "operators/elsewhere-1/reply")
        self.publish("elsewhere-1", "operators", "operators/elsewhere-1/request", json.dumps(request))
        reply = json.loads(self.hear(replies, 1)[0][2:])
        self.assertEqual((reply["result"], reply["reason"]), ("refused", f"area {AREA} is not one of yours"))
        self.assertIn("command elsewhere-1", self.audit("by-hand")[0])
        self.assertEqual(self.heard(gateway), [])

    def test_a_repeated_id_is_answered_alike_and_relayed_once(self):
        jws, payload = self.commanded(GATEWAY, "relays/k1", "on", result="done", value=True)[2:]
        request = {"v": 1, "id": payload["id"], "verb": "command", "area": AREA, "gateway": GATEWAY, "jws": jws}
        gateway = self.listen(GATEWAY, "gateways", f"gw/{AREA}/{GATEWAY}/command")
        replies = self.listen("operator-1", "operators", "operators/operator-1/reply")
        for _ in range(2):
            self.publish("operator-1", "operators", "operators/operator-1/request", json.dumps(request))
        first, second = self.hear(replies, 2)[:2]
        self.assertEqual(first, second)
        self.assertEqual(json.loads(first[2:]), {"v": 1, "id": payload["id"], "result": "done", "value": True})
        self.assertEqual(self.heard(gateway), [])

    def test_a_gateway_that_cannot_hear_is_not_waited_for(self):
        for nonce, online, why in (("5f1c9b7e", False, "offline"), ("", True, "takes no commands")):
            self.say_state(nonce, online)
            code, _, errors = self.finish(self.order(GATEWAY, "relays/k1", "on"))
            self.assertEqual(code, 1)
            self.assertIn(why, errors)

    def test_a_group_wants_a_yes(self):
        code, _, errors = self.finish(self.order(GATEWAY, "main-street", "on"))
        self.assertEqual(code, 2)
        self.assertIn("add --yes", errors)

    def test_a_word_that_is_no_value_is_refused(self):
        for words, why in ((("relays/k1", "maybe"), "is no value"), (("relays/k1", "nan"), "is no value"),
                           (("relays/k1",), "a value is missing"), (("a/b/c", "on"), "is no target"),
                           (("--release", "relays/k1", "on"), "takes no value")):
            code, _, errors = self.finish(self.order(GATEWAY, *words))
            self.assertEqual(code, 2)
            self.assertIn(why, errors)


if __name__ == "__main__":
    unittest.main()
