#!/usr/bin/env python3
# Takes minutes.
"""Debian's package: scripts/package builds it from build/release without compiling anything again, and apt installs it in a clean Debian,
where the program imports an image. The clean root is made by debootstrap once and kept in build/test-cache."""

import glob
import gzip
import os
import re
import shutil

from lib_package import TOP, build_list, text_of, version  # first: it finds the others

from lib_containers import Containers, base_rootfs, need_root  # pylint: disable=wrong-import-order
from lib_harness import Skip, run, unmount_below  # pylint: disable=wrong-import-order

# ROOT COMMAND...: runs a command in the root, with processes and mounts of its own. Its network is this machine's, for apt.
INSIDE = """
set -e
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
root=$1
shift
exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
"""
# From the first steps of the demo: a system of the user's own, on a base.
CONTAINERFILE = "FROM localhost/base\nRUN echo system >/etc/motd && mkdir -p /srv/www && echo page >/srv/www/index.html\n"
FILES = {"usr/bin/osb-oci": 0o755, "usr/share/man/man1/osb-oci.1.gz": 0o644, "usr/share/man/man1/osb-oci-import.1.gz": 0o644,
         "usr/share/bash-completion/completions/osb-oci": 0o644, "usr/share/zsh/vendor-completions/_osb-oci": 0o644,
         "usr/share/fish/vendor_completions.d/osb-oci.fish": 0o644, "usr/share/doc/osb-oci/copyright": 0o644}


class Root:
    """A clean Debian."""

    def __init__(self, test, suite, architecture, sources):
        self.test, self.path = test, test.path("debian")
        cache = os.path.join(TOP, "build", "test-cache")
        archive = os.path.join(cache, f"debian-{suite}-{architecture}.tar")
        os.makedirs(cache, exist_ok=True)
        if not os.path.exists(archive):
            test.must("unshare", "--mount", "debootstrap", "--variant=minbase", suite, self.path, sources[0][0])
            for name in glob.glob(f"{self.path}/var/cache/apt/archives/*.deb"):
                os.unlink(name)
            own = f"{archive}.{os.getpid()}"
            test.must("tar", "--numeric-owner", "--one-file-system", "-C", self.path, "-cf", own, ".")
            os.rename(own, archive)
        else:
            os.mkdir(self.path)
            test.must("tar", "--numeric-owner", "-C", self.path, "-xpf", archive)
        self.write("etc/apt/sources.list", "".join(f"deb {uri} {name} {component}\n" for uri, name, component in sources))
        # The way to the mirror is this machine's.
        proxies = [line for line in test.must("apt-config", "dump").splitlines() if re.match(r"Acquire::\S*proxy", line, re.IGNORECASE)]
        self.write("etc/apt/apt.conf.d/99machine", "".join(line + "\n" for line in proxies))
        for name in ("etc/resolv.conf", "etc/hosts"):
            if os.path.exists("/" + name):
                shutil.copyfile("/" + name, os.path.join(self.path, name))

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *command):
        return self.test.run("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", INSIDE, "sh",
                             self.path, *command)

    def must(self, *command):
        result = self.run(*command)
        if result.status != 0:
            raise RuntimeError(f"{' '.join(command)}: {result.describe()}")
        return result.stdout


def mirror(test):
    """The release of this machine, and the (URI, SUITE, COMPONENT) from which it gets packages, its own suite first."""
    with open("/etc/os-release", encoding="utf-8") as file:
        release = dict(re.findall(r'^(\w+)="?([^"\n]*)', file.read(), re.MULTILINE))
    suite = release.get("VERSION_CODENAME", "")
    if release.get("ID") != "debian" or not suite:
        raise Skip("needs Debian, with a release that has a name")
    listed = test.must("apt-get", "indextargets", "--format", "$(REPO_URI) $(SUITE) $(CODENAME) $(COMPONENT)", "Created-By: Packages",
                       "Origin: Debian")
    found = {tuple(line.split()) for line in listed.splitlines() if len(line.split()) == 4}
    sources = [(uri, codename, component) for uri, _, codename, component in found if codename.startswith(suite)]
    sources.sort(key=lambda source: (source[1] != suite, source[2] != "main", source))
    if not sources or sources[0][1:] != (suite, "main"):
        raise Skip(f"needs apt's lists of {suite} (apt-get update)")
    return suite, sources


