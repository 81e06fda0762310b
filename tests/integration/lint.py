#!/usr/bin/env python3
"""lint: the findings in images, commits and directories, its options, and the initramfs as cpio, bsdtar and compressors make it."""

import glob
import gzip
import json
import os
import shutil
import stat
import subprocess

import lib_harness
from lib_containers import Containers, base_rootfs
from lib_image import ARCHITECTURE, Layout, TarLayer, zstd

KERNEL = "6.6.49-0-virt"
OVERLAY = os.path.join(lib_harness.TOP, "containerfiles", "rootfs")
SERVICES = {"boot": ("osb-etc", "osb-var", "osb-grow-root"), "default": ("osb-boot-check",)}


def bzimage():
    """The beginning of a kernel for this machine, or for x86_64 on others."""
    head = bytearray(4096)
    if ARCHITECTURE == "arm64":
        head[0x38:0x3c] = b"ARM\x64"
        return bytes(head)
    head[0x202:0x206] = b"HdrS"
    head[0x206:0x208] = (0x020f).to_bytes(2, "little")
    head[0x236] = 1
    return bytes(head)


def initramfs_tree(test, name, *, init=True, prepare_root=True):
    root = test.path(name)
    os.makedirs(os.path.join(root, "usr/lib/ostree"))
    os.makedirs(os.path.join(root, "bin"))
    for path, wanted in (("init", init), ("usr/lib/ostree/ostree-prepare-root", prepare_root), ("bin/busybox", True)):
        if not wanted:
            continue
        with open(os.path.join(root, path), "wb") as out:
            out.write(os.urandom(3000))
        os.chmod(os.path.join(root, path), 0o755)
    os.symlink("busybox", os.path.join(root, "bin/sh"))
    return root


def cpio(root, program=("cpio", "--quiet", "-o", "-H", "newc")):
    names = subprocess.run(["find", "."], cwd=root, check=True, capture_output=True).stdout
    return subprocess.run(program, cwd=root, input=names, check=True, capture_output=True).stdout


def write(root, path, content=b"x", mode=0o644):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as out:
        out.write(content if isinstance(content, bytes) else content.encode())
    os.chmod(full, mode)


def make_root(test, initramfs):
    """Alpine (or its stand-in) with the overlay, the runlevels of containerfiles/Containerfile, and a kernel."""
    root = test.path("root")
    os.mkdir(root)
    os.chmod(root, 0o755)
    test.must("tar", "-C", root, "--exclude=./dev/*", "-xf", base_rootfs(test))
    shutil.copytree(OVERLAY, root, symlinks=True, dirs_exist_ok=True)
    for level, services in SERVICES.items():
        os.makedirs(os.path.join(root, "etc/runlevels", level), exist_ok=True)
        for service in services:
            os.symlink(f"/etc/init.d/{service}", os.path.join(root, "etc/runlevels", level, service))
    write(root, "boot/vmlinuz-virt", bzimage())
    write(root, "boot/initramfs-virt", initramfs)
    write(root, f"lib/modules/{KERNEL}/modules.dep", "kernel/a.ko:\n")
    write(root, f"lib/modules/{KERNEL}/kernel/a.ko")
    if not os.path.lexists(os.path.join(root, "sbin/init")):
        os.symlink("/bin/busybox", os.path.join(root, "sbin/init"))
    if not os.path.exists(os.path.join(root, "etc/os-release")):
        write(root, "etc/os-release", "ID=alpine\n")
    return root


def lint(test, *arguments, **how):
    """The status and the findings as (severity, check, path)."""
    result = test.run(test.osb, "lint", "--json", *arguments, **how)
    try:
        document = json.loads(result.stdout)
    except ValueError:
        return result.status, [result.describe()]
    if set(document) != {"schema", "findings", "checks"}:
        return result.status, [document]
    return result.status, [(found["severity"], found["check"], found["path"]) for found in document["findings"]]


def expect(test, what, found, status, *findings):
    test.check(found == (status, list(findings)), f"{what}: status {status}, {len(findings)} findings", found)


