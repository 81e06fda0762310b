#!/usr/bin/env python3
"""Exported images, in every compression: what they hold, and that skopeo, umoci, podman and buildah take them."""

import json
import os
import tarfile
import io

import lib_chunked
import lib_harness
from lib_compare import differences, tree
from lib_containers import Containers, need_root
from lib_export import (COMPRESSIONS, KERNEL, Exported, as_encapsulated, as_plain, commit_tree, export, import_system,
                        pull, without_objects)
from lib_image import sha256

FORMATS = ("encapsulated", "plain")
MEDIA_TYPES = {"zstd:chunked": "+zstd", "zstd:3": "+zstd", "gzip:6": "+gzip", "none": ""}


def check_documents(test, image, what, commit, bootable):
    config, labels = image.config, image.config["config"].get("Labels", {})
    encapsulated = what.startswith("encapsulated")
    test.check(labels.get("ostree.commit") == (commit if encapsulated else None) and
               any(key.startswith("ostree.") for key in labels) == encapsulated, f"{what}: labels", labels)
    test.check(image.manifest.get("annotations", {}) == labels, f"{what}: the annotations are the labels",
               image.manifest.get("annotations"))
    if encapsulated:
        test.check(labels["ostree.final-diffid"] == config["rootfs"]["diff_ids"][-1] and
                   labels.get("ostree.linux") == (KERNEL if bootable else None), f"{what}: facts of ostree", labels)
    test.check(config["config"]["Cmd"] == ["/bin/sh", "-l"] and labels.get("k") == "v", f"{what}: --cmd and --label",
               config["config"])
    test.check(len(config["history"]) == len(image.layers) == len(config["rootfs"]["diff_ids"]) <= 8,
               f"{what}: as many layers in each list, and not too many", config["history"])
    test.check(config["created"] == "2024-01-01T00:00:00Z" and config["os"] == "linux",
               f"{what}: date and system", config)


def tar_fault(data):
    """What keeps a layer from being what readers of zstd:chunked take; "" for nothing."""
    if data[-1024:] != bytes(1024) or data[-1536:-1024] == bytes(512):
        return "does not end in two zero blocks"
    seen = set()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if member.name in seen:
                return f"{member.name} twice"
            if member.islnk() and member.linkname not in seen:
                return f"{member.name} before its target"
            if member.mtime != 0 or member.uname or member.gname:
                return f"{member.name}: a time or a name of a user"
            seen.add(member.name)
    return ""


def check_layers(test, image, what, compression):
    faults = []
    for number, layer in enumerate(image.layers):
        data = image.tar(number)
        if sha256(data) != image.config["rootfs"]["diff_ids"][number]:
            faults.append(f"layer {number}: diffID")
        if not layer["mediaType"].endswith("layer.v1.tar" + MEDIA_TYPES[compression]):
            faults.append(f"layer {number}: {layer['mediaType']}")
        if layer["size"] != len(image.blob(layer["digest"])):
            faults.append(f"layer {number}: size")
        fault = tar_fault(data)
        if fault:
            faults.append(f"layer {number}: {fault}")
    test.check(not faults, f"{what}: {len(image.layers)} layers are what the documents say", "\n".join(faults))


def check_chunked(test, image, what):
    """Table of contents, chunks, footer and tar-split data, by a reader that is not ours."""
    faults, chunks = [], 0
    for number, layer in enumerate(image.layers):
        try:
            parsed = lib_chunked.Layer(image.blob(layer["digest"]), layer["annotations"])
            chunks += sum(len(parts) for _, parts in parsed.entries())
            if parsed.rebuild() != image.config["rootfs"]["diff_ids"][number]:
                faults.append(f"layer {number}: tar-split gives another archive")
        except (lib_chunked.Fault, KeyError) as fault:
            faults.append(f"layer {number}: {fault!r}")
    test.check(not faults and chunks > 100, f"{what}: {chunks} chunks; the archives are made again from tar-split data",
               "\n".join(faults))


def check_unpacked(test, image, what, expected):
    unpacked = test.path("unpacked")
    test.must("umoci", "raw", "unpack", "--image", f"{image.directory}:v1", unpacked)
    actual = tree(unpacked)
    test.must("rm", "-rf", unpacked)
    if what.startswith("encapsulated"):
        actual = without_objects(actual)
    found = differences(expected, actual)
    test.check(not found, f"{what}: umoci unpacks the {len(expected)} paths of the commit",
               "\n".join(f"{path!r}: {text} (commit / umoci)" for path, text in found.items()))


