"""A real mosquitto with the listeners and access rules `collectorctl acl` writes."""
import os
import shutil

from .process import Child, LabError, free_ports, port_open, run, wait_until

DOORS = ("gateways", "operators", "collectors")


def find_mosquitto():
    found = shutil.which("mosquitto") or next((p for p in ("/usr/sbin/mosquitto",) if os.path.exists(p)), None)
    if not found:
        raise LabError("no mosquitto on this machine: run script/bootstrap")
    return found


class Broker:
    def __init__(self, pki, root, operators_file):
        self.pki, self.dir, self.operators_file = pki, os.path.join(root, "broker"), operators_file
        self.log = os.path.join(root, "log", "broker.log")
        self.ports = dict(zip(DOORS, free_ports(len(DOORS))))
        self.child = None

    def configure(self):
        ports = [word for door in DOORS for word in (f"--{door}-port", self.ports[door])]
        run(self.pki.tool("collectorctl"), "acl", "--dir", self.pki.ca, "--operators", self.operators_file,
            "--out", self.dir, "--bind", "127.0.0.1", "--cert", self.pki.cert("broker"),
            "--key", self.pki.key("broker"), *ports)
        if os.geteuid() == 0:  # else mosquitto changes to a user who cannot read this directory
            with open(os.path.join(self.dir, "mosquitto.conf"), "a", encoding="utf-8") as f:
                f.write("user root\n")

    def start(self):
        self.child = Child("broker", [find_mosquitto(), "-c", os.path.join(self.dir, "mosquitto.conf")],
                           self.log).start()
        wait_until(lambda: self._up(), 10, "mosquitto to open its listeners")

    def _up(self):
        if not self.child.running():
            raise LabError("mosquitto ended at once:\n" + self.child.output(last=10))
        return all(port_open(p) for p in self.ports.values())

    def kill(self):
        self.child.kill()

    def restart(self):
        self.child.kill()
        self.start()
