"""The system test image: built once for all tests, and again only when what it is made of has changed."""

import fcntl
import hashlib
import os
import shutil
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(TOP, "tests", "integration"))

from lib_containers import Containers, base_rootfs  # noqa: E402  # pylint: disable=wrong-import-position
from lib_harness import Skip  # noqa: E402  # pylint: disable=wrong-import-position

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


def system_image(test, version="1"):
    """The image as osb-oci and skopeo name it: oci:DIRECTORY:v<version>."""
    base = base_rootfs(test)
    cache = os.path.join(TOP, "build", "test-cache")
    directory = os.path.join(cache, f"system-{inputs_digest(base)}-v{version}")
    with open(os.path.join(cache, "system.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side; one builds
        if not os.path.isdir(directory):
            forget_old(cache)
            build(test, base, version, directory)
    return f"oci:{directory}:v{version}"


def forget_old(cache):
    """Removes what was built from other inputs, and not within the last day: another checkout's tests may be using that."""
    for name in os.listdir(cache):
        path = os.path.join(cache, name)
        if name.startswith(("system-", "debian-root-")) and os.path.isdir(path) and os.path.getmtime(path) < time.time() - 86400:
            shutil.rmtree(path, ignore_errors=True)


def build(test, base, version, directory):
    containers = Containers(test)
    containers.import_rootfs(base, "localhost/osb-test-base")
    env = {**containers.env, "BASE": "localhost/osb-test-base"}
    test.must(os.path.join(FIXTURE, "make-image"), "localhost/osb-test", "--build-arg", f"VERSION={version}", env=env)
    unfinished = directory + ".new"
    shutil.rmtree(unfinished, ignore_errors=True)
    containers.skopeo("copy", "-q", "containers-storage:localhost/osb-test", f"oci:{unfinished}:v{version}")
    os.rename(unfinished, directory)