def compiled():
    """What Ninja has recorded of the objects, libraries and programs in build/release: each with the time at which it was made."""
    entries = [line.split("\t") for line in text_of("build", "release", ".ninja_log").splitlines() if "\t" in line]
    return {(entry[3], entry[2]) for entry in entries if entry[3].endswith((".o", ".a", "/osb-oci")) or entry[3] == "osb-oci"}


def names_beside():
    """Where dpkg-buildpackage would put its results."""
    return sorted(glob.glob(os.path.join(os.path.dirname(TOP), "osb-oci*")))


def build(test):
    """The path of the package."""
    if os.path.realpath(test.osb) != os.path.join(TOP, "build/release/osb-oci"):
        raise Skip("the program is not that of build/release")
    test.need("dpkg-buildpackage", "dh", "git")
    test.must(os.path.join(TOP, "scripts", "build"), "release", "osb-oci")
    before, changes, beside = compiled(), test.run("git", "-C", TOP, "status", "--porcelain").stdout, names_beside()
    done = test.run(os.path.join(TOP, "scripts", "package"))
    if not test.check_status(done, 0, "scripts/package"):
        raise RuntimeError(done.stderr[-4000:])
    # Ninja drops old entries from its record when there are many.
    test.check(before and compiled() <= before, "it compiles nothing that scripts/test has compiled", sorted(compiled() - before))
    after = test.run("git", "-C", TOP, "status", "--porcelain").stdout
    test.check(after == changes, "and leaves the source tree as it was", after)
    package = done.stdout.strip()
    there = os.path.dirname(package) == os.path.join(TOP, "build/package")
    test.check(there and names_beside() == beside, "the results are in build/package", package)
    changes_file = re.sub(r"deb$", "changes", package)
    with open(changes_file, encoding="utf-8") as file:
        test.check(os.path.basename(package) in file.read(), "the .changes lists it")
    return package


def check_recipe(test, package):
    fields = test.must("dpkg-deb", "--field", package)
    test.check(re.search(rf"^Version: {re.escape(version())}$", fields, re.MULTILINE), "its version is that of CMakeLists.txt", fields)
    depends = re.search(r"^Depends: (.*)$", fields, re.MULTILINE).group(1)
    test.check(all(name in depends for name in ("libostree-1-1", "libcurl4", "libc6 (>=")), "it depends on the libraries", depends)
    recommends = re.search(r"^Recommends: (.*)$", fields, re.MULTILINE).group(1).split(", ")
    test.check({"skopeo", "mtools", "openssh-client", "syslinux-common"} <= set(recommends), "it recommends the programs", recommends)
    control = re.search(r"^Build-Depends: (.*?)^\S", text_of("debian/control"), re.MULTILINE | re.DOTALL).group(1)
    needed = [entry.split()[0] for entry in control.split(",")]
    test.check(needed == ["debhelper-compat"] + build_list("debian"), "Build-Depends is the list of scripts/install-deps",
               f"{needed}\n{build_list('debian')}")
    return recommends


def build_id(test, program):
    return re.search(r"Build ID: (\w+)", test.must("readelf", "-n", program)).group(1)


def check_files(test, package):
    tree = test.path("tree")
    test.must("dpkg-deb", "-x", package, tree)
    for name, mode in FILES.items():
        path = os.path.join(tree, name)
        test.check(os.path.isfile(path) and os.stat(path).st_mode & 0o7777 == mode, f"it has /{name}, with mode {mode:o}")
    with gzip.open(os.path.join(tree, "usr/share/man/man1/osb-oci.1.gz"), "rt", encoding="utf-8") as file:
        test.check(file.read() == text_of("man/osb-oci.1"), "the man page is that of man/")
    program = os.path.join(tree, "usr/bin/osb-oci")
    test.check(build_id(test, program) == build_id(test, test.osb), "its program is build/release/osb-oci")
    test.check(os.path.getsize(program) < os.path.getsize(test.osb) / 2, "without the debug information")
    headers, dynamic = test.must("readelf", "-hlW", program), test.must("readelf", "-dW", program)
    symbols = test.must("readelf", "--dyn-syms", "-W", program)
    test.check("DYN (Position" in headers and "PIE" in dynamic, "it is position independent")
    test.check("GNU_RELRO" in headers and "NOW" in dynamic, "what the loader fills in is read-only")
    test.check(re.search(r"__\w+_chk@", symbols) and "__stack_chk_fail@" in symbols, "buffers and stacks are guarded")


