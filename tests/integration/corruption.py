#!/usr/bin/env python3
# Takes minutes.
"""A bit flipped at every byte, and every truncation, of every file of a small image; with OSB_LONG=1. Else at every fourth byte,
which of four depends on OSB_SEED.

Each is refused with status 3 (1 where a file cannot be found any more), in one printable line, with no ref moved; or it
changes nothing, as does white space in a document that no digest covers, and the commit is the same.
"""

import collections
import json
import os
import subprocess
import time

import lib_harness
from lib_harness import LONG, only_long
from lib_image import Layout, TarLayer, archive_of, sha256

STEP = 1 if LONG else 4
# Every length of the archive would be 30,000 runs for nothing new: what its blocks hold was cut in the layout.
ARCHIVE_STEP = 509


def small_image(test):
    """Two layers, in gzip and zstd, as small as that goes: each byte is a run."""
    layout = Layout(test.path("image"))
    first = TarLayer().directory("etc").file_entry("etc/name", b"value\n", xattrs={"user.a": b"b"}).bytes()
    second = TarLayer().symlink("link", "etc").file_entry("etc/name", b"other\n").whiteout("etc/gone").bytes()
    layers = [layout.layer(first, "gzip"), layout.layer(second, "zstd")]
    config = layout.config([sha256(first), sha256(second)])
    layout.tag(layout.manifest(config, layers), "v1")
    return layout


class Mutator:
    def __init__(self, test, image, good):
        self.test, self.image, self.good = test, image, good
        self.repo = test.init_repo("repo")
        self.command = [test.osb, "import", image, "--repo", self.repo, "--ref", "victim", "--layout", "plain",
                        "--progress", "none", "--jobs", "1"]
        self.seed = int(os.environ.get("OSB_SEED", time.time()))
        print(f"# OSB_SEED={self.seed}")
        self.outcomes = collections.Counter()

    def attempt(self, what):
        """One run; what is wrong with it, or None."""
        done = subprocess.run(self.command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        self.outcomes[done.returncode] += 1
        stderr = done.stderr.decode(errors="backslashreplace")
        refs = lib_harness.refs(self.repo)
        fault = None
        if done.returncode == 0:
            if done.stdout.decode().strip() != self.good:
                fault = "accepted, and the commit is another"
            # A success leaves refs, which the next run would find.
            for ref in refs:
                os.unlink(os.path.join(self.repo, "refs", "heads", ref))
        elif done.returncode not in (1, 3):
            fault = f"exit status {done.returncode}"
        elif refs:
            fault = f"refs moved: {refs}"
        elif done.stdout:
            fault = f"printed {done.stdout[:100]!r}"
        else:
            fault = lib_harness.error_fault(stderr) or None
        return f"{what}: {fault}: {stderr[:300]!r}" if fault else None

    def mutations(self, path, step):
        """(what, changed content) of each change to a file."""
        with open(path, "rb") as file:
            original = file.read()
        for position in range(self.seed % step, len(original), step):
            changed = bytearray(original)
            changed[position] ^= 1 << (position % 8)
            yield f"byte {position} of {len(original)} flipped", bytes(changed)
            yield f"cut to {position} of {len(original)} bytes", original[:position]
        yield "unchanged", original

    def file(self, path, name, step=STEP):
        faults = []
        self.outcomes.clear()
        for what, content in self.mutations(path, step):
            with open(path, "wb") as out:
                out.write(content)
            if fault := self.attempt(what):
                faults.append(fault)
        counts = ", ".join(f"{count} x {status}" for status, count in sorted(self.outcomes.items()))
        self.test.check(not faults, f"{name}: every change is refused or changes nothing (status {counts})",
                        "\n".join(faults))


def main(test):
    test.need("ostree")
    layout = small_image(test)
    archive = archive_of(layout, test.path("image.tar"))
    image = f"oci:{layout.directory}:v1"
    good = test.osb_import(image, test.path("good"), "--ref", "victim", "--layout", "plain")
    test.check_status(good, 0, "the image as it is")
    # No fsync: nothing of these repositories is to survive.
    mutator = Mutator(test, image, good.commit)
    test.must("ostree", "config", f"--repo={mutator.repo}", "set", "core.fsync", "false")
    for name in ("index.json", "oci-layout"):
        mutator.file(os.path.join(layout.directory, name), name)
    manifest = layout.manifests[0]["digest"]
    with open(layout.blob_path(manifest), encoding="utf-8") as file:
        documents = json.load(file)
    blobs = {"the manifest": manifest, "the config": documents["config"]["digest"],
             **{f"layer {number}": layer["digest"] for number, layer in enumerate(documents["layers"], 1)}}
    for name, digest in blobs.items():
        mutator.file(layout.blob_path(digest), name)
    mutator.command[2] = f"oci-archive:{archive}:v1"
    mutator.file(archive, "an oci-archive", ARCHIVE_STEP * STEP)
    only_long("three of four bytes and lengths of each file of the image")
    test.fsck(mutator.repo, "fsck after all of them")
    test.check(not lib_harness.staged(mutator.repo), "nothing staged is left", lib_harness.staged(mutator.repo))


lib_harness.run(main)
