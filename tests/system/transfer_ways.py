#!/usr/bin/env python3
# Takes minutes.
"""A running machine is upgraded over each way of transfer that docker-registry permits, one after the other: by the files of an ordinary
zstd:chunked image, by the objects of an image that holds a commit, and by a delta. Each time it restarts into the new version."""

import json
import sys

import lib_system
from lib_harness import Skip, only_long, run
from lib_image import TarLayer
from lib_registry import Registry
from lib_story import Guest, Site, first_layer

ORDINARY, COMMITS = "ordinary:stable", "commits:stable"
MARK = "usr/share/osb-test/changed"
MOST = 1 << 20  # bytes of an update, where the system has fifty times as many


def publish_files(site, version):
    """As an ordinary image with zstd:chunked layers. (skopeo 1.9.3 spoils the layers that podman pads.)"""
    repo, ref = site.test.path("ordinary"), f"ordinary/{version}"
    site.test.must(site.test.osb, "import", "-q", "--repo", repo, "--ref", ref, "--progress", "none", site.images[version])
    site.test.must(site.test.osb, "export", "-q", "--repo", repo, "--progress", "none", "--format", "plain", "--tls-verify=false", ref,
                   site.registry.image(ORDINARY))


def publish_commits(site, *versions):
    """Pushes these versions as commits of one branch, the last one with the delta from the one before. Returns what push reports."""
    repo = site.test.path("commits")
    for version in versions:
        site.test.must(site.test.osb, "import", "-q", "--repo", repo, "--ref", "os", "--progress", "none", site.images[version])
    return json.loads(site.test.must(site.test.osb, "push", "--json", "-q", "--repo", repo, "--progress", "none", "--tls-verify=false",
                                     *(("--delta-last", "1") if len(versions) > 1 else ()), "os", site.registry.image(COMMITS)))


def change(site, version, base):
    site.image(version, TarLayer().file_entry(MARK, f"of {version}\n".encode()), base=base)


def check_way(test, guest, command, version, way):
    """Upgrades the machine, restarts it, and returns what the upgrade reported."""
    report = guest.json(command)
    used = report["transfer"]
    test.check(report["result"] == "deployed" and used["way"] == way, f"to version {version}: by {way}", report)
    test.check(used["bytes"] < MOST, f"by {way}: {used['bytes']} bytes", used)
    guest.reboot()
    status = guest.status()
    booted = [one for one in status["deployments"] if one["booted"]]
    test.check(len(booted) == 1 and booted[0]["version"] == version and booted[0]["default"] and status["trial"] is None,
               f"by {way}: version {version} runs, has passed its checks and is the default", status)
    test.check(guest.cat("/" + MARK) == [f"of {version}"], f"by {way}: its files", guest.cat("/" + MARK))
    _, crashed = guest.machine.shell("rc-status --nocolor --crashed")
    test.check(crashed == "", f"by {way}: no crashed service", crashed)
    return report


def upgrades(test, site, guest):
    check_way(test, guest, "upgrade", "2", "files")
    change(site, "3", "2")
    pushed = publish_commits(site, "3")
    report = check_way(test, guest, f"switch {site.name_in_guest(COMMITS)}", "3", "objects")
    test.check(report["commit"] == pushed["commit"], "by objects: the very commit", (report, pushed))
    change(site, "4", "3")
    pushed = publish_commits(site, "3", "4")
    report = check_way(test, guest, "upgrade", "4", "delta")
    test.check(report["commit"] == pushed["commit"], "by delta: the very commit", (report, pushed))
    status, said = guest.machine.shell("ostree fsck --quiet", 240)
    test.check(status == 0, "ostree fsck after that", said)


def main(test):
    if not only_long("upgrades of a running machine by files, objects and a delta"):
        raise Skip("takes minutes: OSB_LONG=1")
    lib_system.need_machine(test)
    test.need("docker-registry", "syslinux", "mcopy")
    with Registry(test) as registry:
        site = Site(test, registry)
        site.image("1", first_layer(test))
        publish_files(site, "1")
        disk = site.install("disk.img", "--size", "2G", name=ORDINARY)
        change(site, "2", "1")
        publish_files(site, "2")
        with site.machine(disk) as machine:
            guest = Guest(test, machine)
            machine.login()
            upgrades(test, site, guest)
            machine.power_off()


if __name__ == "__main__":
    sys.exit(run(main))
