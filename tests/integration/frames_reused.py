#!/usr/bin/env python3
"""The next export takes the frames of unchanged files from the previous image: the same bytes as without them, which
skopeo, zstd and a reader of zstd:chunked that is not ours take, and which no damage of the previous image changes."""

import os
import random
import shutil

import lib_chunked
import lib_harness
from lib_containers import base_rootfs
from lib_export import Exported, export, odd_layer
from lib_image import Layout, TarLayer, sha256


def import_version(test, repo, version):
    """A system under the ref os. One file differs from version to version, and one is in the first version only: so the layer that
    they are in is written again. It is the largest."""
    with open(base_rootfs(test), "rb") as file:
        base = file.read()
    chance = random.Random(1)
    changed = TarLayer().file_entry("usr/share/changed", b"version %d\n" % version * 5000)
    for number in range(30):
        changed.file_entry(f"usr/share/same-{number}", chance.randbytes(100000))
    if version == 1:
        changed.file_entry("usr/share/dropped", b"dropped\n")
    image = Layout(test.path(f"system-{version}"))
    image.image("v1", [base, odd_layer(), changed.bytes()], "")
    result = test.osb_import(f"oci:{image.directory}:v1", repo, "--ref", "os")
    if result.status != 0:
        raise RuntimeError(result.describe())


def exported(test, repo, name, *options):
    result = export(test, repo, f"oci:{test.path(name)}:v1", *options)
    if result.status != 0:
        raise RuntimeError(result.describe())
    return Exported(test.path(name)), result


def check_witnesses(test, image):
    """skopeo takes the image, and each layer is what the documents say."""
    copy = test.path("copied")
    test.must("skopeo", "copy", "-q", f"oci:{image.directory}:v1", f"oci:{copy}:v1")
    copied, faults = Exported(copy), []
    for number, layer in enumerate(copied.layers):
        diff_id = copied.config["rootfs"]["diff_ids"][number]
        if sha256(copied.tar(number)) != diff_id:
            faults.append(f"layer {number}: zstd gives another archive")
        if lib_chunked.Layer(copied.blob(layer["digest"]), layer["annotations"]).rebuild() != diff_id:
            faults.append(f"layer {number}: tables and frames give another archive")
    test.check(not faults, f"{len(copied.layers)} layers are what the documents say", "\n".join(faults))


def bytes_read(test, repo, first, *options):
    """The bytes of the largest blob of the previous image that an export reads."""
    trace = test.path("trace")
    blob = max(first.layers, key=lambda layer: layer["size"])["digest"].split(":")[1]
    test.must("strace", "-f", "-y", "-e", "trace=pread64,read", "-o", trace, test.osb, "export", "--repo", repo,
              "--progress", "none", "os", f"oci:{test.path('traced')}:v1", "--previous", f"oci:{first.directory}:v1",
              *options)
    with open(trace, encoding="utf-8", errors="replace") as file:
        return sum(int(line.rsplit("= ", 1)[1].split()[0]) for line in file if blob in line and "= -1" not in line
                   and line.rstrip().rsplit("= ", 1)[-1].isdigit())


def damages(blob, table):
    """What may have happened to a blob: the name and the new bytes, or None if it is lost."""
    flipped = bytearray(blob)
    for place in range(len(blob) // 16, len(blob) // 2, len(blob) // 16):
        flipped[place] ^= 1
    yield "other bits in frames", bytes(flipped)
    yield "half of a blob", blob[:len(blob) // 2]
    yield "a blob of zeros", bytes(len(blob))
    yield "another table", blob[:table] + bytes(len(blob) - table)
    yield "a blob that is lost", None


def check_damages(test, repo, first, expected):
    layer = max(first.layers, key=lambda entry: entry["size"])
    path = os.path.join(first.directory, "blobs", *layer["digest"].split(":"))
    table = int(layer["annotations"][lib_chunked.NEW + "manifest-position"].split(":")[0])
    with open(path, "rb") as file:
        good = file.read()
    for number, (what, bad) in enumerate(damages(good, table)):
        os.remove(path)
        if bad is not None:
            with open(path, "wb") as file:
                file.write(bad)
        image, result = exported(test, repo, f"damaged-{number}", "--previous", f"oci:{first.directory}:v1")
        test.check(image.digest == expected and "compressed again" in result.stderr,
                   f"a previous image with {what} costs a warning and no more", result.describe())
        with open(path, "wb") as file:
            file.write(good)


def main(test):
    repo = test.init_repo("repo", "archive")
    import_version(test, repo, 1)
    first, _ = exported(test, repo, "first")
    import_version(test, repo, 2)
    # The documents of the previous image alone say in which layers its files are.
    documents = test.path("documents")
    shutil.copytree(first.directory, documents)
    for layer in first.layers:
        os.remove(os.path.join(documents, "blobs", *layer["digest"].split(":")))
    alone, _ = exported(test, repo, "alone", "--previous", f"oci:{documents}:v1")
    second, result = exported(test, repo, "second", "--previous", f"oci:{first.directory}:v1")
    test.check(second.digest == alone.digest and "again" not in result.stderr,
               "the same bytes with the frames of the previous image as without", result.describe())
    check_witnesses(test, second)
    if shutil.which("strace"):
        read = bytes_read(test, repo, first)
        largest = max(layer["size"] for layer in first.layers)
        test.check(read > largest / 2, "the frames are read from the previous image", f"{read} of {largest}")
    check_damages(test, repo, first, alone.digest)


lib_harness.run(main)
