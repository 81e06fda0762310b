#!/usr/bin/env python3
"""One image through every transport is one tree; a choice among platforms; and what a transport refuses."""

import os
import subprocess

import lib_harness
from lib_containers import Containers, base_rootfs
from lib_image import ARCHITECTURE, INDEX, MANIFEST, Layout, TarLayer, sha256, simple_layout, to_json


def listing(test, repo, ref):
    return test.must("ostree", "ls", "-R", "-C", "-X", f"--repo={repo}", ref)


def check_same_tree(test, containers):
    """Each transport into a repository of its own, so that no layer is known from the one before."""
    copies = test.path("copies")
    os.mkdir(copies)
    image = "containers-storage:localhost/built"
    containers.skopeo("copy", "-q", image, f"oci:{copies}/layout:v1")
    containers.skopeo("copy", "-q", image, f"oci-archive:{copies}/oci.tar:v1")
    containers.skopeo("copy", "-q", image, f"docker-archive:{copies}/skopeo.tar:localhost/built:v1")
    containers.skopeo("copy", "-q", f"oci:{copies}/layout:v1", f"dir:{copies}/directory")
    containers.podman("save", "-q", "-o", f"{copies}/podman.tar", "localhost/built")
    container = containers.podman("create", "localhost/built", "true").strip()
    containers.podman("export", "-o", f"{copies}/flat.tar", container)
    containers.podman("save", "-q", "--format", "oci-archive", "-o", f"{copies}/podman-oci.tar", "localhost/built")
    containers.skopeo("copy", "-q", f"oci:{copies}/layout:v1", "containers-storage:localhost/copied:v1")
    images = [f"oci:{copies}/layout:v1", f"oci:{copies}/layout", f"oci-archive:{copies}/oci.tar:v1",
              f"oci-archive:{copies}/podman-oci.tar", f"docker-archive:{copies}/skopeo.tar",
              f"docker-archive:{copies}/podman.tar", f"dir:{copies}/directory", f"tarball:{copies}/flat.tar",
              image, "containers-storage:localhost/copied:v1"]
    first = None
    for number, name in enumerate(images):
        repo = test.path(f"repo{number}")
        result = containers.osb_import(name, repo, "--ref", "os", "--layout", "plain")
        what = name.replace(copies, "DIR")
        if not test.check_status(result, 0, what):
            continue
        found = listing(test, repo, "os")
        first = first or found
        test.check(found == first and found.count("\n") > 20, f"{what}: the same tree")
        test.fsck(repo, f"{what}: fsck")
    for name in (f"{copies}/oci.tar", f"{copies}/podman-oci.tar"):
        with subprocess.Popen(["cat", name], stdout=subprocess.PIPE) as cat:
            repo = test.path("piped-" + os.path.basename(name))
            result = test.osb_import("oci-archive:-", repo, "--ref", "os", "--layout", "plain", stdin=cat.stdout)
        if test.check_status(result, 0, f"cat {os.path.basename(name)} | import oci-archive:-"):
            test.check(listing(test, repo, "os") == first, "a pipe: the same tree")


def check_platforms(test):
    layout = Layout(test.path("platforms"))
    manifests = {}
    for architecture, variant in (("amd64", ""), ("arm64", "v8"), ("arm", "v7"), ("riscv64", "")):
        tar = TarLayer().file_entry("arch", f"{architecture}{variant}\n".encode()).bytes()
        config = layout.config([sha256(tar)], architecture=architecture, **({"variant": variant} if variant else {}))
        manifest = layout.manifest(config, [layout.layer(tar)])
        manifest["platform"] = {"os": "linux", "architecture": architecture,
                                **({"variant": variant} if variant else {})}
        manifests[architecture] = manifest
    nested = layout.blob(to_json({"schemaVersion": 2, "mediaType": INDEX,
                                  "manifests": [manifests["arm"], manifests["riscv64"]]}), INDEX)
    layout.tag(layout.blob(to_json({"schemaVersion": 2, "mediaType": INDEX,
                                    "manifests": [manifests["amd64"], manifests["arm64"], nested]}), INDEX), "v1")
    repo = test.path("platform-repo")
    for platform, expected in (("linux/amd64", "amd64\n"), ("linux/arm64", "arm64v8\n"),
                               ("linux/arm64/v8", "arm64v8\n"),
                               ("linux/arm/v7", "armv7\n"), ("linux/riscv64", "riscv64\n")):
        ref = platform.replace("/", "-")
        result = test.osb_import(f"oci:{layout.directory}:v1", repo, "--ref", ref, "--layout", "plain", "--platform",
                                 platform)
        got = test.run("ostree", "cat", f"--repo={repo}", ref, "/arch")
        test.check(got.stdout == expected, f"--platform {platform}", f"{result.describe()}\n{got.describe()}")
    result = test.osb_import(f"oci:{layout.directory}:v1", repo, "--ref", "none", "--platform", "linux/s390x")
    test.check(result.status in (1, 3) and "s390x" in result.stderr, "no image for the platform: says which",
               result.describe())
    result = test.osb_import(f"oci:{layout.directory}:v1", repo, "--ref", "default", "--layout", "plain")
    if ARCHITECTURE in manifests:
        test.check(test.run("ostree", "cat", f"--repo={repo}", "default", "/arch").stdout.startswith(ARCHITECTURE),
                   "without --platform: this machine's", result.describe())


