#!/usr/bin/env python3
"""Every mode of a repository holds the same tree, passes fsck and is checked out; with and without root's rights."""

import os
import shutil

import lib_harness
import lib_layers
from lib_compare import differences, tree
from lib_image import Layout, TarLayer

NOBODY = 65534


def make_image(test):
    layout = Layout(test.path("image"))
    layout.image("full", [lib_layers.base(), *lib_layers.CASES["all together"]])
    # What a user without rights can make, and a repository without owners can hold.
    plain = (TarLayer().directory("d").file_entry("d/file", b"x" * 100_000).symlink("l", "d/file")
             .file_entry("run", b"#!/bin/sh\n", mode=0o755).file_entry("empty"))
    layout.image("simple", [plain.bytes()])
    layout.image("large", [lib_layers.large_file()])
    return layout


def check_as_root(test, image):
    commits = {}
    trees = {}
    for mode in ("archive", "bare", "bare-user", "bare-user-only"):
        repo = test.init_repo(mode, mode)
        for tag in ("full", "large"):
            result = test.osb_import(f"oci:{image}:{tag}", repo, "--ref", tag, "--layout", "plain")
            if not test.check_status(result, 0, f"{mode}: import of {tag}"):
                return
            commits[mode, tag] = result.commit
        test.fsck(repo, f"{mode}: fsck")
        options = ["--user-mode"] if mode.startswith("bare-user") else []
        test.must("ostree", "checkout", *options, f"--repo={repo}", "full", test.path("tree-" + mode))
        trees[mode] = tree(test.path("tree-" + mode))
    for tag in ("full", "large"):
        same = {commits[mode, tag] for mode in ("archive", "bare", "bare-user")}
        test.check(len(same) == 1, f"archive, bare and bare-user: one commit of {tag}", commits)
    found = differences(trees["bare"], trees["archive"])
    test.check(not found, "checkouts of archive and bare are the same", found)
    # A checkout by a user has no owners and no attributes; names, types and content remain.
    for mode in ("bare-user", "bare-user-only"):
        facts = [{path: {key: fact.get(key) for key in ("type", "size", "content", "link")} for path,
                  fact in trees[name].items()}
                 for name in ("bare", mode)]
        found = differences(*facts)
        test.check(not found, f"the checkout of {mode} has the same content as that of bare", found)


def check_pull(test):
    """What was imported into one mode is what libostree makes of it in another."""
    repo = test.init_repo("pulled", "bare")
    test.must("ostree", "pull-local", f"--repo={repo}", test.path("archive"), "full")
    test.fsck(repo, "archive pulled into bare: fsck")
    repo = test.init_repo("pulled-archive", "archive")
    test.must("ostree", "pull-local", f"--repo={repo}", test.path("bare-user"), "full")
    test.fsck(repo, "bare-user pulled into archive: fsck")


def check_collection(test, image):
    """ostree's own clients, who know a repository's collection id, pull what was imported into it."""
    repo, client = test.path("collection"), test.init_repo("client")
    test.must("ostree", "init", f"--repo={repo}", "--mode=archive", "--collection-id=org.example.Os")
    test.check_status(test.osb_import(f"oci:{image}:simple", repo, "--ref", "os/main"), 0, "import into a collection")
    test.must("ostree", "summary", "-u", f"--repo={repo}")
    test.must("ostree", f"--repo={client}", "remote", "add", "--no-gpg-verify", "--collection-id=org.example.Os", "origin",
              f"file://{repo}")
    pulled = test.run("ostree", f"--repo={client}", "pull", "origin", "os/main")
    test.check_status(pulled, 0, "a client of the collection pulls it")
    test.fsck(repo, "collection: fsck")
    # What is taken as it is has no binding, and import says so.
    encapsulated = f"oci:{test.path('bound-nowhere')}:v1"
    test.must(test.osb, "export", "--repo", test.path("client-of-none"), "full", encapsulated)
    for verb, ref in (("import", "taken"), ("pull", "pulled")):
        done = test.run(test.osb, verb, "--repo", repo, "--ref", ref, encapsulated)
        test.check(done.status == 0 and "not bound to the ref" in done.stderr, f"{verb} of an unbound commit: a warning",
                   done.describe())


