#!/usr/bin/env python3
"""dir:, tarball:, docker-archive: and docker-daemon:, compared with skopeo, podman and dockerd."""

import bz2
import gzip
import json
import os
import shutil

import lib_docker
import lib_harness
from lib_containers import Containers, base_rootfs
from lib_image import ARCHITECTURE, INDEX, LAYER, Layout, TarLayer, sha256, to_json
from lib_harness import Skip

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
COPY = ("skopeo", "--insecure-policy", "copy", "-q")


def raw_manifest(test, image, env=None):
    return test.must("skopeo", "inspect", "--raw", image, env=env)


def make_layout(test):
    """An image with the tag v1, and an index of two platforms with the tag both."""
    layout = Layout(test.path("layout"))
    entries = []
    for architecture in ("amd64", "arm64"):
        tar = TarLayer().file_entry("etc/arch", f"{architecture}\n".encode()).bytes()
        manifest = layout.manifest(layout.config([sha256(tar)], architecture=architecture), [layout.layer(tar)])
        entries.append({**manifest, "platform": {"os": "linux", "architecture": architecture}})
    layout.tag(dict(entries[0]), "v1")
    layout.tag(layout.blob(to_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}), INDEX), "both")
    return layout.directory


def check_dir_read(test, layout):
    """What skopeo writes."""
    for name, options in (("oci", ()), ("docker", ("--format", "v2s2"))):
        directory = test.path("dir-" + name)
        test.must(*COPY, *options, f"oci:{layout}:v1", f"dir:{directory}")
        result = test.run(test.osb, "inspect", "--json", f"dir:{directory}")
        if test.check_status(result, 0, f"{name}: inspect"):
            with open(os.path.join(directory, "manifest.json"), "rb") as file:
                test.check(json.loads(result.stdout)["digest"] == sha256(file.read()), f"{name}: the digest of the file")
        if name == "docker":
            test.check(DOCKER_MANIFEST in result.stdout, "a docker manifest", result.stdout)
        repo = test.path("repo-dir-" + name)
        result = test.osb_import(f"dir:{directory}", repo, "--ref", "os", "--layout", "plain")
        test.check_status(result, 0, f"{name}: import")
        test.check(test.must("ostree", "cat", f"--repo={repo}", "os", "/etc/arch") == "amd64\n", f"{name}: its content")
    directory = test.path("dir-list")
    test.must(*COPY, "--all", f"oci:{layout}:both", f"dir:{directory}")
    test.check(any(name.endswith(".manifest.json") for name in os.listdir(directory)), "skopeo wrote a list", os.listdir(directory))
    repo = test.path("repo-dir-list")
    for architecture in ("amd64", "arm64"):
        result = test.osb_import(f"dir:{directory}", repo, "--ref", architecture, "--layout", "plain", "--platform",
                                 f"linux/{architecture}")
        test.check_status(result, 0, f"list: import of {architecture}")
        got = test.run("ostree", "cat", f"--repo={repo}", architecture, "/etc/arch").stdout
        test.check(got == architecture + "\n", f"list: {architecture} is chosen", got)
    result = test.run(test.osb, "inspect", f"dir:{directory}")
    test.check_status(result, 0, "list: inspect")


def check_dir_write(test, repo, commit):
    directory = test.path("written")
    result = test.run(test.osb, "export", "--repo", repo, "os", f"dir:{directory}")
    if not test.check_status(result, 0, "export to dir:"):
        return
    digest = result.stdout.strip()
    copy = test.path("written-copy")
    os.mkdir(copy)
    test.must(*COPY, "--preserve-digests", f"dir:{directory}", f"oci:{copy}:v1")
    test.check(sha256(raw_manifest(test, f"oci:{copy}:v1").encode()) == digest, "skopeo copies the very image")
    result = test.run(test.osb, "pull", "--repo", test.path("pulled"), f"dir:{directory}")
    test.check(result.commit == commit, "pull from dir: the same commit", result.describe())
    # Another image in its place: nothing of the old one remains, no signature either.
    with open(os.path.join(directory, "signature-1"), "wb") as out:
        out.write(b"old")
    result = test.run(test.osb, "export", "--repo", repo, "os", f"dir:{directory}", "--format", "plain", "--compression", "gzip")
    test.check_status(result, 0, "export over it")
    manifest = json.loads(raw_manifest(test, f"dir:{directory}"))
    names = {item["digest"].split(":")[1] for item in [manifest["config"], *manifest["layers"]]}
    test.check(set(os.listdir(directory)) == names | {"version", "manifest.json"}, "only the new image is there",
               sorted(os.listdir(directory)))
    test.must(*COPY, f"dir:{directory}", f"oci:{copy}:v2")
    test.check_refused(test.run(test.osb, "export", "--repo", repo, "os", f"dir:{test.work}"), 3, "a directory with other files")


