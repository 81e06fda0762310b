"""Rows U1 to U11 of the catalogue: updates, signatures, policies, deltas, and the targets of installations."""

import json
import os
import shutil

import lib_harness
import lib_upgrade
from lib_harness import Skip
from lib_hostile import ACCEPT, MARK, MIB, row
from lib_hostile_layers import Tar, encode
from lib_hostile_server import answer
from lib_image import sha256
from lib_signatures import Keys

INSECURE = "--tls-verify=false"
PACKAGES = {"musl": "1.2.4-r2"}


class Machine:
    """A disk whose system follows os:latest of the server."""

    def __init__(self, bench):
        lib_upgrade.need(bench.test)
        self.bench, self.images = bench, lib_upgrade.Images(bench.test, None)
        self.images.system("v1", ["quiet"], PACKAGES)
        self.images.system("v0", ["quiet"], PACKAGES, created="2023-05-01T00:00:00Z")
        bench.server.layouts["os"] = self.images.layout.directory
        self.serve("v1")
        self.disk = lib_upgrade.Disk(bench.test, "disk", f"oci:{self.images.layout.directory}:v1", "--target-imgref",
                                     f"{bench.server.host}/os:latest", size="1G", environment=bench.environment)

    def serve(self, tag):
        layout = self.images.layout
        layout.manifests = [entry for entry in layout.manifests if entry["annotations"]["org.opencontainers.image.ref.name"] != "latest"]
        found = next(entry for entry in layout.manifests if entry["annotations"]["org.opencontainers.image.ref.name"] == tag)
        layout.tag({name: value for name, value in found.items() if name != "annotations"}, "latest")

    def upgrade(self, *options):
        return self.bench.run("upgrade", "--progress", "none", "--sysroot", self.disk.top, INSECURE, *options,
                              repo=self.disk.path("ostree/repo"))


def machine(bench):
    """One for both rows."""
    if not hasattr(bench, "machine"):
        bench.machine = Machine(bench)
    return bench.machine


@row("U1", "a registry serves an older image")
def older(bench):
    one = machine(bench)
    before, refs = one.disk.versions(), one.disk.refs()
    one.serve("v0")
    for options in ((), ("--check",)):
        attempt = one.upgrade(*options)
        fault = lib_harness.error_fault(attempt.stderr)
        bench.expect(attempt.status == 1 and not fault and "--allow-downgrade" in attempt.stderr, f"upgrade {options}: {fault}", attempt)
    bench.expect(one.disk.versions() == before and one.disk.refs() == refs, "something was deployed")
    allowed = one.upgrade("--check", "--allow-downgrade")
    bench.expect(allowed.status == 0, "--allow-downgrade takes it", allowed)
    one.serve("v1")


@row("U2", "a registry serves the same image for ever")
def frozen(bench):
    one = machine(bench)
    attempt = one.upgrade("--max-age", "30")
    bench.expect("days ago, and --max-age is 30" in attempt.stderr, "--max-age warns", attempt)
    attempt = one.upgrade("--check", "--max-age", "30")
    bench.expect(attempt.status == 77 and "days ago" in attempt.stderr, "--check warns", attempt)


