"""collectord, to the commit, beside a subscriber that does nothing."""
import os

from lab.process import Child, LabError
from lab.site import Gateway, Site
from measure import Figure, cpu_s, finish_tool, pin, progress, resident_mb, run_tool

GATEWAYS, RECORDS = 30, 20
CREDIT = 68  # packs in flight a gateway: all of them together fit one batch of the store
RECEIVER_CORE, LOAD_CORE = 0, 1


def run_load(argv):
    """The load's figures. It is pinned from its first thread on, so that it never runs on the receiver's core."""
    return run_tool(argv, preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}))


def measure_null(site, tools, load, total):
    null = Child("null", [os.path.join(tools, "null_subscriber"), "--uri",
                          f"ssl://localhost:{site.broker.ports['collectors']}", "--ca", site.pki.root_cert,
                          "--cert", site.pki.cert("collector-1"), "--key", site.pki.key("collector-1"),
                          "--id", "collector-1", "--packs", str(total)], site.path("log", "null.log")).start()
    null.wait_line("ready")
    pin(null.pid, RECEIVER_CORE)
    run_load(load)
    return finish_tool(null, 120)


def measure_collectord(site, load, total):
    site.start_collector()
    site.collector.wait_line("serving", 20)
    pin(site.collector.pid, RECEIVER_CORE)
    before = cpu_s(site.collector.pid)
    ours = run_load(load + ["--acks", "yes"])
    if not site.collector.running():
        raise LabError(f"collectord ended under the load: {site.collector.output(last=1)}")
    if ours["acked"] != total:
        raise LabError(f"the collector acknowledged {ours['acked']} of {total} packs")
    return {"cpu": cpu_s(site.collector.pid) - before, "memory": resident_mb(site.collector.pid), **ours}


def bench(bin_dir, tools, packs_each):
    gateways = [Gateway(f"load-{i:02d}", "doan-ket", "load", []) for i in range(GATEWAYS)]
    timings = {"collector": {"credit": {"total": CREDIT * GATEWAYS, "gateway_max": CREDIT}}}
    total = packs_each * GATEWAYS
    with Site(bin_dir, gateways, keepalive_s=60, timings=timings) as site:
        progress(f"making {GATEWAYS} identities")
        site.prepare()
        site.broker.start()
        pin(site.broker.child.pid, LOAD_CORE)
        load = [os.path.join(tools, "pack_load"), "--uri", f"ssl://localhost:{site.broker.ports['gateways']}",
                "--ca", site.pki.root_cert, "--dir", site.path("identity"), "--area", "doan-ket", "--gateways",
                str(GATEWAYS), "--packs", str(packs_each)]
        progress("null subscriber")
        null = measure_null(site, tools, load, total)
        progress("collectord")
        ours = measure_collectord(site, load, total)
    about = (f"collector {GATEWAYS} gateways x {packs_each} packs of {RECORDS} records, mutual TLS, QoS 1; "
             f"receiver on core {RECEIVER_CORE}, broker and load on core {LOAD_CORE}")
    return about, [
        Figure("packs", "packs to the commit", "packs/s", total / ours["seconds"], total / null["seconds"],
               "null subscriber", "ratio"),
        Figure("cpu", "CPU", "us a pack", ours["cpu"] / total * 1e6, null["cpu_s"] / total * 1e6, "null subscriber",
               "ratio"),
        Figure("memory", "memory", "MB resident", ours["memory"])]
