#!/usr/bin/env python3
# Takes minutes.
"""Deltas between versions: pushed beside the image, found and applied by pull and import, and of no harm if they are damaged or lie.
The witnesses are ostree, which applies the same files, and the registry's log."""

import json
import os
import shutil

import lib_harness
from lib_deltas import deltas_of, put, replace_deltas
from lib_detached import path_of, write_detached
from lib_faulty_proxy import Fault, FaultyProxy
from lib_registry import Registry
from lib_versions import INSECURE, REF, Source, check_commit, counted, fresh, pull, pull_text, transfer


def push(test, source, tag, *options):
    """Pushes the newest version with deltas."""
    result = test.run(test.osb, "push", "--json", "-q", "--repo", source.repo, INSECURE, *options, REF, source.registry.image(f"os:{tag}"))
    test.check_status(result, 0, f"push of {tag} with {' '.join(options)}")
    return json.loads(result.stdout)


def commit(source, tag):
    """A new version in the repository, which is not pushed."""
    source.commits[tag] = source.test.must("ostree", "commit", f"--repo={source.repo}", "-b", REF, "--owner-uid=0", "--owner-gid=0",
                                           f"--tree=dir={source.tree}").strip()


def check_artifact(test, source, pushed):
    """Another program finds the delta, and ostree applies it."""
    entries = deltas_of(test, source.registry, pushed["digest"])
    test.check(len(entries) == 1 and entries[0]["digest"] == pushed["deltas"][0]["digest"], "the referrers tag lists the delta", entries)
    test.check(entries[0]["annotations"]["osb.delta.from"] == source.commits["v1"], "it says where it starts", entries)
    name = source.registry.image("os").split("docker://")[1]
    manifest = json.loads(test.must("skopeo", "inspect", "--raw", INSECURE, f"docker://{name}@{entries[0]['digest']}"))
    test.check(manifest["subject"]["digest"] == pushed["digest"], "the image is its subject", manifest)
    directory = test.path("offline")
    os.mkdir(directory)
    for index, layer in enumerate(manifest["layers"]):
        host = source.registry.host
        path = os.path.join(directory, "superblock" if index == 0 else str(index - 1))
        test.must("curl", "-sf", "-o", path, f"http://{host}/v2/os/blobs/{layer['digest']}")
    # It looks for the parts in the repository.
    shown = test.run("ostree", "static-delta", "show", f"--repo={source.repo}", os.path.join(directory, "superblock")).stdout
    test.check(source.commits["v1"] in shown and source.commits["v2"] in shown, "ostree reads it", shown)
    repo = test.path("stock")
    test.must("ostree", "init", f"--repo={repo}", "--mode=bare-user")
    test.must("ostree", "pull-local", f"--repo={repo}", source.repo, source.commits["v1"])
    test.must("ostree", "static-delta", "apply-offline", f"--repo={repo}", directory)
    test.fsck(repo, "ostree applies it offline")
    test.must("ostree", "ls", "-R", f"--repo={repo}", source.commits["v2"])


def check_pull(test, source, pushed):
    repo = fresh(test, "by-delta", source)
    shown = test.run(test.osb, "inspect", "--json", "--repo", repo, "--against", REF, INSECURE, source.registry.image("os:v2"))
    test.check_status(shown, 0, "inspect --against")
    plan = json.loads(shown.stdout)["plan"]
    test.check([way["way"] for way in plan] == ["delta", "objects", "layers"], "the plan has the delta first", plan)
    mark = counted(source.registry, 0)[2]
    used = transfer(test, pull(test, repo, source.registry.image("os:v2")), "pull of v2")
    sent, requests, _ = counted(source.registry, mark)
    test.check(used["way"] == "delta" and used["bytes"] == sent and used["requests"] == requests,
               f"{used['bytes']} bytes in {used['requests']} requests, as the registry counts", (used, sent, requests))
    size = pushed["deltas"][0]["bytes"]
    test.check(size == plan[0]["bytes"] and size < plan[1]["bytes"], "the delta is smaller than the objects", (pushed, plan))
    test.check(0 < used["bytes"] - size < 60000, "the delta, and the documents that lead to it", (used, size))
    check_commit(test, repo, source, "v2", "by a delta")
    for way in ("objects", "layers"):
        repo = fresh(test, f"not-{way}", source)
        used = transfer(test, pull(test, repo, source.registry.image("os:v2"), "--fetch", way), f"--fetch {way}")
        test.check(used["way"] == way, f"--fetch {way} takes no delta", used)
    repo = fresh(test, "must-delta", source)
    used = transfer(test, pull(test, repo, source.registry.image("os:v2"), "--fetch", "delta"), "--fetch delta")
    test.check(used["way"] == "delta", "--fetch delta takes it", used)
    check_commit(test, repo, source, "v2", "--fetch delta")