def check_directory(test, root):
    expect(test, "Alpine with kernel and overlay", lint(test, root), 0)
    plain = test.path("plain")
    os.mkdir(plain)
    os.chmod(plain, 0o755)
    test.must("tar", "-C", plain, "--exclude=./dev/*", "-xf", base_rootfs(test))
    status, found = lint(test, plain)
    errors = [check for severity, check, _ in found if severity == "error"]
    test.check(status == 1 and errors == ["kernel"], "Alpine without a kernel: an error for that alone", found)

    bad = test.path("bad")
    test.must("cp", "-a", root, bad)
    secret = test.path("outside.key")
    with open(secret, "w", encoding="ascii") as out:
        out.write("-----BEGIN PRIVATE KEY-----\n")
    os.symlink(secret, os.path.join(bad, "etc/link.key"))
    os.symlink("../../../../../../../../..", os.path.join(bad, "opt/out"))
    write(bad, "var/cache/apk/APKINDEX.tar.gz")
    write(bad, "bin/conflict", "one")
    write(bad, "usr/bin/conflict", "two")
    os.mkfifo(os.path.join(bad, "opt/pipe"))
    write(bad, "etc/fstab", "/dev/sda1 / ext4 defaults 0 1\n")
    names = os.path.join(bad.encode(), b"etc", b"\xff")
    with open(names, "wb"):
        pass
    expect(test, "a directory with faults", lint(test, bad), 1,
           ("error", "usr-merge", "/bin/conflict"), ("error", "names", "/etc/\ufffd"), ("warning", "devices", "/opt/pipe"),
           ("error", "fstab", "/etc/fstab"), ("warning", "package-cache", "/var/cache/apk"))
    text = test.run(test.osb, "lint", bad)
    test.check(r"[names] /etc/\xff" in text.stdout and text.status == 1, "names are printed escaped", text.describe())
    test.check("    fix: RUN rm -rf /var/cache/apk/*\n" in text.stdout, "the fix follows each finding", text.stdout)
    summary = text.stdout.splitlines()[-1]
    test.check(summary.startswith("3 errors, 2 warnings in "), "the last line is a summary", summary)


def check_fstab_fix(test, root):
    """The lines that lint prints, run by the shell on a copy of the file."""
    keep = ["# / of the disk\n", "10.0.0.1:/ /mnt nfs nofail 0 0\n", "a/usr /mnt/usr ext4 noauto 0 0\n", "tmpfs /tmp tmpfs rw 0 0\n",
            "//host/share /mnt/s cifs nofail 0 0\n"]
    wrong = ["/dev/sda1 / ext4 rw 0 1\n", "  UUID=1\t/usr  ext4 ro 0 0\n", "LABEL=BOOT /boot ext4 rw 0 0\n"]
    bad = test.path("fstab-root")
    test.must("cp", "-a", root, bad)
    write(bad, "etc/fstab", "".join(keep[:2] + wrong + keep[2:]))
    document = json.loads(test.run(test.osb, "lint", "--json", bad).stdout)
    fixes = [found["fix"] for found in document["findings"] if found["check"] == "fstab"]
    test.check(len(fixes) == len(wrong), "a fix for each wrong line of fstab", fixes)
    for fix in fixes:
        test.must("sh", "-c", fix.removeprefix("RUN ").replace("/etc/fstab", os.path.join(bad, "etc/fstab")))
    with open(os.path.join(bad, "etc/fstab"), encoding="ascii") as file:
        left = file.readlines()
    test.check(left == keep, "the fixes remove these lines and no other", left)


