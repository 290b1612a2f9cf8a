"""Promise: a technician beside a running gatewayd sees what it does and reads, marks a device while working on it,
hears of a trouble by its name with a remedy, in Vietnamese or English; and nothing asked of it disturbs it.

One emulated station, a real gatewayd, broker and collector. Binaries come from $IOC_BIN.
"""
import json
import os
import pty
import select
import signal
import socket
import subprocess
import time
import unittest

from lab.process import wait_until
from lab.site import Bus, Device, Gateway, Site

CTL = os.path.join(os.environ["IOC_BIN"], "gatewayctl")


def station():
    return Gateway("air-01", "doan-ket", "air station", [
        Bus("rs485-1", "rtu", [Device("air", "renke-rs-fsxcs", 1), Device("leg", "pzem-016", 2)], baud=19200, timeout_ms=200)])


class Asker:
    """A client of the control socket that is no gatewayctl."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.id = 0

    def ask(self, verb, **members):
        self.id += 1
        self.socket.sendall(json.dumps({"v": 1, "id": self.id, "verb": verb, **members}).encode() + b"\n")
        return self.id

    def answer(self, verb, **members):
        """All lines of the answer."""
        number, lines = self.ask(verb, **members), []
        while not lines or not lines[-1].get("end"):
            line = json.loads(self.lines.readline())
            if line["id"] == number:
                lines.append(line)
        return lines

    def close(self):
        self.lines.close()
        self.socket.close()


class Technician(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.site = Site(os.environ["IOC_BIN"], [station()])
        cls.addClassCleanup(cls.site.close)
        cls.site.prepare()
        cls.site.start()
        cls.gateway = cls.site.gateways[0]
        cls.config = cls.site.path("air-01.json")
        cls.socket = cls.site.path("air-01.sock")
        done = cls.run_ctl("wait", "acked", "--timeout", "40s", "-c", cls.config)
        if done.returncode:
            raise AssertionError(done.stderr)

    @classmethod
    def run_ctl(cls, *words, **env):
        return subprocess.run([CTL, *words], capture_output=True, text=True, timeout=90, check=False,
                              env={**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "en", **env})

    def ctl(self, *words, code=0, **env):
        done = self.run_ctl(words[0], "-c", self.config, *words[1:], **env)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stdout + done.stderr

    def status(self):
        return json.loads(self.ctl("status", "--json"))

    def device(self, name):
        return next(d for d in self.status()["devices"] if d["name"] == name)

    # --- status ---

    def test_status_says_what_is_read_kept_and_acknowledged(self):
        s = self.status()
        self.assertEqual((s["v"], s["gateway"]["name"], s["uplink"]["phase"]), (1, "air-01", "online"))
        counts = s["counts"]
        self.assertGreater(counts["read"], 0)
        self.assertEqual(counts["kept"], counts["read"] + counts["derived"] - counts["suppressed"])
        self.assertEqual((counts["lost"], s["buses"][0]["state"]), (0, "open"))
        self.assertTrue(0 < s["buses"][0]["use_percent"] < 90)
        text = self.ctl("status")
        for word in ("online", "rs485-1", "air", "leg", "packs wait for the centre"):
            self.assertIn(word, text)

    def test_status_in_vietnamese_without_a_vietnamese_locale(self):
        self.assertIn("trực tuyến", self.ctl("status", "--lang", "vi"))
        self.assertIn("trực tuyến", self.ctl("status", LANGUAGE="vi"))
        self.assertIn("trực tuyến", self.ctl("status", LANGUAGE="", LC_ALL="", LANG="vi_VN.UTF-8"))
        self.assertNotIn("trực", self.ctl("status", "--lang", "en", LANGUAGE="vi"))

    def test_a_device_that_falls_silent_is_named_with_a_remedy(self):
        self.site.ctl("fault", "air-01/leg", "dead")
        try:
            wait_until(lambda: self.device("leg")["state"] == "silent", 40, "leg to be silent")
            text = self.ctl("status")
            self.assertIn("check power, wiring, unit and baud rate", text)
            self.assertIn("leg", self.ctl("wait", "device", "leg", "--timeout", "1s", code=1))
        finally:
            self.site.ctl("fault", "air-01/leg", "none")
        self.ctl("wait", "device", "leg", "--timeout", "40s")

    # --- watch ---

    def test_watch_gives_each_reading_with_the_registers_it_was_made_of(self):
        child = subprocess.Popen([CTL, "watch", "--json", "-c", self.config, "air"], stdout=subprocess.PIPE, text=True)
        try:
            samples = [json.loads(child.stdout.readline())["sample"] for _ in range(8)]
        finally:
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=20)
        self.assertEqual(child.returncode, 0)
        self.assertEqual({s["device"] for s in samples}, {"air"})
        for s in samples:
            self.assertEqual(s["quality"], "good")
            self.assertTrue(s["raw"] and all(0 <= r <= 65535 for r in s["raw"]), s)

    def test_watch_writes_a_line_a_change_where_nobody_draws(self):
        child = subprocess.Popen([CTL, "watch", "-c", self.config, "air"], stdout=subprocess.PIPE, text=True,
                                 env={**os.environ, "LANGUAGE": "en"})
        try:
            line = child.stdout.readline()
        finally:
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=20)  # read to its end: a closed pipe would end it first
        self.assertEqual(child.returncode, 0)
        self.assertRegex(line, r"^\d{4}-\d\d-\d\dT[\d:]+\+07:00 air/[a-z0-9-]+ \S+.* good \[[0-9a-f ]+\]$")
        self.assertNotIn("\x1b", line)

    def test_watch_gives_the_terminal_back_on_ctrl_c(self):
        master, slave = pty.openpty()
        child = subprocess.Popen([CTL, "watch", "-c", self.config], stdin=slave, stdout=slave, stderr=slave,
                                 env={**os.environ, "TERM": "vt100", "LANGUAGE": "en"})
        os.close(slave)
        text, interrupted = "", False
        end = time.monotonic() + 30
        while time.monotonic() < end and child.poll() is None:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    text += os.read(master, 65536).decode("utf-8", "replace")
                except OSError:
                    break
            if "air/" in text and not interrupted:
                child.send_signal(signal.SIGINT)
                interrupted = True
        self.assertEqual(child.wait(20), 0)
        os.close(master)
        self.assertIn("\x1b[?1049h", text)
        self.assertTrue(text.rstrip().endswith("\x1b[?25h\x1b[?1049l"), repr(text[-80:]))

    def test_watch_of_what_is_not_there_is_refused(self):
        self.assertIn('there is no device "nix"', self.ctl("watch", "nix", code=1))
        self.assertIn('no point "nix"', self.ctl("watch", "air/nix", code=1))

    # --- maintain ---

    def test_readings_are_marked_at_the_centre_while_somebody_works(self):
        self.assertIn("raise no alarm", self.ctl("maintain", "leg", "--for", "30m"))
        self.assertEqual(self.device("leg")["maintained"], "maintenance")
        self.assertTrue(0 < self.device("leg")["maintained_ms"] <= 1800000)
        wait_until(lambda: self.marked("leg") > 0, 40, "marked samples in the store")
        self.assertIn("count again", self.ctl("maintain", "leg", "--end"))
        self.assertNotIn("maintained", self.device("leg"))
        self.assertEqual(self.marked("air"), 0)

    def marked(self, device):
        done = subprocess.run([os.path.join(os.environ["IOC_BIN"], "collectorctl"), "store", "dump", "--store",
                               self.site.store], capture_output=True, text=True, timeout=60, check=False)
        return sum(f"/{device}/" in line.replace('"device":"', "/").replace('"', "/") and "maintenance" in line
                   for line in done.stdout.splitlines())

    def test_a_time_that_is_none_is_refused(self):
        for words in (["--for", "soon"], ["--for", "25h"], ["--for", "0s"], [], ["--for", "1m", "--end"]):
            self.ctl("maintain", "leg", *words, code=2)
        self.assertIn('no device "nix"', self.ctl("maintain", "nix", "--for", "1m", code=1))

    # --- the socket itself ---

    def test_a_person_reads_between_polls(self):
        asker = Asker(self.socket)
        line = asker.answer("read", device="air", function=3, address=500, count=2)[-1]
        self.assertEqual((line["outcome"], len(line["values"])), ("ok", 2), line)
        line = asker.answer("read", bus="rs485-1", unit=9, function=3, address=0, count=1, timeout_ms=200)[-1]
        self.assertEqual((line["outcome"], line["values"]), ("no-reply", []))
        asker.close()

    def test_a_port_is_lent_and_comes_back_when_its_holder_is_gone(self):
        asker = Asker(self.socket)
        line = asker.answer("release", bus="rs485-1", for_s=60)[-1]
        self.assertTrue(line["released"], line)
        self.assertTrue(os.path.exists(line["device"]))
        self.assertEqual(self.status()["buses"][0]["state"], "released")
        other = Asker(self.socket)
        self.assertEqual(other.answer("release", bus="rs485-1", for_s=60)[-1]["error"]["code"], "try-again")
        other.close()
        asker.close()
        wait_until(lambda: self.status()["buses"][0]["state"] == "open", 20, "the bus to be taken back")
        self.ctl("wait", "device", "air", "--timeout", "40s")

    def test_nonsense_is_refused_and_the_daemon_goes_on(self):
        asker = Asker(self.socket)
        asker.socket.sendall(b"hello\n{}\n{\"v\":1,\"id\":5,\"verb\":\"explode\"}\n")
        codes = [json.loads(asker.lines.readline())["error"]["code"] for _ in range(3)]
        self.assertEqual(codes, ["invalid", "invalid", "missing"])
        self.assertEqual(asker.answer("status")[-1]["end"], True)
        asker.socket.sendall(b"x" * 70000)
        with self.assertRaises((ConnectionError, json.JSONDecodeError)):
            while True:
                json.loads(asker.lines.readline())
        asker.close()
        self.assertEqual(self.status()["uplink"]["phase"], "online")

    def test_a_daemon_that_is_not_there_is_said_so(self):
        done = self.run_ctl("status", "--socket", "/nonexistent/d.sock")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no daemon answers there", done.stderr)

    # --- check ---

    def test_check_shows_a_profile_as_a_table_and_names_the_fault_of_a_bad_one(self):
        profile = os.path.join(self.site.profiles, "renke-rs-fsxcs.json")
        done = self.run_ctl("check", profile)
        self.assertEqual(done.returncode, 0, done.stderr)
        for word in ("POINT", "pm2-5", "holding", "ug/m3", "good"):
            self.assertIn(word, done.stdout)
        bad = self.site.path("bad.json")
        with open(profile, encoding="utf-8") as f, open(bad, "w", encoding="utf-8") as out:
            out.write(f.read().replace('"points"', '"oints"').replace('"kind"', '"kidn"', 1))
        done = self.run_ctl("check", "--json", profile, self.config, bad)
        self.assertEqual(done.returncode, 2)
        files = json.loads(done.stdout)["files"]
        self.assertEqual([f["good"] for f in files], [True, True, False])
        self.assertEqual([f.get("kind") for f in files], ["profile", "configuration", None])

    def test_check_says_line_and_member_of_a_wrong_configuration(self):
        bad = self.changed("wrong.json", buses=[{"name": "x", "type": "rtu", "device": "/dev/ttyS9", "baud": 9601}])
        done = self.run_ctl("check", bad)
        self.assertEqual(done.returncode, 2)
        self.assertIn("buses[0].baud", done.stdout)
        self.assertIn(bad, done.stdout)

    # --- doctor ---

    def changed(self, name, **members):
        with open(self.config, encoding="utf-8") as f:
            config = json.load(f)
        config.update(members)
        path = self.site.path(name)
        with open(path, "w", encoding="utf-8") as f:
            json.dump(config, f)
        return path

    def doctor(self, config, *words):
        done = self.run_ctl("doctor", "--json", "-c", config, *words)
        report = json.loads(done.stdout)
        self.assertEqual(done.returncode, 1 if report["verdict"] == "fail" else 0, done.stdout)
        return {c["name"]: c for c in report["checks"]}

    def broker(self, **members):
        with open(self.config, encoding="utf-8") as f:
            return {**json.load(f)["broker"], **members}

    def alone(self, name, **members):
        """As a gateway whose daemon does not run sees itself."""
        return self.doctor(self.changed(name, control_socket=self.site.path("nobody.sock"), **members))

    def assert_remedied(self, finding, state, text):
        self.assertEqual(finding["state"], state, finding)
        self.assertIn(text, finding["text"])
        self.assertTrue(finding["remedy"], finding)

    def test_doctor_passes_what_is_right_and_says_what_it_could_not_test(self):
        found = self.doctor(self.config)
        for name in ("configuration", "daemon", "key", "certificate name", "certificate expiry", "certificate chain",
                     "broker", "spool directory", "spool", "bus rs485-1", "device air"):
            self.assertEqual(found[name]["state"], "pass", found[name])
        self.assertIn(found["disk wear"]["state"], ("pass", "unknown"))

    def test_doctor_puts_problems_last_with_their_remedy(self):
        config = self.changed("no-daemon.json", control_socket=self.site.path("nobody.sock"))
        done = self.run_ctl("doctor", "-c", config)
        self.assertEqual(done.returncode, 1)
        states = [line.split()[0] for line in done.stdout.splitlines() if line[:4] in ("PASS", "UNKN", "WARN", "FAIL")]
        self.assertEqual(states, sorted(states, key=["PASS", "UNKNOWN", "WARN", "FAIL"].index))
        self.assertIn("remedy: systemctl start gatewayd", done.stdout)
        self.assertNotIn("UNKNOWN  devices", done.stdout)  # folded into the daemon that does not run
        self.assertIn("follow from this", done.stdout)
        self.assertIn("cách xử lý:", self.run_ctl("doctor", "-c", config, LANGUAGE="vi").stdout)

    def test_doctor_finds_a_daemon_that_does_not_run(self):
        found = self.alone("d1.json")
        self.assert_remedied(found["daemon"], "fail", "no daemon answers there")
        self.assertEqual((found["devices"]["state"], found["devices"]["because"]), ("unknown", "daemon"))

    def test_doctor_finds_a_wrong_configuration_and_folds_what_follows(self):
        found = self.alone("d2.json", devices=[])
        self.assert_remedied(found["configuration"], "fail", "devices")
        self.assertEqual({found[n]["state"] for n in ("ports", "certificate", "broker")}, {"unknown"})
        self.assertEqual({found[n]["because"] for n in ("daemon", "ports", "certificate", "broker")}, {"configuration"})

    def test_doctor_finds_a_port_that_is_not_there(self):
        with open(self.config, encoding="utf-8") as f:
            buses = json.load(f)["buses"]
        buses[0]["device"] = "/dev/serial/by-id/not-plugged"
        self.assert_remedied(self.alone("d3.json", buses=buses)["port rs485-1"], "fail", "not-plugged")

    def test_doctor_finds_a_certificate_of_another(self):
        found = self.alone("d4.json", gateway="air-02")
        self.assert_remedied(found["certificate name"], "fail", "'air-01'")

    def test_doctor_finds_a_key_that_others_may_read_and_one_of_another(self):
        key = self.broker()["key"]
        copy = self.site.path("open.key")
        with open(key, encoding="utf-8") as f, open(copy, "w", encoding="utf-8") as out:
            out.write(f.read())
        os.chmod(copy, 0o644)
        self.assert_remedied(self.alone("d5.json", broker=self.broker(key=copy))["key"], "fail", "chmod")
        other = self.broker(key=self.site.pki.key("operator-1"))
        self.assert_remedied(self.alone("d6.json", broker=other)["key"], "fail", "does not belong")

    def self_signed(self, name, days):
        """Key and certificate of the gateway's name, signed by nobody the broker knows."""
        stem = self.site.path(name)
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-subj", "/CN=air-01", "-keyout", stem + ".key", "-out", stem + ".csr"],
                       check=True, capture_output=True)
        subprocess.run(["openssl", "x509", "-req", "-in", stem + ".csr", "-signkey", stem + ".key", "-out",
                        stem + ".pem", "-days", str(days)], check=True, capture_output=True)
        os.chmod(stem + ".key", 0o600)
        return stem

    def test_doctor_finds_a_chain_that_leads_elsewhere_and_a_broker_that_cannot_be_trusted(self):
        other = self.self_signed("other-ca", 2)
        found = self.alone("d7.json", broker=self.broker(ca=other + ".pem"))
        self.assert_remedied(found["certificate chain"], "fail", "")
        self.assert_remedied(found["broker"], "fail", "not signed by the CA")

    def test_doctor_finds_a_certificate_that_has_ended(self):
        old = self.self_signed("old", 0)
        found = self.alone("d12.json", broker=self.broker(cert=old + ".pem", key=old + ".key"))
        self.assert_remedied(found["certificate expiry"], "fail", "it ended on")
        self.assertEqual(found["key"]["state"], "pass")

    def test_doctor_finds_who_else_holds_a_port(self):
        tty = os.open(self.site.path("tty", "air-01-rs485-1"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            self.assert_remedied(self.doctor(self.config)["port rs485-1"], "fail", f"process {os.getpid()}")
        finally:
            os.close(tty)

    def test_doctor_finds_a_broker_without_name_or_port(self):
        found = self.alone("d8.json", broker=self.broker(host="no-such-host.invalid"))
        self.assert_remedied(found["broker name"], "fail", "no-such-host.invalid")
        self.assertEqual((found["broker"]["state"], found["broker"]["because"]), ("unknown", "broker name"))
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            found = self.alone("d9.json", broker=self.broker(port=s.getsockname()[1]))
        self.assert_remedied(found["broker port"], "fail", "refused")
        self.assertEqual(found["broker"]["because"], "broker port")

    def test_doctor_tries_the_handshake_when_no_daemon_runs(self):
        self.site.gateways[0].child.stop()
        try:
            self.assertEqual(self.doctor(self.config)["broker"]["state"], "pass")
        finally:
            self.site.start_gateway(self.gateway)
            self.ctl("wait", "online", "--timeout", "40s")

    def test_doctor_finds_a_spool_directory_that_is_not_there_or_too_small_a_disk(self):
        found = self.alone("d10.json", spool={"path": self.site.path("no", "spool"), "size_mib": 16})
        self.assert_remedied(found["spool directory"], "fail", "No such file")
        found = self.alone("d11.json", spool={"path": self.site.path("spool", "air-01"), "size_mib": 1048576})
        disk = os.statvfs(self.site.root)
        part = disk.f_bavail * disk.f_frsize / (1048576 << 20)
        expected = "fail" if part < 0.5 else "warn" if part < 0.99 else "pass"
        self.assertEqual(found["disk space"]["state"], expected, found["disk space"])

    def test_doctor_finds_devices_that_do_not_answer_and_a_line_that_is_dead_as_one(self):
        self.site.ctl("fault", "air-01/leg", "dead")
        try:
            wait_until(lambda: self.device("leg")["state"] == "silent", 40, "leg to be silent")
            found = self.doctor(self.config)
            self.assert_remedied(found["device leg"], "fail", "check power")
            self.assertEqual(found["bus rs485-1"]["state"], "pass")
            self.site.ctl("fault", "air-01/air", "dead")
            wait_until(lambda: self.device("air")["state"] == "silent", 40, "air to be silent")
            found = self.doctor(self.config)
            self.assert_remedied(found["bus rs485-1"], "fail", "none of its 2 devices")
            self.assertEqual({found[n]["because"] for n in ("device air", "device leg")}, {"bus rs485-1"})
        finally:
            self.site.ctl("fault", "air-01/leg", "none")
            self.site.ctl("fault", "air-01/air", "none")
        for name in ("air", "leg"):
            self.ctl("wait", "device", name, "--timeout", "60s")


if __name__ == "__main__":
    unittest.main()
