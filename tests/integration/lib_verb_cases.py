"""Verbs as cases for faults and kills: how their state is made, what they change, and what must hold after each end of them.

A case has a directory or a disk in the state before, and makes a fresh copy of it for each round. fault() states what is broken now,
whatever moment the verb was ended at. is_done() is true if the verb's result is there. rest() states what the verb has left over after it
succeeded. Each of these returns "" if all is well.
"""

import atexit
import fcntl
import glob
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import time

import lib_harness
from lib_image import Layout, TarLayer
from lib_registry import Registry
from lib_upgrade import Disk, Images

REF = "os/test"
FITHAW = 0xC0045878
BLOCK = 65536
NEED_DISKS = ("upgrade", "switch", "rollback", "install")
# Small files share blocks or not, and a directory's block may be larger once it had more entries.
SLACK = 65536


class Case:
    """A verb with its state in a directory. `name` is what a command line selects. `once`: the same command again would do something else,
    so it follows only an end that came before the result. `share`: faults that every run of the tests tries."""

    once, share = False, 24

    def __init__(self, test, name):
        self.test, self.name = test, name
        self.start, self.work = test.path(f"{name}-start"), test.path(f"{name}-work")

    def fresh(self):
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.start, self.work, symlinks=True)

    def close(self):
        """Frees what the case holds."""

    def command(self):
        raise NotImplementedError

    def settle(self):
        """Called when the verb has ended, however: the state is looked at afterwards."""

    def is_told(self, _result):
        """Whether a run that succeeded has said which lesser part it did not do."""
        return False

    def problem(self):
        """What is wrong after an end at any moment, and after the same command again."""
        self.settle()
        wrong = self.fault()
        if wrong or (self.once and self.is_done()):
            return wrong
        began = time.monotonic()
        again = self.test.run("timeout", "120", *self.command())
        if again.status != 0:
            return f"the same again, {time.monotonic() - began:.0f} s: {again.describe()}"
        self.settle()
        if not self.is_done():
            return "the same again gave something else"
        return self.fault() or self.rest()


def whole_repository(test, repo, allowed):
    """What is wrong with a repository: its ref is none of `allowed`, or fsck finds faults."""
    found = lib_harness.refs(repo).get(REF)
    if found not in allowed:
        return f"the ref is {found}"
    fsck = test.run("ostree", "fsck", "--quiet", f"--repo={repo}")
    return "" if fsck.status == 0 else f"fsck: {fsck.describe()}"


def too_large(found, undisturbed):
    return "" if found <= 1.01 * undisturbed + SLACK else f"uses {found} bytes, undisturbed {undisturbed}"


class ToRepository(Case):
    """import or pull into a repository that has the version before."""

    def __init__(self, test, verb, images, mode):
        super().__init__(test, f"{verb}-{mode}")
        self.verb, self.image = verb, images[1]
        test.must("ostree", "init", f"--repo={self.start}", f"--mode={mode}")
        test.must(test.osb, verb, "-q", images[0], *self.options(self.start))
        self.old = lib_harness.refs(self.start)[REF]
        self.fresh()
        test.must(*self.command())
        self.new = lib_harness.refs(self.work)[REF]
        self.size = lib_harness.disk_use(self.work)

    def options(self, repo):
        return ["--repo", repo, "--ref", REF, "--jobs", "1"] + (["--layout", "plain"] if self.verb == "import" else [])

    def command(self):
        return [self.test.osb, self.verb, "-q", self.image, *self.options(self.work)]

    def fault(self):
        return whole_repository(self.test, self.work, (self.old, self.new))

    def is_done(self):
        return lib_harness.refs(self.work).get(REF) == self.new

    def rest(self):
        left = lib_harness.staged(self.work)
        return f"left below tmp/: {left}" if left else too_large(lib_harness.disk_use(self.work), self.size)


