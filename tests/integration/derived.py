#!/usr/bin/env python3
"""podman builds on an exported image: the import is what umoci unpacks, on top of the base's very commit, and the next
export shares the base's layers."""

import json
import os

import lib_harness
from lib_compare import differences, tree
from lib_containers import Containers, need_root
from lib_export import KERNEL, Exported, commit_tree, export, import_system, moved, pull, without_objects

CONTAINERFILE = """FROM localhost/os:v1
RUN mkdir -p /etc/nginx /var/lib/nginx /usr/share/nginx && echo conf > /etc/nginx/nginx.conf && \\
    echo site > /usr/share/nginx/index.html && ln /usr/share/nginx/index.html /usr/share/nginx/again && \\
    echo state > /var/lib/nginx/state && chown 101:101 /var/lib/nginx
RUN echo changed >> /usr/share/one && rm -r /usr/share/closed && chmod 4711 /usr/bin/setuid && \\
    ln /usr/lib/owned /usr/lib/owned2 && echo log > /etc/motd && ln -sf /etc/motd /etc/linked
RUN rm -rf /etc/nginx && mkdir /etc/nginx && echo second > /etc/nginx/second.conf && chmod 700 /usr/lib && \\
    mkdir -p /var/opt/app && echo app > /opt/app/run && echo initramfs > /boot/initramfs-test
COPY local /usr/local/bin/local
"""


def build_base(test, containers):
    """The repository with the base's commit, that commit, and its image."""
    repo = test.init_repo("base-repo")
    commit = import_system(test, repo)
    layout = test.path("base-image")
    result = export(test, repo, f"oci:{layout}:v1")
    test.check_status(result, 0, "export of the base")
    containers.skopeo("copy", "-q", f"oci:{layout}:v1", "containers-storage:localhost/os:v1")
    return repo, commit, layout


def build(test, containers, number, text):
    """The layout of an image that podman built."""
    context = test.path(f"context{number}")
    os.mkdir(context)
    with open(os.path.join(context, "Containerfile"), "w", encoding="ascii") as out:
        out.write(text)
    with open(os.path.join(context, "local"), "w", encoding="ascii") as out:
        out.write("local\n")
    containers.build(f"localhost/derived:{number}", context, "--layers")
    layout = test.path(f"derived{number}")
    containers.podman("push", "-q", f"localhost/derived:{number}", f"oci:{layout}:v1")
    return layout


def without_directory_attributes(facts):
    return {path: {**fact, "xattrs": {}} if fact["type"] == "d" else fact for path, fact in facts.items()}


def without_view(facts):
    """A tree without what an encapsulated image shows besides its commit: the repository, and an empty /var/tmp."""
    found = without_directory_attributes(without_objects(facts))
    if not any(path.startswith("var/tmp/") for path in found):
        found.pop("var/tmp", None)
    return found


def check_same(test, what, expected, actual):
    found = differences(expected, actual)
    test.check(not found and len(expected) > 20, f"{what}: {len(expected)} paths",
               "\n".join(f"{path!r}: {text}" for path, text in found.items()))


def import_json(test, layout, repo, *options):
    result = test.osb_import(f"oci:{layout}:v1", repo, "--json", *options)
    if not test.check_status(result, 0, f"import {' '.join(options)}"):
        raise RuntimeError(result.describe())
    return json.loads(result.stdout)


def check_plain(test, layout, repo):
    unpacked = test.path("unpacked")
    test.must("umoci", "raw", "unpack", "--image", f"{layout}:v1", unpacked)
    facts = import_json(test, layout, repo, "--ref", "plain", "--layout", "plain")
    check_same(test, "plain: as umoci unpacks it, less the objects", without_view(tree(unpacked)),
               without_directory_attributes(commit_tree(test, repo, facts["commit"])))
    return unpacked