def check_import(test, source):
    repo = test.path("imported")
    used = transfer(test, pull(test, repo, source.registry.image("os:v1"), "--layout", "plain", verb="import"), "import of v1")
    used = transfer(test, pull(test, repo, source.registry.image("os:v2"), "--layout", "plain", verb="import"), "import of v2")
    test.check(used["way"] == "delta", "import takes the delta", used)
    check_commit(test, repo, source, "v2", "import by a delta")
    result = pull(test, repo, source.registry.image("os:v1"), "--fetch", "delta", "--layout", "plain", verb="import")
    test.check_status(result, 0, "what is here needs no delta")
    other = test.init_repo("nothing-in-common")
    test.check_refused(pull_text(test, other, source.registry.image("os:v2"), "--fetch", "delta"), 2, "--fetch delta without an origin",
                       "no delta is offered")
    result = pull(test, repo, source.registry.image("os:v2"), "--fetch", "delta", "--subject", "mine", "--layout", "plain", verb="import")
    test.check_refused(result, 2, "--fetch delta for another commit", "the image's own commit")


def check_damage(test, source):
    """A delta that is damaged or missing costs its transfer."""
    faults = [("wrong bytes", Fault("corrupt", part="/blobs/", skip=2, times=1)),
              ("a wrong superblock", Fault("corrupt", part="/blobs/", skip=1, times=1)),
              ("404", Fault("status", part="/blobs/", status=404, skip=2, times=1)),
              ("500 for the list", Fault("status", part="/referrers/", status=500, times=20)),
              ("no list", Fault("status", part="/manifests/sha256-", status=404, times=5))]
    for name, fault in faults:
        repo = fresh(test, "damaged", source)
        with FaultyProxy(source.registry, [fault]) as proxy:
            result = pull(test, repo, proxy.image("os:v2"))
        used = transfer(test, result, f"a delta with {name}")
        test.check(fault.hits > 0 and used["way"] == "objects", f"{name}: by objects", (used, fault.hits, result.stderr))
        check_commit(test, repo, source, "v2", name)


def check_lies(test, source):
    """A delta under the right name that gives another commit."""
    entries = deltas_of(test, source.registry, source.digests["v2"])
    name = source.registry.image("os").split("docker://")[1]
    manifest = json.loads(test.must("skopeo", "inspect", "--raw", INSECURE, f"docker://{name}@{entries[0]['digest']}"))
    lies = [("other commits", {"osb.delta.to": "ab" * 32}, None),
            ("an origin that is not here", {"osb.delta.from": "ab" * 32}, None),
            ("no size", {"osb.delta.size": "-1"}, None),
            ("another subject", {}, "sha256:" + "0" * 64),
            ("a size that is too small", {"osb.delta.size": "1"}, None)]
    for what, annotations, subject in lies:
        lie = json.loads(json.dumps(manifest))
        lie["annotations"].update(annotations)
        if subject:
            lie["subject"]["digest"] = subject
        listed = dict(entries[0], annotations=lie["annotations"])
        replace_deltas(test, source.registry, source.digests["v2"], [(lie, listed)])
        repo = fresh(test, "lied-to", source)
        used = transfer(test, pull(test, repo, source.registry.image("os:v2")), f"a delta with {what}")
        test.check(used["way"] == "objects", f"{what}: by objects", used)
        check_commit(test, repo, source, "v2", what)
    replace_deltas(test, source.registry, source.digests["v2"], [(manifest, entries[0])])