def check_refusals(test):
    """What is well formed but no image that can become a commit: status 3, with the reason."""
    tar = TarLayer().file_entry("x", b"x").bytes()
    layout = Layout(test.path("refused"))
    config, layer = layout.config([sha256(tar)]), layout.layer(tar)
    gone = {**layer, "digest": sha256(b"gone")}
    foreign = {**gone, "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
               "urls": ["http://169.254.169.254/x"]}
    nondistributable = {**gone, "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}
    empty = layout.blob(b"{}", "application/vnd.oci.empty.v1+json")
    schema1 = {"schemaVersion": 1, "name": "x", "tag": "1", "architecture": "amd64",
               "fsLayers": [{"blobSum": layer["digest"]}], "history": [{"v1Compatibility": "{}"}]}
    cases = {
        "schema1": layout.blob(to_json(schema1), "application/vnd.docker.distribution.manifest.v1+json"),
        "foreign": layout.manifest(config, [foreign]),
        "nondistributable": layout.manifest(config, [nondistributable]),
        "artifact-type": layout.manifest(empty, [empty], artifactType="application/x-thing"),
        "artifact-config": layout.manifest({**config, "mediaType": "application/vnd.cncf.helm.config.v1+json"},
                                           [layer]),
        "unknown-layer": layout.manifest(config, [{**layer, "mediaType": "application/x-thing"}]),
        "unknown-manifest": layout.blob(b"{}", "application/x-thing"),
        "both": layout.manifest(config, [layer], manifests=[]),
        "too-few-diff-ids": layout.manifest(layout.config([]), [layer]),
        "wrong-diff-id": layout.manifest(layout.config([sha256(b"other")]), [layer]),
        "wrong-size": layout.manifest(config, [{**layer, "size": layer["size"] + 1}]),
        "bad-digest": layout.manifest(config, [{**layer, "digest": "sha256:../../../etc/passwd"}]),
        "md5": layout.manifest(config, [{**layer, "digest": "md5:d41d8cd98f00b204e9800998ecf8427e"}]),
    }
    repo = test.init_repo("refused-repo")
    for tag, descriptor in cases.items():
        layout.tag({**descriptor, "mediaType": descriptor.get("mediaType", MANIFEST)}, tag)
        test.check_refused(test.osb_import(f"oci:{layout.directory}:{tag}", repo, "--ref", "os"), 3, tag)
    test.check(not lib_harness.refs(repo), "no ref moved", lib_harness.refs(repo))
    test.fsck(repo, "fsck after refusals")
    # The digest and the diffID decide, not the media type.
    mislabelled = layout.manifest(config, [{**layer, "mediaType": layer["mediaType"].replace("gzip", "zstd")}])
    layout.tag({**mislabelled, "mediaType": MANIFEST}, "says-zstd")
    result = test.osb_import(f"oci:{layout.directory}:says-zstd", repo, "--ref", "os")
    test.check(result.status == 0, "a media type that names another compression is taken", result.describe())


def check_absent(test):
    layout = simple_layout(test.path("absent"), {"x": b"x"})
    repo = test.path("absent-repo")
    for image in (f"oci:{test.path('nowhere')}", f"oci:{layout.directory}:v2",
                  f"oci-archive:{test.path('nowhere.tar')}",
                  f"docker-archive:{test.path('nowhere.tar')}"):
        test.check_refused(test.osb_import(image, repo), 1, "not there: " + image.replace(test.work, "DIR"))
    for arguments in (["no-transport"], ["ftp:thing"], ["oci:"], [f"oci:{layout.directory}:v1", "--layout", "sideways"],
                      [f"oci:{layout.directory}:v1", "--ref", "../up"],
                      [f"oci:{layout.directory}:v1", "--platform", "linux"],
                      [f"oci:{layout.directory}:v1", "--jobs", "0"], [f"oci:{layout.directory}:v1", "--no-such-option"],
                      []):
        result = test.run(test.osb, "import", "--repo", repo, *arguments)
        test.check_refused(result, 2, "wrong command line: " + " ".join(arguments).replace(test.work, "DIR"))
    test.check(not os.path.exists(repo), "none of them made a repository")


def main(test):
    test.need("ostree")
    check_platforms(test)
    check_refusals(test)
    check_absent(test)
    if os.geteuid() != 0:
        test.skip_one("one tree through every transport", "podman needs root here")
        return
    containers = Containers(test)
    containers.import_rootfs(base_rootfs(test), "localhost/base")
    os.mkdir(test.path("context"))
    with open(test.path("context", "Containerfile"), "w", encoding="ascii") as out:
        out.write("FROM localhost/base\n"
                  "RUN mkdir /data && echo 1 > /data/one && chmod 4755 /data/one\n"
                  "RUN rm /data/one && echo 2 > /data/two\n")
    containers.build("localhost/built", test.path("context"), "--layers")
    check_same_tree(test, containers)
    result = containers.osb_import("containers-storage:localhost/no-such-image", test.path("repo-none"), "--ref", "os")
    test.check_refused(result, 1, "not in the storage")


lib_harness.run(main)
