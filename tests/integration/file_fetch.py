#!/usr/bin/env python3
# Takes minutes.
"""Updates of ordinary images, whose zstd:chunked layers skopeo writes: only the files that the repository lacks are fetched, and the
commit is that of a full import. The witnesses are the registry's log, ostree, and an import of whole layers into another repository."""

import json
import os
import random
import shutil
import tarfile

import lib_harness
from lib_faulty_proxy import Fault, FaultyProxy
from lib_image import TarLayer
from lib_ordinary import NEW, OLD, Images, with_table
from lib_registry import Registry
from lib_versions import counted

REF = "os/test"
INSECURE = "--tls-verify=false"
CAPABILITY = bytes.fromhex("0100000202000000000000000000000000000000")  # cap_dac_override, permitted


def contents(seed):
    """The same contents for each version: 200 small files, and one that has several chunks and a hole."""
    rng = random.Random(seed)
    out = {f"usr/lib/f{n}": rng.randbytes(1000 + 20 * n) for n in range(200)}
    out["usr/lib/big"] = rng.randbytes(2 << 20) + bytes(300000) + rng.randbytes(5000)
    return out


def first_version():
    """A base of one layer, and a layer on top of it."""
    base = TarLayer()
    for name in ("etc", "usr", "usr/lib", "usr/old", "usr/share"):
        base.directory(name)
    for name, content in contents(1).items():
        base.file_entry(name, content)
    base.file_entry("usr/old/a", b"a").file_entry("usr/old/b", b"b").file_entry("usr/lib/empty")
    base.file_entry("usr/lib/capable", b"may do much", mode=0o755, xattrs={"security.capability": CAPABILITY})
    base.symlink("lib", "usr/lib").hardlink("usr/lib/hard", "usr/lib/f1")
    top = TarLayer().file_entry("etc/conf", b"conf 1\n").file_entry("usr/share/top", os.urandom(50000))
    return [base, top]


def second_version(top):
    """Few contents change; metadata, names, links and what is hidden do, too."""
    files = contents(1)
    base = TarLayer()
    for name in ("etc", "usr", "usr/lib", "usr/old"):
        base.directory(name)
    base.directory("usr/share", mode=0o700, xattrs={"user.directory": b"with an attribute"})
    files["usr/lib/f3"] = b"changed\n"
    files["usr/lib/f150"] = os.urandom(4000)
    files["usr/lib/renamed"] = files.pop("usr/lib/f4")
    for name, content in files.items():
        base.file_entry(name, content, mode=0o4755 if name.endswith("f5") else 0o644, uid=7 if name.endswith("f6") else 0,
                        xattrs={"user.note": b"new"} if name.endswith("f7") else None)
    base.file_entry("usr/lib/same", files["usr/lib/f150"]).file_entry("usr/lib/same-2", files["usr/lib/f150"], mode=0o600)
    base.file_entry("usr/old/a", b"a").file_entry("usr/old/b", b"b").file_entry("usr/lib/empty", mode=0o600)
    base.file_entry("usr/lib/capable", b"may do much", mode=0o755)  # not any more
    base.file_entry("usr/lib/f8-capable", files["usr/lib/f8"], xattrs={"security.capability": CAPABILITY})
    base.symlink("lib", "usr/lib").hardlink("usr/lib/hard", "usr/lib/f2")
    base.add("dev-null", tarfile.CHRTYPE, device=(1, 3)).add("pipe", tarfile.FIFOTYPE)
    top.whiteout("usr/lib/f9").opaque("usr/old").file_entry("usr/old/c", b"c").whiteout("usr/share/none")
    return [base, top]


def run_import(test, repo, image, *options, ref=REF):
    return test.run(test.osb, "import", "--json", "-q", "--repo", repo, "--ref", ref, "--layout", "plain", "--parent", "none", INSECURE,
                    *options, image)


def imported(test, result, what):
    if not test.check_status(result, 0, what):
        raise RuntimeError(result.describe())
    return json.loads(result.stdout)


def whole_commit(test, registry, image):
    """What a full import makes of the image."""
    repo = test.path("whole")
    shutil.rmtree(repo, ignore_errors=True)
    return imported(test, run_import(test, repo, registry.image(image), "--fetch", "layers"), f"{image}: whole layers")["commit"]