def delete(test, source, digest):
    test.must("curl", "-sf", "-X", "DELETE", f"http://{source.registry.host}/v2/os/manifests/{digest}")


def check_gone(test, source):
    """Deltas that are listed, but whose manifests the registry does not have any more."""
    subject = source.digests["v2"]
    real = deltas_of(test, source.registry, subject)[0]
    name = source.registry.image("os").split("docker://")[1]
    manifest = json.loads(test.must("skopeo", "inspect", "--raw", INSECURE, f"docker://{name}@{real['digest']}"))
    # They are tried first, because they seem to be smaller.
    gone = [(dict(manifest, annotations=dict(manifest["annotations"], number=str(number))),
             dict(real, annotations=dict(real["annotations"], **{"osb.delta.size": "1"}))) for number in range(10)]
    replace_deltas(test, source.registry, subject, gone + [(manifest, real)])
    listed = deltas_of(test, source.registry, subject)
    for entry in listed[:-1]:
        delete(test, source, entry["digest"])
    used = transfer(test, pull(test, fresh(test, "by-the-last", source), source.registry.image("os:v2")), "a delta after ten that are gone")
    test.check(used["way"] == "delta", "the deltas that are gone do not hide the other one", used)
    delete(test, source, listed[-1]["digest"])
    used = transfer(test, pull(test, fresh(test, "by-none", source), source.registry.image("os:v2")), "only deltas that are gone")
    test.check(used["way"] == "objects", "then objects are fetched", used)
    pushed = push(test, source, "v2", "--delta-from", source.commits["v1"])
    test.check(pushed["digest"] == subject and [delta["unchanged"] for delta in pushed["deltas"]] == [False],
               "a push makes the delta again", pushed)
    repo = fresh(test, "made-again", source)
    used = transfer(test, pull(test, repo, source.registry.image("os:v2")), "the delta that was made again")
    test.check(used["way"] == "delta", "it is found", used)
    check_commit(test, repo, source, "v2", "by the delta that was made again")
    made = pushed["deltas"][0]["digest"]
    left = [entry["digest"] for entry in deltas_of(test, source.registry, subject)]
    test.check(left == [made], "docker-registry refuses a list with entries that are gone, so they are removed", left)
    again = push(test, source, "v2", "--delta-from", source.commits["v1"], "--prune-deltas")
    test.check([delta["unchanged"] for delta in again["deltas"]] == [True] and again["deltas_pruned"] == 0,
               "it is neither made a third time nor pruned", again)
    delete(test, source, made)
    pruned = push(test, source, "v2", "--prune-deltas")
    test.check(pruned["deltas_pruned"] == 1 and deltas_of(test, source.registry, subject) == [],
               "--prune-deltas removes what is gone from the list", pruned)
    push(test, source, "v2", "--delta-from", source.commits["v1"])


def check_mirror(test, source):
    """A mirror that has the image, but not what refers to it."""
    conf = test.path("mirrors.conf")
    with Registry(test, "mirror") as mirror:
        with open(conf, "w", encoding="ascii") as file:
            file.write(f'[[registry]]\nlocation = "{source.registry.host}"\ninsecure = true\n'
                       f'[[registry.mirror]]\nlocation = "{mirror.host}"\ninsecure = true\n')
        test.must("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", source.registry.image("os:v2"),
                  mirror.image("os:v2"))
        repo = fresh(test, "mirrored", source)
        os.environ["CONTAINERS_REGISTRIES_CONF"] = conf
        used = transfer(test, pull(test, repo, source.registry.image("os:v2")), "pull by a mirror without deltas")
        del os.environ["CONTAINERS_REGISTRIES_CONF"]
        test.check(used["way"] == "delta" and mirror.since(0, "GET"), "the delta of the registry is found", (used, mirror.requests()))
    check_commit(test, repo, source, "v2", "by a mirror")


