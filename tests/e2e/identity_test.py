"""Promise (fault 31): a certificate lets its owner into its own listener, its own topics and nothing
else; spoofed topics, stolen client ids, other roles' and forged certificates are refused.

Real programs: collectorctl and gatewayctl make the certificates and the broker's configuration, mosquitto
runs on it, mosquitto_pub and mosquitto_sub attack it. Binaries come from $IOC_BIN.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BIN = os.environ.get("IOC_BIN", os.path.join(os.path.dirname(__file__), "../../build/dev/bin"))
LISTENERS = ("gateways", "operators", "collectors")
OPERATORS = """// who is on shift
[
  {"name": "lan", "role": "operator", "areas": ["muong-te"], "classes": ["environment"]},
  {"name": "minh", "role": "viewer", "areas": ["*"]}
]
"""


def run(*command, check=True, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def collectorctl(*words, **more):
    return run(os.path.join(BIN, "collectorctl"), *words, **more)


def gatewayctl(*words, **more):
    return run(os.path.join(BIN, "gatewayctl"), *words, **more)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Site:
    """A CA, identities made the way people make them, and a broker on the configuration written."""

    def __init__(self, root):
        self.root = root
        self.ca = self.path("ca")
        self.ids = self.path("ids")
        self.etc = self.path("etc")
        self.ports = {name: free_port() for name in LISTENERS}
        self.broker = None

    def path(self, *parts):
        return os.path.join(self.root, *parts)

    def init(self):
        collectorctl("ca", "init", "--dir", self.ca, "--name", "Lai Chau IOC")
        with open(self.path("operators.json"), "w", encoding="utf-8") as f:
            f.write(OPERATORS)

    def request(self, name):
        collectorctl("identity", name, "--out", self.ids)
        return os.path.join(self.ids, name + ".csr")

    def admit(self, name, role, *options):
        signed = self.path(name + "-signed.pem")
        collectorctl("ca", "sign", "--dir", self.ca, "--role", role, "--out", signed, *options, self.request(name))
        collectorctl("identity", name, "--out", self.ids, "--install", signed, "--ca", self.path("ca/root.pem"))

    def write_rules(self):
        words = ["acl", "--dir", self.ca, "--operators", self.path("operators.json"), "--out", self.etc,
                 "--bind", "127.0.0.1"]
        for name in LISTENERS:
            words += [f"--{name}-port", str(self.ports[name])]
        collectorctl(*words)

    def start_broker(self):
        for suffix in (".pem", ".key"):
            shutil.copy(os.path.join(self.ids, "broker" + suffix), os.path.join(self.etc, "broker" + suffix))
        conf = os.path.join(self.etc, "mosquitto.conf")
        if os.geteuid() == 0:
            with open(conf, "a", encoding="utf-8") as f:
                f.write("user root\n")
        with open(self.path("broker.log"), "w", encoding="utf-8") as log:
            self.broker = subprocess.Popen([shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin"),
                                            "-c", conf], stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        for name in LISTENERS:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", self.ports[name]), 1).close()
                    break
                except OSError:
                    if time.monotonic() > deadline or self.broker.poll() is not None:
                        with open(self.path("broker.log"), encoding="utf-8") as log:
                            raise AssertionError("mosquitto did not start:\n" + log.read()) from None
                    time.sleep(0.02)

    def stop(self):
        if self.broker:
            self.broker.terminate()
            self.broker.wait(10)

    def client(self, who, listener, program, *words, version="5", port=None):
        """The command line of a mosquitto client with who's certificate."""
        base = who if os.path.isabs(who) else os.path.join(self.ids, who)
        return [program, "-h", "127.0.0.1", "-p", str(port or self.ports[listener]), "-V", version, "-q", "1",
                "--cafile", self.path("ca/root.pem"), "--cert", base + ".pem", "--key", base + ".key", *words]

    def publish(self, who, listener, topic, text="x", *words):
        return run(*self.client(who, listener, "mosquitto_pub", "-t", "ioc/v1/" + topic, "-m", text, *words),
                   check=False)