def fresh(test, name, registry, image, mode="archive"):
    """A repository that has the image."""
    repo = test.path(name)
    shutil.rmtree(repo, ignore_errors=True)
    test.must("ostree", "init", f"--repo={repo}", f"--mode={mode}")
    test.must("ostree", "config", f"--repo={repo}", "set", "core.fsync", "false")
    imported(test, run_import(test, repo, registry.image(image)), f"{name}: import of {image}")
    return repo


def check_update(test, registry, first, second, expected):
    for mode in ("archive", "bare", "bare-user", "bare-user-only"):
        repo = fresh(test, f"updated-{mode}", registry, first, mode)
        shown = test.run(test.osb, "inspect", "--json", "--repo", repo, "--against", REF, INSECURE, registry.image(second))
        plan = json.loads(shown.stdout)["plan"]
        test.check([way["way"] for way in plan] == ["files", "layers"], f"{mode}: the plan has both ways, files first", plan)
        mark = counted(registry, 0)[2]
        result = imported(test, run_import(test, repo, registry.image(second)), f"{mode}: import of the second version")
        used, (sent, requests, _) = result["transfer"], counted(registry, mark)
        test.check(used["way"] == "files" and used["bytes"] == sent and used["requests"] == requests,
                   f"{mode}: {used['bytes']} bytes in {used['requests']} requests, as the registry counts", (used, sent, requests))
        test.check(used["bytes"] * 20 < used["layer_bytes"] == plan[1]["bytes"], f"{mode}: a twentieth of the layers", (used, plan))
        test.check(0 < used["bytes"] - plan[0]["bytes"] < 5000, f"{mode}: the plan is right, but for manifest and config", (used, plan))
        if mode != "bare-user-only":  # which has its own checksums
            test.check(result["commit"] == expected, f"{mode}: the commit of a full import", (result, expected))
        test.fsck(repo, f"{mode}: ostree finds no fault")
        again = imported(test, run_import(test, repo, registry.image(second)), f"{mode}: the same again")
        test.check(again["transfer"]["way"] == "none" and again["commit"] == result["commit"], f"{mode}: nothing is fetched", again)
        again = imported(test, run_import(test, repo, registry.image(second), ref="another"), f"{mode}: for another ref")
        test.check(again["transfer"]["way"] == "none" and again["layers_reused"] == 2, f"{mode}: the layers are known", again)


def check_ways(test, registry, images, first, second, expected):
    for way, used in (("objects", "files"), ("layers", "layers")):
        repo = fresh(test, f"way-{way}", registry, first)
        result = imported(test, run_import(test, repo, registry.image(second), "--fetch", way), f"--fetch {way}")
        test.check(result["transfer"]["way"] == used and result["commit"] == expected, f"--fetch {way}: by {used}", result)
    repo = fresh(test, "proved", registry, first)
    by_files = imported(test, run_import(test, repo, registry.image(second)), "by files")
    proof = imported(test, run_import(test, repo, registry.image(second), "--fetch", "layers"), "--fetch layers, after that")
    test.check(proof["transfer"]["way"] == "layers" and proof["commit"] == by_files["commit"] == expected,
               "reads the layers that are known by a table, and confirms the commit", proof)
    proof = imported(test, run_import(test, repo, registry.image(second), "--fetch", "layers"), "--fetch layers, once more")
    test.check(proof["transfer"]["way"] == "none", "reads nothing", proof)
    gzip = images.push(second_version(TarLayer()), "gzip")
    test.check_refused(test.run(test.osb, "import", "-q", "--repo", repo, "--ref", "gzip", INSECURE, "--fetch", "objects",
                                registry.image(gzip)), 2, "--fetch objects of gzip layers", "table of contents")
    result = imported(test, run_import(test, fresh(test, "gzip", registry, first), registry.image(gzip)), "gzip layers that changed")
    test.check(result["transfer"]["way"] == "layers", "are fetched whole", result)


def check_first_import(test, registry, images, first):
    """Without anything to compare with, no table is read."""
    mark = registry.mark()
    result = imported(test, run_import(test, test.path("first"), registry.image(first)), "a first import")
    test.check(result["transfer"]["way"] == "layers" and result["transfer"]["requests"] == len(registry.since(mark)) <= 6,
               "reads no table", (result, registry.since(mark)))
    # From a local layout, whose layers are not compressed, the digests are known, too.
    layout = images.layout(first_version())
    repo = test.path("local")
    imported(test, run_import(test, repo, f"oci:{layout.directory}:t"), "import of uncompressed layers")
    result = imported(test, run_import(test, repo, registry.image(images.push(second_version(TarLayer())))), "the update of that")
    test.check(result["transfer"]["way"] == "files", "is by files", result)