def check_without_empty_directories(test, image):
    """As an object store or git keeps a repository: ostreedev/ostree#1467."""
    repo, pushed = test.path("incomplete"), test.path("pushed")
    for name in (repo, pushed):
        test.must("ostree", "init", f"--repo={name}", "--mode=archive")
    test.must(test.osb, "import", f"oci:{image}:simple", "--repo", repo, "--ref", "first", "--layout", "plain")
    for name in (repo, pushed):
        for directory in ("refs/remotes", "refs/mirrors", "state", "extensions", "tmp"):
            shutil.rmtree(os.path.join(name, directory), ignore_errors=True)
    os.rmdir(os.path.join(pushed, "refs/heads"))
    result = test.osb_import(f"oci:{image}:simple", repo, "--ref", "second", "--layout", "plain")
    test.check_status(result, 0, "import without refs/remotes")
    test.check_status(test.run(test.osb, "push", "--repo", repo, "second", f"file://{pushed}"), 0,
                      "push to a repository without refs")
    for name in (repo, pushed):
        test.fsck(name, f"{os.path.basename(name)}: fsck")


def check_lost_commit(test, image):
    repo = test.init_repo("lost", "archive")
    first = test.osb_import(f"oci:{image}:simple", repo, "--ref", "r", "--layout", "plain").commit
    os.unlink(os.path.join(repo, "objects", first[:2], first[2:] + ".commit"))
    result = test.osb_import(f"oci:{image}:simple", repo, "--ref", "r", "--layout", "plain")
    test.check_status(result, 0, "import into a ref whose commit is gone")
    test.fsck(repo, "lost: fsck")


def check_as_user(test, image):
    user = NOBODY if os.geteuid() == 0 else None
    home = test.path("user")
    os.mkdir(home)
    os.chmod(test.work, 0o755)
    # The build directory may be closed to others.
    test.osb = shutil.copy(test.osb, test.path("osb-oci"))
    if user:
        os.chown(home, user, user)
    for mode, tag in (("archive", "full"), ("bare-user-only", "simple"), ("bare-user", "simple")):
        repo = os.path.join(home, mode)
        test.must("ostree", "init", f"--repo={repo}", f"--mode={mode}", user=user)
        result = test.osb_import(f"oci:{image}:{tag}", repo, "--ref", tag, "--layout", "plain", user=user)
        if not test.check_status(result, 0, f"{mode}: import without rights"):
            continue
        checks = [test.run("ostree", "fsck", "--quiet", f"--repo={repo}", user=user),
                  test.run("ostree", "checkout", "-U", f"--repo={repo}", tag, os.path.join(home, "tree-" + mode),
                           user=user)]
        test.check(all(check.status == 0 for check in checks), f"{mode}: fsck and checkout without rights",
                   "\n".join(check.describe() for check in checks))
    result = test.osb_import(f"oci:{image}:full", os.path.join(home, "made"), "--ref", "full", "--layout", "plain",
                             user=user)
    test.check_status(result, 0, "a repository that is missing is made, without rights")
    mode = test.run("ostree", "config", f"--repo={home}/made", "get", "core.mode", user=user).stdout.strip()
    test.check(mode.startswith("archive"), "it is an archive", mode)


def main(test):
    test.need("ostree")
    os.umask(0o022)
    image = make_image(test).directory
    test.must(test.osb, "import", f"oci:{image}:full", "--repo", test.path("client-of-none"), "--ref", "full")
    check_collection(test, image)
    check_without_empty_directories(test, image)
    check_lost_commit(test, image)
    if os.geteuid() == 0:
        check_as_root(test, image)
        check_pull(test)
    else:
        test.skip_one("every mode, with owners", "needs root")
    check_as_user(test, image)


lib_harness.run(main)
