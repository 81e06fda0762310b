#!/usr/bin/env python3
"""The real Alpine root, built on by podman: a bootable import is what `ostree admin deploy` deploys and chroot runs."""

import glob
import os
import stat

import lib_harness
from lib_containers import Containers, base_rootfs, need_root

KERNEL = "6.6.49-0-virt"
CONTAINERFILE = f"""FROM localhost/alpine
RUN mkdir -p /boot /lib/modules/{KERNEL} /opt/app /srv/www && echo kernel > /boot/vmlinuz-virt && \\
    echo initramfs > /boot/initramfs-virt && echo dep > /lib/modules/{KERNEL}/modules.dep && \\
    echo app > /opt/app/run && echo page > /srv/www/index.html && echo changed > /etc/motd
LABEL org.opencontainers.image.version=3.20.1
"""


def check_layout(test, repo):
    listed = test.must("ostree", "ls", "-R", "-C", f"--repo={repo}", "os")
    paths = {line.split(" -> ")[0].split()[-1] for line in listed.splitlines()}
    for path in ("/usr/etc/motd", f"/usr/lib/modules/{KERNEL}/vmlinuz", f"/usr/lib/modules/{KERNEL}/initramfs.img",
                 "/usr/bin/busybox", "/sysroot", "/ostree", "/opt/app/run"):
        test.check(path in paths, f"the commit has {path}")
    test.check("/etc" not in paths and "/boot/vmlinuz-virt" not in paths, "and neither /etc nor a kernel in /boot")
    for key, value in (("ostree.bootable", "true"), ("ostree.linux", f"'{KERNEL}'"), ("version", "'3.20.1'")):
        got = test.run("ostree", "show", f"--repo={repo}", f"--print-metadata-key={key}", "os").stdout.strip()
        test.check(got == value, f"metadata {key} is {value}", got)


def deploy(test, repo):
    """The root of the deployment."""
    sysroot = test.path("sysroot")
    os.mkdir(sysroot)
    test.must("ostree", "admin", "init-fs", sysroot)
    test.must("ostree", "admin", "os-init", f"--sysroot={sysroot}", "alpine")
    # A test's sysroot has no partition for /boot whose loader could be told.
    test.must("ostree", "config", f"--repo={sysroot}/ostree/repo", "set", "sysroot.bootloader", "none")
    test.must("ostree", "pull-local", f"--repo={sysroot}/ostree/repo", repo, "os")
    result = test.run("ostree", "admin", "deploy", f"--sysroot={sysroot}", "--os=alpine", "--karg=quiet", "os")
    test.check_status(result, 0, "ostree admin deploy")
    roots = glob.glob(f"{sysroot}/ostree/deploy/alpine/deploy/*.0")
    test.check(len(roots) == 1, "one deployment", roots)
    entries = glob.glob(f"{sysroot}/boot/loader/entries/*.conf")
    test.check(len(entries) == 1, "one boot entry", entries)
    images = sorted(os.path.basename(path) for path in glob.glob(f"{sysroot}/boot/ostree/alpine-*/*"))
    test.check(images == [f"initramfs-{KERNEL}.img", f"vmlinuz-{KERNEL}"], "kernel and initramfs are in /boot", images)
    return roots[0]


def inside(root, path):
    """What a path leads to inside the root: links resolved as by chroot."""
    done = "/"
    parts = path.split("/")
    hops = 0
    while parts:
        part = parts.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            done = os.path.dirname(done)
            continue
        full = os.path.join(done, part)
        if os.path.islink(root + full):
            hops += 1
            if hops > 40:
                return None
            target = os.readlink(root + full)
            done = "/" if target.startswith("/") else done
            parts = target.split("/") + parts
        else:
            done = full
    return root + done


def check_deployment(test, root):
    with open(os.path.join(root, "etc/motd"), encoding="ascii") as file:
        test.check(file.read() == "changed\n", "/etc comes from /usr/etc")
    for path in ("/usr/lib/libssl.so.3", "/usr/lib/libcrypto.so.3", "/lib/libssl.so.3", "/lib/ld-musl-x86_64.so.1",
                 "/bin/sh", "/sbin/init"):
        found = inside(root, path)
        if not os.path.lexists(found or "") and "x86_64" in path and os.uname().machine != "x86_64":
            continue
        test.check(bool(found) and os.path.isfile(found), f"{path} leads to a file", found)
    for path, target in (("/bin", "usr/bin"), ("/sbin", "usr/sbin"), ("/lib", "usr/lib"), ("/home", "var/home"),
                         ("/root", "var/roothome"),
                         ("/srv", "var/srv"), ("/mnt", "var/mnt")):
        got = os.readlink(root + path) if os.path.islink(root + path) else "no link"
        test.check(got == target, f"{path} -> {target}", got)
    dangling = [path for path, target in links(root) if inside(root, target) is None]
    test.check(not dangling, "no link is a loop", dangling)
    page = os.path.join(root, "usr/share/factory/var/srv/www/index.html")
    test.check(os.path.isfile(page), "what /srv held is in the factory", page)
    mode = stat.S_IMODE(os.stat(os.path.join(root, "etc/shadow")).st_mode)
    test.check(mode == 0o640, "/etc/shadow is closed", oct(mode))
    for command, expected in ((["/bin/busybox", "uname", "-s"], "Linux\n"),
                              (["/bin/sh", "-c", "cat /opt/app/run"], "app\n"),
                              (["/sbin/apk", "--version"], "apk-tools")):
        result = test.run("chroot", root, *command)
        test.check(result.status == 0 and result.stdout.startswith(expected), f"chroot runs {' '.join(command)}",
                   result.describe())


def links(root):
    for directory, subdirectories, names in os.walk(root):
        for name in subdirectories + names:
            path = os.path.join(directory, name)
            if os.path.islink(path):
                yield path, path[len(root):]


def main(test):
    if not os.environ.get("OSB_ALPINE_ROOTFS"):
        raise lib_harness.Skip("OSB_ALPINE_ROOTFS names no Alpine root filesystem")
    need_root()
    test.need("ostree", "chroot")
    containers = Containers(test)
    containers.import_rootfs(base_rootfs(test), "localhost/alpine")
    os.mkdir(test.path("context"))
    with open(test.path("context", "Containerfile"), "w", encoding="ascii") as out:
        out.write(CONTAINERFILE)
    containers.build("localhost/os:1", test.path("context"), "--layers")
    repo = test.path("repo")
    result = containers.osb_import("containers-storage:localhost/os:1", repo, "--ref", "os")
    test.check_status(result, 0, "bootable import")
    test.check("srv" in result.stderr, "import says what went to the factory", result.stderr)
    test.fsck(repo, "fsck")
    check_layout(test, repo)
    root = deploy(test, repo)
    check_deployment(test, root)
    test.run("chattr", "-R", "-i", test.path("sysroot"))  # deployments are immutable, and this one has to go

    bare = containers.osb_import("containers-storage:localhost/alpine", repo, "--ref", "base")
    test.check(bare.status == 0 and "kernel" in bare.stderr, "without a kernel: a warning that says so",
               bare.describe())


lib_harness.run(main)
