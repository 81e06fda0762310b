#!/usr/bin/env python3
"""A machine takes a delta for its upgrade, and what a delta states about itself neither stops the upgrade nor costs the rollback."""

import json
import os

import lib_harness
from lib_deltas import INSECURE, deltas_of, replace_deltas
from lib_registry import Registry
from lib_upgrade import Disk, Images, need

PACKAGES = {"busybox": "1.36.1-r15"}


class Versions:
    """Versions of a system as commits, which are pushed with the delta from the one before."""

    def __init__(self, test, registry):
        self.test, self.registry = test, registry
        self.images, self.repo = Images(test, registry), test.init_repo("repo")
        self.noise = os.urandom(400_000)

    def push(self, version):
        files = [("usr/bin/busybox", self.noise + version.encode())]
        self.images.system(version, ["quiet"], PACKAGES, files=files)
        self.test.must(self.test.osb, "import", "-q", "--repo", self.repo, "--ref", "os", self.images.oci(version))
        pushed = self.test.must(self.test.osb, "push", "--json", "-q", "--repo", self.repo, INSECURE, "--delta-last", "1", "os",
                                self.registry.image("os:latest"))
        return json.loads(pushed)

    def change_annotations(self, pushed, **annotations):
        """Lists the delta of an image with other annotations under "osb.delta."."""
        (entry,) = deltas_of(self.test, self.registry, pushed["digest"])
        name = self.registry.image("os").split("docker://")[1]
        manifest = json.loads(self.test.must("skopeo", "inspect", "--raw", INSECURE, f"docker://{name}@{entry['digest']}"))
        for key, value in annotations.items():
            manifest["annotations"][f"osb.delta.{key}"] = value
        replace_deltas(self.test, self.registry, pushed["digest"], [(manifest, dict(entry, annotations=manifest["annotations"]))])


def upgrade(test, disk, what):
    result = disk.osb("upgrade", INSECURE, "--json")
    test.check_status(result, 0, what)
    return json.loads(result.stdout)["transfer"]


def main(test):
    need(test)
    with Registry(test) as registry:
        versions = Versions(test, registry)
        versions.push("v1")
        disk = Disk(test, "disk", registry.image("os:latest"), INSECURE)
        pushed = versions.push("v2")
        plan = json.loads(disk.osb("upgrade", INSECURE, "--check", "--json").stdout)["plan"]
        test.check([way["way"] for way in plan] == ["delta", "objects", "layers"], "--check names the delta first", plan)
        used = upgrade(test, disk, "an upgrade with a delta")
        test.check(used["way"] == "delta" and used["bytes"] < plan[1]["bytes"], "takes it", (used, plan, pushed))
        test.check(pushed["commit"] in [one["id"].split(".")[0] for one in disk.deployments()], "the pushed commit is deployed", pushed)
        test.fsck(disk.path("ostree/repo"), "ostree finds no fault")
        pushed = versions.push("v3")
        versions.change_annotations(pushed, **{"unpacked-size": str(1 << 61)})
        used = upgrade(test, disk, "a delta that says that it does not fit")
        test.check(used["way"] == "objects", "objects are fetched", used)
        test.check("v3" in disk.versions() and "v1" in disk.versions(), "and the running system stays", disk.versions())
        pushed = versions.push("v4")
        versions.change_annotations(pushed, to="ab" * 32)
        used = upgrade(test, disk, "a delta to another commit")
        test.check(used["way"] == "objects" and "v4" in disk.versions(), "objects are fetched", used)
        disk.unmount()


lib_harness.run(main)
