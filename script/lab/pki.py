"""Identities made by the product's own tools, the way people make them: nothing here signs by itself."""
import os

from .process import run


class Pki:
    def __init__(self, bin_dir, root):
        self.bin, self.root = bin_dir, root
        self.ca = os.path.join(root, "ca")
        self.root_cert = os.path.join(self.ca, "root.pem")
        self.days = "30"

    def tool(self, name):
        return os.path.join(self.bin, name)

    def init(self):
        run(self.tool("collectorctl"), "ca", "init", "--dir", self.ca, "--name", "Lai Chau IOC demo")

    def folder(self, name):
        return os.path.join(self.root, "identity", name)

    def cert(self, name):
        return os.path.join(self.folder(name), f"{name}.pem")

    def key(self, name):
        return os.path.join(self.folder(name), f"{name}.key")

    def _admit(self, role, name, install, *more):
        """Request, signature, installation: what technician and centre do by turns."""
        folder = self.folder(name)
        signed = os.path.join(folder, f"{name}-signed.pem")
        run(self.tool("collectorctl"), "ca", "sign", "--dir", self.ca, "--role", role, "--days", self.days, *more,
            "--out", signed, os.path.join(folder, f"{name}.csr"))
        run(*install, "--install", signed, "--ca", self.root_cert)

    def gateway(self, name, area):
        tool = [self.tool("gatewayctl"), "enrol", "--name", name, "--out", self.folder(name)]
        os.makedirs(os.path.join(self.root, "identity"), exist_ok=True)
        run(*tool, "--area", area)
        self._admit("gateway", name, tool, "--area", area)

    def person(self, role, name, areas):
        self._identity(role, name, *(word for area in areas for word in ("--area", area)))

    def broker(self, name, hosts):
        self._identity("broker", name, *(word for host in hosts for word in ("--host", host)))

    def _identity(self, role, name, *more):
        tool = [self.tool("collectorctl"), "identity", name, "--out", self.folder(name)]
        os.makedirs(os.path.join(self.root, "identity"), exist_ok=True)
        run(*tool)
        self._admit(role, name, tool, *more)