def check_runs(test, containers, image, what):
    """A container of it: podman takes the image, buildah runs its programs."""
    name = "localhost/" + what.replace(" ", "-").replace(":", "-")
    result = test.run("podman", "pull", "-q", f"oci:{image.directory}:v1", env=containers.env)
    if not test.check_status(result, 0, f"{what}: podman pull"):
        return
    containers.podman("tag", result.stdout.strip(), name)
    shown = json.loads(containers.podman("image", "inspect", name))[0]
    test.check(shown["Labels"].get("k") == "v" and shown["Config"]["Cmd"] == ["/bin/sh", "-l"],
               f"{what}: podman image inspect", shown)
    container = test.must("buildah", "from", name, env=containers.env).strip()
    script = ("cat /etc/passwd | head -n 1; ls -ld /usr/bin/setuid /usr/share/closed | cut -c 1-10; "
              "cat /usr/share/three; id -u; readlink /usr/share/link")
    result = test.run("buildah", "run", "--isolation=chroot", container, "--", "/bin/sh", "-c", script,
                      env=containers.env)
    lines = result.stdout.split("\n")
    test.check(result.status == 0 and lines[0].startswith("root:") and
               lines[1:6] == ["-rwsr-xr-x", "drwxr-s---", "same", "0", "one"], f"{what}: buildah runs it",
               result.describe())
    if what.startswith("plain"):
        result = test.run("buildah", "run", "--isolation=chroot", container, "--", "/bin/sh", "-c",
                          "cd /root && touch x && cat /var/lib/state/db && ls -ld /var/tmp/ | cut -c 1-10",
                          env=containers.env)
        test.check(result.stdout == "statedrwxrwxrwt\n", f"{what}: /root and /var are there", result.describe())
    test.must("buildah", "rm", container, env=containers.env)


def check_skopeo(test, image, what, commit):
    result = test.run("skopeo", "inspect", f"oci:{image.directory}:v1")
    shown = json.loads(result.stdout) if result.status == 0 else {}
    test.check(shown.get("Digest") == image.digest and len(shown.get("Layers", [])) == len(image.layers),
               f"{what}: skopeo inspect", result.describe())
    copy = test.path("copy")
    test.must("skopeo", "copy", "-q", "--preserve-digests", f"oci:{image.directory}:v1", f"oci:{copy}:v1")
    if what.startswith("encapsulated"):
        result = pull(test, test.path("repo-of-copy"), f"oci:{copy}:v1")
        test.check(result.commit == commit, f"{what}: skopeo copy, then pull: the same commit", result.describe())
    test.must("rm", "-rf", copy)


def main(test):
    need_root()
    test.need("umoci", "ostree", "skopeo", "zstd")
    os.umask(0o022)
    repo = test.path("repo")
    commit = import_system(test, repo)
    facts = commit_tree(test, repo, commit)
    expected = {"encapsulated": as_encapsulated(facts), "plain": as_plain(facts)}
    containers = Containers(test)
    for format_ in FORMATS:
        for compression in COMPRESSIONS:
            what = f"{format_} {compression}"
            directory = test.path(what.replace(" ", "-").replace(":", "-"))
            result = export(test, repo, f"oci:{directory}:v1", "--format", format_, "--compression", compression,
                            "--max-layers", "8", "--label", "k=v", "--cmd", "/bin/sh", "--cmd=-l")
            if not test.check_status(result, 0, f"export {what}"):
                continue
            image = Exported(directory)
            test.check(result.stdout.strip() == image.digest, f"{what}: prints the digest", result.stdout)
            check_documents(test, image, what, commit, bootable=True)
            check_layers(test, image, what, compression)
            if compression == "zstd:chunked":
                check_chunked(test, image, what)
                check_runs(test, containers, image, what)
                check_skopeo(test, image, what, commit)
            if compression == "gzip:6":
                check_unpacked(test, image, what, expected[format_])
            if format_ == "plain":
                again = test.osb_import(f"oci:{directory}:v1", repo, "--ref", "again", "--parent", "none")
                contents = [test.must("ostree", "ls", "-R", "-C", "-X", f"--repo={repo}", ref) for ref in ("os", "again")]
                test.check(contents[0] == contents[1], f"{what}: imported again it is the same tree", again.describe())


lib_harness.run(main)
