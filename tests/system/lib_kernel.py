"""Debian's kernel for every machine, with the drivers of chipsets that the smaller one of the system test image lacks."""

import glob
import os
import re
import subprocess

from lib_system import FIXTURE, OVERLAY

# Of the features that the overlay has mkinitfs take.
FEATURES = ("ext4", "virtio", "ostree")


def chipset_kernel(test, initramfs):
    """(kernel, initramfs): the other kernel, and a copy of the image's initramfs with the modules for it."""
    folder = test.path("chipset")
    os.mkdir(folder)
    package = download(test, folder)
    tree = os.path.join(folder, "tree")
    test.must("dpkg-deb", "-x", package, tree)
    (release,) = os.listdir(f"{tree}/lib/modules")
    test.must("depmod", "-b", tree, release)
    archive = os.path.join(folder, "initramfs")
    with open(initramfs, "rb") as image, open(archive, "wb") as out:
        out.write(image.read())
        out.write(bytes(-out.tell() % 4))  # the kernel unpacks one archive after the other
        out.write(pack(lay_out(test, f"{tree}/lib/modules", release)))
    return f"{tree}/boot/vmlinuz-{release}", archive


def download(test, folder):
    name = re.search(r"Depends: (linux-image-\S+)", test.must("apt-cache", "depends", "linux-image-amd64")).group(1)
    get = ["apt-get", "-q", "download", name]
    if subprocess.run(get, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode != 0:
        test.must("apt-get", "-q", "update")  # the list may be older than the archive
        subprocess.run(get, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    (package,) = glob.glob(f"{folder}/*.deb")
    return package


def wanted(modules):
    """The modules of the features with all that they need, as paths below /lib/modules/RELEASE."""
    found = set()
    for feature in FEATURES:
        for top in (FIXTURE + "/rootfs", OVERLAY):
            path = f"{top}/etc/mkinitfs/features.d/{feature}.modules"
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    found |= {name for line in file for name in glob.glob(f"{modules}/{line.strip()}")}
    names = {os.path.relpath(path, modules) for top in found
             for path in ([top] if os.path.isfile(top) else glob.glob(f"{top}/**/*.ko", recursive=True))}
    with open(f"{modules}/modules.dep", encoding="ascii") as file:
        needs = dict(line.rstrip("\n").split(":") for line in file)
    return names | {need for name in names for need in needs[name].split()}


def lay_out(test, tops, release):
    """A folder with what goes into the initramfs, where /lib is a link into /usr."""
    root = test.path("chipset", "root")
    source, target = f"{tops}/{release}", f"{root}/usr/lib/modules/{release}"
    for name in wanted(source):
        os.makedirs(os.path.dirname(f"{target}/{name}"), exist_ok=True)
        os.link(f"{source}/{name}", f"{target}/{name}")
    for name in ("order", "builtin", "builtin.modinfo"):
        os.link(f"{source}/modules.{name}", f"{target}/modules.{name}")
    os.symlink("usr/lib", f"{root}/lib")  # for depmod
    test.must("depmod", "-b", root, release)
    os.unlink(f"{root}/lib")
    return root


def pack(root):
    names = subprocess.run(["find", "."], cwd=root, stdout=subprocess.PIPE, check=True).stdout
    return subprocess.run(["cpio", "-o", "-H", "newc", "--quiet"], cwd=root, input=names, stdout=subprocess.PIPE, check=True).stdout
