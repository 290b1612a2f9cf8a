"""The whole system on this machine: three emulated boards, a real broker over TLS, the collector, and what an
operator sees. Ctrl-C ends it and leaves nothing behind."""
import argparse
import json
import os
import signal
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "script"))
sys.dont_write_bytecode = True

from lab.control import Control  # noqa: E402
from lab.process import LabError, run, wait_until  # noqa: E402
from lab.site import Site  # noqa: E402

# (second from the start, what a visitor is told, orders to the emulated boards or the operator)
TIMELINE = [
    (4, "Khói tràn vào trạm không khí, PM2.5 lên 168 | Air station: smoke drifts in, PM2.5 climbs to 168",
     ["set air-01/air/pm2-5 168"]),
    (8, "Đèn trên lộ 2 bị cháy | Lighting cabinet: the lamp on circuit 2 burns out",
     ["set light-01/relays/k2-real 0"]),
    (11, "Nút giao: không còn xe qua điểm đếm 1 | Junction: detector 1 counts no vehicle any more",
     ["set junction-01/detectors/count1 hold"]),
    (14, "Đứt cáp của trạm không khí; trạm vẫn đo | Air station: its uplink cable is cut; it keeps measuring",
     ["link air-01 cut"]),
    (19, "Trực ban bật đèn lộ 5 bằng lệnh đã ký | The operator switches circuit 5 on, by a signed command",
     ["command light-01 relays/k5 on"]),
    (24, "Trực ban xác nhận cảnh báo đèn | The operator acknowledges the lamp", ["acknowledge lamp-out"]),
    (26, "Khói đã tan (chưa ai thấy được) | Air station: the smoke has gone (nobody can see it yet)",
     ["set air-01/air/pm2-5 auto"]),
    (28, "Đã thay đèn | Lighting cabinet: the lamp is replaced", ["set light-01/relays/k2-real auto"]),
    (30, "Cáp đã nối; dữ liệu cũ theo sau | Air station: the cable is back; history follows the live values",
     ["link air-01 up"]),
    (33, "Xe lại lưu thông | Junction: traffic flows again", ["set junction-01/detectors/count1 auto"]),
]
EVENING = {"start": "18:20", "speedup": 60}  # dusk and rush hour; a minute a second
QUIET_TAIL_S = 6  # before the end: boards fall silent, gateways drain, the ledger is drawn up
EXPECTED_RAISED, EXPECTED_CLEARED, EXPECTED_SAMPLES = 4, 3, 1000


def arguments():
    p = argparse.ArgumentParser(prog="script/demo", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--for", dest="seconds", type=int, metavar="SECONDS",
                   help="run the incident timeline, end with one verdict line (at least 55; default: until Ctrl-C)")
    p.add_argument("--seed", type=int, default=1, help="seed of the emulated curves (default 1)")
    p.add_argument("--keep", action="store_true", help="keep the directory with logs, store and ledger")
    p.add_argument("--plain", action="store_true", help="one line a change instead of the full screen")
    p.add_argument("--bin", default=None, help="directory of the programs (default: builds the release preset)")
    a = p.parse_args()
    if a.seconds is not None and a.seconds < 55:
        p.error("--for needs at least 55 seconds: the incident timeline takes that long")
    return a


def tell(text):
    print(text, file=sys.stderr, flush=True)


def build(given):
    if given:
        return os.path.abspath(given)
    tell("demo: building (a minute the first time)")
    subprocess.run([os.path.join(TOP, "script", "build"), "release"], check=True)
    return os.path.join(TOP, "build", "release", "bin")


def operator_line(site):
    return (f"mosquitto_sub -h localhost -p {site.broker.ports['operators']} --cafile {site.pki.root_cert} "
            f"--cert {site.pki.cert('operator-1')} --key {site.pki.key('operator-1')} "
            f"-t 'ioc/v1/alerts/+/+' -v")