def check_options(test, root):
    warned = test.path("warned")
    test.must("cp", "-a", root, warned)
    write(warned, "var/log/apk.log")
    expect(test, "a warning", lint(test, warned), 0, ("warning", "logs", "/var/log"))
    expect(test, "--fatal-warnings", lint(test, warned, "--fatal-warnings"), 1, ("warning", "logs", "/var/log"))
    expect(test, "--skip", lint(test, warned, "--fatal-warnings", "--skip", "logs", "--skip=kernel"), 0)
    result = test.run(test.osb, "lint", "--skip", "lgos", warned)
    test.check_refused(result, 2, "an unknown check", "did you mean 'logs'?")
    listed = test.run(test.osb, "lint", "--list")
    test.check(listed.status == 0 and len(listed.stdout.splitlines()) > 25, "--list prints the checks", listed.describe())
    checks = json.loads(test.must(test.osb, "lint", "--list", "--json"))["checks"]
    test.check([line.split()[0] for line in listed.stdout.splitlines()] == [check["name"] for check in checks],
               "--list --json has the same names")
    ran = json.loads(test.run(test.osb, "lint", "--json", "--skip", "logs", warned).stdout)["checks"]
    test.check(ran == len(checks) - 1, "checks is the number of checks that ran", ran)
    test.check_refused(test.run(test.osb, "lint"), 2, "no TARGET", "TARGET")
    test.check_refused(test.run(test.osb, "lint", "--repo", test.path("none"), "os"), 1, "nothing of that name", "'os'")
    test.check(not os.path.exists(test.path("none")), "no repository is made")


def check_initramfs(test, root):
    good = cpio(initramfs_tree(test, "good"))
    early = cpio(initramfs_tree(test, "early", init=False, prepare_root=False))
    no_init = cpio(initramfs_tree(test, "no-init", init=False))
    no_prepare = cpio(initramfs_tree(test, "no-prepare", prepare_root=False))
    path = "/boot/initramfs-virt"
    cases = [
        ("newc", good, ()),
        ("crc", cpio(test.path("good"), ("cpio", "--quiet", "-o", "-H", "crc")), ()),
        ("gzip", gzip.compress(good), ()),
        ("zstd", zstd(good), ()),
        ("an early archive before gzip", early + gzip.compress(good), ()),
        ("an early archive, zeros, zstd", early + bytes(2048) + zstd(good), ()),
        ("two archives", early + good, ()),
        ("without init", gzip.compress(no_init), [("error", "initramfs-init", path)]),
        ("without ostree-prepare-root", zstd(no_prepare), [("error", "prepare-root", path)]),
        ("cut", gzip.compress(no_init)[:-200], [("error", "initramfs", path)]),
        ("odc", cpio(test.path("good"), ("cpio", "--quiet", "-o", "-H", "odc")), [("warning", "initramfs", path)]),
    ]
    if shutil.which("bsdtar"):
        cases.append(("newc of bsdtar", cpio(test.path("good"), ("bsdtar", "-cnf", "-", "--format", "newc", "-T", "-")), ()))
    for program, options in (("xz", ["-c"]), ("lz4", ["-l", "-c"])):
        if shutil.which(program):
            packed = subprocess.run([program, *options], input=good, check=True, capture_output=True).stdout
            cases.append((program, packed, [("warning", "initramfs", path)]))
    for what, content, findings in cases:
        write(root, path[1:], content)
        expect(test, f"initramfs: {what}", lint(test, root), int(any(f[0] == "error" for f in findings)), *findings)
    write(root, path[1:], good)


def layer_of(root):
    """The directory as a layer, without its owners."""
    layer = TarLayer()
    for directory, subdirectories, names in os.walk(root):
        for name in sorted(subdirectories + names):
            full = os.path.join(directory, name)
            inside = os.path.relpath(full, root)
            status = os.lstat(full)
            if stat.S_ISLNK(status.st_mode):
                layer.symlink(inside, os.readlink(full))
            elif stat.S_ISDIR(status.st_mode):
                layer.directory(inside, mode=stat.S_IMODE(status.st_mode))
            elif stat.S_ISREG(status.st_mode):
                with open(full, "rb") as file:
                    layer.file_entry(inside, file.read(), mode=stat.S_IMODE(status.st_mode))
    return layer