class ToArchive(Case):
    """push into an archive repository, with its summary."""

    def __init__(self, test, source, old):
        super().__init__(test, "push")
        self.source, self.old = source, old
        test.must(test.osb, "push", "-q", "--repo", source, "--jobs", "1", "--ref", REF, old, f"file://{self.start}")
        self.fresh()
        test.must(*self.command())
        self.new = lib_harness.refs(self.work)[REF]
        self.size = lib_harness.disk_use(self.work)

    def command(self):
        return [self.test.osb, "push", "-q", "--repo", self.source, "--jobs", "1", REF, f"file://{self.work}"]

    def fault(self):
        wrong = whole_repository(self.test, self.work, (self.old, self.new))
        if wrong:
            return wrong
        summary = self.test.run("ostree", "summary", "--view", f"--repo={self.work}")
        named = re.findall(r"[0-9a-f]{64}", summary.stdout)
        return "" if summary.status == 0 and set(named) <= {self.old, self.new} and named else f"the summary: {summary.describe()}"

    def is_done(self):
        summary = self.test.run("ostree", "summary", "--view", f"--repo={self.work}")
        return lib_harness.refs(self.work).get(REF) == self.new and self.new in summary.stdout

    def rest(self):
        left = lib_harness.staged(self.work)
        return f"left below tmp/: {left}" if left else too_large(lib_harness.disk_use(self.work), self.size)


class ToLayout(Case):
    """export into a layout that has the version before under another tag."""

    def __init__(self, test, source, old):
        super().__init__(test, "export")
        self.source = source
        test.must(test.osb, "export", "-q", "--repo", source, "--jobs", "1", old, f"oci:{self.start}:v1")
        self.fresh()
        test.must(*self.command())
        self.tags = self.read_tags()
        self.files = self.names()

    def command(self):
        return [self.test.osb, "export", "-q", "--repo", self.source, "--jobs", "1", REF, f"oci:{self.work}:v2"]

    def read_tags(self):
        with open(os.path.join(self.work, "index.json"), encoding="utf-8") as file:
            return {one["annotations"]["org.opencontainers.image.ref.name"]: one["digest"] for one in json.load(file)["manifests"]}

    def names(self):
        return sorted(os.path.relpath(os.path.join(directory, name), self.work)
                      for directory, _, names in os.walk(self.work) for name in names)

    def fault(self):
        try:
            tags = self.read_tags()
        except (OSError, ValueError, KeyError) as error:
            return f"index.json: {error}"
        if tags.get("v1") != self.tags["v1"] or tags.get("v2") not in (None, self.tags["v2"]):
            return f"tags: {tags}"
        for tag in tags:
            # skopeo reads every blob, and checks its digest.
            copied = self.test.path("copied")
            shutil.rmtree(copied, ignore_errors=True)
            result = self.test.run("skopeo", "copy", "-q", f"oci:{self.work}:{tag}", f"dir:{copied}")
            if result.status != 0:
                return f"{tag}: {result.describe()}"
        return ""

    def is_done(self):
        return self.read_tags().get("v2") == self.tags["v2"]

    def rest(self):
        names = self.names()
        return "" if names == self.files else f"files: {set(names) ^ set(self.files)}"


def tree_digest(top):
    """A digest of names, types, modes, owners and contents below a directory."""
    out = hashlib.sha256()
    for directory, subdirectories, names in os.walk(top):
        subdirectories.sort()
        for name in sorted(names + subdirectories):
            path = os.path.join(directory, name)
            info = os.lstat(path)
            out.update(f"{os.path.relpath(path, top)} {info.st_mode:o} {info.st_uid} {info.st_gid}\n".encode())
            if stat.S_ISREG(info.st_mode):
                with open(path, "rb") as file:
                    out.update(file.read())
            elif stat.S_ISLNK(info.st_mode):
                out.update(os.readlink(path).encode())
    return out.hexdigest()