def check_names(test, registry, images, first, second):
    """Both names of the annotations, with both footers."""
    for name, prefixes, footer in (("old names", (OLD,), 40), ("new names", (NEW,), 64), ("both names", (OLD, NEW), 64)):
        changed = images.change(second, lambda blob, layer, p=prefixes, f=footer: with_table(blob, layer, lambda same: same, p, f))
        repo = fresh(test, "names", registry, first)
        result = imported(test, run_import(test, repo, registry.image(changed)), name)
        test.check(result["transfer"]["way"] == "files" and whole_commit(test, registry, changed) == result["commit"],
                   f"{name}: by files", result)
    for footer in (40, 64):
        changed = images.change(second, lambda blob, layer, f=footer: with_table(blob, layer, lambda same: same, (), f))
        result = imported(test, run_import(test, fresh(test, "names", registry, first), registry.image(changed)), f"footer of {footer}")
        test.check(result["transfer"]["way"] == "layers" and result["commit"] == whole_commit(test, registry, changed),
                   f"a footer of {footer} bytes alone, which nothing proves: whole layers", result)


def check_proved(test, registry, images, first):
    """With tar-split data, as osb-oci and newer versions of podman write them, the diffID is checked: a lie about a name shows, and a
    footer of 64 bytes is enough."""
    source = test.path("plain-source")
    imported(test, run_import(test, source, registry.image(first)), "import of the first version")
    test.must(test.osb, "export", "-q", "--repo", source, "--format", "plain", INSECURE, REF, registry.image("plain:v1"))
    imported(test, run_import(test, source, registry.image(images.push(second_version(TarLayer().file_entry("etc/conf", b"3\n"))))),
             "import of another version")
    test.must(test.osb, "export", "-q", "--repo", source, "--format", "plain", INSECURE, REF, registry.image("plain:v2"))
    for name, change in (("annotations", lambda blob, layer: (blob, layer["annotations"])),
                         ("only the footer", lambda blob, _: (blob, {}))):
        repo = fresh(test, "proved-by", registry, "plain:v1")
        changed = images.change("plain:v2", change)
        result = imported(test, run_import(test, repo, registry.image(changed)), name)
        test.check(result["transfer"]["way"] == "files" and result["commit"] == whole_commit(test, registry, changed),
                   f"tar-split data, {name}: by files", result)
        proof = imported(test, run_import(test, repo, registry.image(changed), "--fetch", "layers", ref="again"), "--fetch layers")
        test.check(proof["transfer"]["way"] == "none", f"tar-split data, {name}: as good as whole layers", proof)
        test.fsck(repo, f"tar-split data, {name}: ostree finds no fault")


def change_entry(path, /, **members):
    def change(entries):
        found = [entry for entry in entries if entry["name"] == path]
        if not found:
            return entries
        found[0].update({key: value(entries) if callable(value) else value for key, value in members.items()})
        return [entry for entry in entries if not entry.get("leave_out")]
    return change


def member_of(path, key):
    return lambda entries: next(entry[key] for entry in entries if entry["name"] == path)


def duplicate(entries):
    return entries + [entry for entry in entries if entry["name"] == "usr/lib/f3"]


def check_lies(test, registry, images, first, second):
    """A table that contradicts its layer costs the whole layer, where that shows."""
    lies = [("another file's digest, which is fetched", change_entry("usr/lib/f3", digest="sha256:" + "0" * 64)),
            ("a size that is too small", change_entry("usr/lib/f3", size=5)),
            ("a size that is too large", change_entry("usr/lib/f3", size=50)),
            ("a size of a known digest", change_entry("usr/lib/f10", size=5)),
            ("the place of another file", change_entry("usr/lib/f3", offset=member_of("usr/lib/f150", "offset"),
                                                       endOffset=member_of("usr/lib/f150", "endOffset"))),
            ("a place outside the blob", change_entry("usr/lib/f3", endOffset=1 << 40)),
            ("the target of a hard link left out", change_entry("usr/lib/f2", leave_out=True)),
            ("a name that import refuses", change_entry("usr/lib/f3", name="usr/../f3")),
            ("an entry twice", duplicate)]
    for name, lie in lies:
        changed = images.change(second, lambda blob, layer, lie=lie: with_table(blob, layer, lie))
        repo = fresh(test, "lied", registry, first)
        result = imported(test, run_import(test, repo, registry.image(changed)), name)
        test.check(result["commit"] == whole_commit(test, registry, changed), f"{name}: the commit of a full import", result)
        test.check(result["transfer"]["bytes"] > result["transfer"]["layer_bytes"] * 0.9, f"{name}: costs the whole layer", result)
        test.fsck(repo, f"{name}: ostree finds no fault")