def check_images(test, root):
    scratch = test.path("scratch")
    os.mkdir(scratch)
    env = {**os.environ, "TMPDIR": scratch}
    layout = Layout(test.path("layout"))
    label = {"config": {"Labels": {"org.opencontainers.image.version": "1"}}}
    layout.image("good", [layer_of(root).bytes()], **label)
    bad = TarLayer().file_entry("tmp/x", b"x").file_entry("bin/y", b"1").file_entry("usr/bin/y", b"2")
    bad.add("srv/pipe", b"6").file_entry("etc/ssh/ssh_host_rsa_key", b"-----BEGIN OPENSSH PRIVATE KEY-----\n")
    layout.image("bad", [layer_of(root).bytes(), bad.bytes()])
    layout.image("refused", [TarLayer().file_entry("etc/a/b", b"x").symlink("etc/loop", "loop").file_entry("etc/loop/x").bytes()])
    image = f"oci:{layout.directory}"
    expect(test, "a good image", lint(test, f"{image}:good", env=env), 0)
    expect(test, "an image with faults", lint(test, f"{image}:bad", env=env), 1,
           ("error", "usr-merge", "/bin/y"), ("warning", "devices", "/srv/pipe"), ("warning", "version", ""),
           ("warning", "runtime-content", "/tmp"), ("error", "host-keys", "/etc/ssh/ssh_host_rsa_key"))
    expect(test, "an image that import refuses", lint(test, f"{image}:refused", env=env), 1, ("error", "import", ""))
    archive = test.path("lint-root.tar")
    with open(archive, "wb") as out:
        out.write(layer_of(root).bytes())
    expect(test, "a tarball", lint(test, f"tarball:{archive}", env=env), 0, ("warning", "version", ""))
    for transport in ("dir", "docker-daemon"):
        result = test.run(test.osb, "lint", f"{transport}:/none", env={**env, "DOCKER_HOST": "unix:///none"})
        test.check(result.status != 0 and "not an image" not in result.stderr.replace("not an image reference", ""),
                   f"{transport}: is a transport", result.describe())
    test.check_refused(test.run(test.osb, "lint", f"{image}:none", env=env), 1, "a tag that does not exist", "none")
    test.check(not os.listdir(scratch), "nothing is left of the temporary repository", os.listdir(scratch))
    with open(glob.glob(layout.blob_path(layout.manifests[0]["digest"]))[0], "rb") as file:
        blob = json.load(file)["layers"][0]["digest"]
    with open(layout.blob_path(blob), "r+b") as file:
        file.seek(-100, os.SEEK_END)
        file.write(b"damaged")
    test.check_status(test.run(test.osb, "lint", f"{image}:good", env=env), 3, "a damaged image is refused, not linted")


def check_commits(test, root):
    repo = test.path("repo")
    layout = Layout(test.path("commits"))
    label = {"config": {"Labels": {"org.opencontainers.image.version": "1"}}}
    good = layer_of(root).bytes()
    secret = TarLayer().file_entry("root/.netrc", b"machine x password y\n").bytes()
    kernel = TarLayer().whiteout("boot/vmlinuz-virt").bytes()
    layout.image("good", [good], **label)
    layout.image("bad", [good, secret], **label)
    layout.image("none", [good, kernel], **label)
    image = f"oci:{layout.directory}"
    result = test.osb_import(f"{image}:good", repo, "--ref", "good")
    test.check(result.status == 0 and "lint" not in result.stderr, "import says nothing of a good image", result.describe())
    expect(test, "its commit", lint(test, "--repo", repo, "good"), 0)
    expect(test, "its checksum", lint(test, "--repo", repo, result.commit), 0)

    result = test.osb_import(f"{image}:bad", repo, "--ref", "bad")
    line = "osb-oci: lint: 1 error, 1 warning: 'osb-oci lint bad' shows them"
    test.check(line in result.stderr.splitlines() and len(result.stdout.splitlines()) == 1, "import counts findings",
               result.describe())
    expect(test, "the commit with findings", lint(test, "--repo", repo, "bad"), 1,
           ("warning", "var", "/usr/share/factory/var"),
           ("error", "credentials", "/usr/share/factory/var/roothome/.netrc"))
    result = test.osb_import(f"{image}:bad", repo, "--ref", "bad")
    test.check("lint" not in result.stderr, "an import that adds nothing does not lint", result.describe())
    result = test.osb_import(f"{image}:bad", test.path("repo2"), "--ref", "bad", "-q")
    test.check(result.status == 0 and not result.stderr, "-q prints nothing of it", result.describe())
    result = test.osb_import(f"{image}:bad", test.path("repo3"), "--ref", "bad", "--layout", "plain")
    test.check(result.status == 0 and "lint" not in result.stderr, "nor does the plain layout", result.describe())
    result = test.osb_import(f"{image}:none", test.path("repo4"), "--ref", "none", "--json")
    test.check("no kernel" in result.stderr and "lint" not in result.stderr and "commit" in json.loads(result.stdout),
               "a missing kernel is not reported twice", result.describe())
    expect(test, "a plain commit", lint(test, "--repo", test.path("repo3"), "bad", "--skip", "var", "--skip", "credentials"), 1,
           ("error", "layout", ""))


