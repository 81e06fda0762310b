#!/usr/bin/env python3
"""One budget for an image, whatever the number of its layers: a few kilobytes that ask for gigabytes of disk, memory or minutes
are refused in 10 seconds and 512 MiB at the most, and leave nothing; and a signal ends the work on a tree at once.
"""

import hashlib
import io
import os
import resource
import signal
import subprocess
import tarfile
import time

import lib_harness
from lib_image import LAYER, Layout, TarLayer, sha256, to_json, zstd

MIB = 1 << 20
MAX_MEMORY = 512 * MIB
MAX_SECONDS = 10
END = bytes(1024)


class Repeated:
    """A layer that is the same block many times over, without holding it."""

    def __init__(self, block, count):
        self.block, self.count = block, count

    def pieces(self):
        step = max(1, (4 * MIB) // len(self.block))
        whole = self.block * step
        for _ in range(self.count // step):
            yield whole
        yield self.block * (self.count % step)
        yield END

    def diff_id(self):
        digest = hashlib.sha256()
        for piece in self.pieces():
            digest.update(piece)
        return "sha256:" + digest.hexdigest()

    def blob(self):
        known, out = {}, []
        for piece in self.pieces():
            if piece not in known:
                known[piece] = zstd(piece)
            out.append(known[piece])
        return b"".join(out)


def header(name, type=tarfile.REGTYPE, size=0):
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = size, type
    return entry.tobuf(tarfile.GNU_FORMAT)


def image_of(test, name, layers, **config):
    layout = Layout(test.path(name))
    blobs = [layout.blob(layer.blob(), LAYER + "+zstd") for layer in layers]
    layout.tag(layout.manifest(layout.config([layer.diff_id() for layer in layers], **config), blobs), "v1")
    return f"oci:{layout.directory}:v1"


def cpu_seconds():
    """Of the processes that have ended. What else the machine does is no fault of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def check_bounded(test, repo, image, what, naming, *options):
    begin = cpu_seconds()
    result = test.measured(test.osb, "import", image, "--repo", repo, "--ref", "os", "--progress", "none", *options)
    took = cpu_seconds() - begin
    test.check_refused(result, 3, what, naming)
    test.check(result.max_rss < MAX_MEMORY and took < MAX_SECONDS, f"{what}: {result.max_rss // MIB} MiB, {took:.1f} s")
    test.check(not lib_harness.refs(repo) and not lib_harness.staged(repo) and lib_harness.disk_use(repo) < MIB,
               f"{what}: nothing stays", lib_harness.disk_use(repo))


def sparse_file(name, size):
    """GNU's PAX format 1.0: a file that is one hole."""
    layer = TarLayer()
    entry = tarfile.TarInfo(name)
    stored = b"0\n".ljust(512, b"\0")
    entry.size = len(stored)
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": name,
                         "GNU.sparse.realsize": str(size)}
    layer.tar.addfile(entry, io.BytesIO(stored))
    return layer.bytes()


def check_holes(test, repo):
    layout = Layout(test.path("holes"))
    layout.image("v1", [sparse_file(f"hole{number}", 1000 * MIB) for number in range(16)], "zstd")
    check_bounded(test, repo, f"oci:{layout.directory}:v1", "16 layers of a hole of 1,000 MiB each", "holes of sparse files")
    layout.image("one", [sparse_file("hole", 1 << 39)], "")
    check_bounded(test, repo, f"oci:{layout.directory}:one", "one hole of 512 GiB", "'hole'")


def check_compressed_member(test, repo):
    """docker save writes layers plain; where they are compressed, the archive's bytes are what counts."""
    zeros = Repeated(bytes(MIB), 12 * 1024)
    blob = zstd(header("zeros", size=12 << 30)) + zeros.blob()
    config = to_json({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [sha256(b"")]}})
    path = test.path("saved.tar")
    with tarfile.open(path, "w") as archive:
        for name, content in (("layer.tar", blob), ("config.json", config),
                              ("manifest.json", to_json([{"Config": "config.json", "Layers": ["layer.tar"], "RepoTags": ["x:1"]}]))):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    check_bounded(test, repo, f"docker-archive:{path}", f"{os.path.getsize(path) // 1024} KiB of docker-archive that are 12 GiB",
                  "unpacks to more than")