def check_tarball(test, rootfs):
    """The same bytes give the same commit, under any name, from a file or a pipe."""
    repo = test.path("repo-tarball")
    copy = test.path("my-rootfs-3.20.3-x86_64.tar")
    shutil.copyfile(rootfs, copy)
    os.utime(copy, (0, 0))
    result = test.osb_import(f"tarball:{copy}", repo, "--layout", "plain", "--platform", "linux/arm64")
    test.check_status(result, 0, "import of a tarball")
    test.check(lib_harness.refs(repo).get("os/aarch64/my-rootfs") == result.commit, "the default ref", lib_harness.refs(repo))
    other = test.osb_import(f"tarball:{rootfs}", test.path("repo-tarball2"), "--layout", "plain", "--platform", "linux/arm64", "--ref", "x")
    test.check(other.commit == result.commit, "another name and time of the file: the same commit", other.describe())
    with open(rootfs, "rb") as file:
        piped = test.osb_import("tarball:-", test.path("repo-tarball3"), "--layout", "plain", "--platform", "linux/arm64", stdin=file)
    test.check(piped.commit == result.commit, "standard input: the same commit", piped.describe())
    above = TarLayer().file_entry("etc/above", b"1").bytes()
    with gzip.open(test.path("above.tar.gz"), "wb") as out:
        out.write(above)
    result = test.osb_import(f"tarball:{rootfs}:{test.path('above.tar.gz')}", repo, "--layout", "plain", "--ref", "two")
    test.check_status(result, 0, "two tarballs")
    paths = test.must("ostree", "ls", "-R", f"--repo={repo}", "two")
    test.check("/etc/above" in paths and paths.count("\n") > 20, "one tree of both")
    # The image that skopeo makes of the same files has the same layers.
    copy = test.path("tarball-oci")
    os.mkdir(copy)
    test.must(*COPY, f"tarball:{rootfs}:{test.path('above.tar.gz')}", f"oci:{copy}:v1")
    config = test.must("skopeo", "inspect", "--config", "--raw", f"oci:{copy}:v1")
    own = test.must(test.osb, "inspect", "--config", f"tarball:{rootfs}:{test.path('above.tar.gz')}")
    test.check(json.loads(config)["rootfs"] == json.loads(own)["rootfs"], "the diffIDs that skopeo has", own)
    test.check(json.loads(own)["architecture"] == json.loads(config)["architecture"], "the architecture of this machine", own)
    result = test.run(test.osb, "export", "--repo", repo, "two", f"tarball:{test.path('no.tar')}")
    test.check_refused(result, 2, "writing a tarball")
    test.check_refused(test.osb_import(f"tarball:{test.path('none.tar')}", repo), 1, "no such tarball")


