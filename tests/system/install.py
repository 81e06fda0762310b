#!/usr/bin/env python3
"""Disks that install-to-disk made, booted: MBR and GPT, raw and qcow2, from an image, a commit and a remote repository; what --config
adds; the menu with two deployments, after `ostree admin` changed them in the running system; a kill in each stage before."""

import json
import os
import signal
import subprocess
import sys

import lib_system
from lib_harness import Skip, run
from lib_qemu import Machine, karg_options
from lib_system import system_image

KARGS = karg_options()
CONFIG = """
[customizations]
hostname = "edge-7"
[[customizations.group]]
name = "operators"
gid = 900
[[customizations.user]]
name = "core"
key = "{key}"
groups = ["operators"]
[[customizations.sshkey]]
user = "root"
key = "{key}"
[customizations.services]
enabled = ["sshd"]
disabled = ["local"]
[[customizations.files]]
path = "/etc/app.conf"
data = "from the config"
[[customizations.files]]
path = "/var/lib/app/state"
data = "state"
"""


def install(test, target, *arguments):
    result = test.run(test.osb, "install-to-disk", "--progress", "none", *KARGS, *arguments, target)
    if not test.check_status(result, 0, f"install {os.path.basename(target)}"):
        raise RuntimeError(result.describe())
    return result.commit


def check_up(test, machine, what, commit, stateroot="default"):
    said = machine.output("ostree admin status")
    test.check(f"* {stateroot} {commit}.0" in said, f"{what}: boots, and ostree names the commit as booted", said)
    levels = machine.output("rc-status --nocolor default")
    _, crashed = machine.shell("rc-status --nocolor --crashed")
    test.check("sshd" in levels and crashed == "", f"{what}: the default runlevel, no crashed service", levels + crashed)
    said = machine.output("grep -c ' /boot ' /proc/mounts")
    test.check(said == "1", f"{what}: BOOT is mounted", said)


def configured(test, source, repo):
    """From a commit, MBR, raw, with a configuration, on a disk that is larger than the system."""
    key = test.path("id")
    test.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    config = test.path("config.toml")
    with open(key + ".pub", encoding="ascii") as public, open(config, "w", encoding="utf-8") as file:
        file.write(CONFIG.format(key=public.read().strip()))
    disk = test.path("mbr.img")
    commit = install(test, disk, "--config", config, "--repo", repo, source)
    os.truncate(disk, os.path.getsize(disk) + (700 << 20))
    with Machine(test, "mbr", disk, forward={"ssh": 22}, hurry=True) as machine:
        machine.login()
        check_up(test, machine, "MBR", commit)
        said = machine.output("hostname; cat /etc/app.conf; echo; cat /var/lib/app/state")
        test.check(said.split() == ["edge-7", "from", "the", "config", "state"], "MBR: host name and files of --config", said)
        said = machine.output("rc-status --nocolor default; cut -c 1-11 /root/.ssh/authorized_keys")
        test.check("local" not in said and said.endswith("ssh-ed25519"), "MBR: services and another key of --config", said)
        said = machine.output("df -k /sysroot | tail -n 1")
        test.check(int(said.split()[1]) > 900 * 1024, "MBR: the root has grown to the disk", said)
        said = machine.output("id core")
        test.check("operators" in said, "MBR: the user is in the group", said)
        ssh = ["ssh", "-i", key, "-p", str(machine.ports["ssh"]), "-o", "StrictHostKeyChecking=no", "-o",
               "UserKnownHostsFile=/dev/null", "-o", "ConnectTimeout=60", "core@127.0.0.1", "id -un"]
        login = subprocess.run(ssh, stdin=subprocess.DEVNULL, capture_output=True, timeout=180, check=False)
        test.check(login.stdout == b"core\n", "MBR: the key opens the account", login)
        machine.power_off()


def choose(machine, downs):
    """Down the menu, on the serial console, then Enter."""
    machine.expect(r"Starting in", 60)
    machine.send("\x1b[B" * downs + "\r")


