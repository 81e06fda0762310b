"""Power cuts: a machine that is killed at a moment, and what has to hold afterwards.

A prepared machine is saved while it runs, with its memory, so that a run begins at the prompt and not with a boot.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import time

from lib_disk import loop_device, mounted
from lib_qemu import PATIENCE, Unexpected


class Monitor:
    """QEMU's machine protocol, as far as it is needed to save a machine."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + 10 * PATIENCE
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.ask("qmp_capabilities")

    def close(self):
        self.file.close()
        self.socket.close()

    def ask(self, command, **arguments):
        json.dump({"execute": command, "arguments": arguments}, self.file)
        self.file.write("\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer['error']}")
            if "return" in answer:
                return answer["return"]


def save(machine, path):
    """Writes the memory of a machine to a file and ends it; its disk is then what belongs to it. Its options have a monitor of
    options_of()."""
    monitor = Monitor(machine.monitor_path)
    monitor.ask("stop")
    monitor.ask("migrate", uri=f"exec:cat > {path}")
    while (state := monitor.ask("query-migrate").get("status")) != "completed":
        if state in ("failed", "cancelled"):
            raise RuntimeError(f"the machine cannot be saved: {state}")
        time.sleep(0.1)
    monitor.ask("quit")
    machine.process.wait(60)


def resume(machine, path):
    """Starts a machine where it was saved; the disk must be a copy of the one it had."""
    command = list(machine.command)
    machine.command = command + ["-incoming", f"exec:cat {path}"]
    machine.start()
    machine.command = command  # a restart is an ordinary boot
    # What is typed before its memory is there is lost.
    monitor, deadline = Monitor(machine.monitor_path), time.monotonic() + 60 * PATIENCE
    while (state := monitor.ask("query-status"))["status"] != "running":
        if state["status"] in ("paused", "postmigrate"):
            monitor.ask("cont")
        elif time.monotonic() > deadline:
            raise Unexpected(f"{machine.name}: does not go on where it was saved")
        time.sleep(0.05)
    monitor.close()


def copy_disk(source, target):
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target], check=True)


# What has to hold on a disk at any moment.

def parse_menu(text):
    """(default label, {label: {"LINUX": ..., "INITRD": ..., "APPEND": ...}}) as SYSLINUX reads it."""
    default, entries, entry = None, {}, None
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "DEFAULT":
            default = rest.strip()
        elif word == "LABEL":
            entry = entries.setdefault(rest.strip(), {})
        elif entry is not None and word in ("LINUX", "INITRD", "APPEND"):
            entry[word] = rest.strip()
    return default, entries


class Loader:
    """BOOT as SYSLINUX sees it, which does not replay the journal."""

    def __init__(self, disk, start):
        self.name = f"{disk}?offset={start * 512}"

    def read(self, path):
        """The content of a file; None when it is not there."""
        target = self.name.split("?", maxsplit=1)[0] + ".read"
        if os.path.exists(target):
            os.unlink(target)
        # -c: without the bitmaps, which SYSLINUX does not read. Their checksums may be those after the journal is replayed.
        subprocess.run(["debugfs", "-c", "-R", f"dump {path} {target}", self.name], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        if not os.path.exists(target):
            return None
        with open(target, "rb") as file:
            return file.read()


def loader_faults(disk, table):
    """What is wrong with what the bootloader would read: menu, kernels and initramfs; libostree names the folder of a kernel after
    the checksum of both."""
    loader, faults = Loader(disk, table[0]["start"]), []
    text = loader.read("/extlinux/entries.conf")
    if not text:
        return ["the loader finds no entries.conf"]
    default, entries = parse_menu(text.decode(errors="replace"))
    for label in (default, "trial"):
        if label not in entries:
            faults.append(f"the menu has no entry {label!r}: {text!r}")
    seen = set()
    for label, entry in entries.items():
        key = (entry.get("LINUX"), entry.get("INITRD"))
        if key in seen:
            continue
        seen.add(key)
        kernel, initrd = (loader.read(path) if path else None for path in key)
        if kernel is None or initrd is None:
            faults.append(f"{label}: the loader does not find {key}")
            continue
        checksum = re.search(r"/ostree/[^/]*-([0-9a-f]{64})/", key[0]).group(1)
        if hashlib.sha256(kernel + initrd).hexdigest() != checksum:
            faults.append(f"{label}: kernel or initramfs is not what it should be")
    return faults


def run_quietly(*command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return result.returncode, result.stdout.decode(errors="replace")


def sysroot_faults(sysroot):
    """What is wrong with repository, boot entries and deployments of a mounted disk."""
    faults = []
    status, said = run_quietly("ostree", "fsck", "--quiet", f"--repo={sysroot}/ostree/repo")
    if status != 0:
        faults.append(f"ostree fsck: {said[-300:]}")
    status, said = run_quietly("ostree", "admin", "status", f"--sysroot={sysroot}")
    if status != 0 or not re.search(r"^[* ] \S+ [0-9a-f]{64}\.\d+", said, re.MULTILINE):
        faults.append(f"ostree admin status: {said[-300:]}")
    entries = os.path.join(sysroot, "boot/loader/entries")
    names = os.listdir(entries) if os.path.isdir(entries) else []
    if not names:
        faults.append("there are no boot entries")
    for name in names:
        with open(os.path.join(entries, name), encoding="utf-8") as file:
            text = file.read()
        match = re.search(r"\bostree=(\S+)", text)
        if not match or not os.path.isdir(sysroot + match.group(1) + "/usr"):
            faults.append(f"the boot entry {name} leads to no deployment: {text}")
        for field in ("linux", "initrd"):
            match = re.search(rf"^{field} (\S+)", text, re.MULTILINE)
            if not match or not os.path.isfile(f"{sysroot}/boot{match.group(1)}"):
                faults.append(f"the boot entry {name} has no {field}: {text}")
    return faults


def disk_faults(test, disk, scratch):
    """Everything that is wrong with a disk; it stays as it is, journals included."""
    copy = os.path.join(scratch, "examined.img")
    copy_disk(disk, copy)
    try:
        table = json.loads(test.must("sfdisk", "--json", disk))["partitiontable"]["partitions"]
        faults = loader_faults(copy, table)
        for name, part in zip(("BOOT", "ROOT"), table):
            with loop_device(test, copy, part["start"], part["size"]) as device:
                # The journal first, as the initramfs and the kernel would; then every structure.
                run_quietly("e2fsck", "-p", device)
                status, said = run_quietly("e2fsck", "-f", "-n", device)
                if status != 0:
                    faults.append(f"e2fsck of {name}: {said[-300:]}")
        point = os.path.join(scratch, "examined")
        with loop_device(test, copy, table[0]["start"], table[0]["size"]) as boot, \
                loop_device(test, copy, table[1]["start"], table[1]["size"]) as root, mounted(test, root, point), \
                mounted(test, boot, point + "/boot"):
            faults += sysroot_faults(point)
        return faults
    finally:
        for path in (copy, copy + ".read"):
            if os.path.exists(path):
                os.unlink(path)


def make_directory(path):
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path
