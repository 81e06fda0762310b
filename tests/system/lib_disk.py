"""A bootable disk from a commit, by the programs that a person would use: what `osb-oci install-to-disk` is to do in one step.

Partition devices of a loop device do not appear everywhere, so each partition has a loop device of its own, with an offset.
"""

import contextlib
import glob
import os
import subprocess

from lib_qemu import GUEST_KARGS

SECTOR = 512
BOOT_START, BOOT_SECTORS = 2048, 128 * 2048
ROOT_START = BOOT_START + BOOT_SECTORS
MBR_CODE = ("/usr/lib/syslinux/mbr/mbr.bin", "/usr/share/syslinux/mbr.bin")

SYSLINUX = """SERIAL 0 115200
PROMPT 0
DEFAULT test
LABEL test
  LINUX {linux}
  INITRD {initrd}
  APPEND {options}
"""


@contextlib.contextmanager
def loop_device(test, image, start, sectors):
    device = test.must("losetup", "--find", "--show", "--offset", str(start * SECTOR), "--sizelimit",
                       str(sectors * SECTOR), image).strip()
    try:
        yield device
    finally:
        test.run("losetup", "--detach", device)


@contextlib.contextmanager
def mounted(test, device, point):
    os.makedirs(point, exist_ok=True)
    test.must("mount", device, point)
    try:
        yield point
    finally:
        test.run("umount", point)


@contextlib.contextmanager
def partitions(test, image):
    """Loop devices of (BOOT, ROOT) of an image made here; ROOT up to the end of the file."""
    total = os.path.getsize(image) // SECTOR
    with loop_device(test, image, BOOT_START, BOOT_SECTORS) as boot, \
            loop_device(test, image, ROOT_START, total - ROOT_START) as root:
        yield boot, root


@contextlib.contextmanager
def opened(test, image):
    """The sysroot of an image made here, mounted with its /boot."""
    with partitions(test, image) as (boot, root), mounted(test, root, test.path("sysroot")) as sysroot:
        with mounted(test, boot, os.path.join(sysroot, "boot")):
            yield sysroot


def make_disk(test, repo, ref, image, size=640 << 20, kargs=()):
    """Writes `image`: MBR, BOOT and ROOT (ext4), the commit deployed with the stateroot "test", extlinux."""
    with open(image, "wb") as file:
        file.truncate(size)
    table = test.path("partitions")
    with open(table, "w", encoding="ascii") as file:
        file.write(f"label: dos\nstart={BOOT_START}, size={BOOT_SECTORS}, type=83, bootable\nstart={ROOT_START}, type=83\n")
    with open(table, "rb") as script:
        test.must("sfdisk", "--quiet", image, stdin=script)
    with partitions(test, image) as (boot, root):
        test.must("mkfs.ext4", "-q", "-O", "^64bit", "-L", "BOOT", boot)
        test.must("mkfs.ext4", "-q", "-L", "ROOT", root)
        uuid = test.must("blkid", "-s", "UUID", "-o", "value", root).strip()
        with mounted(test, root, test.path("sysroot")) as sysroot:
            os.mkdir(os.path.join(sysroot, "boot"))
            with mounted(test, boot, os.path.join(sysroot, "boot")):
                deploy(test, repo, ref, sysroot, ["root=UUID=" + uuid, "rw", *GUEST_KARGS, *kargs])
                install_loader(test, sysroot)
    with open(next(filter(os.path.exists, MBR_CODE)), "rb") as code, open(image, "r+b") as disk:
        disk.write(code.read(440))


def deploy(test, repo, ref, sysroot, kargs):
    test.must("ostree", "admin", "init-fs", sysroot)
    test.must("ostree", "admin", "os-init", f"--sysroot={sysroot}", "test")
    test.must("ostree", "config", f"--repo={sysroot}/ostree/repo", "set", "sysroot.bootloader", "none")
    test.must("ostree", "pull-local", f"--repo={sysroot}/ostree/repo", repo, ref)
    test.must("ostree", "admin", "deploy", f"--sysroot={sysroot}", "--os=test", *(f"--karg={k}" for k in kargs), ref)


def install_loader(test, sysroot):
    fields = entry_fields(sysroot)
    os.makedirs(f"{sysroot}/boot/syslinux")
    with open(f"{sysroot}/boot/syslinux/syslinux.cfg", "w", encoding="utf-8") as file:
        file.write(SYSLINUX.format(**fields))
    test.must("extlinux", "--install", f"{sysroot}/boot/syslinux")


def check_clean(test, image, what):
    """Both filesystems were unmounted in order and have no errors."""
    with partitions(test, image) as devices:
        for name, device in zip(("BOOT", "ROOT"), devices):
            state = test.must("dumpe2fs", "-h", device)
            test.check("needs_recovery" not in state, f"{what}: {name} was left in order")
            result = test.run("e2fsck", "-f", "-n", device)
            test.check(result.status == 0, f"{what}: {name} has no errors", result.describe())


def extract_kernel(test, repo, ref):
    """Files with the commit's kernel and initramfs, for a machine that boots without a loader."""
    (folder,) = [line.split()[-1] for line in test.must("ostree", "ls", f"--repo={repo}", ref, "/usr/lib/modules").splitlines()
                 if line.startswith("d") and line.split()[-1] != "/usr/lib/modules"]
    files = []
    for name in ("vmlinuz", "initramfs.img"):
        files.append(test.path(name))
        with open(files[-1], "wb") as out:
            subprocess.run(["ostree", "cat", f"--repo={repo}", ref, f"{folder}/{name}"], stdout=out, check=True)
    return files


def entry_fields(sysroot):
    """The fields of the only boot entry: linux, initrd, options, ..."""
    (entry,) = glob.glob(f"{sysroot}/boot/loader/entries/*.conf")
    with open(entry, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(" ", 1) for line in file if " " in line)


def kernel_arguments(test, image):
    """{name: value} of the command line that the disk's loader gives to the kernel; flags have the value ""."""
    with opened(test, image) as sysroot:
        return dict(word.partition("=")[::2] for word in entry_fields(sysroot)["options"].split())


def with_files(test, initrd, files):
    """A copy of an initramfs in which {path: (mode, content)} are added or replaced: of two archives the kernel unpacks both."""
    def entry(number, path, mode, content):
        name = path.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        return header + name + bytes(-(len(header) + len(name)) % 4) + content + bytes(-len(content) % 4)

    out = test.path(f"{os.path.basename(initrd)}.changed")
    with open(initrd, "rb") as old, open(out, "wb") as new:
        new.write(old.read())
        new.write(bytes(-new.tell() % 4))
        for number, (path, (mode, content)) in enumerate(files.items(), 1):
            new.write(entry(number, path, 0o100000 | mode, content))
        new.write(entry(0, "TRAILER!!!", 0, b""))
    return out