def check_resume(test, source):
    """Parts that were applied before an interruption are not fetched again."""
    for number in range(3):
        source.write(f"usr/lib/noise{number}", os.urandom(15 << 20))
    commit(source, "big")
    pushed = push(test, source, "big", "--delta-from", source.commits["v2"])
    repo = test.path("resumed")
    transfer(test, pull(test, repo, source.registry.image("os:v2")), "pull of v2")
    cut = Fault("status", part="/blobs/", status=500, skip=3, times=1000)
    with FaultyProxy(source.registry, [cut]) as proxy:
        result = pull(test, repo, proxy.image("os:big"), "--fetch", "delta")
    test.check_refused(result, 5, "a registry that fails after some parts")
    used = transfer(test, pull(test, repo, source.registry.image("os:big"), "--fetch", "delta"), "the same again")
    test.check(used["bytes"] < pushed["deltas"][0]["bytes"] * 0.8, "what was applied is not fetched again", (used, pushed))
    check_commit(test, repo, source, "big", "resumed")


def check_prune(test, source):
    source.write("usr/lib/latest", b"latest\n")
    commit(source, "v4")
    pushed = push(test, source, "v4", "--delta-last", "2")
    found = [delta["from"] for delta in pushed["deltas"]]
    test.check(found == [source.commits["big"], source.commits["v2"]], "of the last two commits", pushed)
    again = push(test, source, "v4", "--delta-last", "2")
    test.check([delta["unchanged"] for delta in again["deltas"]] == [True, True], "they are not made twice", again)
    kept = push(test, source, "v4", "--prune-deltas")
    test.check(kept["deltas_pruned"] == 0, "all are of use", kept)
    delete(test, source, source.digests["v2"])
    before = deltas_of(test, source.registry, source.digests["v2"])
    with FaultyProxy(source.registry, [Fault("status", method="DELETE", part="/manifests/", status=405)]) as proxy:
        result = test.run(test.osb, "push", "--json", "-q", "--repo", source.repo, INSECURE, "--prune-deltas", REF, proxy.image("os:v4"))
    test.check_status(result, 0, "a registry that does not delete")
    test.check("no longer listed" in result.stderr and json.loads(result.stdout)["deltas_pruned"] == 1, "warns", result.describe())
    test.check(deltas_of(test, source.registry, source.digests["v2"]) == [], "the delta is not listed any more", None)
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": before}
    put(test, source.registry, source.digests["v2"].replace(":", "-"), index, "index")
    pruned = push(test, source, "v4", "--prune-deltas")
    test.check(pruned["deltas_pruned"] == 1, "the delta to v2 is of no use any more", pruned)
    test.check(deltas_of(test, source.registry, source.digests["v2"]) == [], "it is gone", None)
    production = dict(before[0], digest=pushed["digest"], annotations={})
    index["manifests"] = [production]
    put(test, source.registry, "sha256-" + "ab" * 32, index, "index")
    kept = push(test, source, "v4", "--prune-deltas")
    test.check(kept["deltas_pruned"] == 0, "an entry that names an image removes nothing", kept)
    test.must("skopeo", "inspect", "--raw", INSECURE, source.registry.image("os:v4"))
    test.check(len(deltas_of(test, source.registry, pushed["digest"])) == 2, "the others are there", None)
    shorter = test.init_repo("shorter")
    test.must("ostree", "pull-local", f"--repo={shorter}", source.repo, REF)
    result = test.run(test.osb, "push", "--json", "-q", "--repo", shorter, INSECURE, "--prune-deltas", REF, source.registry.image("os:v4"))
    test.check_status(result, 0, "push of a repository without history")
    test.check(json.loads(result.stdout)["deltas_pruned"] >= 2, "deltas from commits that are gone are removed", result.stdout)


