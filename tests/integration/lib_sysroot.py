"""Systems made of ostree deployments: sysroots that `ostree admin` makes in a directory, a disk of install-to-disk that is mounted, and
either as if it were booted."""

import contextlib
import json
import os
import re
import subprocess

from lib_harness import Skip

KERNEL = "6.1.0-test"
MIB = 1 << 20
NOBODY = 65534
# SYSROOT [STATEROOT/]DEPLOYMENT PROGRAM COMMAND...: what libostree takes for a booted system. The root directory is the deployment's, with
# this machine's programs below its own.
AS_BOOTED = """
set -e
stateroot=test name=$2
case $2 in */*) stateroot=${2%%/*} name=${2#*/} ;; esac
root=$1/ostree/deploy/$stateroot/deploy/$name
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$root/usr:/usr" "$root/usr"
mount --bind "$1" "$root/sysroot"
mount --bind "$1/boot" "$root/boot"
mount --bind "$1/ostree/deploy/$stateroot/var" "$root/var"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
: >"$root/run/ostree-booted"
cp "$3" "$root/run/osb-oci"
printf '#!/bin/sh\\necho restarted >/run/restarted\\n' >"$root/run/reboot"
chmod +x "$root/run/reboot"
shift 3
PATH=/run:$PATH exec chroot "$root" "$@"
"""


def environment():
    out = dict(os.environ)
    out.pop("SOURCE_DATE_EPOCH", None)
    out["PATH"] += ":/usr/sbin:/sbin"
    return out


def make_tree(top, kernel=b"kernel"):
    """A system that could be deployed and tried."""
    for name in ("boot", "dev", "proc", "run", "sys", "tmp", "var", "sysroot", "usr/bin", "usr/sbin", "usr/etc/runlevels/default",
                 f"usr/lib/modules/{KERNEL}"):
        os.makedirs(os.path.join(top, name))
    for name, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64"), ("ostree", "sysroot/ostree"),
                         ("usr/etc/runlevels/default/osb-boot-check", "/etc/init.d/osb-boot-check")):
        os.symlink(target, os.path.join(top, name))
    files = {"usr/sbin/init": b"#!/bin/sh\n", "usr/bin/osb-oci": b'#!/bin/sh\nexec /run/osb-oci "$@"\n',
             "usr/sbin/zipl": b"#!/bin/sh\nexec osb-oci boot-menu --quiet >/dev/null\n",
             "usr/etc/passwd": b"root:x:0:0::/:/bin/sh\n", "usr/etc/default": kernel,
             f"usr/lib/modules/{KERNEL}/vmlinuz": kernel * 1000, f"usr/lib/modules/{KERNEL}/initramfs.img": kernel * 500000,
             "usr/lib/os-release": b'PRETTY_NAME="Test Linux"\nID=test\n', "usr/lib/large": os.urandom(3 * MIB)}
    for name, content in files.items():
        with open(os.path.join(top, name), "wb") as file:
            file.write(content)
    for name in ("usr/sbin/init", "usr/sbin/zipl", "usr/bin/osb-oci"):
        os.chmod(os.path.join(top, name), 0o755)
    return top


def prepare(test):
    if os.geteuid() != 0:
        raise Skip("deployments need root")
    test.need("ostree", "chattr")
    os.chmod(test.work, 0o755)
    test.repo = test.init_repo("repo")
    test.commits = {}
    for version in ("1", "2", "3"):
        tree = make_tree(test.path("tree" + version), f"kernel{version} ".encode())
        test.commits[version] = test.must("ostree", "commit", f"--repo={test.repo}", "-b", f"os/{version}", f"--tree=dir={tree}",
                                          "--owner-uid=0", "--owner-gid=0", f"--add-metadata-string=version={version}.0",
                                          "--timestamp=2024-01-01 00:00:00Z").strip()


