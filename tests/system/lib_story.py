"""A site with a registry, and a machine that follows an image in it: what the tests of upgrades share.

    with Registry(test) as registry:
        site = Site(test, registry)
        site.first()
        with site.follower("disk.img") as machine:
            guest = Guest(test, machine)
            status, said = guest.osb("upgrade --check")

Machines know the registry as registry.test, and their registries.conf says where it is this time: so a machine that has version 1
is installed and booted once, and saved (lib_fixture.py).
"""

import contextlib
import json
import os
import subprocess

import lib_derived
import lib_fixture
import lib_system
from lib_disk import with_files
from lib_image import TarLayer
from lib_powercut import copy_disk, resume, save
from lib_qemu import Machine, karg_options

KARGS = karg_options()
HOST = "10.0.2.2"  # the loopback interface of the host, as a guest of QEMU's user network sees it
REGISTRIES = """[[registry]]
prefix = "registry.test"
location = "{host}:{port}"
insecure = true
"""
NO_NETWORK_CHECK = "etc/osb/check/required.d/20-reachable"
DATABASE = "lib/apk/db/installed"
CONFIG = """
[customizations]
hostname = "follower"
[[customizations.files]]
path = "/etc/containers/registries.conf"
data = '''
{registries}'''
"""


def package(name, version, files):
    """An entry of apk's database: {directory: [names]}."""
    lines = [f"C:Q1{name}", f"P:{name}", f"V:{version}", "A:x86_64", f"T:The package {name}", f"o:{name}", "L:MIT"]
    for directory, names in files.items():
        lines += [f"F:{directory}"] + [f"R:{file}" for file in names]
    return "\n".join(lines) + "\n\n"


def database(test, *packages):
    """The database of the base image, where it has one, and these."""
    try:
        old = lib_derived.read_file(lib_system.system_image(test), DATABASE).decode()
    except KeyError:
        old = package("busybox", "1.36.1-r0", {"bin": ["busybox"]})
    return (old.rstrip("\n") + "\n\n" + "".join(packages)).encode()


def first_layer(test):
    """What version 1 of the test's system has and later versions change."""
    layer = TarLayer()
    layer.file_entry(DATABASE, database(test, package("osb-hello", "1.0-r0", {"usr/share/osb-test": ["changed", "removed"]})))
    layer.file_entry("usr/share/osb-test/changed", b"one\n").file_entry("usr/share/osb-test/removed", b"one\n")
    layer.file_entry("etc/osb-test/default", b"default of 1\n").file_entry("etc/osb-test/edited", b"edited: 1\n")
    layer.file_entry("usr/lib/bootc/kargs.d/10-test.toml", b'kargs = ["osbtest.one=1", "osbtest.both=1"]\n')
    # Machines of tests are cut off and started again where nothing answers any more. bad_updates.py removes it.
    return layer.symlink(NO_NETWORK_CHECK, "/dev/null")


def second_layer(test):
    layer = TarLayer()
    layer.file_entry(DATABASE, database(test, package("osb-hello", "1.1-r0", {"usr/share/osb-test": ["changed"]}),
                                        package("osb-new", "7-r3", {"usr/share/osb-test": ["new"]})))
    layer.file_entry("usr/share/osb-test/changed", b"two\n").whiteout("usr/share/osb-test/removed")
    layer.file_entry("usr/share/osb-test/new", b"two\n")
    layer.file_entry("etc/osb-test/default", b"default of 2\n").file_entry("etc/osb-test/edited", b"edited: 2\n")
    layer.file_entry("usr/lib/bootc/kargs.d/10-test.toml", b'kargs = ["osbtest.two=2", "osbtest.both=1"]\n')
    return layer


