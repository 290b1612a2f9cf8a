"""Who may switch a gateway's lights: the control authority of a site, and the documents it signs."""
import json
import os

from .process import run

LAI_CHAU = {"latitude": 22.4, "longitude": 103.4}


class Control:
    """The document of one gateway of a prepared site, in which operator-1's key is the accepted one."""

    def __init__(self, site, gateway):
        self.site, self.gateway, self.revision = site, gateway, 0
        self.tool = os.path.join(site.bin, "collectorctl")
        self.authority = site.path(f"{gateway}-authority.key")
        run(self.tool, "control", "key", "--out", self.authority)
        self.entry = json.loads(run(self.tool, "control", "entry", "--cert", site.pki.cert("operator-1"),
                                    "--key", site.pki.key("operator-1")).stdout)
        self.file = site.path(f"{gateway}.jws")

    def install(self):
        """Names document and authority in the gateway's configuration."""
        path = self.site.path(f"{self.gateway}.json")
        with open(path, encoding="utf-8") as f:
            config = json.load(f)
        config["control"] = {"file": self.file, "trust": self.authority + ".pub",
                             "state": self.site.path(f"{self.gateway}-kept.jws")}
        self.site.write(f"{self.gateway}.json", config)

    def sign(self, may, groups, steps):
        """A new revision: what the key may command, {group: points}, and the steps all groups follow."""
        self.revision += 1
        document = self.site.write(f"{self.gateway}-control.json", {
            "v": 1, "revision": self.revision, "gateway": self.gateway, "position": LAI_CHAU,
            "keys": [dict(self.entry, may=[{"target": target, "max": 1} for target in may])],
            "groups": [{"name": name, "points": points, "schedule": "night", "safe": False}
                       for name, points in groups.items()],
            "schedules": [{"name": "night", "steps": steps}]})
        run(self.tool, "control", "sign", "--key", self.authority, "--out", self.file, document)