def cannot_mount():
    """Why a disk cannot be mounted here; "" if it can."""
    if os.geteuid() != 0:
        return "needs root"
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [name for name in ("sfdisk", "syslinux", "mcopy", "mount") if shutil.which(name, path=path) is None]
    return f"needs {', '.join(missing)}" if missing else ""


def thaw(directory):
    """Whether a filesystem was frozen. It is not afterwards."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(fd, FITHAW, 0)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


class OnDisk(Case):
    """upgrade or rollback on a disk of install-to-disk that is mounted, with its BOOT. Version v1 is proven and the default. `begin` are
    the commands that lead to the state before."""

    share = 12

    def __init__(self, test, name, images, verb, begin=()):
        super().__init__(test, name)
        self.verb = verb
        self.disk = Disk(test, f"{name}-disk", images.oci("v1"), "--target-imgref", "docker://registry.example/os:1", size="512M")
        self.top = self.disk.top
        (first,) = self.disk.deployments()
        self.booted = first["id"]
        self.etc_path = os.path.join(first["path"], "etc")
        with open(os.path.join(self.etc_path, "keep.conf"), "w", encoding="utf-8") as file:
            file.write("edited on the machine\n")
        for one in begin:
            test.must(test.osb, *one, "-q", "--sysroot", self.top)
        self.before = [one["id"] for one in self.disk.deployments()]
        self.etc = tree_digest(self.etc_path)
        self.disk.unmount()
        shutil.move(self.disk.image, self.start)
        self.frozen = self.rounds = 0
        self.fresh()
        test.must(*self.command())
        self.after = [one["id"] for one in self.disk.deployments()]
        self.records = self.records_now()
        self.size = self.disk_use()

    def fresh(self):
        self.close()
        # Another file each time: a loop device of the former one may still be there, with its cache.
        if os.path.exists(self.disk.image):
            os.remove(self.disk.image)
        self.rounds += 1
        self.disk.image = self.test.path(f"{self.name}-{self.rounds}.img")
        subprocess.run(["cp", "--sparse=always", self.start, self.disk.image], check=True)
        self.disk.mount()

    def close(self):
        for _ in range(10):
            self.settle()
            if all(not os.path.ismount(point) or self.test.run("umount", point).status == 0 for point in (self.top + "/boot", self.top)):
                return
            time.sleep(0.2)  # a process that was killed may not be gone yet
        raise RuntimeError(f"{self.top} cannot be unmounted")

    def command(self):
        return [self.test.osb, *self.verb, "-q", "--sysroot", self.top]

    def settle(self):
        # A watcher of a filesystem that was frozen thaws it a moment after its parent was killed.
        for _ in range(3):
            if not os.path.ismount(self.top + "/boot") or not any([thaw(self.top + "/boot"), thaw(self.top)]):
                return
            self.frozen += 1
            time.sleep(0.1)

    def records_now(self):
        """The records of what is tried, and of what was left: unattended upgrades must not deploy that again."""
        trial, left = self.disk.state("trial.json"), self.disk.state("given-up.json")
        return trial and (trial["commit"], trial["serial"], trial["state"]), left and left["commit"]

    def disk_use(self):
        return lib_harness.disk_use(self.top)

    def fault(self):
        try:
            return self.fault_of_deployments() or self.fault_of_menu() or self.fault_of_repository()
        except (OSError, ValueError, KeyError, AttributeError, IndexError) as error:
            return f"not readable: {error!r}"

    def fault_of_deployments(self):
        entries = self.disk.deployments()
        found = [one["id"] for one in entries]
        if found not in (self.before, self.after):
            return f"deployments {found}, not {self.before} or {self.after}"
        for one in entries:
            if not os.path.isfile(os.path.join(one["path"], "usr/sbin/init")) or not os.path.isfile(one["path"] + ".origin"):
                return f"deployment {one['id']} is not whole"
        for name in glob.glob(self.disk.path("boot/loader/entries/*.conf")):
            with open(name, encoding="utf-8") as file:
                fields = dict(line.split(" ", 1) for line in file.read().splitlines() if " " in line)
            for field in ("linux", "initrd"):
                path = self.disk.path("boot", fields[field].lstrip("/"))
                if not os.path.isfile(path) and not os.path.isfile(self.top + fields[field]):
                    return f"{os.path.basename(name)} names {fields[field]}"
        return "" if tree_digest(self.etc_path) == self.etc else "/etc of v1 has changed"

    def fault_of_menu(self):
        """The loader's default is proven, so it is v1, and each entry's files are there."""
        with open(self.disk.path("boot/extlinux/entries.conf"), encoding="utf-8") as file:
            text = file.read()
        default = re.search(r"^DEFAULT (\S+)$", text, re.M).group(1)
        blocks = {re.search(r"^LABEL (\S+)$", block, re.M).group(1): block for block in re.split(r"^(?=LABEL )", text, flags=re.M)[1:]}
        for label, block in blocks.items():
            for path in re.findall(r"^\s+(?:LINUX|INITRD) (\S+)", block, re.M):
                if not os.path.isfile(self.disk.path("boot", path.lstrip("/"))):
                    return f"the menu's {label} names {path}"
            where = re.search(r" ostree=(\S+)", block).group(1)
            if not os.path.isdir(self.top + where):
                return f"the menu's {label} names {where}"
        link = os.readlink(self.top + re.search(r" ostree=(\S+)", blocks[default]).group(1))
        return "" if os.path.basename(link) == self.booted else f"the menu's default is {link}"

    def fault_of_repository(self):
        self.disk.state("trial.json")
        fsck = self.test.run("ostree", "fsck", "--quiet", f"--repo={self.disk.path('ostree/repo')}")
        return "" if fsck.status == 0 else f"fsck: {fsck.describe()}"

    def is_done(self):
        return [one["id"] for one in self.disk.deployments()] == self.after and self.records_now() == self.records

    def is_told(self, result):
        # A record that cannot be written does not stop a rollback, nor does a boot-once that cannot be cleared: its label then starts the
        # default.
        told = re.search(r"cannot change the record of the rollback|cannot \w+ the bootloader's data", result.stderr)
        return [one["id"] for one in self.disk.deployments()] == self.after and told is not None

    def rest(self):
        holder = self.disk.path("ostree/osb-oci/lock-holder")
        if os.path.exists(holder):
            return "a note of a lock is left"
        # An upgrade with nothing to import leaves an empty directory below tmp/ to the next one.
        return too_large(self.disk_use(), self.size)


def disk_digest(path):
    """A digest of a sparse file, by its blocks that are not zero."""
    out = hashlib.sha256(f"{os.path.getsize(path)}".encode())
    with open(path, "rb") as file:
        at, size = 0, os.path.getsize(path)
        while at < size:
            try:
                at = os.lseek(file.fileno(), at, os.SEEK_DATA) // BLOCK * BLOCK
            except OSError:  # ENXIO: only a hole is left
                break
            block = os.pread(file.fileno(), BLOCK, at)
            if block.strip(b"\0"):
                out.update(f"{at} ".encode() + block)
            at += BLOCK
    return out.hexdigest()


class ToDisk(Case):
    """install-to-disk into a file, which is there as a whole or not at all."""

    share = 12

    def __init__(self, test, image):
        super().__init__(test, "install")
        self.image = image
        os.mkdir(self.start)
        self.target = os.path.join(self.work, "disk.img")
        self.fresh()
        test.must(*self.command())
        self.expected = disk_digest(self.target)

    def command(self):
        # The same time gives the same disk, bit for bit.
        return ["env", "SOURCE_DATE_EPOCH=1700000000", f"PATH={os.environ['PATH']}:/usr/sbin:/sbin", self.test.osb, "install-to-disk", "-q",
                "--size", "512M", "--wipe", "--jobs", "1", "--target-imgref", "docker://registry.example/os:1", self.image, self.target]

    def fault(self):
        if not self.is_done() or disk_digest(self.target) == self.expected:
            return ""
        return "the disk is another one than that of an undisturbed run"

    def is_done(self):
        return os.path.exists(self.target)

    def rest(self):
        # The directory of the run that was killed; one of less than ten seconds is not removed yet, because a run that starts has not
        # locked its own.
        left = [name for name in os.listdir(self.work) if name != "disk.img"]
        return f"left: {left}" if len(left) > 1 or not all(name.startswith(".osb-oci-scratch-") for name in left) else ""


class Sources:
    """Two versions of a small system as images, as commits of a repository, and as images that hold these. Made when first asked for."""

    def __init__(self, test, make_layers):
        self.test = test
        layout = Layout(test.path("images"))
        for version in ("v1", "v2"):
            layout.image(version, make_layers(version))
        self.images = [f"oci:{layout.directory}:{version}" for version in ("v1", "v2")]
        self.source, self.commits, self.held, self.systems = None, [], [], None

    def repository(self):
        if self.source is None:
            self.source = self.test.init_repo("source")
            for image in self.images:
                self.test.must(self.test.osb, "import", "-q", image, "--repo", self.source, "--ref", REF, "--layout", "plain")
                self.commits.append(lib_harness.refs(self.source)[REF])
        return self.source

    def held_images(self):
        if not self.held:
            source = self.repository()
            self.held = [f"oci:{self.test.path('held')}:{version}" for version in ("v1", "v2")]
            for commit, image in zip(self.commits, self.held):
                self.test.must(self.test.osb, "export", "-q", "--repo", source, commit, image)
        return self.held

    def bootable(self):
        """Images of systems that a disk may have."""
        if self.systems is None:
            self.systems = Images(self.test, None, "systems")
            self.systems.system("v1", ["quiet"], {"musl": "1.2.4-r2", "old": "1-r0"})
            self.systems.system("v2", ["quiet", "panic=5"], {"musl": "1.2.5-r0"}, changed=[("etc/keep.conf", b"default of v2\n")])
        return self.systems

    def push(self):
        source = self.repository()
        return ToArchive(self.test, source, self.commits[0])

    def export(self):
        source = self.repository()
        return ToLayout(self.test, source, self.commits[0])

    def upgrade(self):
        images = self.bootable()
        return OnDisk(self.test, "upgrade", images, ["upgrade", "--from", images.oci("v2")])

    def switch(self):
        """To another image, in a registry that serves until the tests end."""
        images, registry = self.bootable(), Registry(self.test, "switched")
        atexit.register(registry.stop)
        other = registry.image("other:2")
        self.test.must("skopeo", "copy", "-q", "--dest-tls-verify=false", images.oci("v2"), other)
        out = OnDisk(self.test, "switch", images, ["switch", "--tls-verify=false", other])
        out.share = 6  # most of it is as in an upgrade
        return out

    def rollback(self):
        images = self.bootable()
        out = OnDisk(self.test, "rollback", images, ["rollback"], [["upgrade", "--from", images.oci("v2")]])
        out.once = True
        return out

    def cases(self):
        """{name: a function that makes the case}"""
        return {"import-archive": lambda: ToRepository(self.test, "import", self.images, "archive"),
                "import-bare-user": lambda: ToRepository(self.test, "import", self.images, "bare-user"),
                "pull-archive": lambda: ToRepository(self.test, "pull", self.held_images(), "archive"),
                "push": self.push, "export": self.export, "upgrade": self.upgrade, "switch": self.switch,
                "rollback": self.rollback,
                "install": lambda: ToDisk(self.test, self.bootable().oci("v1"))}


def small_layers(version):
    """One layer of few files, of which half change."""
    out = TarLayer()
    for number in range(6):
        out.file_entry(f"usr/lib/file{number}", f"{number} of {version if number % 2 else 'all'}\n".encode() * 300)
    return [out.directory("usr/share").symlink("usr/bin", "lib").file_entry("usr/large", version.encode() * 400_000).bytes()]
