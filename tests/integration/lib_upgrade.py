"""Systems that follow an image: images of a small system in versions, and a disk of it, mounted."""

import glob
import json
import os
import re
import shutil

from lib_harness import Skip, refs
from lib_image import Layout, TarLayer

KERNEL = "6.1.0-test"
DIRECTORIES = ("boot", "dev", "etc", "lib", "lib/apk", "lib/apk/db", "proc", "run", "sys", "tmp", "usr", "usr/bin", "usr/lib",
               "usr/lib/bootc", "usr/lib/bootc/kargs.d", "usr/lib/modules", f"usr/lib/modules/{KERNEL}", "usr/sbin",
               "etc/runlevels", "etc/runlevels/default", "var")


def base_layer(kernel=b"kernel 1", leave_out=(), filler=300_000):
    """What does not change from version to version."""
    layer = TarLayer()
    for name in DIRECTORIES:
        layer.directory(name)
    files = {"usr/sbin/init": b"#!/bin/sh\n", "usr/sbin/zipl": b"#!/bin/sh\nexec osb-oci boot-menu\n", "usr/bin/osb-oci": b"program",
             f"usr/lib/modules/{KERNEL}/vmlinuz": kernel * 1000, f"usr/lib/modules/{KERNEL}/initramfs.img": b"initramfs" * 1000,
             "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n", "etc/group": b"root:x:0:\n", "etc/shadow": b"root:*::0:::::\n",
             "etc/keep.conf": b"default\n", "usr/bin/large": os.urandom(filler)}
    for name, content in files.items():
        if name not in leave_out:
            layer.file_entry(name, content, mode=0o755 if "bin/" in name else 0o644)
    service = "etc/runlevels/default/osb-boot-check"
    return (layer if service in leave_out else layer.symlink(service, "/etc/init.d/osb-boot-check")).bytes()


def packages_layer(packages, files=()):
    layer = TarLayer()
    for path, content in files:
        layer.file_entry(path, content)
    text = "".join(f"C:Q1x\nP:{name}\nV:{version}\nF:usr/bin\nR:{name}\n\n" for name, version in packages.items())
    return layer.file_entry("lib/apk/db/installed", text.encode()).bytes()


def version_layer(version, kargs, changed=()):
    layer = TarLayer()
    layer.file_entry("etc/os-release", f'PRETTY_NAME="Test Linux"\nVERSION_ID={version}\n'.encode())
    layer.file_entry("etc/new.conf", f"of version {version}\n".encode())
    layer.file_entry("usr/lib/bootc/kargs.d/10-test.toml", f"kargs = {json.dumps(kargs)}\n".encode())
    for path, content in changed:
        layer.file_entry(path, content)
    return layer.bytes()


class Images:
    """An image layout with versions of a system, and the registry that they are pushed to."""

    def __init__(self, test, registry, name="images"):
        self.test, self.registry = test, registry
        self.layout = Layout(test.path(name))
        self.base = base_layer()
        self.clock = 0

    def add(self, tag, layers, version=None, created=None, compression="gzip"):
        self.clock += 1
        labels = {"org.opencontainers.image.version": version or tag}
        manifest = self.layout.image(tag, layers, compression, config={"Labels": labels},
                                     created=created or f"2024-01-{self.clock:02}T00:00:00Z")
        return manifest["digest"]

    def system(self, tag, kargs, packages, changed=(), files=(), **how):
        return self.add(tag, [self.base, packages_layer(packages, files), version_layer(tag, kargs, changed)], **how)

    def push(self, tag, name="os:latest"):
        self.test.must("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{self.layout.directory}:{tag}",
                       self.registry.image(name))

    def oci(self, tag):
        return f"oci:{self.layout.directory}:{tag}"


class Disk:
    """A disk that install-to-disk made, mounted without partition devices."""

    def __init__(self, test, name, source, *options, size="1G", environment=None):
        self.test, self.top, self.image = test, test.path(name), test.path(name + ".img")
        environment = {**(environment or os.environ), "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        result = test.run(test.osb, "install-to-disk", "--progress", "none", "--size", size, *options, source, self.image,
                          env=environment)
        if result.status != 0:
            raise RuntimeError(result.describe())
        table = json.loads(test.must("sfdisk", "--json", self.image, env=environment))["partitiontable"]
        self.parts = [(part["start"] * 512, part["size"] * 512) for part in table["partitions"]]
        os.mkdir(self.top)
        self.mount()

    def mount(self):
        for number, below in ((1, ""), (0, "/boot")):
            start, size = self.parts[number]
            loop = f"loop,offset={start},sizelimit={size}"
            if self.test.run("mount", "-o", loop, self.image, self.top + below).status != 0:
                raise Skip("needs loop devices")

    def path(self, *names):
        return os.path.join(self.top, *names)

    def osb(self, verb, *options, **how):
        return self.test.run(self.test.osb, verb, "--progress", "none", "--sysroot", self.top, *options, **how)

    def deployments(self):
        """Of the boot entries, the default first: {id, title, options}."""
        out = []
        for name in glob.glob(self.path("boot/loader/entries/*.conf")):
            with open(name, encoding="utf-8") as file:
                fields = dict(line.split(" ", 1) for line in file.read().splitlines() if " " in line)
            link = re.search(r"ostree=(\S+)", fields["options"]).group(1)
            target = os.readlink(self.top + link)
            out.append({"id": os.path.basename(target), "order": int(fields["version"]), "title": fields["title"],
                        "options": [word for word in fields["options"].split() if not word.startswith("ostree=")],
                        "path": os.path.normpath(os.path.join(os.path.dirname(self.top + link), target))})
        return sorted(out, key=lambda one: -one["order"])

    def versions(self):
        return [re.search(r"Linux (\S+)", one["title"]).group(1) for one in self.deployments()]

    def state(self, name):
        path = self.path("ostree/osb-oci", name)
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as file:
            return json.load(file)

    def origin(self, deployment):
        with open(deployment["path"] + ".origin", encoding="utf-8") as file:
            return file.read()

    def refs(self):
        return refs(self.path("ostree/repo"))

    def unmount(self):
        self.test.must("umount", self.path("boot"))
        self.test.must("umount", self.top)


def blobs(registry, mark):
    """What was read since: [(digest, status)] of blobs, and how many manifests."""
    found = registry.since(mark, "GET")
    return ([(target.rsplit("/", 1)[1], status) for _, target, _, status in found if "/blobs/" in target],
            len([1 for _, target, _, _ in found if "/manifests/" in target]))


def need(test):
    if os.geteuid() != 0:
        raise Skip("needs root")
    test.need("docker-registry", "skopeo", "ostree", "mount")
    for program in ("sfdisk", "syslinux", "mcopy"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            raise Skip(f"needs the program {program}")