def check_bootable(test, layout, repo, unpacked, base, base_tree):
    facts = import_json(test, layout, repo, "--ref", "derived")
    commit = facts["commit"]
    test.check(facts["parent"] == base and facts["kernel"] == KERNEL, "the base's commit is the parent", facts)
    check_same(test, "the base's commit is whole", base_tree, commit_tree(test, repo, base))
    found = commit_tree(test, repo, commit)
    # What the layers put in /var and below links to there goes where the layout has it.
    expected = without_view(tree(unpacked))
    # Where the base has links, because it had no files there, directories are again.
    for path, place in (("opt", "opt"), ("usrlocal", "usr/local")):
        del expected[place]
        expected = moved(expected, f"var/{path}", place)
    for path in [path for path in expected if path.startswith("var/")]:
        fact = expected.pop(path)
        expected["usr/share/factory/" + path] = fact
    expected = moved(expected, "etc", "usr/etc")
    initramfs = expected.pop("boot/initramfs-test")
    expected[f"usr/lib/modules/{KERNEL}/initramfs.img"] = initramfs
    check_same(test, "bootable: the same with the layout's rules", expected, without_directory_attributes(found))
    test.check("usr/etc/nginx/second.conf" in found and "usr/etc/nginx/nginx.conf" not in found and
               "usr/share/factory/var/lib/nginx/state" in found, "files of the layers are where they belong")
    test.check(found["usr/lib"]["mode"] == "0700" and found["usr/bin/setuid"]["mode"] == "4711", "modes are the newest")
    return commit


def check_reuse(test, containers, repo, base_layers):
    layout = build(test, containers, 2, "FROM localhost/os:v1\nRUN echo two > /etc/two\n")
    facts = import_json(test, layout, repo, "--ref", "second")
    test.check(facts["layers_reused"] == base_layers and facts["layers"] == base_layers + 1,
               "the base's layers are not read again", facts)
    again = import_json(test, layout, repo, "--ref", "second")
    test.check(again["unchanged"] and again["commit"] == facts["commit"], "the same image again is the same commit")
    fresh = import_json(test, layout, test.init_repo("fresh"), "--jobs", "1", "--ref", "second")
    test.check(fresh["commit"] == facts["commit"], "and so in another repository, with one thread", fresh)
    return facts["commit"]


def check_export(test, repo, commit, base_layout):
    test.must("ostree", "refs", f"--repo={repo}", "--create=os", commit)
    layout = test.path("exported")
    result = export(test, repo, f"oci:{layout}:v1", "--previous", f"oci:{base_layout}:v1")
    test.check_status(result, 0, "export with --previous")
    base, image = Exported(base_layout), Exported(layout)
    known = {layer["digest"] for layer in base.layers}
    changed = [layer["annotations"].get("ostree.components") for layer in image.layers if layer["digest"] not in known]
    # New are the commit's own layer, and that of the file that the Containerfile adds.
    test.check(changed[0] is None and set(changed[1:]) <= {"unpackaged"},
               f"{len(image.layers) - len(changed)} of {len(base.layers)} layers of the base are shared", changed)
    target = test.init_repo("pulled")
    pulled = pull(test, target, f"oci:{layout}:v1", "--ref", "os")
    test.check(pulled.status == 0 and pulled.commit == commit, "and pull makes the very commit of it", pulled.describe())
    test.fsck(target, "fsck of that")
    imported = import_json(test, layout, test.init_repo("imported"), "--ref", "os")
    test.check(imported["commit"] == commit, "so does import", imported)


def main(test):
    need_root()
    test.need("umoci", "ostree", "zstd")
    os.umask(0o022)
    containers = Containers(test)
    base_repo, base, base_layout = build_base(test, containers)
    base_tree = commit_tree(test, base_repo, base)
    layout = build(test, containers, 1, CONTAINERFILE)
    repo = test.init_repo("repo", "bare")
    unpacked = check_plain(test, layout, repo)
    commit = check_bootable(test, layout, repo, unpacked, base, base_tree)
    test.must("rm", "-rf", unpacked)
    second = check_reuse(test, containers, repo, len(Exported(base_layout).layers))
    test.fsck(repo, "fsck")
    # Not the first one: a layer says which modes its directories have, and that changes /usr/lib.
    check_export(test, repo, second, base_layout)
    stored = test.osb_import("containers-storage:localhost/derived:1", repo, "--ref", "derived", env=containers.env)
    test.check_status(stored, 0, "import from podman's storage")
    test.check(test.must("ostree", "ls", "-RCX", f"--repo={repo}", stored.commit) ==
               test.must("ostree", "ls", "-RCX", f"--repo={repo}", commit), "which is the same tree")


lib_harness.run(main)
