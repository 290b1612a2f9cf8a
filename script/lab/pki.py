"""Identities made by the product's own tools: nothing here signs by itself."""
import os

from .process import run


class Pki:
    def __init__(self, bin_dir, root):
        self.bin, self.root = bin_dir, root
        self.ca = os.path.join(root, "ca")
        self.root_cert = os.path.join(self.ca, "root.crt")
        self.days = 30

    def tool(self, name):
        return os.path.join(self.bin, name)

    def init(self):
        run(self.tool("collectorctl"), "ca", "init", "--dir", self.ca)

    def folder(self, name):
        return os.path.join(self.root, name)

    def cert(self, name):
        return os.path.join(self.folder(name), f"{name}.crt")

    def key(self, name):
        return os.path.join(self.folder(name), f"{name}.key")

    def _sign(self, role, name, *more):
        run(self.tool("collectorctl"), "ca", "sign", "--dir", self.ca, "--role", role, "--days", self.days, *more,
            "--out", self.cert(name), os.path.join(self.folder(name), f"{name}.csr"))

    def gateway(self, name, area):
        run(self.tool("gatewayctl"), "enrol", "--name", name, "--area", area, "--out", self.folder(name))
        self._sign("gateway", name, "--area", area)

    def person(self, role, name, areas):
        run(self.tool("collectorctl"), "identity", name, "--out", self.folder(name))
        self._sign(role, name, *(word for area in areas for word in ("--area", area)))

    def broker(self, name, hosts):
        run(self.tool("collectorctl"), "identity", name, "--out", self.folder(name))
        self._sign("broker", name, *(word for host in hosts for word in ("--host", host)))