def bzip2_streams(data):
    """A stream for each piece, as pbzip2 writes them."""
    size = max(1, len(data) // 3)
    return b"".join(bz2.compress(data[at:at + size]) for at in range(0, len(data), size))


def check_bzip2_layer(test, tar, compress, what):
    """A layer that its media type calls gzip or plain, and the archive that skopeo makes of it."""
    layout = Layout(test.path("bzip2-layout"))
    blob = compress(tar)
    for number, suffix in enumerate(("", "+gzip")):
        layout.tag(layout.manifest(layout.config([sha256(tar)]), [layout.blob(blob, LAYER + suffix)]), "v" + str(number))
    repo, plain = test.path("bzip2-repo"), test.path("bzip2-plain")
    for number in range(2):
        result = test.osb_import(f"oci:{layout.directory}:v{number}", repo, "--ref", f"v{number}", "--layout", "plain")
        test.check_status(result, 0, f"a layer in bzip2 ({what})")
    os.mkdir(plain)
    test.must(*COPY, "--dest-decompress", f"oci:{layout.directory}:v1", f"dir:{plain}")
    test.check(os.path.exists(os.path.join(plain, sha256(tar).split(":")[1])), f"skopeo unpacks it to the same archive ({what})",
               os.listdir(plain))
    reference = test.osb_import(f"dir:{plain}", test.path("bzip2-other-repo"), "--ref", "v1", "--layout", "plain")
    trees = [test.must("ostree", "ls", "-R", "-C", "-X", f"--repo={place}", "v1") for place in (repo, test.path("bzip2-other-repo"))]
    test.check(trees[0] == trees[1], f"the tree of the layer that skopeo unpacked ({what})", reference.describe())
    for name in (layout.directory, repo, plain, test.path("bzip2-other-repo")):
        shutil.rmtree(name)


def check_bzip2(test, rootfs, layout):
    """Root filesystems, archives of images and layers in bzip2, as one stream and as several."""
    with open(rootfs, "rb") as file:
        tar = file.read()
    wanted = test.osb_import(f"tarball:{rootfs}", test.path("bzip2-wanted"), "--ref", "os", "--layout", "plain").commit
    archive = test.path("image.tar")
    test.must(*COPY, f"oci:{layout}:v1", f"docker-archive:{archive}:localhost/x:v1")
    with open(archive, "rb") as file:
        image = file.read()
    for what, compress in (("one stream", bz2.compress), ("several streams", bzip2_streams)):
        packed = test.path("rootfs.tar.bz2")
        with open(packed, "wb") as out:
            out.write(compress(tar))
        result = test.osb_import(f"tarball:{packed}", test.path("bzip2-tarball"), "--ref", "os", "--layout", "plain")
        test.check(result.commit == wanted, f"tarball: in bzip2 ({what}): the commit of the plain one", result.describe())
        packed, copy = test.path("image.tar.bz2"), test.path("bzip2-oci")
        with open(packed, "wb") as out:
            out.write(compress(image))
        os.mkdir(copy)
        test.must(*COPY, f"docker-archive:{packed}", f"oci:{copy}:v1")
        configs = [test.run(*command).stdout.strip() for command in (
            ("skopeo", "inspect", "--config", "--raw", f"oci:{copy}:v1"), (test.osb, "inspect", "--config", f"docker-archive:{packed}"))]
        shutil.rmtree(copy)
        test.check(configs[0] and json.loads(configs[0])["rootfs"] == json.loads(configs[1] or "{}").get("rootfs"),
                   f"docker-archive: in bzip2 ({what}): the layers that skopeo reads", configs)
        with open(packed, "rb") as file:
            result = test.osb_import("docker-archive:-", test.path("bzip2-piped"), "--ref", "os", "--layout", "plain", stdin=file)
        test.check_status(result, 0, f"docker-archive: in bzip2 ({what}), from a pipe")
        check_bzip2_layer(test, tar, compress, what)
    for what, data in (("truncated", bz2.compress(tar)[:-1]), ("with rubbish after its end", bz2.compress(tar) + b"x")):
        with open(packed, "wb") as out:
            out.write(data)
        test.check_refused(test.osb_import(f"tarball:{packed}", test.path("bzip2-tarball")), 3, f"bzip2 {what}")


def check_docker_archive(test, containers, repo):
    """Archives of `export` in skopeo and podman."""
    for compression in ("none", "gzip"):
        archive = test.path(f"docker-{compression}.tar")
        name = f"localhost/archive-{compression}:1"
        result = test.run(test.osb, "export", "--repo", repo, "os", f"docker-archive:{archive}:{name}", "--format", "plain",
                          "--compression", compression)
        if not test.check_status(result, 0, f"docker-archive, {compression}"):
            continue
        facts = json.loads(test.must("skopeo", "inspect", f"docker-archive:{archive}"))
        test.check(facts["Architecture"] == ARCHITECTURE, f"skopeo reads it, {compression}", facts)
        loaded = containers.podman("load", "-q", "-i", archive)
        test.check(name in loaded, f"podman loads it, {compression}", loaded)
        again = containers.osb_import(f"containers-storage:{name}", test.path("repo-" + compression), "--ref", "os", "--layout", "plain")
        test.check(same_files(test, test.path("repo-" + compression), repo), f"podman has the same files, {compression}", again.describe())
    with open(test.path("piped.tar"), "wb") as out:
        test.must("sh", "-c", f"{test.osb} export --repo {repo} os docker-archive:- --format plain > {out.name}")
    test.must("skopeo", "inspect", f"docker-archive:{test.path('piped.tar')}")
    result = test.run(test.osb, "export", "--repo", repo, "os", f"docker-archive:{test.path('z.tar')}", "--compression", "zstd")
    test.check_refused(result, 2, "zstd in a docker-archive")
    result = test.run(test.osb, "export", "--repo", repo, "os", f"docker-archive:{test.path('z.tar')}:UPPER")
    test.check_refused(result, 2, "a name that docker does not have")


def same_files(test, one, other, ref="os"):
    def listing(repo):
        lines = test.must("ostree", "ls", "-R", "-C", "-X", f"--repo={repo}", ref).splitlines()
        return sorted(lines)
    return listing(one) == listing(other)


def check_daemon(test, what, daemon, repo, save):
    """export to the daemon, import from it, by name and id; what it has is what `save` finds."""
    name = "localhost/from-osb:1"
    result = test.run(test.osb, "export", "--repo", repo, "os", f"docker-daemon:{name}", "--format", "plain", env=daemon.env)
    if not test.check_status(result, 0, f"{what}: export"):
        return
    save(name)
    image_id = json.loads(daemon.get(f"/images/{name}/json"))["Id"]
    image_id = image_id if ":" in image_id else "sha256:" + image_id
    for number, image in enumerate((name, image_id)):
        back = test.path(f"repo-{what}-{number}")
        result = test.osb_import(f"docker-daemon:{image}", back, "--ref", "os", "--layout", "plain", env=daemon.env)
        if test.check_status(result, 0, f"{what}: import of {image[:30]}"):
            test.check(same_files(test, back, repo), f"{what}: the same files")
    result = test.osb_import("docker-daemon:localhost/none:1", test.path("none"), env=daemon.env)
    test.check_refused(result, 1, f"{what}: no such image")


def check_daemons(test, containers, repo):
    try:
        daemon = lib_docker.podman_service(test, containers)
        try:
            check_daemon(test, "podman", daemon, repo,
                         lambda name: test.check(name in containers.podman("images", "--format", "{{.Repository}}:{{.Tag}}"),
                                                 "podman lists it"))
        finally:
            daemon.stop()
    except Skip as reason:
        test.skip_one("docker-daemon: with podman's service", reason)
    try:
        daemon = lib_docker.dockerd(test)
        try:
            def witness(name):
                copy = test.path("dockerd-copy.tar")
                test.must(*COPY, "--src-daemon-host", daemon.env["DOCKER_HOST"], f"docker-daemon:{name}", f"docker-archive:{copy}")
            check_daemon(test, "dockerd", daemon, repo, witness)
        finally:
            daemon.stop()
    except Skip as reason:
        test.skip_one("docker-daemon: with dockerd", reason)
    absent = {**os.environ, "DOCKER_HOST": f"unix://{test.path('nowhere.sock')}"}
    result = test.run(test.osb, "inspect", "docker-daemon:x", env=absent)
    test.check_refused(result, 5, "no daemon", "nowhere.sock")


def main(test):
    test.need("ostree", "skopeo")
    layout = make_layout(test)
    check_dir_read(test, layout)
    rootfs = base_rootfs(test)
    check_tarball(test, rootfs)
    check_bzip2(test, rootfs, layout)
    repo = test.path("repo")
    commit = test.osb_import(f"tarball:{rootfs}", repo, "--ref", "os", "--layout", "plain").commit
    check_dir_write(test, repo, commit)
    if os.geteuid() != 0:
        test.skip_one("docker-archive: and docker-daemon:", "podman needs root here")
        return
    containers = Containers(test)
    check_docker_archive(test, containers, repo)
    check_daemons(test, containers, repo)


lib_harness.run(main)
