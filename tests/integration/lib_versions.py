"""Versions of a system in a repository and in docker-registry, pulls of them, and what they transferred."""

import json
import os
import re
import shutil

REF = "os/test"
INSECURE = "--tls-verify=false"


class Source:
    """A repository with versions of a system, as images v1, v2, ... of the registry."""

    def __init__(self, test, registry):
        self.test, self.registry = test, registry
        self.tree, self.repo = test.path("tree"), test.init_repo("source")
        for number in range(300):
            self.write(f"usr/lib/package{number % 10}/file{number}", os.urandom(2000 + number))
        self.write("usr/bin/large", os.urandom(3 << 20))
        database = "".join(f"C:Q1x\nP:package{p}\nV:1\nF:usr/lib/package{p}\n" +
                           "".join(f"R:file{n}\n" for n in range(p, 300, 10)) + "\n" for p in range(10))
        self.write("usr/lib/apk/db/installed", database.encode())
        os.symlink("large", os.path.join(self.tree, "usr/bin/link"))
        self.write("usr/lib/empty", b"")
        os.setxattr(os.path.join(self.tree, "usr/lib/empty"), "user.note", b"an attribute")
        self.commits = {}

    def write(self, name, content):
        path = os.path.join(self.tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    def publish(self, tag):
        self.commits[tag] = self.test.must("ostree", "commit", f"--repo={self.repo}", "-b", REF, "--owner-uid=0", "--owner-gid=0",
                                           f"--tree=dir={self.tree}").strip()
        self.test.must(self.test.osb, "push", "-q", "--repo", self.repo, INSECURE, REF, self.registry.image(f"os:{tag}"))


def pull(test, repo, image, *options, verb="pull"):
    return test.run(test.osb, verb, "--json", "-q", "--repo", repo, "--ref", REF, INSECURE, *options, image)


def transfer(test, result, what):
    if not test.check_status(result, 0, what):
        raise RuntimeError(result.describe())
    return json.loads(result.stdout)["transfer"]


def counted(registry, mark):
    """(bytes of all answers, requests) in the log of the registry after its first `mark` requests."""
    with open(registry.log_path, encoding="utf-8", errors="replace") as log:
        found = re.findall(r'"(?:GET|HEAD) (\S+) HTTP/[0-9.]+" (\d+) (\d+)', log.read())
    return sum(int(size) for _, _, size in found[mark:]), len(found[mark:]), len(found)


def fresh(test, name, source):
    """A repository that has v1."""
    repo = test.path(name)
    shutil.rmtree(repo, ignore_errors=True)
    transfer(test, pull(test, repo, source.registry.image("os:v1")), f"{name}: pull of v1")
    return repo


def check_commit(test, repo, source, tag, what):
    found = test.must("ostree", "rev-parse", f"--repo={repo}", REF).strip()
    test.check(found == source.commits[tag], f"{what}: the very commit", (found, source.commits))
    test.fsck(repo, f"{what}: ostree finds no fault")


def pull_text(test, repo, image, *options):
    return test.run(test.osb, "pull", "-q", "--repo", repo, INSECURE, *options, image)
