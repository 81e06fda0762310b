"""Systems of many packages, and what an update of one of them changes in exported images.

A system is an archive with apk's database in it. A grouping is the way in which its files are put into layers; all of
them are written by osb-oci itself, which is told of other packages, or of none, by another database.
"""

import hashlib
import io
import os
import subprocess
import tarfile

from lib_export import Exported, export
from lib_image import Layout

DATABASE = "lib/apk/db/installed"


class System:
    """Files by path, as tar entries and contents; the packages that own them."""

    def __init__(self):
        self.files = {}  # path: (TarInfo, content)
        self.packages = {}  # name: [paths]

    @classmethod
    def read(cls, archive):
        """From the archive of an Alpine root filesystem."""
        system = cls()
        with tarfile.open(archive) as tar:
            for member in tar:
                content = tar.extractfile(member).read() if member.isreg() else b""
                system.files[member.name.removeprefix("./").rstrip("/") or "."] = (member, content)
        package = directory = ""
        for line in system.files.pop(DATABASE)[1].decode().splitlines():
            key, _, value = line.partition(":")
            if key == "P":
                package = value
            elif key == "F":
                directory = value
            elif key == "R":
                system.packages.setdefault(package, []).append(f"{directory}/{value}" if directory else value)
        return system

    @classmethod
    def synthetic(cls, packages):
        """Packages of a few files each, from one size to another a thousand times as large."""
        system = cls()
        for number in range(packages):
            for file in range(1 + number % 5):
                seed = hashlib.sha256(f"{number} {file}".encode()).digest()
                content = seed * (10 + (number * number * 7 + file) % 3000)
                system.add(f"usr/lib/package{number:03d}/file{file}", content, f"package{number:03d}")
        system.add("etc/unowned", b"configuration\n")
        return system

    @classmethod
    def of_debian(cls, limit):
        """Packages of this machine, alphabetically, until their files are `limit` bytes."""
        system, total, taken = cls(), 0, set()
        output = subprocess.run(["dpkg-query", "-W", "-f", "${binary:Package}\n"], stdout=subprocess.PIPE, check=True)
        names = sorted(output.stdout.decode().split(), key=lambda name: hashlib.sha256(name.encode()).digest())
        for name in names:
            listing = subprocess.run(["dpkg-query", "-L", name], stdout=subprocess.PIPE, check=True).stdout.decode()
            for path in listing.splitlines():
                if path in taken or not path.startswith(("/usr/", "/etc/")) or os.path.realpath(path) != path:
                    continue
                if not os.path.isfile(path) or not os.access(path, os.R_OK):
                    continue
                taken.add(path)
                with open(path, "rb") as file:
                    content = file.read()
                total += len(content)
                system.add(path[1:], content, name.split(":")[0])
            if total > limit:
                break
        return system

    def add(self, path, content, package=None):
        entry = tarfile.TarInfo(path)
        entry.size, entry.mode = len(content), 0o644
        self.files[path] = (entry, content)
        if package:
            self.packages.setdefault(package, []).append(path)

    def size_of(self, package):
        return sum(len(self.files[path][1]) for path in self.packages[package] if path in self.files)

    def updated(self, package):
        """The same system after an update: each file of the package has other content in a tenth of its pages."""
        other = System()
        other.files, other.packages = dict(self.files), self.packages
        for path in self.packages[package]:
            entry, content = self.files.get(path, (None, b""))
            if not entry or not entry.isreg():
                continue
            changed = bytearray(content + b"2")
            for offset in range(0, len(content), 40960):
                changed[offset] ^= 0xFF
            changed_entry = tarfile.TarInfo(entry.name)
            changed_entry.mode, changed_entry.size = entry.mode, len(changed)
            other.files[path] = (changed_entry, bytes(changed))
        return other

    def archive(self, packages, version):
        """The tar, with a database that names these packages."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for entry, content in self.files.values():
                entry.mtime = 0
                tar.addfile(entry, io.BytesIO(content))
            if packages is not None:
                text = database(packages, version).encode()
                entry = tarfile.TarInfo(DATABASE)
                entry.size, entry.mode = len(text), 0o644
                tar.addfile(entry, io.BytesIO(text))
        return out.getvalue()


def database(packages, version):
    """apk's database; `version` is {package: version} of those that are not 1."""
    out = []
    for name, paths in sorted(packages.items()):
        out.append(f"P:{name}\nV:{version.get(name, 1)}")
        for path in sorted(paths):
            directory, _, base = path.rpartition("/")
            out.append(f"F:{directory}\nR:{base}")
        out.append("")
    return "\n".join(out) + "\n"


def by_package(system):
    return system.packages


def none(system):
    """No database: nothing tells the files apart."""
    return None


def by_path(system, parts=62):
    """Files in the order of their paths, as many in a layer as fill it."""
    regular = sorted((path, len(content)) for path, (entry, content) in system.files.items() if entry.isreg())
    room = sum(size for _, size in regular) / parts
    groups, filled = {}, 0
    for path, size in regular:
        groups.setdefault(f"part{min(int(filled / room), parts - 1):02d}", []).append(path)
        filled += size
    return groups


class Change:
    """What of the second image the first does not have."""

    def __init__(self, before, after):
        known = {layer["digest"] for layer in before.layers}
        self.new = [layer for layer in after.layers if layer["digest"] not in known]
        self.layers, self.total_layers = len(self.new), len(after.layers)
        self.bytes = sum(layer["size"] for layer in self.new)
        self.total_bytes = sum(layer["size"] for layer in after.layers)

    @property
    def components(self):
        return sorted(layer.get("annotations", {}).get("ostree.components", "") for layer in self.new)


def exported(test, system, grouping, name, version, *options):
    """The image of a system, through a commit."""
    layout, repo = Layout(test.path(name + "-image")), test.path(name + "-repo")
    layout.image("v1", [system.archive(grouping(system), version)], "")
    result = test.osb_import(f"oci:{layout.directory}:v1", repo, "--ref", "os", "--layout", "plain")
    if result.status != 0:
        raise RuntimeError(result.describe())
    result = export(test, repo, f"oci:{test.path(name)}:v1", *options)
    if result.status != 0:
        raise RuntimeError(result.describe())
    test.must("rm", "-rf", layout.directory, repo)
    return Exported(test.path(name))


def measure(test, system, package, grouping, previous, name, *options):
    """What an update of the package changes in the images of a grouping."""
    before = exported(test, system, grouping, f"{name}-before", {}, *options)
    keep = ("--previous", f"oci:{before.directory}:v1") if previous else ()
    after = exported(test, system.updated(package), grouping, f"{name}-after", {package: 2}, *keep, *options)
    return Change(before, after)
