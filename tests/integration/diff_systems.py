#!/usr/bin/env python3
"""diff of deployments, status --verbose, and diff --etc beside `ostree admin config-diff` and the merge that follows."""

import json
import os
import re
import time

from lib_diff import NAMES, content_of, diff_json, entries_of, write
from lib_harness import run
from lib_sysroot import directory_system, prepare


def deployments(test):
    """Names of deployments, and status --verbose."""
    with directory_system(test, "system") as system:
        system.deploy("1")
        system.deploy("2")
        new, old = system.order()
        wanted = entries_of(diff_json(test, "--repo", test.repo, "os/1", "os/2"))
        test.check("/usr/etc/default" in wanted, "the two versions differ", wanted)
        inside = diff_json(test, "--sysroot", system.path, "os/1", "os/2")
        test.check(entries_of(inside) == wanted, "refs of the sysroot's repository")
        pairs = ((("1", "0"), "numbers"), (("rollback", "0"), "the rollback"), ((old, new), "COMMIT.SERIAL"), ((old[:12] + ".0",
                                                                                                                new[:12]), "short"))
        for names, what in pairs:
            test.check(entries_of(diff_json(test, "--sysroot", system.path, *names)) == wanted, f"deployments by {what}")
        other = diff_json(test, "--sysroot", system.path, "--repo", test.repo, "1", "os/3")
        test.check(entries_of(other) == entries_of(diff_json(test, "--repo", test.repo, "os/1", "os/3")),
                   "a deployment, and a ref elsewhere")
        # Not by `ostree refs`, which takes the name for the start of a commit.
        write(f"{system.path}/ostree/repo/refs/heads/0", test.commits["1"].encode() + b"\n")
        test.check(entries_of(diff_json(test, "--sysroot", system.path, "1", "0")) == wanted,
                   "a number is a deployment, even if a ref has its name")
        for names, naming in ((("booted", "0"), "no booted"), (("pending", "0"), "no pending"), (("7", "0"), "no deployment 7"),
                              (("0000.0", "0"), "0000.0")):
            test.check_refused(system.osb("diff", *names), 1, f"a deployment that does not exist: {names[0]}", naming)
        booted = system.booted_osb(old, "diff", "--json", "booted", "pending")
        test.check(booted.status == 0 and entries_of(json.loads(booted.stdout)) == wanted, "booted and pending", booted.describe())
        refs = system.booted_osb(old, "diff", "--json", "os/1", "staged")
        test.check(refs.status == 0 and entries_of(json.loads(refs.stdout)) == wanted, "a booted system: its own repository",
                   refs.describe())
        status_of(test, system, inside)


def status_of(test, system, wanted):
    quiet, plain = system.status(), json.loads(system.osb("status", "--json", "-v").stdout)
    test.check([one["changes"] for one in quiet["deployments"]] == [None, None], "status --json without --verbose compares nothing")
    changes = plain["deployments"][1]["changes"]
    turned = {name: wanted["files"][other] for name, other in (("added", "removed"), ("removed", "added"), ("changed", "changed"),
                                                               ("bytes_added", "bytes_removed"), ("bytes_removed", "bytes_added"))}
    test.check(plain["deployments"][0]["changes"] is None and changes["files"] == turned and
               changes["against"] == plain["deployments"][0]["id"] and
               changes["packages"] is None and changes["packages_unknown"] == "neither side has an apk database",
               "with it, the others are compared", plain)
    for one in plain["deployments"]:
        one["changes"] = None
    test.check(plain == quiet, "and the rest is the same")
    text = system.osb("status", "-v").stdout
    test.check(re.search(r"^     changes  files: \d+ added, \d+ removed, \d+ changed; .* removed\n {14}packages: unknown \(neither",
                         text, re.M), "as text", text)
    test.check("changes" not in system.osb("status").stdout, "only with --verbose")


def config_diff(system):
    """{path below /etc: letter} of `ostree admin config-diff`, which compares the default deployment."""
    return {line[1:].strip(): line[0] for line in system.admin("config-diff", "--os=test").splitlines()}


