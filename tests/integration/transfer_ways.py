#!/usr/bin/env python3
"""Updates by objects, by files and by a delta, from docker-registry behind the proxies that the field has: what they answer costs bytes and
requests within bounds, and never another commit than whole layers give. A run that was cut at any request goes on without fetching again
what was kept. Random pairs of versions give what whole layers give, each way."""

import json
import os
import random

import lib_harness
from lib_faulty_proxy import Fault, FaultyProxy, RedirectingProxy, SignedUrls
from lib_nginx import NginxProxy
from lib_ordinary import Images
from lib_registry import Registry
from lib_transfer import Trees
from lib_versions import REF

NO_RANGES = (200, 416, 501)
SMALL = 500  # bodies of errors
GONE = [("Retry-After", "3600")]  # a wait that nobody waits


def write(top, name, content, mode=0o644):
    path = os.path.join(top, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, mode)


def publish_fixed(test, registry, images):
    """A system of many files of which few change, far apart: several ranges each way, and a delta that is smaller than the objects."""
    trees, top, generator = Trees(test, registry, images, "fixed"), test.path("tree"), random.Random(1)
    for number in range(60):
        write(top, f"usr/lib/file{number:02}", generator.randbytes(60_000))
    write(top, "usr/bin/large", generator.randbytes(4 << 20))
    trees.publish("v1", top)
    for number in range(5, 60, 12):
        with open(os.path.join(top, f"usr/lib/file{number:02}"), "r+b") as file:
            file.seek(100)
            file.write(b"changed")
    os.chmod(os.path.join(top, "usr/lib/file00"), 0o755)
    os.remove(os.path.join(top, "usr/lib/file01"))
    trees.publish("v2", top)
    return trees


class Seen:
    """What a run did through a proxy."""

    def __init__(self, result, proxy):
        self.result = result
        blobs = [(method, target, asked) for method, target, asked in proxy.requests if "/blobs/" in target]
        self.requests, self.blobs, self.bytes = len(proxy.requests), len(blobs), proxy.body_bytes
        self.ranges = [asked for _, _, asked in blobs if asked]
        self.targets = {target.partition("?")[0] for _, target, _ in blobs}
        self.transfer = json.loads(result.stdout).get("transfer", {}) if result.stdout else {}

    def __repr__(self):
        return (f"{self.transfer}, {self.requests} requests, {self.blobs} of blobs, {len(self.ranges)} ranges, {self.bytes} bytes; "
                f"{self.result.stderr[-600:]}")


def run_through(way, proxy, repo):
    with proxy:
        return Seen(way.run(repo, proxy.image(way.second)), proxy)


def check_undisturbed(test, way):
    repo = way.fresh("ways")
    seen = run_through(way, FaultyProxy(way.registry), repo)
    test.check(not (wrong := way.fault(repo, seen.result)), f"{way.name}: the commit of whole layers", wrong)
    test.check(seen.transfer["way"] == way.name and seen.transfer["bytes"] == seen.bytes and seen.transfer["requests"] == seen.requests,
               f"{way.name}: {seen.bytes} bytes in {seen.requests} requests, as the proxy counts", seen)
    test.check(seen.bytes * 5 < seen.transfer["layer_bytes"], f"{way.name}: less than a fifth of the layers", seen)
    test.check(not any("," in asked for asked in seen.ranges), f"{way.name}: no request asks for several ranges", seen.ranges)
    return seen


def check_no_ranges(test, way, clean):
    """Registries without ranges: one answer is in vain, and the rest is as if nothing had been asked."""
    for status in NO_RANGES:
        fault = Fault("whole", ranges=True) if status == 200 else Fault("status", status=status, ranges=True)
        repo = way.fresh("ways")
        seen = run_through(way, FaultyProxy(way.registry, [fault]), repo)
        what = f"{way.name}, {status} to each range"
        test.check(not (wrong := way.fault(repo, seen.result)), f"{what}: the commit of whole layers", wrong or seen)
        test.check(len(seen.ranges) <= 1 and fault.hits <= 1, f"{what}: asked once", seen)
        most = clean.bytes + seen.transfer["layer_bytes"] + (seen.transfer["layer_bytes"] if status == 200 else 1000)
        test.check(seen.transfer["bytes"] <= most, f"{what}: no more bytes than the layers, and the answer in vain", (seen, most))


