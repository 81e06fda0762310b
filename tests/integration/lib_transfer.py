"""The three ways of an update that fetches only changes, each with two versions in docker-registry and a repository that has the first:
by objects of an image that holds a commit, by files of an ordinary zstd:chunked image, and by a delta."""

import json
import os
import shutil
import tarfile

from lib_harness import refs
from lib_image import TarLayer
from lib_versions import INSECURE, REF


def entries_of(top):
    """(relative path, path) of all below a directory, parents first, in a fixed order."""
    for directory, subdirectories, names in os.walk(top):
        subdirectories.sort()
        for name in sorted(names + subdirectories):
            path = os.path.join(directory, name)
            yield os.path.relpath(path, top), path


def tar_of(top):
    """A layer with a directory's content: links, modes, owners and attributes as they are."""
    layer, names = TarLayer(), {}
    for name, path in entries_of(top):
        info = os.lstat(path)
        if os.path.islink(path):
            layer.symlink(name, os.readlink(path), uid=info.st_uid, gid=info.st_gid)
            continue
        xattrs = {key: os.getxattr(path, key) for key in sorted(os.listxattr(path))}
        facts = {"mode": info.st_mode & 0o7777, "uid": info.st_uid, "gid": info.st_gid, "xattrs": xattrs}
        if os.path.isdir(path):
            layer.add(name, tarfile.DIRTYPE, **facts)
        elif info.st_ino in names:
            layer.hardlink(name, names[info.st_ino])
        else:
            names[info.st_ino] = name
            with open(path, "rb") as file:
                layer.file_entry(name, file.read(), **facts)
    return layer


class Way:
    """`name` is what the JSON calls it. `first` and `second` are names of images; `start` is a repository with the first."""

    verb, name, options = "pull", "", ()

    def __init__(self, test, registry, first, second, start):
        self.test, self.registry = test, registry
        self.first, self.second, self.start = first, second, start

    def run(self, repo, image, *options):
        return self.test.run(self.test.osb, self.verb, "--json", "-q", "--repo", repo, "--ref", REF, INSECURE, *self.options, *options,
                             image)

    def prepare(self):
        """Makes `start`, and learns what a full transfer of the second gives."""
        shutil.rmtree(self.start, ignore_errors=True)
        self.checked(self.run(self.start, self.registry.image(self.first)))
        whole = self.start + "-whole"
        shutil.rmtree(whole, ignore_errors=True)
        self.expected = self.checked(self.run(whole, self.registry.image(self.second), "--fetch", "layers"))["commit"]
        shutil.rmtree(whole)
        return self

    @staticmethod
    def checked(result):
        if result.status != 0:
            raise RuntimeError(result.describe())
        return json.loads(result.stdout)

    def fresh(self, name):
        """A repository that has the first version."""
        repo = self.test.path(name)
        shutil.rmtree(repo, ignore_errors=True)
        shutil.copytree(self.start, repo, symlinks=True)
        return repo

    def fault(self, repo, result):
        """What is wrong with the outcome of a run that has to succeed."""
        if result.status != 0:
            return result.describe()
        commit = json.loads(result.stdout)["commit"]
        if not commit == self.expected == refs(repo).get(REF):
            return f"the commit is {commit}, the ref {refs(repo).get(REF)}, expected {self.expected}"
        fsck = self.test.run("ostree", "fsck", "--quiet", f"--repo={repo}")
        return "" if fsck.status == 0 else fsck.describe()


class Objects(Way):
    name = "objects"


class Files(Way):
    verb, name, options = "import", "files", ("--layout", "plain", "--parent", "none")


class Delta(Way):
    name = "delta"


class Trees:
    """Two versions of a tree of files, published for each way."""

    def __init__(self, test, registry, images, name, compression="zstd:chunked"):
        self.test, self.registry, self.images, self.name = test, registry, images, name
        self.compression = compression
        self.source = test.init_repo(f"{name}-source", "bare")
        self.commits = []

    def publish(self, tag, top):
        """The tree as a commit, and as an ordinary image."""
        self.commits.append(self.test.must("ostree", "commit", f"--repo={self.source}", "-b", REF, f"--tree=dir={top}",
                                           "--timestamp=2024-01-01T00:00:00Z", f"--subject={tag}").strip())
        delta = ("--delta-from", self.commits[0]) if len(self.commits) > 1 else ()
        # The image without a delta has another name, because a delta belongs to an image's digest.
        self.push(f"{self.name}-objects:{tag}")
        self.push(f"{self.name}-delta:{tag}", *delta)
        self.files = getattr(self, "files", []) + [self.images.push([tar_of(top)], self.compression)]

    def push(self, image, *options):
        self.test.must(self.test.osb, "push", "-q", "--repo", self.source, INSECURE, *options, REF, self.registry.image(image))

    def ways(self):
        def path(way):
            return self.test.path(f"{self.name}-{way}-start")
        return [Objects(self.test, self.registry, f"{self.name}-objects:v1", f"{self.name}-objects:v2", path("objects")).prepare(),
                Files(self.test, self.registry, *self.files, path("files")).prepare(),
                Delta(self.test, self.registry, f"{self.name}-delta:v1", f"{self.name}-delta:v2", path("delta")).prepare()]
