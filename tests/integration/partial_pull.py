#!/usr/bin/env python3
"""podman fetches of our zstd:chunked layers only what it lacks, in ranges, from docker-registry; and has the very files.

The podman of Debian 12 (4.3.1) reads the older names of the annotations and does not compare with the diffID, so that the
trees are compared here.
"""

import os
import re

import lib_harness
from lib_compare import differences, tree
from lib_containers import Containers, need_root
from lib_export import as_encapsulated, as_plain, commit_tree, import_system, without_objects
from lib_registry import Registry

INSECURE = "--tls-verify=false"


def allow_partial(containers):
    with open(containers.env["CONTAINERS_STORAGE_CONF"], "a", encoding="ascii") as out:
        out.write('[storage.options]\npull_options = {enable_partial_images = "true", use_hard_links = "false", '
                  'ostree_repos = ""}\n')


# What podman 4.3.1 makes of any table of contents, also of skopeo's: owners are lost, escapes in JSON stay escapes, and
# targets of links are normalised.
PODMANS_OWN = ("usr/share/new\nline\x1b", "usr/share/new\\u000aline\\u001b", "usr/share/dangling")


def answers(registry, mark):
    """[(status, bytes)] of blobs that were fetched since."""
    with open(registry.log_path, encoding="utf-8", errors="replace") as log:
        found = re.findall(r'"GET (\S+) HTTP/[0-9.]+" (\d+) (\d+)', log.read())
    return [(int(status), int(size)) for target, status, size in found if "/blobs/" in target][mark:]


def without_owners(facts):
    return {path: {key: value for key, value in fact.items() if key != "owner"} for path, fact in facts.items()}


def check_pull(test, containers, registry, name, expected, objects):
    """Pulls an image; the answers of the registry. Its tree must be the expected one."""
    mark = len(answers(registry, 0))
    result = test.run("podman", "pull", "-q", INSECURE, registry.image(name), env=containers.env)
    if not test.check_status(result, 0, f"podman pull {name}"):
        return []
    identifier = result.stdout.strip()
    mounted = containers.podman("image", "mount", identifier).strip()
    actual = tree(mounted)
    containers.podman("image", "umount", identifier)
    found = differences(without_owners(expected), without_owners(actual if objects is None else objects(actual)))
    found = {path: text for path, text in found.items() if path not in PODMANS_OWN}
    test.check(not found, f"{name}: the {len(expected)} paths of the commit",
               "\n".join(f"{path!r}: {text} (commit / podman)" for path, text in found.items()))
    return answers(registry, mark)


def changed_commit(test, repo, commit):
    """A commit on top with a few files changed, one of them in the layer with the most bytes."""
    tree_directory = test.path("changed")
    os.makedirs(os.path.join(tree_directory, "usr/share"))
    for path, content in (("usr/share/one", b"changed\n"), ("usr/share/new", b"new\n" * 5000)):
        with open(os.path.join(tree_directory, path), "wb") as file:
            file.write(content)
    return test.must("ostree", "commit", f"--repo={repo}", "--branch=next", f"--parent={commit}",
                     f"--tree=ref={commit}", f"--tree=dir={tree_directory}",
                     "--timestamp=2024-02-01T00:00:00Z").strip()


def main(test):
    need_root()
    test.need("ostree", "podman")
    containers = Containers(test)
    with open(containers.env["CONTAINERS_STORAGE_CONF"], encoding="ascii") as file:
        if 'driver = "overlay"' not in file.read():
            raise lib_harness.Skip("podman pulls in ranges with the overlay driver only, which needs another $TMPDIR")
    allow_partial(containers)
    os.umask(0o022)
    repo = test.path("repo")
    first = import_system(test, repo)
    second = changed_commit(test, repo, first)
    with Registry(test) as registry:
        for format_, shape, objects in (("encapsulated", as_encapsulated, without_objects), ("plain", as_plain, None)):
            received = {}
            for tag, commit in (("v1", first), ("v2", second)):
                name = f"{format_}:{tag}"
                keep = ("--previous", registry.image(f"{format_}:v1")) if tag == "v2" else ()
                result = test.run(test.osb, "export", "--repo", repo, "--progress", "none", "--format", format_,
                                  "--max-layers", "4", INSECURE, *keep, commit, registry.image(name))
                if not test.check_status(result, 0, f"export {name}"):
                    return
                expected = shape(commit_tree(test, repo, commit))
                received[tag] = check_pull(test, containers, registry, name, expected, objects)
            # The second format finds in the storage what the first brought.
            partial = [size for status, size in received["v2"] if status == 206]
            test.check(partial and len(received["v2"]) == len(partial) + 1, f"{format_}: all but the config in ranges",
                       received["v2"])
            whole, update = (sum(size for _, size in received[tag]) for tag in ("v1", "v2"))
            test.check(format_ == "plain" or update * 20 < whole,
                       f"{format_}: the update is {update} bytes, the first pull was {whole}", received)


lib_harness.run(main)