def check_entries(test, repo):
    layers = [Repeated(header(f".wh.{number}"), 700_000) for number in range(3)]
    check_bounded(test, repo, image_of(test, "whiteouts", layers), "2,100,000 whiteouts in three layers", "entries in an image")


def attributes():
    """The extended attributes of an object, 60 KiB of them (a file has 64 at the most), as a GVariant a(ayay)."""
    name = b"user.x\0"
    pair = name + bytes(60 * 1024) + len(name).to_bytes(2, "little")
    return pair + len(pair).to_bytes(2, "little")


def check_shared_attributes(test, repo):
    content = attributes()
    plain = content + bytes(-len(content) % 512)
    body, blobs, digest = zstd(plain), [], hashlib.sha256()
    for number in range(8000):  # the names differ, so that each is kept
        first = header(f"sysroot/ostree/repo/xattrs/{number}", size=len(content))
        blobs.append(zstd(first) + body)
        digest.update(first)
        digest.update(plain)
    layout = Layout(test.path("attributes"))
    diff_id = "sha256:" + digest.hexdigest()
    config = layout.config([diff_id], config={"Labels": {"ostree.final-diffid": diff_id}})
    blob = b"".join(blobs)
    layout.tag(layout.manifest(config, [layout.blob(blob, LAYER + "+zstd")]), "v1")
    check_bounded(test, repo, f"oci:{layout.directory}:v1", f"{len(blob) // 1024} KiB of attributes that are 470 MiB", "MiB of memory")


def long_name(path, type=tarfile.REGTYPE, target=""):
    entry = tarfile.TarInfo(path)
    entry.type, entry.linkname, entry.mode = type, target, 0o777
    return entry.tobuf(tarfile.PAX_FORMAT)


def deep_whiteouts(count):
    """2,000 parts each: `a/a/...`."""
    return Repeated(long_name("a/" * 1999 + ".wh.x"), count)


def check_steps(test, repo):
    image = image_of(test, "few-deep", [deep_whiteouts(251)])
    begin = cpu_seconds()
    result = test.osb_import(image, test.init_repo("deep"), "--ref", "os", "--layout", "plain")
    test.check(result.status == 0 and cpu_seconds() - begin < 2, "251 whiteouts, 2,000 parts deep, are no work",
               f"{cpu_seconds() - begin:.1f} s, {result.describe()}")
    check_bounded(test, repo, image_of(test, "deep", [deep_whiteouts(30_000)]), "30,000 whiteouts, 2,000 parts deep", "parts in all")


def links_image(test, name, count):
    """Links that go down and up some 1,600 times, each, and then through one more that does."""
    layer = TarLayer()
    layer.directory("a").symlink("m", "a/../" * 800 + "a")
    for number in range(count):
        layer.symlink(f"usr/share/l{number}", "../../" + "a/../" * 816 + "m")
    layout = Layout(test.path(name))
    layout.image("v1", [layer.bytes()], "zstd")
    return f"oci:{layout.directory}:v1"


def check_links(test, repo):
    image = links_image(test, "links", 17_000)
    check_bounded(test, repo, image, "17,000 links that go up and down", "parts in all")
    image = links_image(test, "fewer-links", 15_000)
    statuses = []
    for delay in (0.7, 0.3, 0.1):  # a quick machine may be done before the first
        process = subprocess.Popen([test.osb, "import", image, "--repo", repo, "--ref", "os", "--progress", "none"],
                                   stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        statuses.append((process.wait(), time.monotonic() - begin))
        if statuses[-1][0] == 130:
            break
    test.check(statuses[-1][0] == 130 and statuses[-1][1] < 5, "a signal ends the work on 15,000 of them", statuses)
    test.check(not lib_harness.staged(repo), "nothing staged after the signal")


def main(test):
    test.need("ostree")
    repo = test.init_repo("repo")
    for part in (check_holes, check_compressed_member, check_entries, check_shared_attributes, check_steps, check_links):
        begin = time.monotonic()
        part(test, repo)
        print(f"# {part.__name__}: {time.monotonic() - begin:.1f} s")
    test.fsck(repo, "fsck")


lib_harness.run(main)