def check_archive(test, source):
    """Stock ostree pulls by the delta of an archive repository."""
    archive, client = test.path("archive"), test.path("client")
    test.must(test.osb, "push", "-q", "--repo", source.repo, source.commits["v1"], f"file://{archive}", "--ref", REF)
    result = test.run(test.osb, "push", "--json", "-q", "--repo", source.repo, source.commits["v2"], f"file://{archive}", "--ref", REF,
                      "--delta-last", "1")
    test.check_status(result, 0, "push with a delta to an archive")
    test.check(json.loads(result.stdout)["deltas"] == [{"from": source.commits["v1"]}], "one delta", result.stdout)
    listed = test.must("ostree", "static-delta", "list", f"--repo={archive}").split()
    test.check(listed == [f"{source.commits['v1']}-{source.commits['v2']}"], "ostree lists it", listed)
    test.check(source.commits["v1"] in test.must("ostree", "summary", "--view", f"--repo={archive}"), "the summary names it", None)
    test.must("ostree", "init", f"--repo={client}", "--mode=bare-user")
    test.must("ostree", "remote", "add", f"--repo={client}", "--no-gpg-verify", "origin", f"file://{archive}")
    test.must("ostree", "pull", f"--repo={client}", "origin", f"{REF}@{source.commits['v1']}")
    test.must("ostree", "pull", f"--repo={client}", "--require-static-deltas", "--disable-fsync", "origin", REF)
    test.fsck(client, "a client that requires deltas")
    again = test.run(test.osb, "push", "--json", "-q", "--repo", source.repo, source.commits["v2"], f"file://{archive}", "--ref", REF,
                     "--delta-from", source.commits["v1"], "--prune-deltas")
    test.check(json.loads(again.stdout)["deltas"] == [] and json.loads(again.stdout)["deltas_pruned"] == 0, "nothing to do", again.stdout)
    check_signed_later(test, source, archive)
    short = test.init_repo("short")
    test.must("ostree", "pull-local", f"--repo={short}", source.repo, source.commits["v2"])
    test.must("ostree", "prune", f"--repo={archive}", f"--delete-commit={source.commits['v1']}")
    pruned = test.run(test.osb, "push", "--json", "-q", "--repo", short, source.commits["v2"], f"file://{archive}", "--ref", REF,
                      "--prune-deltas")
    test.check_status(pruned, 0, "pruning")
    test.check(json.loads(pruned.stdout)["deltas_pruned"] == 1, "the delta whose origin is gone is removed", pruned.stdout)
    test.check(test.must("ostree", "static-delta", "list", f"--repo={archive}").strip() == "(No static deltas)", "as ostree sees it", None)
    test.check(source.commits["v1"] not in test.must("ostree", "summary", "--view", f"--repo={archive}"), "and the summary", None)
    refused = test.run(test.osb, "push", "-q", "--repo", source.repo, "--delta-last", "1", REF, "ssh://localhost/srv/repo")
    test.check_refused(refused, 2, "a delta over ssh", "deltas do not fit")


def check_signed_later(test, source, archive):
    """A delta carries the signatures of its commit, so it is made again when the commit gets another one."""
    write_detached(source.repo, source.commits["v2"], {"ostree.sign.ed25519": [b"s" * 64]})
    for deltas, what in (([{"from": source.commits["v1"]}], "made again"), ([], "not a third time")):
        result = test.run(test.osb, "push", "--json", "-q", "--repo", source.repo, source.commits["v2"], f"file://{archive}", "--ref", REF,
                          "--delta-from", source.commits["v1"])
        test.check_status(result, 0, "push of a signature")
        test.check(json.loads(result.stdout)["deltas"] == deltas, f"the delta is {what}", result.stdout)
    client = test.init_repo("signed-later", "bare-user")
    test.must("ostree", "remote", "add", f"--repo={client}", "--no-gpg-verify", "origin", f"file://{archive}")
    test.must("ostree", "pull", f"--repo={client}", "origin", f"{REF}@{source.commits['v1']}")
    test.must("ostree", "pull", f"--repo={client}", "--require-static-deltas", "--disable-fsync", "origin", REF)
    with open(path_of(client, source.commits["v2"]), "rb") as file:
        test.check(b"s" * 64 in file.read(), "a client that pulls by the delta has the signature", None)
    os.remove(path_of(source.repo, source.commits["v2"]))