class Signed:
    """An image in the server, which a key signed under the name NAME:t, and a policy that asks for that."""

    def __init__(self, bench):
        if not hasattr(bench, "keys"):
            bench.keys = Keys(bench.test).make("site").make("stranger")
        self.bench, self.layout = bench, bench.image_of([encode(Tar().file("x", b"in"), "gzip")])
        self.name = f"{bench.server.host}/{self.layout.name}:t"
        done = bench.run("sign", "-q", "--key", bench.keys.path("site.key"), "--identity", self.name, f"oci:{self.layout.directory}:t")
        bench.expect(done.status == 0, "sign", done)
        # sign() wrote the index.
        with open(os.path.join(self.layout.directory, "index.json"), encoding="utf-8") as file:
            self.layout.manifests = json.load(file)["manifests"]
        self.policy = self.write("signed", self.requirement("site"))

    def requirement(self, key):
        return [{"type": "sigstoreSigned", "keyPath": self.bench.keys.path(key + ".pub")}]

    def write(self, name, requirements):
        path = self.bench.test.path(f"policy-{name}.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"default": [{"type": "reject"}], "transports": {"docker": {"": requirements}}}, file)
        return path

    def image(self, name=None):
        return f"docker://{name or self.name}"

    def refused(self, what, name=None, status=4, policy=None):
        self.bench.refused(self.image(name), what, status, options=("--policy", policy or self.policy))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bench.server.hook = None
        self.bench.done_with(self.layout)


@row("U3", "an image that was signed for another name")
def mix_and_match(bench):
    with Signed(bench) as one:
        bench.accepted(one.image(), "under its own name", ("--policy", one.policy))
        plain = {name: value for name, value in one.layout.manifests[0].items() if name != "annotations"}
        one.layout.tag(plain, "latest")
        one.refused("as another tag", one.name[:-1] + "latest")
        bench.server.layouts["victim"] = one.layout.directory
        one.refused("as another repository", f"{bench.server.host}/victim:t")
        one.refused("by another key", policy=one.write("stranger", one.requirement("stranger")))
        other = bench.image_of([encode(Tar().file("x", b"evil"), "gzip")], "evil", one.layout)
        evil = other.manifests[-1]["digest"].replace(":", "-") + ".sig"
        mine = next(entry for entry in other.manifests if entry["annotations"]["org.opencontainers.image.ref.name"].endswith(".sig"))
        other.tag({name: value for name, value in mine.items() if name != "annotations"}, evil)
        one.refused("another image with its signature", one.name[:-1] + "evil")


@row("U6", "policies that are missing, unreadable or not understood")
def policies(bench):
    with Signed(bench) as one:
        path = bench.test.path("policy-bad.json")
        one.refused("missing", status=(1, 3), policy=path)
        good = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
        for what, text in (("no JSON", "x"), ("empty", ""), ("an unknown member", good[:-1] + ', "extra": 1}'),
                           ("an empty list", '{"default": []}'),
                           ("no default", "{}"), ("a duplicate member", good[:-1] + ', ' + good[1:]),
                           ("an unknown type", good.replace("insecure", "secure")),
                           ("an unknown member of a requirement", good.replace('thing"', 'thing", "x": 1')), ("a list", "[]"),
                           ("an unknown transport's list", good[:-1] + ', "transports": {"docker": {"": []}}}')):
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            one.refused(what, status=(3, 4), policy=path)
        os.unlink(path)
        os.mkdir(path)
        one.refused("a directory", status=(1, 3), policy=path)
        os.rmdir(path)


@row("U7", "a registry that hides the signature")
def hidden(bench):
    with Signed(bench) as one:
        for what, response, status in (("404", answer(404, body=b"{}"), 4), ("403", answer(403, body=b"{}"), (4, 5)),
                                       ("400", answer(400), (4, 5)),
                                       ("an empty manifest", answer(200, body=b"{}"), (3, 4, 5)),
                                       ("a page of HTML", answer(200, body=b"<html>"), (3, 4, 5))):
            def hide(request, response=response):
                return response if ".sig" in request.target or "/referrers/" in request.target else None
            bench.server.hook = hide
            one.refused(what, status=status)
        bench.server.hook = None
        bench.accepted(one.image(), "shown again", ("--policy", one.policy))


@row("U8", "names of refs from the content of an image")
def poisoned_refs(bench):
    annotations = {"org.opencontainers.image.ref.name": "os/evil", "ostree.ref": MARK, "ostree.ref-binding": MARK}
    layout = bench.image_of([encode(Tar().file("x"), "")], config={"Labels": {"ostree.ref-binding": MARK, "ref": "../" + MARK}})
    with open(layout.blob_path(layout.manifests[0]["digest"]), "rb") as file:
        manifest = json.load(file)
    layout.manifests = []
    layout.tag(layout.manifest(manifest["config"], manifest["layers"], annotations=annotations), "t")
    here, there = bench.places(layout)
    for image, name in ((here, "/t"), (here[:-2], "/" + layout.name), (there, "/" + layout.name)):
        attempt = bench.run("import", image, "--repo", bench.repo, "--layout", "plain", "--progress", "none")
        found = [ref for ref in lib_harness.refs(bench.repo) if not ref.startswith("ostree/container/")]
        bench.expect(len(found) == 1 and found[0].startswith("os/") and found[0].endswith(name), f"refs {found}", attempt)
        bench.judge(attempt, ACCEPT, "the operator's name")
    bench.done_with(layout)


@row("U9", "what was rejected is not trusted later")
def rejected_first(bench):
    with Signed(bench) as one:
        stranger = one.write("stranger", one.requirement("stranger"))
        for _ in range(2):
            one.refused("by the policy", policy=stranger)
        digest = next(entry["digest"] for entry in one.layout.manifests)
        with open(one.layout.blob_path(digest), encoding="utf-8") as file:
            layer = json.load(file)["layers"][0]["digest"]
        path = one.layout.blob_path(layer)
        with open(path, "rb") as file:
            good = file.read()
        with open(path, "wb") as file:
            file.write(encode(Tar().file("x", b"evil"), "gzip").blob[:len(good)].ljust(len(good), b"\0"))
        for _ in range(2):
            one.refused("a layer of other bytes", status=3)
        with open(path, "wb") as file:
            file.write(good)
        attempt = bench.importing(one.image(), "--policy", one.policy)
        content = bench.test.run("ostree", "cat", f"--repo={bench.repo}", "victim", "/x").stdout
        bench.judge(attempt, ACCEPT, "the right bytes then")
        bench.expect(content == "in", f"the content is {content!r}", attempt)


@row("U10", "deltas of strangers")
def deltas(bench):
    """Our own code reads them; every object is compared with its checksum. The fuzz target is fuzz_static_delta."""
    for name in ("ApplyDeltaThreads.NoDamageOfAPartStoresAWrongObject", "ApplyDeltaThreads.FilesOutsideTheCommitAreNotWritten",
                 "BsPatch.MalformedPatchesAreRefused", "DeltaSuperblockTest.EveryCutIsRefused"):
        bench.unit_test("ostree", name)


@row("U11", "targets that are no disks to overwrite")
def targets(bench):
    if shutil.which("syslinux", path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
        raise Skip("needs the program syslinux")
    environment = {**bench.environment, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
    images = lib_upgrade.Images(bench.test, None, "install-images")
    images.system("v1", [], PACKAGES)
    target = bench.test.path("target.img")

    def install(what, path, *options, status=(1, 2, 3, 6)):
        attempt = bench.run("install-to-disk", "--progress", "none", *options, images.oci("v1"), path, environment=environment)
        bench.expect(attempt.status in status and not lib_harness.error_fault(attempt.stderr), f"{what}: not refused", attempt)

    for what, content in (("data", b"precious" * 1000), ("a GPT of somebody", gpt())):
        with open(target, "wb") as file:
            file.write(content)
            file.truncate(400 * MIB)
        before = sha256_of(target)
        install(f"a file with {what}", target, "--size", "400M")
        bench.expect(sha256_of(target) == before, f"a file with {what} was changed")
        os.unlink(target)
    install("too small", target, "--size", "2M")
    install("a directory", bench.place)
    install("a device that is no disk", "/dev/null", "--wipe")
    install("a place that is not there", bench.test.path("none", "disk.img"))
    os.symlink("/dev/full", target)
    install("a link to a device that is no disk", target, "--wipe")
    os.unlink(target)
    check_used_device(bench, install, environment)
    bench.unit_test("image", "Probe.PartitionTables")


def check_used_device(bench, install, environment):
    """A device that is mounted: not even with --wipe. It is a file of the test's, never a disk of this machine."""
    backing, mount = bench.test.path("used-device"), bench.test.path("used")
    os.mkdir(mount)
    with open(backing, "wb") as file:
        file.truncate(400 * MIB)
    made = bench.test.run("losetup", "--find", "--show", backing, env=environment)
    device = made.stdout.strip()
    if made.status != 0:
        print("# row U11: no loop devices")
        return
    try:
        bench.test.must("mkfs.ext4", "-q", device, env=environment)
        bench.test.must("mount", device, mount)
        try:
            install("a device that is mounted", device, "--wipe")
            install("a device with a filesystem", device)
        finally:
            bench.test.must("umount", mount)
    finally:
        bench.test.must("losetup", "--detach", device, env=environment)


def gpt():
    """A protective MBR and the signature of a header."""
    mbr = bytes(446) + b"\0\0\2\0\xee\xff\xff\xff\1\0\0\0\xff\xff\xff\xff" + bytes(48) + b"\x55\xaa"
    return mbr + b"EFI PART\0\0\1\0\x5c\0\0\0" + bytes(496)


def sha256_of(path):
    with open(path, "rb") as file:
        return sha256(file.read(8 * MIB))