def check_wrong_answers(test, way, clean):
    """What a cache, a proxy or a bad disk does to one answer."""
    for name, kind in (("another Content-Range", "wrong-range"), ("wrong bytes", "corrupt")):
        for skip in sorted({1, clean.blobs // 2, clean.blobs - 1}) if lib_harness.LONG else [clean.blobs - 1]:
            fault = Fault(kind, times=1, skip=skip)
            repo = way.fresh("ways")
            seen = run_through(way, FaultyProxy(way.registry, [fault]), repo)
            what = f"{way.name}, {name} in answer {skip + 1}"
            test.check(not (wrong := way.fault(repo, seen.result)), f"{what}: the commit of whole layers", wrong or seen)
            test.check(seen.transfer["bytes"] <= clean.bytes * 3 + seen.transfer["layer_bytes"] * 1.1, f"{what}: bounded bytes", seen)
            test.check(seen.requests <= clean.requests * 3 + 10, f"{what}: bounded requests", seen)


def check_cuts(test, way, clean):
    """A connection that breaks in an answer is gone on with where it broke."""
    for kind in ("reset-headers", "reset-body", "fin-body") if lib_harness.LONG else ("reset-body",):
        fault = Fault(kind, times=1, skip=clean.blobs - 1)
        repo = way.fresh("ways")
        seen = run_through(way, FaultyProxy(way.registry, [fault]), repo)
        test.check(not (wrong := way.fault(repo, seen.result)) and fault.hits == 1 and seen.transfer["way"] == way.name,
                   f"{way.name}, {kind}: by {way.name} all the same", wrong or seen)
        # reset-body: what the kernel has not passed on when RST comes is lost.
        test.check(seen.requests <= clean.requests + 1 and seen.bytes <= clean.bytes * 1.5, f"{way.name}, {kind}: one more request", seen)


def check_redirects(test, way, clean):
    """Blobs at another host, at URLs that serve for ever, twice, or once."""
    for uses in (1 << 20, 2, 1) if lib_harness.LONG else (1 << 20, 2):
        with SignedUrls(way.registry, uses) as store:
            repo = way.fresh("ways")
            seen = run_through(way, RedirectingProxy(way.registry, store), repo)
            what = f"{way.name}, redirects to URLs for {'ever' if uses > 2 else uses}"
            test.check(not (wrong := way.fault(repo, seen.result)) and seen.transfer["way"] == way.name,
                       f"{what}: by {way.name}", wrong or seen)
            test.check(store.served == clean.blobs and not store.leaked, f"{what}: each blob and range is served once, without credentials",
                       (store.served, clean.blobs, store.leaked, seen))
            if uses > 2:
                test.check(seen.blobs == len(seen.targets) and store.expired == 0, f"{what}: resolved once for each blob", seen)
            else:
                # Requests that run at once may each be refused once before the next URL is known.
                test.check(seen.blobs <= clean.blobs and store.expired < clean.blobs, f"{what}: resolved when they have expired",
                           (seen, store.expired, clean))
                test.check(seen.bytes < 1000 + clean.bytes, f"{what}: no bytes twice", seen)


def check_nginx(test, way, clean):
    for name, cache in (("nginx", False), ("nginx with a cache", True)):
        with NginxProxy(test, way.registry, f"{way.name}-nginx{cache:d}", cache) as proxy:
            for turn in ("", ", again") if cache else ("",):
                repo = way.fresh("ways")
                result = way.run(repo, proxy.image(way.second))
                used = json.loads(result.stdout or "{}").get("transfer", {})
                test.check(not (wrong := way.fault(repo, result)) and used["way"] == way.name and used["bytes"] == clean.bytes,
                           f"{way.name}, {name}{turn}: by {way.name}, with as many bytes", wrong or (used, clean))
            parts = proxy.statuses().count(206)
            test.check(parts == (2 if cache else 1) * len(clean.ranges), f"{way.name}, {name}: {parts} answers are ranges",
                       proxy.statuses())


def check_resume(test, way, clean):
    """Cut at each request in turn, and repeated: what the first run kept, the second does not fetch."""
    repo = way.fresh("ways")
    with FaultyProxy(way.registry) as proxy:
        test.must(test.osb, "inspect", "--json", "--repo", repo, "--against", REF, "--tls-verify=false", proxy.image(way.second))
    documents = proxy.body_bytes  # manifest, config, tables of contents: they are read each time
    wrong, most_twice = [], 0
    numbers = range(clean.blobs) if lib_harness.only_long(f"{way.name}: a cut at each request") else sorted(
        {clean.blobs // 2, clean.blobs - 1})
    for number in numbers:
        repo = way.fresh("ways")
        faults = [Fault("reset-body", times=1, skip=number), Fault("status", status=503, headers=GONE, skip=number)]
        first = run_through(way, FaultyProxy(way.registry, faults), repo)
        if first.result.status != 5:
            wrong.append(f"request {number + 1}: not ended with 5: {first}")
            continue
        second = run_through(way, FaultyProxy(way.registry), repo)
        if fault := way.fault(repo, second.result):
            wrong.append(f"request {number + 1}: {fault}")
        twice = first.bytes + second.bytes - clean.bytes
        most_twice = max(most_twice, twice)
        if twice > documents + faults[0].lost + SMALL:
            wrong.append(f"request {number + 1}: {twice} bytes twice, documents and tables have {documents}: {first}; {second}")
    test.check(not wrong, f"{way.name}: cut at {len(numbers)} of {clean.blobs} requests, and gone on with: at most {most_twice} bytes "
               f"twice, of which {documents} are documents",
               "\n".join(wrong))


def main(test):
    test.need("ostree", "docker-registry", "skopeo", "nginx")
    if os.geteuid() != 0:
        raise lib_harness.Skip("needs root")  # for owners in a bare repository
    os.umask(0o022)
    if not lib_harness.LONG:
        print("# left to --long: more positions of wrong answers and cuts, URLs that serve once")
    with Registry(test) as registry:
        images = Images(test, registry)
        for way in publish_fixed(test, registry, images).ways():
            clean = check_undisturbed(test, way)
            check_no_ranges(test, way, clean)
            check_wrong_answers(test, way, clean)
            check_cuts(test, way, clean)
            check_redirects(test, way, clean)
            check_nginx(test, way, clean)
            check_resume(test, way, clean)


lib_harness.run(main)
