#!/usr/bin/env python3
# Takes minutes.
"""The faults of networks between the program and docker-registry: what passes is overcome, what lasts ends in bounded
time with the right status, and no half of anything is left. Faults that take a minute to be noticed (stalls) are in
tests/unit/registry/distribution/network_faults_test.cc, where a minute is short.
"""

import concurrent.futures
import json
import os
import random
import time

import lib_harness
from lib_faulty_proxy import Fault, FaultyProxy
from lib_harness import run
from lib_registry import Certificates, Registry, make_commit, private_environment, trust

INSECURE = "--tls-verify=false"
LASTING_SECONDS = 60  # six tries and the waits between them, on a busy machine

# Name, the fault on a pull, on a push (None: makes no sense there), and the exit status where it lasts (0: it is
# overcome even then).
KINDS = [
    ("RST at connect", {"kind": "reset-connect"}, {"kind": "reset-connect"}, 5, 5),
    ("RST before an answer", {"kind": "reset"}, {"kind": "reset"}, 5, 5),
    ("RST after the headers", {"kind": "reset-headers"}, None, 5, 0),
    ("RST in the body", {"kind": "reset-body"}, None, 5, 0),
    ("FIN in the body", {"kind": "fin-body"}, None, 5, 0),
    ("408", {"kind": "status", "status": 408}, {"kind": "status", "status": 408}, 5, 5),
    ("429 with seconds", {"kind": "status", "status": 429, "headers": [("Retry-After", "1")]},
     {"kind": "status", "status": 429, "headers": [("Retry-After", "1")]}, 5, 5),
    ("429 for an hour", {"kind": "status", "status": 429, "headers": [("Retry-After", "3600")]}, None, 5, 0),
    ("500", {"kind": "status", "status": 500}, {"kind": "status", "status": 500}, 5, 5),
    ("502", {"kind": "status", "status": 502}, {"kind": "status", "status": 502}, 5, 5),
    ("503", {"kind": "status", "status": 503}, {"kind": "status", "status": 503}, 5, 5),
    # Where chunks are refused for ever the blob goes in one request.
    ("403 in the middle", {"kind": "status", "status": 403}, {"kind": "status", "status": 403}, 5, 0),
    ("a corrupt byte", {"kind": "corrupt"}, None, 3, 0),
    ("redirects in a circle", {"kind": "circle"}, {"kind": "circle"}, 5, 5),
    ("the upload breaks", None, {"kind": "break-upload"}, 0, 5),
    # docker-registry forgets the upload, and the chunk before is gone here: the layer is made again.
    ("the upload breaks in its second chunk", None, {"kind": "break-upload", "skip": 1}, 0, 5),
]
# Where even one occurrence ends it: a wait beyond what is kept to, bytes that were used when they turned out wrong.
FINAL = ("429 for an hour", "a corrupt byte")


class Setting:
    def __init__(self, test, registry):
        self.test, self.registry = test, registry
        self.environment = private_environment(test)
        generator = random.Random(3)
        files = {f"usr/lib/{number}": generator.randbytes(1000) for number in range(20)}
        files["usr/lib/large"] = generator.randbytes(9 << 20)
        self.repo, self.commit = make_commit(test, "repo", files)
        self.layer = None

    def find_layer(self):
        """The digest of the large layer, as skopeo sees it."""
        manifest = json.loads(self.test.must("skopeo", "inspect", "--raw", INSECURE, self.registry.image("os:v1"),
                                             env=self.environment))
        self.layer = max(manifest["layers"], key=lambda layer: layer["size"])["digest"]

    def push(self, image):
        return self.test.run(self.test.osb, "push", "--repo", self.repo, "--progress", "none", INSECURE, "os", image,
                             env=self.environment)

    def pull(self, image, name, *options):
        return self.test.run(self.test.osb, "pull", "--repo", self.test.path(name), "--progress", "none", "--ref", "os",
                             *(options or (INSECURE,)), image, env=self.environment)


class Outcome:
    """What came of one run under one fault."""

    def __init__(self, result, seconds, proxy, fault, intact):
        self.result, self.seconds, self.fault, self.intact = result, seconds, fault, intact
        self.requests, self.body_bytes = proxy.requests, proxy.body_bytes

    def describe(self):
        return f"{self.result.describe()}, {self.seconds:.1f} s, hit {self.fault.hits} times"


def attempt(setting, number, verb, how, times):
    # The layer of 9 MiB, or the chunks of its upload.
    where = {"method": "GET", "part": setting.layer} if verb == "pull" else {"method": "PATCH", "part": "/blobs/"}
    fault = Fault(**{**where, "times": times, **how})
    name = f"{verb}-{number}"
    with FaultyProxy(setting.registry, [fault]) as proxy:
        begin = time.monotonic()
        if verb == "pull":
            result = setting.pull(proxy.image("os:v1"), name)
        else:
            result = setting.push(proxy.image(f"{name}:v1"))
        seconds = time.monotonic() - begin
        return Outcome(result, seconds, proxy, fault, is_intact(setting, verb, name, result.status == 0))


def is_intact(setting, verb, name, done):
    """All or nothing: the commit is there and sound, or no name stands for a part of it."""
    if verb == "push":
        if done:
            return setting.pull(setting.registry.image(f"{name}:v1"), "check-" + name).commit == setting.commit
        return setting.pull(setting.registry.image(f"{name}:v1"), "check-" + name).status == 1
    repo = setting.test.path(name)
    if not os.path.isdir(repo):
        return not done
    sound = setting.test.run("ostree", "fsck", "--quiet", f"--repo={repo}").status == 0
    return sound and lib_harness.refs(repo) == ({"os": setting.commit} if done else {}) and not lib_harness.staged(repo)