def check_podman(test, containers, root):
    archive = test.path("root.tar")
    test.must("tar", "-C", root, "-cf", archive, ".")
    containers.import_rootfs(archive, "localhost/good")
    os.mkdir(test.path("context"))
    with open(test.path("context", "Containerfile"), "w", encoding="ascii") as out:
        out.write("FROM localhost/good\nRUN mkdir -p /var/cache/apk && echo x > /var/cache/apk/index && chmod 4755 /bin/busybox && "
                  "echo x > /tmp/x\nLABEL version=2\n")
    containers.build("localhost/os:1", test.path("context"), "--layers")
    expect(test, "an image of podman", lint(test, "containers-storage:localhost/os:1", env=containers.env), 0,
           ("warning", "runtime-content", "/tmp"), ("warning", "package-cache", "/var/cache/apk"),
           ("warning", "setuid", "/bin/busybox"))


def check_derived(test, containers, root):
    """An image on an encapsulated commit: its own kernel files and state replace those of the commit."""
    repo = test.path("base-repo")
    layout = Layout(test.path("base"))
    label = {"config": {"Labels": {"org.opencontainers.image.version": "1"}}}
    layout.image("v1", [layer_of(root).bytes()], **label)
    test.check_status(test.osb_import(f"oci:{layout.directory}:v1", repo, "--ref", "os"), 0, "import of a base")
    exported = test.path("exported")
    test.must(test.osb, "export", "--repo", repo, "--progress", "none", "os", f"oci:{exported}:v1")
    expect(test, "an encapsulated image", lint(test, f"oci:{exported}:v1"), 0)
    if containers is None:
        return
    containers.skopeo("copy", "-q", f"oci:{exported}:v1", "containers-storage:localhost/base:1")
    os.makedirs(test.path("derived"))
    with open(test.path("derived", "Containerfile"), "w", encoding="ascii") as out:
        out.write("FROM localhost/base:1\nCOPY initramfs /boot/initramfs-virt\nRUN mkdir -p /var/log && echo x > /var/log/x\n")
    with open(test.path("derived", "initramfs"), "wb") as out:
        out.write(cpio(test.path("no-prepare")))
    containers.build("localhost/derived:1", test.path("derived"), "--layers")
    status, found = lint(test, "containers-storage:localhost/derived:1", env=containers.env)
    test.check(status == 1 and ("error", "prepare-root", f"/usr/lib/modules/{KERNEL}/initramfs.img") in found and
               all(check != "kernel" for _, check, _ in found), "a derived image: its new initramfs counts", found)


def main(test):
    test.need("cpio", "tar", "ostree")
    root = make_root(test, b"")
    check_initramfs(test, root)
    check_directory(test, root)
    check_fstab_fix(test, root)
    check_options(test, root)
    check_images(test, root)
    check_commits(test, root)
    containers = None
    if os.geteuid() == 0 and shutil.which("podman") and shutil.which("skopeo"):
        containers = Containers(test)
        check_podman(test, containers, root)
    else:
        test.skip_one("images of podman", "needs root, podman and skopeo")
    check_derived(test, containers, root)


lib_harness.run(main)