class Site:
    """The images of a test, and the registry that they are published in. `front`: what machines talk to instead, with a `host`."""

    def __init__(self, test, registry, front=None):
        self.test, self.registry = test, registry
        self.base = lib_system.system_image(test)
        self.port = (front or registry).host.split(":")[1]
        self.images = {}
        self.config = test.path("config.toml")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(registries=self.registries()))

    def registries(self):
        """registries.conf of a machine."""
        return REGISTRIES.format(host=HOST, port=self.port)

    def first(self):
        """Version 1, which the fixture has, published. Returns the digest of the manifest."""
        self.image("1", first_layer(self.test))
        return self.publish("1")

    def image(self, version, *layers, base=None, image=None):
        """A version of the system: the image of another version (or `image`, or the system test image), and layers."""
        base = self.images[base] if base else image or self.base
        self.images[version] = lib_derived.derive(base, self.test.path("images"), "v" + version.replace(" ", "-"), layers, version=version,
                                                  age=86400 * len(self.images))
        return self.images[version]

    def publish(self, version, name="os:latest"):
        """The name stands for that version from now on. Returns the digest of the manifest."""
        self.test.must("skopeo", "copy", "-q", "--dest-tls-verify=false", self.images[version], self.registry.image(name))
        return lib_derived.manifest_of(self.images[version])[0]

    def publish_commit(self, version, name):
        """The same as an image that holds an ostree commit. Returns the commit."""
        repo = self.test.path("push-repo")
        ref = f"os/{version}"
        result = self.test.osb_import(self.images[version], repo, "--ref", ref)
        self.test.check_status(result, 0, f"import of version {version} for a push")
        self.test.must(self.test.osb, "push", "--repo", repo, "--progress", "none", "--tls-verify=false", ref, self.registry.image(name))
        return result.commit

    def name_in_guest(self, name="os:latest"):
        return f"docker://registry.test/{name}"

    def install(self, disk, *options, name="os:latest"):
        """A disk with what the name stands for, which follows that name. Returns its path."""
        path = self.test.path(disk)
        result = self.test.run(self.test.osb, "install-to-disk", "--progress", "none", "--tls-verify=false", *KARGS, "--config",
                               self.config, "--target-imgref", self.name_in_guest(name), *options, self.registry.image(name), path)
        if result.status != 0:
            raise RuntimeError(f"install-to-disk: {result.describe()}")
        return path

    def machine(self, disk, name="follower", **how):
        monitor = self.test.path(name.replace(" ", "-") + ".qmp")
        machine = Machine(self.test, name, disk, forward=how.pop("forward", {}), hurry=True,
                          options=("-qmp", f"unix:{monitor},server=on,wait=off"), **how)
        machine.monitor_path = monitor
        return machine

    @contextlib.contextmanager
    def follower(self, disk, name="follower", **how):
        """A machine with version 1 that first() published, at the prompt of its first boot, with shell() ready; on a new disk."""
        inputs = [lib_derived.manifest_of(self.images["1"])[0], CONFIG]
        saved = lib_fixture.fixture(self.test, "follower", inputs, self.save_follower)
        path = self.test.path(disk)
        copy_disk(os.path.join(saved, "disk.img"), path)
        machine = self.machine(path, name, **how)
        resume(machine, os.path.join(saved, "memory"))
        with machine:
            machine.output(f"cat >/etc/containers/registries.conf <<'@'\n{self.registries()}@")
            yield machine

    def save_follower(self, directory):
        disk = self.install("fixture.img", "--size", "2G")
        with self.machine(disk, "fixture") as machine:
            machine.login()
            machine.output("sync; echo 3 > /proc/sys/vm/drop_caches")
            save(machine, os.path.join(directory, "memory"))
        # cp keeps it sparse, and the directory may be on another filesystem.
        copy_disk(disk, os.path.join(directory, "disk.img"))
        os.unlink(disk)


class Guest:
    """osb-oci in a running machine."""

    def __init__(self, test, machine):
        self.test, self.machine = test, machine

    def osb(self, arguments, seconds=240):
        """(exit status, what it said on both channels)"""
        return self.machine.shell(f"osb-oci {arguments}", seconds)

    def must(self, arguments, seconds=240):
        return self.machine.output(f"osb-oci {arguments}", seconds)

    def json(self, arguments, seconds=240):
        return json.loads(self.machine.output(f"osb-oci {arguments} --json 2>/dev/null", seconds))

    def status(self):
        return self.json("status")

    def version(self):
        """Of the system that runs."""
        return [line for line in self.machine.output("ostree admin status").splitlines() if "Version:" in line or line.startswith("*")]

    def cmdline(self):
        return self.machine.output("cat /proc/cmdline").split()

    def cat(self, *paths):
        return self.machine.shell("cat " + " ".join(paths))[1].split("\n")

    def console(self):
        """All that it has said."""
        with open(self.machine.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def reboot(self):
        self.machine.send("sync; reboot\n")
        self.machine.next_boot()
        self.machine.login()


def changed_initramfs(test, files):
    """A layer with the image's own initramfs, in which {path: (mode, content)} are added or replaced."""
    image = lib_system.system_image(test)
    (name,) = [name for name in lib_derived.names_in(image) if name.startswith("boot/initramfs-")]
    path = test.path("initramfs")
    with open(path, "wb") as file:
        file.write(lib_derived.read_file(image, name))
    with open(with_files(test, path, files), "rb") as file:
        return TarLayer().file_entry(name, file.read())


def usb_disk(test, image, name="usb.img", size=256):
    """An ext4 disk with the image as an OCI layout in /os, as someone carries it to a machine."""
    directory = test.path(name + ".files")
    os.makedirs(directory)
    subprocess.run(["skopeo", "copy", "-q", image, f"oci:{directory}/os"], check=True)
    path = test.path(name)
    with open(path, "wb") as file:
        file.truncate(size << 20)
    test.must("mkfs.ext4", "-q", "-L", "USB", "-d", directory, path)
    return path
