#!/usr/bin/env python3
"""Full disks, bombs and what is no file: refused in time, in bounded memory, with a repository that stays whole."""

import gzip
import json
import os
import random
import tarfile
import time

import lib_harness
from lib_image import LAYER, Layout, TarLayer, sha256, simple_layout, zstd

MIB = 1 << 20
MAX_MEMORY = 512 * MIB


def header(name, size=0):
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)


def image_of_blob(test, name, blob, compression, **descriptor):
    """An image of one layer, given as it is compressed; its diffID is not looked at when the layer is refused."""
    layout = Layout(test.path(name))
    layer = {**layout.blob(blob, LAYER + "+" + compression), **descriptor}
    layout.tag(layout.manifest(layout.config([sha256(b"")]), [layer]), "v1")
    return f"oci:{layout.directory}:v1"


def many_entries():
    """2,100,000 empty files, each with a name of its own."""
    block = header("0000000")
    total = sum(block) - sum(block[148:156]) + 8 * 32 - 7 * 48  # of the header without checksum and name
    blocks = []
    for number in range(2_100_000):
        name = b"%07d" % number
        blocks.append(name + block[7:148] + b"%06o\0 " % (total + sum(name)) + block[156:])
    return b"".join(blocks)


def check_bounded(test, repo, image, what, expected, naming="", seconds=60):
    begin = time.monotonic()
    result = test.measured(test.osb, "import", image, "--repo", repo, "--ref", "os", "--progress", "none")
    took = time.monotonic() - begin
    test.check_refused(result, expected, what, naming)
    test.check(result.max_rss < MAX_MEMORY and took < seconds, f"{what}: {result.max_rss // MIB} MiB, {took:.1f} s")


def check_bombs(test):
    repo = test.init_repo("bombs")
    check_bounded(test, repo, image_of_blob(test, "entries", zstd(many_entries()), "zstd"), "2,100,000 entries", 3,
                  "entries")
    # Members of 64 MiB each: 10 GiB of zeros in 10 MiB.
    zeros = gzip.compress(bytes(64 * MIB), 9, mtime=0)
    bomb = gzip.compress(header("zeros", 10 << 30), mtime=0) + zeros * 160
    check_bounded(test, repo, image_of_blob(test, "bomb", bomb, "gzip"), f"{len(bomb) / 1e6:.0f} MB that are 10 GiB", 3)
    bomb = zstd(header("zeros", 10 << 30)) + zstd(bytes(64 * MIB)) * 160
    check_bounded(test, repo, image_of_blob(test, "zstd-bomb", bomb, "zstd"),
                  f"{len(bomb) / 1e6:.1f} MB of zstd that are 10 GiB", 3)
    blob = gzip.compress(header("x"), mtime=0)
    image = image_of_blob(test, "declared", blob, "gzip", size=999 << 40)
    check_bounded(test, repo, image, "a layer that says to be 999 TiB", 6, seconds=5)
    test.check(not lib_harness.refs(repo) and not lib_harness.staged(repo), "no ref, nothing staged")
    test.check(lib_harness.disk_use(repo) < MIB, "nothing stays on the disk", lib_harness.disk_use(repo))
    test.fsck(repo, "fsck after bombs")


def check_memory(test):
    """An honest large file takes no more memory than a small one."""
    layout, content = Layout(test.path("large")), random.Random(1).randbytes(MIB)
    tar = header("large", 300 * MIB) + content * 300 + bytes(1024)
    layout.tag(layout.manifest(layout.config([sha256(tar)]), [layout.layer(tar, "zstd")]), "v1")
    result = test.measured(test.osb, "import", f"oci:{layout.directory}:v1", "--repo", test.path("large-repo"), "--ref",
                           "os",
                           "--layout", "plain", "--progress", "none")
    test.check(result.status == 0 and result.max_rss < 96 * MIB,
               f"a file of 300 MiB: {result.max_rss // MIB} MiB of memory",
               result.describe())
    test.must("rm", "-rf", test.path("large-repo"), layout.directory)


