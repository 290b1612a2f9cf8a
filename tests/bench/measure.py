"""What both sections of the bench measure with, and the figures they print."""
import json
import os
import subprocess
import sys

from lab.process import Child, LabError, wait_until

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmRSS"))


def pin(pid, core):
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {core})


def progress(text):
    if sys.stderr.isatty():
        print(f"bench: {text}", file=sys.stderr, flush=True)


class Figure:
    """One result beside its reference. `against` says how they compare: "ratio", "plus", "share" or
    "growth"."""

    def __init__(self, key, label, unit, ours, reference=None, of="", against=None, limit=None):
        self.key, self.label, self.unit, self.ours = key, label, unit, ours
        self.reference, self.of, self.against, self.limit = reference, of, against, limit

    def compared(self):
        """The number the limit is about."""
        if self.against == "ratio":
            return self.ours / self.reference
        if self.against == "plus":
            return self.ours - self.reference
        if self.against == "share":
            return 100 * self.ours / self.reference
        if self.against == "growth":
            return 100 * self.ours / self.reference - 100
        return self.ours

    def json(self):
        return {"ours": self.ours, "unit": self.unit, "reference": self.reference, "compared": self.compared(),
                "limit": self.limit}


def compared(figure):
    value = figure.compared()
    words = {"ratio": f"ratio {value:.2f}", "plus": f"{value:+.1f} {figure.unit}", "share": f"{value:.1f} %",
             "growth": f"{value:+.2f} %"}
    return words.get(figure.against, "")


def table(figures):
    """Lines for a person: ours, the reference, how they compare, what is wanted."""
    width = max(len(f.label) for f in figures)
    lines = []
    for f in figures:
        reference = f"{f.of} {f.reference:.2f}" if f.reference is not None else ""
        goal = f"goal {f.limit}" if f.limit else ""
        lines.append(f"  {f.label:{width}} {f.ours:9.2f} {f.unit:22} {reference:22} {compared(f):12} {goal}".rstrip())
    return lines


def spread(runs):
    """Lowest, middle and highest of each figure over several runs; each run is a list of figures."""
    width = max(len(f.label) for f in runs[0])
    lines = [f"  {len(runs)} runs: {'':{max(0, width - 8)}}  {'lowest':>10} {'middle':>10} {'highest':>10}"]
    for same in zip(*runs):
        values = sorted(f.compared() for f in same)
        unit = {"ratio": "ratio", "share": "%", "growth": "%"}.get(same[0].against, same[0].unit)
        lines.append(f"  {same[0].label:{width}}  {values[0]:10.2f} {values[len(values) // 2]:10.2f} {values[-1]:10.2f} {unit}")
    return lines


def run_tool(argv, **more):
    """A bench program's JSON."""
    done = subprocess.run([str(a) for a in argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                          check=False, **more)
    if done.returncode != 0:
        raise LabError(f"{os.path.basename(argv[0])} ended with {done.returncode}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def start_tool(site, name, argv):
    """A bench program that says `ready` and later one line of JSON: finish_tool."""
    log = site.path("log", f"{name}.log")
    if os.path.exists(log):
        os.remove(log)  # of an earlier run of it
    child = Child(name, argv, log).start()
    child.wait_line("ready")
    return child


def finish_tool(child, timeout_s):
    line = wait_until(lambda: "{" in child.output() and child.output().splitlines()[-1], timeout_s,
                      f"the figures of {child.name}")
    child.stop()
    return json.loads(line)
