"""What several tests begin with, made once and kept for as long as what it is made of stays the same: build/test-fixtures.

    directory = fixture(test, "follower", [lib_system.system_image(test)], make)

A fixture is read-only: a test copies what it changes (copy_disk of lib_powercut.py).
"""

import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import time

import lib_system
from lib_disk import extract_kernel, make_disk
from lib_qemu import QEMU, accelerator

CACHE = os.path.join(lib_system.TOP, "build", "test-fixtures")


def sources_digest():
    """Of the libraries of tests that make fixtures, whatever part of them a fixture uses."""
    digest = hashlib.sha256()
    for folder in ("integration", "system"):
        for path in sorted(glob.glob(os.path.join(lib_system.TOP, "tests", folder, "lib_*.py"))):
            with open(path, "rb") as file:
                digest.update(os.path.basename(path).encode() + b"\0" + file.read() + b"\0")
    return digest.hexdigest()


def fixture(test, name, inputs, make):
    """The directory of the fixture with that name, made of these inputs (text that names them: images of lib_system.py do). When it is
    not there, make(directory) fills a new one."""
    qemu = subprocess.run([QEMU, "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
    text = "\n".join([*inputs, sources_digest(), lib_system.program_digest(test), qemu, accelerator()])
    directory = os.path.join(CACHE, f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}")
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, name + ".lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side; one makes it
        if not os.path.isdir(directory):
            unfinished = directory + ".new"
            shutil.rmtree(unfinished, ignore_errors=True)
            os.mkdir(unfinished)
            begin = time.monotonic()
            make(unfinished)
            print(f"# made the fixture {name} in {time.monotonic() - begin:.1f} s")
            os.rename(unfinished, directory)
        os.utime(directory)
        lib_system.forget_old(CACHE, {name + "-": 2})
    return directory


def plain_system(test):
    """The directory of disk.img, which everything but osb-oci has made of an import, with the kernel and the initramfs that are on it
    (vmlinuz, initramfs.img), and the name of the commit (commit)."""
    image = lib_system.system_image(test)

    def make(directory):
        repo = test.init_repo("plain-repo")
        imported = test.osb_import(image, repo, "--ref", "os")
        if imported.status != 0:
            raise RuntimeError(f"import of the system image: {imported.describe()}")
        make_disk(test, repo, "os", os.path.join(directory, "disk.img"))
        for path in extract_kernel(test, repo, "os"):
            shutil.move(path, directory)
        with open(os.path.join(directory, "commit"), "w", encoding="ascii") as file:
            file.write(imported.commit)
        shutil.rmtree(repo)

    return fixture(test, "plain", [image], make)
