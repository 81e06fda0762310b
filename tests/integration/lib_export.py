"""What the tests of exported images share: a commit of a whole system, and the image's documents and layers."""

import gzip
import hashlib
import json
import os
import subprocess

from lib_compare import tree
from lib_containers import base_rootfs
from lib_image import Layout, TarLayer, sha256

COMPRESSIONS = ("zstd:chunked", "zstd:3", "gzip:6", "none")
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw=ep
KERNEL = "6.6.54-0-test"


def odd_layer():
    """What a base system may lack: a kernel, attributes, special modes, links, names of all kinds, large files."""
    layer = TarLayer()
    layer.file_entry("boot/vmlinuz-test", b"kernel" * 1000).file_entry("boot/initramfs-test", bytes(range(256)) * 5000)
    layer.directory(f"lib/modules/{KERNEL}").file_entry(f"lib/modules/{KERNEL}/modules.dep", b"a.ko:\n")
    layer.file_entry("usr/bin/capable", b"x", mode=0o755, xattrs={"security.capability": CAPABILITY})
    layer.file_entry("usr/bin/setuid", b"s", mode=0o4755, uid=7, gid=8)
    layer.file_entry("usr/lib/owned", b"o", mode=0o640, uid=3_000_000_000, gid=70000, xattrs={"user.k": b"value"})
    layer.directory("usr/share/closed", mode=0o2750, uid=1, gid=2, xattrs={"user.d": b"directory"})
    layer.file_entry("usr/share/closed/inside", b"i").file_entry("usr/share/empty")
    layer.file_entry("usr/share/one", b"same\n").file_entry("usr/share/two", b"same\n")
    layer.hardlink("usr/share/three", "usr/share/one")
    layer.symlink("usr/share/link", "one", uid=5, gid=6).symlink("usr/share/dangling", "/nowhere//at/all")
    layer.file_entry("usr/share/" + "n" * 120 + "/" + "m" * 120 + "/file", b"long")
    layer.file_entry("usr/share/\u65e5\u672c\u8a9e \u00fc", b"unicode").file_entry("usr/share/new\nline\x1b", b"escape")
    pieces = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(20000))
    layer.file_entry("usr/share/large", pieces + bytes(200000) + pieces[:1000] * 100)
    layer.directory("var/lib/state", mode=0o700).file_entry("var/lib/state/db", b"state", mode=0o600)
    return layer.bytes()


def import_system(test, repo, layout="bootable"):
    """The base system with all that is odd on top, as a commit under the ref os."""
    with open(base_rootfs(test), "rb") as file:
        base = file.read()
    image = Layout(test.path("system"))
    image.image("v1", [base, odd_layer()], "")
    result = test.osb_import(f"oci:{image.directory}:v1", repo, "--ref", "os", "--layout", layout)
    if result.status != 0:
        raise RuntimeError(result.describe())
    return result.commit


def export(test, repo, image, *options):
    return test.run(test.osb, "export", "--repo", repo, "--progress", "none", "os", image, *options)


def pull(test, repo, image, *options):
    return test.run(test.osb, "pull", "--repo", repo, "--progress", "none", image, *options)


class Exported:
    """An image in an OCI layout."""

    def __init__(self, directory, tag="v1"):
        self.directory = directory
        with open(os.path.join(directory, "index.json"), "rb") as file:
            index = json.load(file)
        self.descriptor = next(entry for entry in index["manifests"]
                               if entry["annotations"]["org.opencontainers.image.ref.name"] == tag)
        self.manifest = json.loads(self.blob(self.descriptor["digest"]))
        self.config = json.loads(self.blob(self.manifest["config"]["digest"]))

    @property
    def digest(self):
        return self.descriptor["digest"]

    @property
    def layers(self):
        return self.manifest["layers"]

    def blob(self, digest):
        with open(os.path.join(self.directory, "blobs", *digest.split(":")), "rb") as file:
            data = file.read()
        if sha256(data) != digest:
            raise RuntimeError(f"{digest} is something else")
        return data

    def tar(self, number):
        """A layer, uncompressed by another program than osb-oci."""
        layer = self.layers[number]
        data = self.blob(layer["digest"])
        if layer["mediaType"].endswith("+gzip"):
            return gzip.decompress(data)
        if layer["mediaType"].endswith("+zstd"):
            return subprocess.run(["zstd", "-dcq"], input=data, stdout=subprocess.PIPE, check=True).stdout
        return data


def commit_tree(test, repo, commit, name="checkout"):
    """{path: facts} of a commit, as libostree checks it out."""
    directory = test.path(name)
    test.must("ostree", "checkout", f"--repo={repo}", commit, directory)
    found = tree(directory)
    test.must("rm", "-rf", directory)
    return found


def moved(facts, old, new):
    """The tree with the directory `old` at `new`."""
    out = {}
    for path, fact in facts.items():
        inside = path == old or path.startswith(old + "/")
        out[new + path[len(old):] if inside else path] = fact
    return out


def as_encapsulated(facts):
    """The visible tree of an encapsulated image: directories have no attributes, /var/tmp is there."""
    found = moved(facts, "usr/etc", "etc")
    found = {path: {**fact, "xattrs": {}} if fact["type"] == "d" else fact for path, fact in found.items()}
    found.setdefault("var/tmp", {"type": "d", "owner": "0:0", "mode": "1777", "xattrs": {}})
    return found


def as_plain(facts):
    """The tree of a plain image of a commit in the bootable layout."""
    kept = {path: fact for path, fact in facts.items() if path != "usr/share/factory/var"}
    return moved(moved(kept, "usr/etc", "etc"), "usr/share/factory/var", "var")


def without_objects(facts):
    return {path: fact for path, fact in facts.items() if not path.startswith("sysroot/")}