class Story:
    """Plays the timeline: orders to the boards, notes to the viewer."""

    def __init__(self, site):
        self.site, self.next = site, 0
        self.notes = open(site.path("notes"), "a", encoding="utf-8", buffering=1)

    def note(self, text):
        self.notes.write(text + "\n")

    def play(self, elapsed_s):
        while self.next < len(TIMELINE) and TIMELINE[self.next][0] <= elapsed_s:
            _, text, orders = TIMELINE[self.next]
            self.next += 1
            self.note(text)
            for order in orders:
                self._do(order)

    def _do(self, order):
        if order.startswith("acknowledge "):
            acknowledge(self.site, order.split()[1])
        elif order.startswith("command "):
            self.note(command(self.site, *order.split()[1:]))
        else:
            self.site.ctl(*order.split())


def acknowledge(site, rule):
    """The operator acknowledges the standing alert of a rule, with what he has seen of it."""
    shown = run(*site.operator("watch", "--once", "--json"), check=False).stdout
    for alert in json.loads(shown or '{"alerts":[]}')["alerts"]:
        if alert["rule"] == rule and alert["state"] == "unacknowledged":
            run(*site.operator("ack", "--comment", "crew sent", alert["id"]), check=False)


def command(site, gateway, target, value):
    """The operator's signed command; the answer is what the gateway read back, not the echo."""
    done = run(*site.operator("command", "--yes", gateway, target, value), check=False)
    return (done.stdout or done.stderr).strip()


def transitions(site):
    """How often alarms were raised and cleared, from the collector's audit."""
    rows = dict(site.rows("SELECT what, COUNT(*) FROM audit GROUP BY what"))
    return rows.get("raise", 0), rows.get("clear", 0)


def start(site):
    tell("demo: making keys and certificates (root, three intermediates, one identity each)")
    site.prepare()
    control = Control(site, "light-01")
    control.install()
    control.sign(["relays/k5"], {"circuit-6": ["relays/k6"]},
                 [{"at": "sunset-00:15", "value": True}, {"at": "sunrise+00:10", "value": False}])
    tell("demo: starting broker, boards, collector and three gateways")
    site.start()
    wait_until(lambda: len(site.rows("SELECT DISTINCT gateway FROM pack")) == len(site.gateways), 30,
               "the first packs of all gateways in the store")
    tell(f"demo: running in {site.root}\n\n  what an operator types in another terminal:\n\n  {operator_line(site)}\n")


def play(site, seconds, plain):
    story, began = Story(site), time.monotonic()
    env = dict(os.environ, **({"TERM": "dumb"} if plain else {}))
    viewer = subprocess.Popen(site.operator("watch", "--notes", site.path("notes")), env=env)
    try:
        end = seconds - QUIET_TAIL_S if seconds else None
        while viewer.poll() is None:
            elapsed = time.monotonic() - began
            if end is not None and elapsed >= end:
                break
            story.play(elapsed)
            time.sleep(0.1)
    finally:
        if viewer.poll() is None:
            viewer.send_signal(signal.SIGINT)
            viewer.wait(5)


def verdict(site):
    """Boards fall silent, gateways drain; then what the slaves answered is held against what was stored."""
    site.silence()
    raised, cleared = transitions(site)
    found = site.settle(30)
    line = (f"demo: samples={found['samples']} lost={found['lost']} doubled={found['doubled']} "
            f"wrong={found['wrong']} raised={raised} cleared={cleared}")
    good = (found["lost"] == found["doubled"] == found["wrong"] == 0 and found["samples"] > EXPECTED_SAMPLES
            and raised >= EXPECTED_RAISED and cleared >= EXPECTED_CLEARED)
    return line, good


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    status = 0
    try:
        with Site(build(args.bin), seed=args.seed, keep=args.keep, timings={"emulator": EVENING}) as site:
            start(site)
            play(site, args.seconds, args.plain)
            if args.seconds:
                line, good = verdict(site)
                print(line, flush=True)
                status = 0 if good else 1
            if args.keep:
                tell(f"demo: kept {site.root}")
    except KeyboardInterrupt:
        tell("\ndemo: ended")
    except (LabError, subprocess.CalledProcessError) as e:
        tell(f"demo: {e}")
        status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
