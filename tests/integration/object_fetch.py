#!/usr/bin/env python3
"""Updates from docker-registry fetch the objects that a repository lacks, in single ranges: how much, in how many requests, and what
happens where ranges are not served, or are wrong. The witnesses are the registry's log and ostree."""

import json
import os

import lib_harness
from lib_faulty_proxy import Fault, FaultyProxy
from lib_registry import Registry
from lib_versions import INSECURE, REF, Source, check_commit, counted, fresh, pull, pull_text, transfer


def check_update(test, source):
    repo = fresh(test, "updated", source)
    shown = test.run(test.osb, "inspect", "--json", "--repo", repo, "--against", REF, INSECURE, source.registry.image("os:v2"))
    test.check_status(shown, 0, "inspect --against")
    plan = json.loads(shown.stdout)["plan"]
    test.check([way["way"] for way in plan] == ["objects", "layers"], "the plan has both ways, objects first", plan)
    mark = counted(source.registry, 0)[2]
    used = transfer(test, pull(test, repo, source.registry.image("os:v2")), "pull of v2")
    sent, requests, _ = counted(source.registry, mark)
    test.check(used["way"] == "objects" and used["bytes"] == sent and used["requests"] == requests,
               f"{used['bytes']} bytes in {used['requests']} requests, as the registry counts", (used, sent, requests))
    test.check(used["layer_bytes"] == plan[1]["bytes"], "what whole layers have", (used, plan))
    test.check(used["bytes"] * 20 < used["layer_bytes"], "a twentieth of the layers", used)
    overhead = used["bytes"] - plan[0]["bytes"]
    test.check(0 < overhead < 40000, "the plan is right, but for manifest and config", (used, plan))
    check_commit(test, repo, source, "v2", "by objects")
    for options in ((), ("--fetch", "objects")):
        again = transfer(test, pull(test, repo, source.registry.image("os:v2"), *options), f"the same again {options}")
        test.check(again["way"] == "none" and again["requests"] <= 5 and again["layer_bytes"] == 0,
                   "reads the start of the first layer, and no table of contents", again)
    check_commit(test, repo, source, "v2", "once more")
    # What is missing after all is fetched.
    for path, options in (("/usr/bin", ("-d",)), ("/usr/bin/large", ())):
        listed = test.must("ostree", "ls", "-C", *options, f"--repo={repo}", REF, path).split()
        checksum = next(word for word in listed if len(word) == 64)
        folder = os.path.join(repo, "objects", checksum[:2])
        for name in os.listdir(folder):
            if name.startswith(checksum[2:]):
                os.remove(os.path.join(folder, name))
        again = transfer(test, pull(test, repo, source.registry.image("os:v2")), f"an object of {path} is missing")
        test.check(again["way"] == "objects" and again["requests"] > 5, "it is fetched", again)
        check_commit(test, repo, source, "v2", f"{path} was fetched again")


def check_ways(test, source):
    for way, expected in (("objects", "objects"), ("layers", "layers")):
        repo = fresh(test, f"way-{way}", source)
        used = transfer(test, pull(test, repo, source.registry.image("os:v2"), "--fetch", way), f"--fetch {way}")
        test.check(used["way"] == expected, f"--fetch {way} takes that way", used)
        check_commit(test, repo, source, "v2", f"--fetch {way}")
    repo = fresh(test, "way-delta", source)
    test.check_refused(pull_text(test, repo, source.registry.image("os:v2"), "--fetch", "delta"), 2, "--fetch delta, which nobody offers",
                       "delta")
    test.must(test.osb, "push", "-q", "--repo", source.repo, INSECURE, "--compression", "gzip", REF, source.registry.image("gzip:v1"))
    test.check_refused(pull_text(test, repo, source.registry.image("gzip:v1"), "--fetch", "objects", "--ref", "other"), 2,
                       "--fetch objects of gzip layers", "table of contents")


def check_imports(test, source):
    """What an import has fetched by objects it knows: the next update reads the tables of changed layers only."""
    repo = test.path("imported")
    for tag in ("v1", "v2", "v3"):
        used = transfer(test, pull(test, repo, source.registry.image(f"os:{tag}"), "--layout", "plain", verb="import"),
                        f"import of {tag}")
        test.check(used["way"] == ("layers" if tag == "v1" else "objects"), f"{tag}: the way", used)
    test.check(used["requests"] <= 12, "three changed layers cost few requests", used)
    check_commit(test, repo, source, "v3", "import")
    kept = transfer(test, pull(test, repo, source.registry.image("os:v3"), "--layout", "plain", verb="import"), "the same again")
    test.check(kept["way"] == "none" and kept["bytes"] == 0, "nothing is fetched", kept)


def check_unchanged_way(test, source):
    """Little of it is here: whole layers are read."""
    repo = test.init_repo("other")
    empty = test.path("empty")
    os.mkdir(empty)
    test.must("ostree", "commit", f"--repo={repo}", "-b", "other", f"--tree=dir={empty}")
    used = transfer(test, pull(test, repo, source.registry.image("os:v1")), "pull into a repository of something else")
    test.check(used["bytes"] < used["layer_bytes"] * 1.1, "costs no more than the layers and their tables", used)
    check_commit(test, repo, source, "v1", "nothing in common")


def check_bad_ranges(test, source):
    """Registries that serve no ranges, or wrong ones, cost the way by layers, and never a wrong object."""
    with FaultyProxy(source.registry) as proxy:
        transfer(test, pull(test, fresh(test, "bad", source), proxy.image("os:v2")), "through a proxy")
        blobs = sum("/blobs/" in target for _, target, _ in proxy.requests)
    late = blobs - 2  # the last answers are content; the first ones tables, many at once
    kinds = [("501", Fault("status", part="/blobs/", status=501, times=1), None),
             ("416", Fault("status", part="/blobs/", status=416, times=1), None),
             ("the whole blob", Fault("whole"), "layers"),
             ("encoded parts", Fault("encoded"), "layers"),
             ("wrong bytes", Fault("corrupt", skip=late, times=1), None),
             ("a cut answer", Fault("reset-body", times=1, skip=late), "objects"),
             ("another range", Fault("wrong-range", times=1, skip=late), None)]
    for name, fault, way in kinds:
        repo = fresh(test, "bad", source)
        fault.skip = max(fault.skip, 1)  # the config comes first, as a whole
        with FaultyProxy(source.registry, [fault]) as proxy:
            result = pull(test, repo, proxy.image("os:v2"))
        used = transfer(test, result, f"a registry that answers with {name}")
        test.check(fault.hits > 0 and way in (None, used["way"]), f"{name}: by {used['way']}", (used, fault.hits))
        check_commit(test, repo, source, "v2", name)


def main(test):
    test.need("ostree", "docker-registry")
    os.umask(0o022)
    with Registry(test) as registry:
        source = Source(test, registry)
        source.publish("v1")
        source.write("usr/lib/package3/file3", b"changed\n" * 100)
        source.write("usr/lib/package3/file33", os.urandom(5000))
        source.write("usr/lib/new", b"new\n")
        source.publish("v2")
        source.write("usr/lib/package4/file4", b"changed\n")
        source.publish("v3")
        check_update(test, source)
        check_ways(test, source)
        check_imports(test, source)
        check_unchanged_way(test, source)
        check_bad_ranges(test, source)


lib_harness.run(main)