def etc(test):
    with directory_system(test, "etc-system") as system:
        system.deploy("1")
        time.sleep(1.1)  # the times of their directories say which deployment is older
        system.deploy("2")
        new, old = system.order()
        (top,) = [os.path.join(system.path, "ostree/deploy/test/deploy", one, "etc") for one in (new,)]
        document = system.json("diff", "--etc")
        test.check(document["changes"] == [] and document["next"] is None and document["deployment"]["id"] == new and
                   config_diff(system) == {},
                   "an untouched /etc", document)
        write(f"{top}/default", b"mine")
        write(f"{top}/added", b"mine", 0o600)
        write(f"{top}/folder/file\x1b", b"mine")
        os.unlink(f"{top}/runlevels/default/osb-boot-check")
        os.chmod(f"{top}/passwd", 0o600)
        document = system.json("diff", "--etc")
        found = {change["path"]: (change["change"], change["what"], change["merge"]) for change in document["changes"]}
        test.check(found == {"/etc/added": ("added", [], "kept"), "/etc/default": ("changed", ["content"], "kept"),
                             "/etc/folder": ("added", [], "kept"),
                             "/etc/folder/file\x1b": ("added", [], "kept"), "/etc/passwd": ("changed", ["mode"], "kept"),
                             "/etc/runlevels/default/osb-boot-check": ("removed", [], "kept")}, "what this machine changed", found)
        letters = {path[len("/etc/"):]: dict(zip(NAMES, "ADM"))[change] for path, (change, _, _) in found.items()}
        test.check(letters == config_diff(system), "the same as ostree admin config-diff", f"{letters}\n{config_diff(system)}")
        text = system.osb("diff", "--etc", "0").stdout
        test.check("    /etc/default (content): is kept\n" in text and
                   "  - /etc/runlevels/default/osb-boot-check: stays removed\n" in text and
                   "  + /etc/folder/file\\x1b: is kept\n" in text and "next merge: no deployment waits" in text, "as text", text)
        test.check(system.json("diff", "--etc", "1")["changes"] == [], "another deployment")
        next_merge(test, system, old, new)


def next_merge(test, system, old, new):
    """The forecast against the merge that follows, in a system that runs the old one."""
    top = os.path.join(system.path, "ostree/deploy/test/deploy", old, "etc")
    default = os.path.join(system.path, "ostree/deploy/test/deploy", new, "usr/etc")
    write(f"{top}/default", b"mine")
    write(f"{top}/passwd", content_of(f"{top}/passwd") + b"alice:x:1000:1000::/:/bin/sh\n")
    write(f"{top}/clash", b"mine")
    write(f"{default}/clash/inside", b"of the image")
    write(f"{default}/passwd", content_of(f"{default}/passwd") + b"daemon:x:1:1::/:/bin/false\n")
    result = system.booted_osb(old, "diff", "--etc", "--json")
    document = json.loads(result.stdout) if result.status == 0 else {"changes": [], "next": {"id": ""}, "conflicts": []}
    found = {change["path"]: (change["merge"], change["new_path"]) for change in document["changes"]}
    test.check(found == {"/etc/default": ("kept", None), "/etc/passwd": ("joined", None), "/etc/clash": ("renamed",
                                                                                                         "/etc/clash.osb-local")} and
               document["next"]["id"] == new, "what the next merge does with each", result.describe())
    test.check(len(document["conflicts"]) == 1 and "/etc/clash.osb-local" in document["conflicts"][0], "and its conflicts",
               document["conflicts"])
    text = system.booted_osb(old, "diff", "--etc", "booted").stdout
    test.check("    /etc/passwd (content): is merged by entry\n" in text and "  + /etc/clash: is kept as /etc/clash.osb-local\n" in text,
               "as text", text)
    test.check_status(system.osb("rollback"), 0, "a rollback")
    document = json.loads(system.booted_osb(new, "diff", "--etc", "--json").stdout)
    test.check(document["deployment"]["id"] == new and document["next"] is None, "the target of a rollback keeps its own /etc", document)


def main(test):
    prepare(test)
    deployments(test)
    etc(test)


run(main)