def check_bad_ranges(test, registry, first, second, expected):
    with FaultyProxy(registry) as proxy:
        imported(test, run_import(test, fresh(test, "bad", registry, first), proxy.image(second)), "through a proxy")
        blobs = sum("/blobs/" in target for _, target, _ in proxy.requests)
    late = blobs - 1  # the last answer is content; the first ones are the config and tables
    for name, fault, way in (("501", Fault("status", part="/blobs/", status=501, times=1, skip=1), None),
                             ("the whole blob", Fault("whole", skip=1), "layers"),
                             ("wrong bytes", Fault("corrupt", skip=late, times=1), None),
                             ("wrong bytes of a table", Fault("corrupt", skip=1, times=1), None),
                             ("a cut answer", Fault("reset-body", times=1, skip=late), "files"),
                             ("another range", Fault("wrong-range", times=1, skip=late), None)):
        repo = fresh(test, "bad", registry, first)
        with FaultyProxy(registry, [fault]) as proxy:
            result = imported(test, run_import(test, repo, proxy.image(second)), f"a registry that answers with {name}")
        test.check(fault.hits > 0 and way in (None, result["transfer"]["way"]) and result["commit"] == expected,
                   f"{name}: by {result['transfer']['way']}, the commit of a full import", (result, fault.hits))
    repo = fresh(test, "bad", registry, first)
    with FaultyProxy(registry, [Fault("status", status=500, skip=late)]) as proxy:
        test.check_status(run_import(test, repo, proxy.image(second)), 5, "a registry that fails in the middle")
    result = imported(test, run_import(test, repo, registry.image(second)), "the same again")
    test.check(result["transfer"]["way"] == "files" and result["commit"] == expected, "is by files", result)


def check_damage(test, registry, first, second, expected):
    """Objects that were removed are fetched. One that is damaged costs the layer if its content is needed."""
    repo = fresh(test, "damaged", registry, first)
    objects = os.path.join(repo, "objects")
    files = sorted(os.path.join(root, name) for root, _, names in os.walk(objects) for name in names if name.endswith(".filez"))
    for path in files[::3]:
        os.remove(path)
    result = imported(test, run_import(test, repo, registry.image(second)), "a repository that lost a third of its files")
    test.check(result["commit"] == expected, "gets them back", result)
    missing = test.run("ostree", "fsck", "--quiet", f"--repo={repo}", REF)
    test.check(missing.status == 0 or REF not in missing.stderr, "the commit is whole", missing.describe())


def check_derived(test, registry, images, mode="archive"):
    """The layers on top of a commit are ordinary layers as well."""
    source = test.path("encapsulated")
    imported(test, run_import(test, source, registry.image(images.push(first_version()))), "the commit of a base")
    layout = test.path("derived-layout")
    test.must(test.osb, "export", "-q", "--repo", source, REF, f"oci:{layout}:t")
    names = []
    for version in (1, 2):
        top = TarLayer().directory("usr/share/app")
        for number in range(100):
            top.file_entry(f"usr/share/app/{number}", b"new\n" if version == 2 and number == 5 else random.Random(number).randbytes(3000))
        names.append(images.derive(layout, top))
    repo = fresh(test, "derived", registry, names[0])
    result = imported(test, run_import(test, repo, registry.image(names[1])), "the second version of a derived image")
    test.check(result["transfer"]["way"] == "files" and result["transfer"]["bytes"] * 5 < result["transfer"]["layer_bytes"],
               "derived: only the file is fetched", result)
    test.check(result["commit"] == whole_commit(test, registry, names[1]), "derived: the commit of a full import", result)
    test.fsck(repo, "derived: ostree finds no fault")