def menu(test, repo, source):
    """Two deployments, the second made by `ostree admin` in the running system."""
    disk = test.path("menu.img")
    first = install(test, disk, "--partition-table", "gpt", "--size", "3G", "--stateroot", "test", "--repo", repo, source)
    with Machine(test, "menu", disk, memory=768, hurry=True) as machine:
        machine.login()
        check_up(test, machine, "GPT", first, "test")
        said = machine.output("osb-oci boot-menu; cat /ostree/repo/config")
        test.check("ostree-1-test" in said and "bootloader=zipl" in said, "osb-oci runs inside, and libostree is to call it", said)
        machine.output(f"ostree admin deploy --os=test --karg-append=second=yes {first}", 240)
        entries = machine.output("cat /boot/extlinux/entries.conf")
        test.check("DEFAULT ostree-2-test" in entries and entries.count("LABEL ostree-") == 2 and "(ostree:1)" in entries,
                   "ostree admin deploy leaves a menu with both, newest first", entries)
        machine.hurry = False
        machine.output("sed -i 's/^TOTALTIMEOUT .*/TOTALTIMEOUT 200/' /boot/extlinux/extlinux.conf")
        machine.reboot()
        machine.expect(r"Starting in", 60)
        machine.send("\x1b[B")  # as noise on the line may read; it stops the countdown
        machine.login()
        said = machine.output("cat /proc/cmdline")
        test.check("second=yes" in said and "panic=60" in said, "a key at the menu: the default, the newest, is started in the end", said)
        machine.send("reboot\n")
        machine.restart_after_reset()
        choose(machine, 1)
        machine.login()
        said = machine.output("cat /proc/cmdline")
        test.check("second=yes" not in said and "/1 " not in said.split("ostree=")[0], "the other one is chosen in the menu", said)
        if machine.shell("command -v extlinux")[0] == 0:
            machine.output("extlinux --once=ostree-1-test /boot/extlinux")
        machine.power_off()


def run_until(test, stage, *arguments):
    """Starts install-to-disk and kills it when it says that it is in that stage; (the stages that it named, exit status)."""
    process = subprocess.Popen([test.osb, "install-to-disk", "--progress", "json", *KARGS, *arguments], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    named = []
    for line in process.stderr:
        if line.startswith(b"{"):
            name = json.loads(line).get("stage")
            if name not in named:
                named.append(name)
            if name == stage and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                break
    process.stderr.close()
    return named, process.wait()


def killed_in_stages(test, image, target, *options):
    """kill -9 in each stage leaves no disk, and nothing that is in the way of the next run."""
    stages, status = run_until(test, None, *options, image, test.path("undisturbed"))
    os.unlink(test.path("undisturbed"))
    test.check(status == 0 and len(stages) >= 5, f"stages: {', '.join(map(str, stages))}", status)
    for stage in stages:
        named, status = run_until(test, stage, *options, image, target)
        test.check(status == -signal.SIGKILL and named[-1] == stage and not os.path.exists(target),
                   f"killed in the stage {stage!r}: no disk is made", (named, status))


def other_forms(test, repo, source):
    """(Disks that are made of an image are booted by boot_once.py and upgrade.py.)"""
    qcow = test.path("disk.qcow2")
    commit = install(test, qcow, "--format", "qcow2", "--url", "file://" + repo, source)
    left = [name for name in os.listdir(test.work) if name.startswith(".")]
    test.check(not left, "what killed runs had left behind is gone with a later run", left)
    with Machine(test, "qcow2", [(qcow, "qcow2")], hurry=True) as machine:
        machine.login()
        check_up(test, machine, "qcow2, from a remote repository", commit)
        said = machine.output("ostree remote show-url origin; ostree admin status")
        test.check(f"file://{repo}" in said and f"origin:{source}" in said, "it follows the remote's ref", said)
        machine.power_off()


def main(test):
    lib_system.need_machine(test)
    test.need("ssh-keygen", "ssh", "syslinux", "mcopy")
    image = system_image(test)
    repo = test.path("repo")
    imported = test.osb_import(image, repo, "--ref", "os/test")
    if not test.check_status(imported, 0, "import of the system image"):
        raise Skip("nothing to install")
    killed_in_stages(test, image, test.path("disk.qcow2"), "--format", "qcow2")
    configured(test, "os/test", repo)
    menu(test, repo, "os/test")
    other_forms(test, repo, "os/test")


if __name__ == "__main__":
    sys.exit(run(main))