def check_platforms(test, source):
    """--delta-from takes the image of an index that is for the platform of the pushed commit, whatever this machine is."""
    repo, tree = test.init_repo("platforms"), test.path("platforms-tree")
    os.mkdir(tree)
    first, entries = {}, []

    def commit_for(machine, content):
        with open(os.path.join(tree, "file"), "w", encoding="ascii") as file:
            file.write(content * 1000)
        return test.must("ostree", "commit", f"--repo={repo}", "-b", machine, "--owner-uid=0", "--owner-gid=0", f"--tree=dir={tree}",
                         f"--add-metadata-string=ostree.architecture={machine}").strip()

    def push_for(machine, *options):
        return test.run(test.osb, "push", "--json", "-q", "--repo", repo, INSECURE, *options, machine,
                        source.registry.image(f"os:{machine}"))

    for machine, architecture in (("x86_64", "amd64"), ("aarch64", "arm64"), ("s390x", "s390x")):
        first[machine] = commit_for(machine, machine)
        pushed = push_for(machine)
        test.check_status(pushed, 0, f"push for {machine}")
        config = json.loads(test.must("skopeo", "inspect", "--config", INSECURE, source.registry.image(f"os:{machine}")))
        test.check(config["architecture"] == architecture, f"the image is for {architecture}, as the commit states", config["architecture"])
        raw = test.must("skopeo", "inspect", "--raw", INSECURE, source.registry.image(f"os:{machine}"))
        if machine != "s390x":
            entries.append({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": json.loads(pushed.stdout)["digest"],
                            "size": len(raw.encode()), "platform": {"os": "linux", "architecture": architecture}})
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}
    put(test, source.registry, "both", index, "index")
    for machine in ("x86_64", "aarch64"):
        commit_for(machine, f"{machine} again")
        pushed = push_for(machine, "--delta-from", source.registry.image("os:both"))
        test.check_status(pushed, 0, f"push for {machine} with a delta")
        found = [delta["from"] for delta in json.loads(pushed.stdout)["deltas"]]
        test.check(found == [first[machine]], f"the delta is from the image for {machine}", (found, first))
    commit_for("s390x", "again")
    test.check_refused(push_for("s390x", "--delta-from", source.registry.image("os:both")), 1, "an index without the platform",
                       "no image for linux/s390x")
    archive = test.path("platforms-archive")
    for machine in (first["aarch64"], "aarch64"):
        options = () if machine == first["aarch64"] else ("--delta-from", source.registry.image("os:both"))
        result = test.run(test.osb, "push", "--json", "-q", "--repo", repo, *options, machine, f"file://{archive}", "--ref", "aarch64")
        test.check_status(result, 0, "push to an archive repository")
    test.check(json.loads(result.stdout)["deltas"] == [{"from": first["aarch64"]}], "so it is for an archive repository", result.stdout)


def check_refusals(test, source):
    # Other tests that run at the same time push deltas, too.
    own = {**os.environ, "TMPDIR": test.path("scratch")}
    os.mkdir(own["TMPDIR"])
    for options, status, words in ((("--delta-from", "no-such-ref"), 1, "no commit"), (("--delta-from", "ab" * 32), 1, "commit"),
                                   (("--delta-last", "0"), 2, "delta-last")):
        result = test.run(test.osb, "push", "-q", "--repo", source.repo, INSECURE, *options, REF, source.registry.image("os:v2"),
                          env=own)
        test.check_refused(result, status, " ".join(options), words)
    left = os.listdir(own["TMPDIR"])
    test.check(not left, "no scratch directory is left", left)


def main(test):
    test.need("ostree", "docker-registry", "skopeo", "curl")
    os.umask(0o022)
    with Registry(test) as registry:
        source = Source(test, registry)
        source.digests = {}
        source.publish("v1")
        with open(os.path.join(source.tree, "usr/bin/large"), "r+b") as file:
            file.seek(1 << 20)
            file.write(b"a few bytes")
        source.write("usr/lib/package3/file3", b"changed\n" * 100)
        source.write("usr/lib/new", b"new\n")
        shutil.copy2(os.path.join(source.tree, "usr/lib/package1/file1"), os.path.join(source.tree, "usr/lib/moved"))
        commit(source, "v2")
        pushed = push(test, source, "v2", "--delta-from", source.registry.image("os:v1"))
        source.digests["v2"] = pushed["digest"]
        check_artifact(test, source, pushed)
        check_pull(test, source, pushed)
        check_import(test, source)
        check_damage(test, source)
        check_lies(test, source)
        check_gone(test, source)
        check_mirror(test, source)
        check_archive(test, source)
        check_platforms(test, source)
        check_refusals(test, source)
        check_resume(test, source)
        check_prune(test, source)


lib_harness.run(main)