def make_image(test):
    """An image layout as podman builds it, and the commit that the program of this machine makes of it."""
    containers = Containers(test)
    directory = test.path("image-source")
    os.mkdir(directory)
    with open(os.path.join(directory, "Containerfile"), "w", encoding="ascii") as file:
        file.write(CONTAINERFILE)
    containers.import_rootfs(base_rootfs(test), "localhost/base")
    containers.build("localhost/os:1", directory)
    containers.skopeo("copy", "-q", "containers-storage:localhost/os:1", f"oci:{test.path('image')}:v1")
    done = test.osb_import(f"oci:{test.path('image')}:v1", test.path("repo"), "--ref", "os")
    test.check_status(done, 0, "this machine imports the image")
    return done.commit


def check_installed(test, root, package, recommends):
    shutil.copyfile(package, os.path.join(root.path, "root/osb-oci.deb"))
    test.check_status(root.run("apt-get", "-qq", "update"), 0, "apt reads the lists of the mirror")
    plan = root.run("apt-get", "-s", "install", "/root/osb-oci.deb")
    missing = [name for name in recommends if f"Inst {name} " not in plan.stdout]
    test.check(plan.status == 0 and not missing, "the mirror has what the package recommends", f"{missing}\n{plan.describe()}")
    done = root.run("apt-get", "-qq", "-y", "--no-install-recommends", "install", "/root/osb-oci.deb")
    if not test.check_status(done, 0, "apt-get install ./osb-oci.deb"):
        raise RuntimeError(done.stderr)
    shown = root.run("osb-oci", "--version")
    test.check(shown.status == 0 and version() in shown.stdout.splitlines()[0], "osb-oci --version in the clean root", shown.describe())
    owner = root.run("dpkg", "-S", "/usr/share/man/man1/osb-oci.1.gz")
    there = os.path.isfile(os.path.join(root.path, "usr/share/man/man1/osb-oci.1.gz"))
    test.check(owner.stdout.startswith("osb-oci:") and there, "its man page is there", owner.describe())
    test.check_status(root.run("dpkg", "--verify", "osb-oci"), 0, "every file is as the package has it")


def check_import(test, root, expected):
    shutil.copytree(test.path("image"), os.path.join(root.path, "srv/image"))
    done = root.run("osb-oci", "import", "--repo", "/srv/repo", "--ref", "os", "oci:/srv/image:v1")
    test.check_status(done, 0, "osb-oci import oci:... in the clean root")
    test.check(done.commit == expected, "the commit is that of this machine", f"{done.commit} instead of {expected}")
    test.fsck(os.path.join(root.path, "srv/repo"), "ostree finds no fault in the repository")
    page = test.run("ostree", "cat", f"--repo={root.path}/srv/repo", "os", "/usr/etc/motd")
    test.check(page.stdout == "system\n", "and a file of the image in it", page.describe())


def check_removed(test, root):
    test.check_status(root.run("apt-get", "-qq", "-y", "purge", "osb-oci"), 0, "apt-get purge osb-oci")
    left = [name for name in list(FILES) + ["usr/share/doc/osb-oci"] if os.path.lexists(os.path.join(root.path, name))]
    test.check(not left, "nothing of it is left", left)


def main(test):
    test.need("dpkg-deb", "apt-get", "debootstrap", "unshare", "readelf", "ostree")
    need_root()
    suite, sources = mirror(test)
    package = build(test)
    recommends = check_recipe(test, package)
    check_files(test, package)
    expected = make_image(test)
    root = Root(test, suite, test.must("dpkg", "--print-architecture").strip(), sources)
    try:
        check_installed(test, root, package, recommends)
        check_import(test, root, expected)
        check_removed(test, root)
    finally:
        unmount_below(test.work)


if __name__ == "__main__":
    run(main)