def disk_image(test):
    generator, layer = random.Random(2), TarLayer()
    for number in range(400):
        layer.file_entry(f"f{number}", generator.randbytes(20_000))
    layer.file_entry("large", generator.randbytes(3 * MIB))
    layout = Layout(test.path("disk"))
    layout.image("v1", [layer.bytes()], "")
    # A repository may need more than the compressed layers: the check before the first byte does not see these.
    layout.image("zeros", [TarLayer().file_entry("zeros", bytes(40 * MIB)).bytes()])
    layer = TarLayer()
    for number in range(2000):
        layer.file_entry(f"f{number}", b"%d" % number)
    layout.image("small", [layer.bytes()])
    return layout.directory


def check_full_disk(test):
    image, mount = disk_image(test), test.path("small")
    os.mkdir(mount)
    probe = test.run("mount", "-t", "tmpfs", "-o", "size=1m", "osb-test", mount)
    if probe.status != 0:
        test.skip_one("a full disk", "tmpfs cannot be mounted here")
        return
    test.must("umount", mount)
    for options, mode, tag in (("size=1m", "archive", "v1"), ("size=11m", "archive", "v1"),
                               ("size=2m", "archive", "small"),
                               ("size=7m", "archive", "small"), ("size=20m", "bare", "zeros"),
                               ("size=7m", "bare-user", "small"),
                               ("size=64m,nr_inodes=300", "archive", "v1"),
                               ("size=64m,nr_inodes=1900", "bare", "small")):
        test.must("mount", "-t", "tmpfs", "-o", options, "osb-test", mount)
        try:
            what, repo = f"tmpfs of {options}, {mode}, {tag}", os.path.join(mount, "repo")
            test.must("ostree", "init", f"--repo={repo}", f"--mode={mode}")
            test.check_refused(test.osb_import(f"oci:{image}:{tag}", repo, "--ref", "os", "--layout", "plain"), 6, what)
            test.check(not lib_harness.refs(repo) and not lib_harness.staged(repo), f"{what}: no ref, nothing staged")
            test.fsck(repo, f"{what}: fsck")
            test.must("mount", "-o", "remount,size=128m,nr_inodes=10000", mount)
            test.check_status(test.osb_import(f"oci:{image}:{tag}", repo, "--ref", "os", "--layout", "plain"), 0,
                              f"{what}: with more room")
            test.fsck(repo, f"{what}: fsck then")
            test.must("mount", "-o", "remount,ro", mount)
            result = test.osb_import(f"oci:{image}:{tag}", repo, "--ref", "other", "--layout", "plain")
            test.check_refused(result, 1, f"{what}: read-only")
        finally:
            test.must("umount", mount)


def check_no_files(test):
    """Blobs and documents that are no files are not opened, let alone waited for."""
    repo = test.init_repo("special")
    for number, victim in enumerate(("layer", "manifest", "config", "index.json", "oci-layout")):
        for kind in ("fifo", "symlink", "directory"):
            layout = simple_layout(test.path(f"special{number}{kind}"), {"x": b"x"})
            manifest = layout.manifests[0]["digest"]
            with open(layout.blob_path(manifest), encoding="utf-8") as file:
                documents = json.load(file)
            paths = {"layer": layout.blob_path(documents["layers"][0]["digest"]),
                     "manifest": layout.blob_path(manifest),
                     "config": layout.blob_path(documents["config"]["digest"])}
            path = paths.get(victim, os.path.join(layout.directory, victim))
            os.rename(path, path + ".real")
            if kind == "fifo":
                os.mkfifo(path)
            elif kind == "symlink":
                os.symlink(path + ".real", path)
            else:
                os.mkdir(path)
            result = test.run("timeout", "10", test.osb, "import", f"oci:{layout.directory}:v1", "--repo", repo,
                              "--ref", "os", "--progress", "none")
            test.check_refused(result, 3, f"{victim} is a {kind}")
    test.check(not lib_harness.refs(repo), "no ref moved")


def main(test):
    test.need("ostree", "timeout")
    for part in (check_no_files, check_bombs, check_memory, check_full_disk):
        begin = time.monotonic()
        part(test)
        print(f"# {part.__name__}: {time.monotonic() - begin:.1f} s")


lib_harness.run(main)