class System:
    """A sysroot, and the verbs on it."""

    def __init__(self, test, path):
        self.test, self.path = test, path

    def osb(self, verb, *options, **how):
        return self.test.run(self.test.osb, verb, "--sysroot", self.path, *options, **how)

    def json(self, verb, *options):
        result = self.osb(verb, "--json", *options)
        if result.status != 0:
            raise RuntimeError(f"{verb}: {result.describe()}")
        return json.loads(result.stdout)

    def status(self):
        return self.json("status")

    def admin(self, verb, *options):
        return self.test.must("ostree", "admin", verb, f"--sysroot={self.path}", *options)

    def order(self):
        """COMMIT.SERIAL of the deployments, as libostree lists them."""
        return re.findall(r"^[* ] \S+ ([0-9a-f]{64}\.\d+)", self.admin("status"), re.M)

    def pull(self, version):
        self.test.must("ostree", "pull-local", f"--repo={self.path}/ostree/repo", self.test.repo, f"os/{version}")

    def deploy(self, version, *options):
        self.pull(version)
        self.admin("deploy", "--os=test", *options, f"os/{version}")

    def in_booted(self, deployment, *command):
        return self.test.run("unshare", "--mount", "--pid", "--fork", "sh", "-c", AS_BOOTED, "sh",
                             self.path, deployment, self.test.osb, *command)

    def booted_osb(self, deployment, *arguments):
        return self.in_booted(deployment, "/run/osb-oci", *arguments)

    def booted_status(self, deployment):
        return json.loads(self.booted_osb(deployment, "status", "--json").stdout)

    def origin_file(self, deployment):
        return os.path.join(self.path, "ostree/deploy/test/deploy", deployment + ".origin")

    def entries(self):
        """{COMMIT.SERIAL: kernel arguments without ostree=} of the boot entries, by the links that ostree= names."""
        out = {}
        directory = os.path.join(self.path, "boot/loader/entries")
        for name in os.listdir(directory):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                words = re.search(r"^options (.*)$", file.read(), re.M).group(1).split()
            (where,) = [word[len("ostree="):] for word in words if word.startswith("ostree=")]
            target = os.readlink(self.path + where)
            out[os.path.basename(target)] = [word for word in words if not word.startswith("ostree=")]
        return out

    def release(self):
        """libostree makes the roots of deployments immutable; so they could not be removed."""
        stateroots = os.path.join(self.path, "ostree/deploy")
        for stateroot in os.listdir(stateroots):
            top = os.path.join(stateroots, stateroot, "deploy")
            for name in os.listdir(top) if os.path.isdir(top) else []:
                subprocess.run(["chattr", "-i", os.path.join(top, name)], check=False, stderr=subprocess.DEVNULL)


def read(*names):
    with open(os.path.join(*names), encoding="utf-8") as file:
        return file.read()


def parts_of(text):
    """{name: output} of a script that prints a line "== NAME" before each part."""
    out = {}
    for part in text.split("== ")[1:]:
        name, _, rest = part.partition("\n")
        out[name] = rest
    return out


def with_role(status, role):
    return [deployment["id"] for deployment in status["deployments"] if deployment[role]]


@contextlib.contextmanager
def directory_system(test, name):
    """As `ostree admin` makes one, with versions 1 and 2."""
    system = System(test, test.path(name))
    os.mkdir(system.path)
    test.must("ostree", "admin", "init-fs", system.path)
    test.must("ostree", "config", f"--repo={system.path}/ostree/repo", "set", "sysroot.bootloader", "none")
    system.admin("os-init", "test")
    try:
        yield system
    finally:
        system.release()


@contextlib.contextmanager
def mounted_disk(test, *options):
    """A disk of install-to-disk with version 1, mounted; nothing where that cannot be done."""
    disk = test.path("disk.img")
    result = test.run(test.osb, "install-to-disk", "--progress", "none", "--repo", test.repo, "--stateroot", "test",
                      "--target-imgref", "registry.example/os:1", *options, "os/1", disk, env=environment())
    test.check_status(result, 0, "install-to-disk")
    table = json.loads(test.must("sfdisk", "--json", disk, env=environment()))["partitiontable"]["partitions"]
    where = test.path("mnt")
    os.mkdir(where)
    points = []
    for partition, point in ((table[1], where), (table[0], where + "/boot")):
        options = f"loop,offset={partition['start'] * 512},sizelimit={partition['size'] * 512}"
        if test.run("mount", "-o", options, disk, point).status != 0:
            test.skip_one("on a mounted disk", "no loop devices")
            break
        points.append(point)
    try:
        yield System(test, where) if len(points) == 2 else None
    finally:
        for point in reversed(points):
            test.must("umount", point)


def menu_of(system):
    """The menu's entries: {label: (deployment, kernel command line)}, and the default's label."""
    text = read(system.path, "boot/extlinux/entries.conf")
    entries = {}
    for block in text.rstrip("\n").split("\n\n")[1:]:  # without what fills the file's block
        label = re.search(r"^LABEL (\S+)$", block, re.M).group(1)
        append = re.search(r"^\s+APPEND (.*)$", block, re.M).group(1).split()
        (where,) = [word[len("ostree="):] for word in append if word.startswith("ostree=")]
        entries[label] = (os.path.basename(os.readlink(system.path + where)), append)
        for path in re.findall(r"^\s+(?:LINUX|INITRD) (\S+)", block, re.M):
            if not os.path.exists(f"{system.path}/boot{path}"):
                raise AssertionError(f"{label} names {path}, which is not there")
    return entries, re.search(r"^DEFAULT (\S+)$", text, re.M).group(1)


def boot_once(system):
    """What SYSLINUX's auxiliary data vector says: its last two sectors."""
    with open(os.path.join(system.path, "boot/extlinux/ldlinux.sys"), "rb") as file:
        vector = file.read()[-1024:]
    return b"trial" in vector
