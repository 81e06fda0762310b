"""The system test image: built once for all tests, and again only when what it is made of has changed.

podman builds it of everything but osb-oci, which takes a minute; the program, which changes more often, is a layer on top.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(TOP, "tests", "integration"))

import lib_derived  # noqa: E402  # pylint: disable=wrong-import-position
from lib_containers import Containers, base_rootfs  # noqa: E402  # pylint: disable=wrong-import-position
from lib_harness import Skip  # noqa: E402  # pylint: disable=wrong-import-position
from lib_image import TarLayer  # noqa: E402  # pylint: disable=wrong-import-position

FIXTURE = os.path.join(TOP, "tests", "fixtures", "system")
OVERLAY = os.path.join(TOP, "containerfiles", "rootfs")


def need_machine(test):
    """What every test here needs; skips the test where it is not to be had."""
    if os.geteuid() != 0:
        raise Skip("needs root, for loop devices and mounts")
    if os.uname().machine != "x86_64":
        raise Skip("only for x86_64: the loader is extlinux")
    test.need("qemu-system-x86_64", "podman", "skopeo", "ostree", "extlinux", "mkfs.ext4", "sfdisk", "dpkg-deb", "apt-get")


def inputs_digest(base):
    """A digest of all that the image is made of: names, modes and content."""
    digest = hashlib.sha256(f"{os.path.basename(base)} {os.path.getsize(base)}".encode())
    for top in (FIXTURE, OVERLAY):
        for directory, subdirectories, names in os.walk(top):
            subdirectories.sort()
            for name in sorted(names):
                path = os.path.join(directory, name)
                digest.update(f"{os.path.relpath(path, top)} {os.lstat(path).st_mode:o}\n".encode())
                with open(path, "rb") as file:
                    digest.update(file.read())
    return digest.hexdigest()[:16]


def program_digest(test):
    with open(test.osb, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def system_image(test, version="1", rootfs=None):
    """The image as osb-oci and skopeo name it: oci:DIRECTORY:v<version>. `rootfs`: the archive of another root filesystem."""
    base = rootfs or base_rootfs(test)
    cache = os.path.join(TOP, "build", "test-cache")
    inputs = inputs_digest(base)
    without = os.path.join(cache, f"system-{inputs}-v{version}")
    directory = os.path.join(cache, f"os-{inputs}-{program_digest(test)}-v{version}")
    with open(os.path.join(cache, "system.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side; one builds
        if not os.path.isdir(without):
            build(test, base, version, without)
        if not os.path.isdir(directory):
            add_program(test, f"oci:{without}:v{version}", directory, f"v{version}")
        for used in (without, directory):
            os.utime(used)
        # (of debian-root only a change of the fixture leaves an old one behind, and its time is that of its making)
        forget_old(cache, {"system-": 3, "os-": 4})
        forget_old(cache, {"debian-root-": 2}, for_age=False)
    return f"oci:{directory}:v{version}"


def forget_old(cache, kinds, for_age=True):
    """Removes what has not been used for a day, and all but the latest few of each kind, {prefix: how many}. What another test may be
    using at this moment was used within the last hour."""
    now = time.time()
    for prefix, kept in kinds.items():
        paths = [os.path.join(cache, name) for name in os.listdir(cache) if name.startswith(prefix)]
        paths = sorted((path for path in paths if os.path.isdir(path)), key=os.path.getmtime, reverse=True)
        for number, path in enumerate(paths):
            age = now - os.path.getmtime(path)
            if age > 3600 and (number >= kept or (for_age and age > 86400)):
                shutil.rmtree(path, ignore_errors=True)


def add_program(test, base, directory, tag):
    """The image with osb-oci in it, and the libraries of this machine that it needs and the image lacks."""
    present = {os.path.basename(name) for name in lib_derived.names_in(base) if "x86_64-linux-gnu/" in name or "lib64/" in name}
    program = test.path("osb-oci.stripped")
    test.must("strip", "-o", program, test.osb)
    layer = TarLayer()
    put(layer, "usr/bin/osb-oci", program)
    layer.directory("usr/lib/x86_64-linux-gnu")
    for line in test.must("ldd", test.osb).splitlines():
        words = line.split()
        if "=>" in words and words[2].startswith("/") and words[0] not in present:
            put(layer, f"usr/lib/x86_64-linux-gnu/{words[0]}", words[2])
    unfinished = directory + ".new"
    shutil.rmtree(unfinished, ignore_errors=True)
    lib_derived.derive(base, unfinished, tag, [layer])
    os.rename(unfinished, directory)


def put(layer, name, path):
    with open(path, "rb") as file:
        layer.file_entry(name, file.read(), mode=0o755)


def build(test, base, version, directory):
    test.containers = containers = getattr(test, "containers", None) or Containers(test)
    containers.import_rootfs(base, "localhost/osb-test-base")
    env = {**containers.env, "BASE": "localhost/osb-test-base"}
    test.must(os.path.join(FIXTURE, "make-image"), "localhost/osb-test", "--build-arg", f"VERSION={version}", env=env)
    unfinished = directory + ".new"
    shutil.rmtree(unfinished, ignore_errors=True)
    containers.skopeo("copy", "-q", "containers-storage:localhost/osb-test", f"oci:{unfinished}:v{version}")
    os.rename(unfinished, directory)