class RandomPair:
    """Two versions of an image whose layers share contents, names and metadata in all combinations."""

    def __init__(self, seed):
        self.rng = random.Random(f"files {seed}")
        sizes = (0, 1, 100, 511, 512, 5000, 70000, 1 << 20, (1 << 20) + 1)
        self.contents = [self.content(self.rng.choice(sizes)) for _ in range(12)]
        self.names = [f"{top}/{name}" for top in ("usr", "usr/lib", "etc", "opt") for name in "abcdefgh"]

    def content(self, size):
        if size > 10000 and self.rng.random() < 0.5:
            return self.rng.randbytes(size // 2) + bytes(size - size // 2)
        return self.rng.randbytes(size)

    def layer(self):
        rng, layer, files, hidden = self.rng, TarLayer(), [], set()
        for name in ("usr", "usr/lib", "etc", "opt"):
            if rng.random() < 0.5:
                layer.directory(name, mode=rng.choice((0o755, 0o700)), uid=rng.choice((0, 5)))
        for name in rng.sample(self.names, rng.randint(3, 20)):
            kind = rng.random()
            attributes = rng.choice((None, None, {"user.a": b"1"}, {"security.capability": CAPABILITY, "user.b": b"\xff\0"},
                                     {"user.c": b""}))
            if kind < 0.7:
                layer.file_entry(name, rng.choice(self.contents), mode=rng.choice((0o644, 0o755, 0o4755)), uid=rng.choice((0, 0, 9)),
                                 xattrs=attributes)
                files.append(name)
            elif kind < 0.76:
                layer.symlink(name, rng.choice(("a", "../etc/b", "/usr", "none")))
            elif kind < 0.84 and files:
                layer.hardlink(name, rng.choice(files))
            elif kind < 0.90:
                layer.whiteout(name)
            elif kind < 0.93:
                layer.add(name, rng.choice((tarfile.CHRTYPE, tarfile.FIFOTYPE)), device=(1, 3))
            elif kind < 0.96:
                layer.directory(name, xattrs=attributes)
            elif os.path.dirname(name) not in hidden:  # a table does not list a name twice
                hidden.add(os.path.dirname(name))
                layer.opaque(os.path.dirname(name))
        return layer

    def version(self):
        if self.rng.random() < 0.5:
            self.contents[self.rng.randrange(len(self.contents))] = self.content(3000)
        return [self.layer() for _ in range(self.rng.randint(1, 2))]


def check_random(test, registry, images):
    first_seed = int(os.environ.get("OSB_SEED", 1))
    ways = {}
    for seed in range(first_seed, first_seed + lib_harness.rounds(20, 200, "random pairs of images")):
        pair = RandomPair(seed)
        first, second = images.push(pair.version()), images.push(pair.version())
        repo, whole = test.path("random"), test.path("random-whole")
        for path in (repo, whole):
            shutil.rmtree(path, ignore_errors=True)
        results = [run_import(test, repo, registry.image(first)),
                   run_import(test, repo, registry.image(second), *(("--fetch", "objects") if seed % 2 else ())),
                   run_import(test, whole, registry.image(second), "--fetch", "layers")]
        if results[2].status == 3 and results[1].status == 3:
            ways["refused"] = ways.get("refused", 0) + 1
            continue
        facts = [json.loads(result.stdout) if result.status == 0 else {} for result in results[1:]]
        way = facts[0].get("transfer", {}).get("way")
        ways[way] = ways.get(way, 0) + 1
        if not facts[0] or facts[0]["commit"] != facts[1].get("commit") or (seed % 2 and way not in ("files", "none")):
            test.check(False, f"OSB_SEED={seed}: the commit of a full import", [result.describe() for result in results])
    test.check(ways.get("files", 0) >= 5, f"random pairs: {ways}", ways)


def main(test):
    test.need("ostree", "docker-registry", "skopeo")
    os.umask(0o022)
    if os.geteuid() != 0:
        raise lib_harness.Skip("needs root")  # for a bare repository
    with Registry(test) as registry:
        images = Images(test, registry)
        first = images.push(first_version())
        second = images.push(second_version(TarLayer().file_entry("etc/conf", b"conf 2\n")))
        expected = whole_commit(test, registry, second)
        check_update(test, registry, first, second, expected)
        check_ways(test, registry, images, first, second, expected)
        check_first_import(test, registry, images, first)
        check_names(test, registry, images, first, second)
        check_proved(test, registry, images, first)
        check_lies(test, registry, images, first, second)
        check_bad_ranges(test, registry, first, second, expected)
        check_damage(test, registry, first, second, expected)
        check_derived(test, registry, images)
        check_random(test, registry, images)


lib_harness.run(main)