def check_outcome(test, what, expected, outcome):
    test.check(outcome.fault.kind in ("reset-connect",) or outcome.fault.hits > 0, f"{what}: the fault was met",
               outcome.requests)
    if expected == 0:
        test.check(outcome.result.status == 0 and outcome.intact, f"{what}: overcome", outcome.describe())
    else:
        test.check_refused(outcome.result, expected, what)
        test.check(outcome.intact and outcome.seconds < LASTING_SECONDS, f"{what}: nothing is left, in bounded time",
                   outcome.describe())


def check_matrix(test, setting):
    cases = []
    for name, on_pull, on_push, pull_status, push_status in KINDS:
        for verb, how, status in (("pull", on_pull, pull_status), ("push", on_push, push_status)):
            if how is None:
                continue
            for times in (1, 3, None):
                lasting = times is None
                expected = status if lasting or name in FINAL else 0
                what = f"{verb}, {name}, {'for ever' if lasting else f'{times} times'}"
                cases.append((what, verb, how, times or 1 << 20, expected))
    # Most of the time is waiting.
    with concurrent.futures.ThreadPoolExecutor(12) as executor:
        # The longest first.
        order = sorted(range(len(cases)), key=lambda number: cases[number][4] == 0)
        running = {number: executor.submit(attempt, setting, number, *cases[number][1:4]) for number in order}
        for number, (what, _, _, _, expected) in enumerate(cases):
            check_outcome(test, what, expected, running[number].result())


def check_resume(test, setting):
    """A download goes on where it stopped, a range or not; and a range from elsewhere is no part of it."""
    for name, second in (("a range", None), ("the whole in place of a range", "whole"),
                         ("a range from elsewhere, once", "wrong-range")):
        faults = [Fault("fin-body", part=setting.layer, times=1)]
        if second:
            faults.append(Fault(second, part=setting.layer, times=1))
        with FaultyProxy(setting.registry, faults) as proxy:
            result = setting.pull(proxy.image("os:v1"), "resume-" + name.replace(" ", "-"))
            test.check(result.commit == setting.commit, f"resume with {name}", result.describe())
            ranges = [request[2] for request in proxy.requests if request[2]]
            test.check(ranges, f"resume with {name}: a range was asked for", proxy.requests)
            if not second:
                test.check(proxy.body_bytes < 1.1 * (9 << 20), "what had come is not fetched again", proxy.body_bytes)


def check_encoded(test, setting):
    """A proxy that compresses what it passes on, asked or not, as skopeo reads it, too."""
    for name, part, times in (("of everything", "", None), ("of blobs", "/blobs/", None),
                              ("of the first answer for the layer", setting.layer, 1)):
        faults = [Fault("encoded", part=part, **({"times": times} if times else {}))]
        if times:
            faults.append(Fault("fin-body", part=setting.layer, times=1))
        with FaultyProxy(setting.registry, faults) as proxy:
            result = setting.pull(proxy.image("os:v1"), "encoded-" + name.replace(" ", "-"))
            test.check(result.commit == setting.commit and faults[0].hits > 0, f"Content-Encoding {name}: undone", result.describe())
            if times:
                continue
            copy = test.path("encoded-" + str(len(part)))
            witness = test.run("skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false", proxy.image("os:v1"), f"dir:{copy}",
                               env=setting.environment)
            test.check_status(witness, 0, f"skopeo does so, too ({name})")


def check_refused_connection(test, setting):
    with FaultyProxy(setting.registry) as proxy:
        image = proxy.image("os:v1")
    begin = time.monotonic()
    test.check_refused(setting.pull(image, "refused"), 5, "pull, connections refused")
    test.check(time.monotonic() - begin < LASTING_SECONDS, "in bounded time")


def check_tls(test, setting):
    """Alerts in handshakes, and certificates that change between two connections."""
    certificates, stranger = Certificates(test), Certificates(test, "stranger")
    good, bad = certificates.server("good"), stranger.server("bad")
    plain = "--tls-verify=true"
    for name, tls, faults, expected in (
            ("as it should be", [good], [], 0),
            ("an alert, once", [good], [Fault("alert", times=1)], 0),
            ("alerts, 3 times", [good], [Fault("alert", times=3)], 0),
            ("alerts for ever", [good], [Fault("alert")], 5),
            ("another certificate at the second connection", [good, bad],
             [Fault("fin-body", part=setting.layer, times=1)], 4),
            ("a certificate of nobody", [bad], [], 4)):
        with FaultyProxy(setting.registry, faults, tls) as proxy:
            trust(setting.environment, proxy.host, certificates.ca)
            result = setting.pull(proxy.image("os:v1"), "tls-" + name.replace(" ", "-"), plain)
            if expected:
                test.check_refused(result, expected, f"TLS: {name}")
            else:
                test.check(result.commit == setting.commit, f"TLS: {name}: overcome", result.describe())
    with FaultyProxy(setting.registry, tls=[good], old_tls=True) as proxy:
        trust(setting.environment, proxy.host, certificates.ca)
        test.check_refused(setting.pull(proxy.image("os:v1"), "old-tls", plain), 5, "TLS: nothing newer than 1.1")
        test.check(not proxy.requests, "TLS 1.1: no request came", proxy.requests)


def main(test):
    test.need("docker-registry", "openssl", "ostree", "skopeo")
    with Registry(test) as registry:
        setting = Setting(test, registry)
        test.check_status(setting.push(registry.image("os:v1")), 0, "push without faults")
        setting.find_layer()
        check_matrix(test, setting)
        check_resume(test, setting)
        check_encoded(test, setting)
        check_refused_connection(test, setting)
        check_tls(test, setting)


run(main)