class Watcher:
    """A subscriber that is known to be subscribed: it has said so, not merely had time to."""

    def __init__(self, site, who, listener, topic, *words):
        self.process = subprocess.Popen(
            ["stdbuf", "-oL"] + site.client(who, listener, "mosquitto_sub", "-W", "30", "-d", "-v", "-t", "ioc/v1/" + topic,
                                            *words),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.lines = []
        self.until("Subscribed (mid")

    def until(self, text):
        for line in self.process.stdout:
            self.lines.append(line.strip())
            if text in line:
                return
        raise AssertionError(f"the subscriber ended without '{text}':\n" + "\n".join(self.lines))

    def messages(self):
        return [line for line in self.lines if line.startswith("ioc/v1/")]

    def close(self):
        self.process.kill()  # asked to end, it may wait for this pipe to be read
        self.process.wait(10)
        self.process.stdout.close()


class IdentityTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix="ioc-identity-")
        cls.site = Site(cls.root)
        s = cls.site
        s.init()
        s.admit("broker", "broker", "--host", "127.0.0.1", "--host", "localhost")
        s.admit("gw-01", "gateway", "--area", "muong-te")
        s.admit("gw-02", "gateway", "--area", "tam-duong")
        s.admit("muong-te", "gateway", "--area", "muong-te")  # named like an area
        s.admit("lan", "operator")
        s.admit("minh", "operator")
        s.admit("centre", "collector", "--area", "*")
        s.write_rules()
        s.start_broker()

    @classmethod
    def tearDownClass(cls):
        cls.site.stop()
        shutil.rmtree(cls.root)

    def assert_refused_connection(self, done, why=""):
        self.assertNotEqual(done.returncode, 0, why + done.stdout + done.stderr)

    def assert_reaches(self, who, listener, topic, heard_by, on, expected):
        """Publishes and then a marker that always passes; what came before the marker is the answer."""
        marker = "collector/marker/state"
        watcher = Watcher(self.site, heard_by, on, "#")
        try:
            answer = self.site.publish(who, listener, topic, "attack")
            self.site.publish("centre", "collectors", marker, "end")
            watcher.until(marker)
            heard = [m for m in watcher.messages() if m.startswith("ioc/v1/" + topic + " ")]
            self.assertEqual(bool(heard), expected, f"{who} -> {topic}: {answer.stdout}{answer.stderr}")
            if not expected:
                self.assertIn("Not authorized", answer.stdout + answer.stderr)
        finally:
            watcher.close()

    # --- doors ---

    def test_every_role_enters_by_its_own_door_only(self):
        for who, home in (("gw-01", "gateways"), ("lan", "operators"), ("centre", "collectors"), ("broker", None)):
            for listener in LISTENERS:
                done = self.site.publish(who, listener, "gw/muong-te/gw-01/state")
                if listener == home:
                    self.assertNotIn("Protocol error", done.stderr)
                    self.assertNotIn("connection was lost", done.stderr)
                else:
                    self.assert_refused_connection(done, f"{who} on {listener}: ")

    def test_the_root_as_trust_would_open_every_door(self):
        """Why the listeners trust anchors: the same broker with the root lets an operator in as a gateway."""
        port = free_port()
        conf = self.site.path("naive.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write(f"listener {port} 127.0.0.1\ncafile {self.site.ca}/root.pem\ncertfile {self.site.ids}/broker.pem\n"
                    f"keyfile {self.site.ids}/broker.key\nrequire_certificate true\n"
                    "use_identity_as_username true\nallow_anonymous false\n"
                    + ("user root\n" if os.geteuid() == 0 else ""))
        mosquitto = shutil.which("mosquitto", path=os.environ["PATH"] + ":/usr/sbin")
        naive = subprocess.Popen([mosquitto, "-c", conf], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            command = self.site.client("lan", None, "mosquitto_pub", "-t", "t", "-m", "x", port=port)
            while run(*command, check=False).returncode != 0:
                self.assertLess(time.monotonic(), deadline, "the naive broker refused: the trap is gone")
                time.sleep(0.05)
        finally:
            naive.terminate()
            naive.wait(10)

    def test_without_a_certificate_nobody_enters(self):
        for listener in LISTENERS:
            done = run("mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.site.ports[listener]), "-t", "t", "-m", "x",
                       "--cafile", self.site.path("ca/root.pem"), check=False)
            self.assert_refused_connection(done)

    def test_a_forged_authority_of_the_same_name_is_refused(self):
        other = Site(self.site.path("other"))
        os.mkdir(other.root)
        other.init()
        other.admit("gw-01", "gateway", "--area", "muong-te")
        done = self.site.publish(os.path.join(other.ids, "gw-01"), "gateways", "gw/muong-te/gw-01/state")
        self.assert_refused_connection(done)

    def test_an_expired_certificate_is_refused(self):
        base = self.site.path("late")
        run("openssl", "req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj",
            "/CN=gw-01", "-keyout", base + ".key", "-out", base + ".csr")
        authority = self.site.path("ca/gateways")
        with open(base + ".conf", "w", encoding="utf-8") as f:
            f.write(f"[ca]\ndefault_ca=it\n[it]\ndatabase={base}.index\nrand_serial=yes\ndefault_md=sha256\n"
                    f"new_certs_dir={self.site.root}\npolicy=any\n[any]\ncommonName=supplied\n")
        open(base + ".index", "x", encoding="utf-8").close()
        run("openssl", "ca", "-batch", "-notext", "-config", base + ".conf", "-in", base + ".csr", "-cert",
            authority + ".pem", "-keyfile", authority + ".key", "-startdate", "20200101000000Z", "-enddate",
            "20210101000000Z", "-out", base + ".crt")
        with open(base + ".pem", "w", encoding="utf-8") as f:
            for part in (base + ".crt", authority + ".pem"):
                with open(part, encoding="utf-8") as p:
                    f.write(p.read())
        self.assert_refused_connection(self.site.publish(base, "gateways", "gw/muong-te/gw-01/state"))
        shown = gatewayctl("cert", base + ".pem", "--ca", self.site.path("ca/root.pem"), check=False)
        self.assertEqual(shown.returncode, 2)
        self.assertIn("EXPIRED", shown.stdout)
        self.assertIn("expired at", shown.stderr)

    def test_a_client_refuses_a_gateway_that_plays_the_broker(self):
        """A gateway's certificate is for clientAuth, and names no host: it cannot stand in for the broker."""
        port = free_port()
        server = subprocess.Popen(
            ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", self.site.path("ids/gw-01.pem"),
             "-cert_chain", self.site.path("ids/gw-01.pem"), "-key", self.site.path("ids/gw-01.key"), "-quiet",
             "-naccept", "1"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 20
            command = self.site.client("lan", None, "mosquitto_pub", "-t", "t", "-m", "x", port=port)
            while "Connection refused" in run(*command, check=False).stderr:
                self.assertLess(time.monotonic(), deadline)
            heard = server.communicate(timeout=20)[1]
            self.assertIn("alert unsupported certificate", heard)  # clients' own words differ by version
        finally:
            server.kill()
            server.communicate()

    # --- topics ---

    def test_a_gateway_writes_its_own_topics(self):
        for leaf in ("state", "birth", "live", "backfill"):
            self.assert_reaches("gw-01", "gateways", f"gw/muong-te/gw-01/{leaf}", "centre", "collectors", True)

    def test_a_gateway_writes_nothing_else(self):
        for topic in ("gw/tam-duong/gw-02/live", "gw/tam-duong/gw-01/live", "gw/muong-te/muong-te/live",
                      "alerts/muong-te/a1", "index/muong-te/s1", "operators/lan/reply", "operators/lan/request",
                      "collector/muong-te/state"):
            self.assert_reaches("gw-01", "gateways", topic, "centre", "collectors", False)
        for leaf in ("ack", "request", "command"):
            self.assert_not_heard("gw-01", "gateways", f"gw/muong-te/gw-01/{leaf}")

    def assert_not_heard(self, who, listener, topic):
        answer = self.site.publish(who, listener, topic, "attack")
        self.assertIn("Not authorized", answer.stdout + answer.stderr)

    def test_a_gateway_named_like_an_area_forges_no_alert(self):
        for topic in ("alerts/muong-te/a1", "index/muong-te/s1", "collector/muong-te/state"):
            self.assert_reaches("muong-te", "gateways", topic, "centre", "collectors", False)

    def test_a_gateway_reads_its_own_acks_only(self):
        watcher = Watcher(self.site, "gw-01", "gateways", "#")
        try:
            for topic in ("gw/tam-duong/gw-02/ack", "gw/muong-te/muong-te/command", "alerts/muong-te/a1",
                          "operators/lan/reply"):
                self.site.publish("centre", "collectors", topic, "secret")
            self.site.publish("lan", "operators", "operators/lan/request", "secret")
            self.site.publish("centre", "collectors", "gw/muong-te/gw-01/ack", "mine")
            watcher.until("gw-01/ack mine")
            self.assertEqual(watcher.messages(), ["ioc/v1/gw/muong-te/gw-01/ack mine"])
        finally:
            watcher.close()

    def test_a_command_comes_through_the_collector_only(self):
        """Who switches a light has signed it (another test), and even so the collector alone may bring it."""
        watcher = Watcher(self.site, "gw-01", "gateways", "gw/+/+/command")
        try:
            for who, door in (("lan", "operators"), ("minh", "operators"), ("gw-02", "gateways")):
                self.assert_not_heard(who, door, "gw/muong-te/gw-01/command")
            self.site.publish("centre", "collectors", "gw/tam-duong/gw-02/command", "another's")
            self.site.publish("centre", "collectors", "gw/muong-te/gw-01/command", "mine")
            watcher.until("gw-01/command mine")
            self.assertEqual(watcher.messages(), ["ioc/v1/gw/muong-te/gw-01/command mine"])
        finally:
            watcher.close()

    def test_an_operator_reads_the_nonce_of_her_gateways_only(self):
        """The retained state carries the nonce a command needs."""
        self.site.publish("gw-01", "gateways", "gw/muong-te/gw-01/state", "nonce", "-r")
        self.site.publish("gw-02", "gateways", "gw/tam-duong/gw-02/state", "elsewhere", "-r")
        watcher = Watcher(self.site, "lan", "operators", "gw/+/+/state")
        try:
            self.site.publish("centre", "collectors", "operators/lan/reply", "end")
            self.site.publish("gw-01", "gateways", "gw/muong-te/gw-01/state", "", "-r")
            self.site.publish("gw-02", "gateways", "gw/tam-duong/gw-02/state", "", "-r")
            watcher.until("gw-01/state nonce")
            self.assertEqual(watcher.messages(), ["ioc/v1/gw/muong-te/gw-01/state nonce"])
        finally:
            watcher.close()

    def test_an_operator_reads_her_areas_and_writes_requests_only(self):
        watcher = Watcher(self.site, "lan", "operators", "#")
        try:
            self.site.publish("centre", "collectors", "alerts/tam-duong/a1", "elsewhere")
            self.site.publish("gw-02", "gateways", "gw/tam-duong/gw-02/live", "elsewhere")
            self.site.publish("centre", "collectors", "operators/minh/reply", "another's")
            self.site.publish("centre", "collectors", "gw/muong-te/gw-01/command", "not hers")
            for topic in ("alerts/muong-te/a1", "operators/lan/reply"):
                self.site.publish("centre", "collectors", topic, "hers")
            watcher.until("operators/lan/reply hers")
            self.assertEqual(watcher.messages(), ["ioc/v1/alerts/muong-te/a1 hers", "ioc/v1/operators/lan/reply hers"])
        finally:
            watcher.close()
        self.assert_reaches("lan", "operators", "operators/lan/request", "centre", "collectors", True)
        for topic in ("alerts/muong-te/a1", "operators/minh/request", "operators/lan/reply",
                      "gw/muong-te/gw-01/command", "gw/muong-te/gw-01/live"):
            self.assert_not_heard("lan", "operators", topic)

    def test_a_viewer_sends_no_requests(self):
        self.assert_not_heard("minh", "operators", "operators/minh/request")

    def test_a_collector_plays_no_gateway_and_no_operator(self):
        for topic in ("gw/muong-te/gw-01/live", "gw/muong-te/gw-01/state", "operators/lan/request"):
            self.assert_not_heard("centre", "collectors", topic)

    def will_is_heard(self, topic):
        """Kills a connected gateway whose will is for this topic."""
        watcher = Watcher(self.site, "centre", "collectors", "#")
        doomed = Watcher(self.site, "gw-01", "gateways", "gw/muong-te/gw-01/ack", "--will-topic", "ioc/v1/" + topic,
                         "--will-payload", "offline")
        try:
            doomed.process.kill()
            doomed.close()
            self.site.publish("centre", "collectors", "collector/marker/state", "end")
            watcher.until("collector/marker/state")
            return "ioc/v1/" + topic + " offline" in watcher.messages()
        finally:
            watcher.close()

    def test_a_will_obeys_the_rules(self):
        self.assertTrue(self.will_is_heard("gw/muong-te/gw-01/state"))
        self.assertFalse(self.will_is_heard("gw/tam-duong/gw-02/state"))
        self.assertFalse(self.will_is_heard("alerts/muong-te/a1"))

    def test_a_stolen_client_id_evicts_nobody(self):
        owner = Watcher(self.site, "gw-02", "gateways", "gw/tam-duong/gw-02/ack", "-i", "gw-02")
        try:
            self.site.publish("gw-01", "gateways", "gw/muong-te/gw-01/state", "x", "-i", "gw-02")
            self.site.publish("centre", "collectors", "gw/tam-duong/gw-02/ack", "still here")
            owner.until("gw-02/ack still here")
            self.assertFalse([line for line in owner.lines if "DISCONNECT" in line], owner.lines)
        finally:
            owner.close()

    def test_a_revoked_gateway_is_cut_off_while_connected(self):
        self.site.admit("gw-09", "gateway", "--area", "muong-te")
        self.site.write_rules()
        self.reload()
        self.assert_reaches("gw-09", "gateways", "gw/muong-te/gw-09/live", "centre", "collectors", True)
        self.assertEqual(collectorctl("ca", "revoke", "--dir", self.site.ca, "gw-09", check=False).returncode, 64)
        collectorctl("ca", "revoke", "--dir", self.site.ca, "--yes", "gw-09")
        self.site.write_rules()
        self.reload()
        self.assert_reaches("gw-09", "gateways", "gw/muong-te/gw-09/live", "centre", "collectors", False)

    def reload(self):
        """Waits until the broker says that it has read its configuration again."""
        def reloads():
            with open(self.site.path("broker.log"), encoding="utf-8") as f:
                return f.read().count("Reloading config.")
        conf = os.path.join(self.site.etc, "mosquitto.conf")
        if os.geteuid() == 0:
            with open(conf, "a", encoding="utf-8") as f:
                f.write("user root\n")
        before, deadline = reloads(), time.monotonic() + 20
        self.site.broker.send_signal(signal.SIGHUP)
        while reloads() == before:
            self.assertLess(time.monotonic(), deadline, "the broker did not reload")
            time.sleep(0.02)


class AuthorityTest(unittest.TestCase):
    """Promise: the CA certifies only what fits, once a name, and loses nothing when two use it at once."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="ioc-ca-")
        self.site = Site(self.root)
        self.site.init()

    def tearDown(self):
        shutil.rmtree(self.root)

    def sign(self, *words):
        return collectorctl("ca", "sign", "--dir", self.site.ca, *words, check=False)

    def assert_refuses(self, text, *words, code=2):
        done = self.sign(*words)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertIn(text, done.stderr)
        self.assertNotIn("BEGIN CERTIFICATE", done.stdout)

    def listed(self):
        return json.loads(collectorctl("ca", "list", "--json", "--dir", self.site.ca).stdout)["certificates"]

    def test_is_never_overwritten(self):
        again = collectorctl("ca", "init", "--dir", self.site.ca, check=False)
        self.assertEqual(again.returncode, 2)
        self.assertIn("never overwritten", again.stderr)

    def test_keys_are_private(self):
        self.site.request("lan")
        for folder in (self.site.ca, self.site.ids):
            for name in os.listdir(folder):
                if name.endswith(".key"):
                    self.assertEqual(os.stat(os.path.join(folder, name)).st_mode & 0o777, 0o600, name)

    def test_a_name_has_one_role_and_one_key(self):
        csr = self.site.request("gw-01")
        self.assertEqual(self.sign("--role", "gateway", "--area", "muong-te", csr).returncode, 0)
        self.assertEqual(self.sign("--role", "gateway", "--area", "muong-te", csr).returncode, 0, "a renewal")
        self.assert_refuses("a name has one role", "--role", "operator", csr)
        self.assert_refuses("if it was moved", "--role", "gateway", "--area", "tam-duong", csr)
        os.remove(os.path.join(self.site.ids, "gw-01.key"))
        other = self.site.request("gw-01")
        self.assert_refuses("another key", "--role", "gateway", "--area", "muong-te", other)
        self.assertEqual(self.sign("--replace", "--role", "gateway", "--area", "muong-te", other).returncode, 0)
        self.assertEqual(len(self.listed()), 1)
        self.assertEqual(len(os.listdir(os.path.join(self.site.ca, "issued"))), 3)

    def test_refuses_what_does_not_fit(self):
        csr = self.site.request("gw-01")
        self.assert_refuses("one area", "--role", "gateway", csr)
        self.assert_refuses("one area", "--role", "gateway", "--area", "a", "--area", "b", csr)
        self.assert_refuses("is no area", "--role", "gateway", "--area", "Mường Tè", csr)
        self.assert_refuses("leave --area out", "--role", "operator", "--area", "a", csr)
        self.assert_refuses("--host", "--role", "broker", csr)
        self.assert_refuses("leave --host out", "--role", "operator", "--host", "a", csr)
        self.assert_refuses("is no role", "--role", "king", csr)
        self.assert_refuses("whole number", "--role", "operator", "--days", "0", csr, code=64)
        self.assert_refuses("No such file", "--role", "operator", csr + ".absent", code=1)
        run("openssl", "req", "-new", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj",
            "/CN=GW 01", "-keyout", self.site.path("k"), "-out", self.site.path("odd.csr"))
        self.assert_refuses("which is no name", "--role", "operator", self.site.path("odd.csr"))
        with open(self.site.path("big.csr"), "w", encoding="utf-8") as f:
            f.write("A" * 100000)
        self.assert_refuses("big.csr", "--role", "operator", self.site.path("big.csr"), code=2)

    def test_two_at_once_lose_nothing(self):
        requests = [self.site.request(f"op-{i}") for i in range(12)]
        signing = [subprocess.Popen([os.path.join(BIN, "collectorctl"), "ca", "sign", "--dir", self.site.ca, "--role",
                                     "operator", csr], stdout=subprocess.DEVNULL) for csr in requests]
        self.assertEqual([p.wait(60) for p in signing], [0] * 12)
        self.assertEqual(sorted(c["name"] for c in self.listed()), sorted(f"op-{i}" for i in range(12)))

    def test_a_damaged_index_stops_the_signing(self):
        index = os.path.join(self.site.ca, "issued.json")
        with open(index, "a", encoding="utf-8") as f:
            f.write("{")
        self.assert_refuses("issued.json", "--role", "operator", self.site.request("lan"))

    def test_the_technician_is_led_to_the_end(self):
        out = self.site.path("gw")
        told = gatewayctl("enrol", "--name", "gw-01", "--area", "muong-te", "--out", out).stdout
        self.assertIn("collectorctl ca sign", told)
        self.assertIn("--role gateway --area muong-te", told)
        signed = self.site.path("gw-01.pem")
        shown = collectorctl("ca", "sign", "--dir", self.site.ca, "--role", "gateway", "--area", "muong-te", "--out",
                             signed, os.path.join(out, "gw-01.csr")).stdout
        fingerprint = [line for line in told.splitlines() if line.startswith("fingerprint")]
        self.assertEqual(fingerprint, [line for line in shown.splitlines() if line.startswith("fingerprint")])
        root = os.path.join(self.site.ca, "root.pem")
        install = ("enrol", "--name", "gw-01", "--out", out, "--install", signed, "--ca")
        wrong = gatewayctl(*install, os.path.join(self.site.ca, "operators-anchor.pem"), check=False)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("none of the trusted authorities", wrong.stderr)
        self.assertFalse(os.path.exists(os.path.join(out, "gw-01.pem")))
        self.assertIn("days left", gatewayctl(*install, root).stdout)
        again = gatewayctl("enrol", "--name", "gw-01", "--area", "muong-te", "--out", out, check=False)
        self.assertEqual(again.returncode, 2)
        self.assertIn("--renew", again.stderr)


if __name__ == "__main__":
    unittest.main()
