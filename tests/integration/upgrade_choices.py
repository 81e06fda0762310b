#!/usr/bin/env python3
"""upgrade and switch: what is refused and how that can be overruled; other origins and images; systems without trials."""

import functools
import http.server
import json
import os
import re
import shutil
import threading

from lib_harness import run
from lib_registry import Registry
from lib_signatures import Attachments, envelope, statement
from lib_upgrade import KERNEL, Disk, Images, base_layer, blobs, need, packages_layer, version_layer

INSECURE = "--tls-verify=false"
PACKAGES = {"musl": "1.2.4-r2", "busybox": "1.36.1-r15"}
NEWER = {"musl": "1.2.5-r0", "busybox": "1.36.1-r15"}


def upgrade(disk, *options):
    return disk.osb("upgrade", INSECURE, *options)


def codes(disk):
    """What --json says of why nothing is done, for --check and without it."""
    errors = [json.loads(upgrade(disk, *options, "--json").stdout)["error"] for options in (["--check"], [])]
    return [(error["kind"], error["code"]) for error in errors]


def undo(disk):
    """Takes a trial back, so that the next one begins from the same state."""
    result = disk.osb("rollback")
    if result.status != 0 or disk.state("trial.json"):
        raise RuntimeError(result.describe())


def older(test, registry, images, disk):
    images.system("v0", ["quiet"], PACKAGES, created="2023-05-01T00:00:00Z")
    images.push("v0")
    before = disk.versions()
    test.check_refused(upgrade(disk, "--check"), 1, "--check of an older image", "'v0' (sha256:")
    check = upgrade(disk, "--check", "--allow-downgrade")
    test.check(check.status == 0 and "it is older" in check.stdout, "unless it may be", check.describe())
    mark = registry.mark()
    result = upgrade(disk)
    test.check_refused(result, 1, "an older image", "older than the running system")
    test.check("--allow-downgrade" in result.stderr and len(blobs(registry, mark)[0]) == 1 and disk.versions() == before,
               "with advice, and before its layers are read", result.describe())
    test.check(codes(disk) == [("refused", "older_image")] * 2, "and for scripts", codes(disk))
    result = upgrade(disk, "--allow-downgrade")
    test.check(result.status == 0 and disk.versions() == ["v1", "v0"], "--allow-downgrade takes it", result.describe())
    images.system("v0.9", ["quiet"], PACKAGES, created="2025-01-01T00:00:00Z")
    images.push("v0.9")
    test.check_refused(upgrade(disk), 1, "an older version that was built later", "'v0.9'")


def future(test, registry, images, disk):
    """A time that cannot be decides nothing."""
    undo(disk)
    images.add("eternal", [images.base, version_layer("eternal", [])], created="2099-01-01T00:00:00Z")
    images.push("eternal", "eternal:1")
    eternal = Disk(test, "eternal", registry.image("eternal:1"), INSECURE)
    images.add("today", [images.base, version_layer("today", [])], created="2024-06-01T00:00:00Z")
    images.push("today", "eternal:1")
    result = upgrade(eternal, "--check")
    test.check(result.status == 0 and "in the future" in result.stderr, "a running system of the year 2099: there is something new",
               result.describe())
    test.check_status(upgrade(eternal), 0, "and it is upgraded")
    eternal.unmount()
    images.system("v1.1", ["quiet"], PACKAGES, created="2099-01-01T00:00:00Z")
    images.push("v1.1")
    result = upgrade(disk)
    test.check(result.status == 0 and disk.versions() == ["v1", "v1.1"] and "in the future" in result.stderr,
               "an image of the year 2099", result.describe())
    undo(disk)


def failed(test, registry, images, disk):
    digest = images.system("v2", ["quiet"], NEWER)
    images.push("v2")
    os.makedirs(disk.path("ostree/osb-oci"), exist_ok=True)
    with open(disk.path("ostree/osb-oci/failed.json"), "w", encoding="ascii") as file:
        json.dump({"schema": 1, "failed": [{"stateroot": "default", "commit": "0" * 64, "serial": 0, "image": "", "version": "v2",
                                            "digest": digest, "reason": "check 10-net failed", "time": 1700000000}]}, file)
    test.check_refused(upgrade(disk, "--check"), 1, "--check of what failed before", "check 10-net failed")
    check = json.loads(upgrade(disk, "--check", "--force", "--json").stdout)
    test.check(check["failed_before"] == "check 10-net failed", "unless that does not matter", check)
    mark = registry.mark()
    result = upgrade(disk)
    test.check_refused(result, 1, "what failed its trial before", "check 10-net failed")
    test.check("--force" in result.stderr and blobs(registry, mark)[0] == [], "with advice, and before anything is read",
               result.describe())
    test.check(codes(disk) == [("refused", "failed_trial")] * 2, "and for scripts", codes(disk))
    result = upgrade(disk, "--force")
    test.check(result.status == 0 and "v2" in disk.versions() and disk.state("failed.json") is not None,
               "--force takes it; what it did before is forgotten when it has passed", result.describe())


def not_bootable(test, registry, images, disk):
    for what, left_out in (("kernel", (f"usr/lib/modules/{KERNEL}/vmlinuz",)), ("init", ("usr/sbin/init",))):
        base = base_layer(leave_out=left_out)
        images.add(f"no-{what}", [base, packages_layer(NEWER), version_layer("v2", [])])
        images.push(f"no-{what}")
        before = disk.deployments()
        test.check_refused(upgrade(disk), 3, f"a system without {what}", what)
        test.check_refused(upgrade(disk, "--download-only"), 3, f"nor is it kept for later, without {what}", what)
        test.check(disk.deployments() == before, f"and nothing changed, without {what}")
    images.add("bad-kargs", [images.base, version_layer("v2", ["root=/dev/sda1"])])
    images.push("bad-kargs")
    test.check_refused(upgrade(disk), 3, "an image that says root=", "root=/dev/sda1")


def offline(test, registry, images, disk):
    images.system("v3", ["quiet"], NEWER)
    mark = registry.mark()
    origin = disk.origin(disk.deployments()[0])
    result = upgrade(disk, "--from", images.oci("v3"))
    new = disk.deployments()[-1]
    test.check(result.status == 0 and "v3" in disk.versions() and not registry.since(mark), "--from: no request to the registry",
               result.describe())
    name = origin.split("container-image-reference=")[1].split("\n")[0]
    test.check(f"container-image-reference={name}\n" in disk.origin(new), "the origin stays", disk.origin(new))
    result = upgrade(disk, "--from", images.oci("v3"))
    test.check(result.status == 0 and "already deployed" in result.stdout, "and again", result.describe())


def same_content(test, registry, images, disk):
    """The same layers, compressed anew: another digest, the same system."""
    undo(disk)
    images.add("v1-zstd", [images.base, images.packages, images.version], version="v1", compression="zstd",
               created="2024-01-01T00:00:00Z")
    images.push("v1-zstd")
    for option in ("--check", "--download-only"):
        result = upgrade(disk, option, "--from", images.oci("v1-zstd"))
        test.check(result.status == (77 if option == "--check" else 0) and "nothing new" in result.stdout + result.stderr,
                   f"{option} --from: an image that was compressed anew is nothing new", result.describe())
    result = upgrade(disk)
    test.check(result.status == 0 and "nothing new" in result.stdout and disk.state("trial.json") is None,
               "an image that was compressed anew is no other system", result.describe())
    mark = registry.mark()
    result = upgrade(disk)
    test.check(result.status == 0 and blobs(registry, mark) == ([], 1), "and one request tells that from then on",
               registry.since(mark))
    for status, options in ((0, []), (77, ["--check"])):
        result = upgrade(disk, *options, "--max-age", "30")
        test.check(result.status == status and "days ago, and --max-age is 30" in result.stderr,
                   f"{options} of what was built long ago", result.describe())
    result = upgrade(disk, "--max-age", "36500")
    test.check(result.status == 0 and "--max-age" not in result.stderr, "unless that is not long", result.describe())


def write_policy(test, name, requirement):
    path = test.path(name)
    with open(path, "w", encoding="ascii") as file:
        json.dump({"default": [requirement]}, file)
    return path


def trusted(test, registry, images, disk):
    """A policy holds even if all content is there already."""
    images.push("v1-zstd", "os:stable")
    latest, stable = f"{registry.host}/os:latest", f"{registry.host}/os:stable"
    policy = write_policy(test, "reject.json", {"type": "reject"})
    for options in (["--check"], ["--download-only"], []):
        test.check_refused(upgrade(disk, "--policy", policy, *options), 4, f"upgrade {options} to what runs, which the policy rejects")
    test.check_refused(disk.osb("switch", INSECURE, "--policy", policy, stable), 4, "switch to another name of it")
    test.check_refused(upgrade(disk, "--policy", ""), 2, "a policy without a name")
    key = test.path("site.key")
    test.must("openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
    test.must("openssl", "pkey", "-in", key, "-pubout", "-out", key + ".pub")
    policy = write_policy(test, "signed.json", {"type": "sigstoreSigned", "keyPath": key + ".pub"})
    test.check_refused(upgrade(disk, "--policy", policy), 4, "an image without a signature", "not signed")
    test.must(test.osb, "sign", "--key", key, INSECURE, f"docker://{latest}")
    test.check_status(upgrade(disk, "--policy", policy), 0, "and with one")
    bundles(test, registry, disk, key, latest)
    signed = f"ostree-image-signed:docker://{stable}"
    test.check_refused(disk.osb("switch", INSECURE, "--policy", policy, signed), 4, "a signature for another tag", "os:latest")
    test.must(test.osb, "sign", "--key", key, INSECURE, f"docker://{stable}")
    test.check_status(disk.osb("switch", INSECURE, "--policy", policy, signed), 0, "a machine that follows signed images")
    test.check("ostree-image-signed:docker://" in disk.origin(disk.deployments()[0]), "as its origin says",
               disk.origin(disk.deployments()[0]))
    test.check_refused(upgrade(disk, "--policy", write_policy(test, "any.json", {"type": "insecureAcceptAnything"})), 4,
                       "and no policy that asks for no signature will do")


def bundles(test, registry, disk, key, latest):
    """A machine accepts an image by a bundle of cosign 3. `other` is a second key, which only bundles have."""
    other = test.path("other.key")
    test.must("openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", other)
    test.must("openssl", "pkey", "-in", other, "-pubout", "-out", other + ".pub")
    policy = write_policy(test, "bundle.json", {"type": "sigstoreSigned", "keyPath": other + ".pub"})
    test.check_refused(upgrade(disk, "--policy", policy), 4, "an image without a signature by this key", "no signature is by a key")
    digest = test.must("skopeo", "inspect", INSECURE, "--format", "{{.Digest}}", f"docker://{latest}").strip()
    attachments = Attachments(registry)
    attachments.attach_bundle("os", digest, envelope(test, other, statement(digest)))
    test.check_refused(upgrade(disk, "--policy", policy, "--require-signature"), 4, "a bundle without a name", "the digest only")
    attachments.attach_bundle("os", digest, envelope(test, other, statement(digest, annotations={"docker-reference": latest})))
    for options in (["--check"], []):
        result = upgrade(disk, "--policy", policy, "--require-signature", *options)
        test.check(result.status in (0, 77), f"upgrade {options} to an image with a bundle", result.describe())


def switches(test, registry, images, disk):
    images.push("v1-zstd", "os:stable")
    result = disk.osb("switch", INSECURE, f"{registry.host}/os:stable")
    test.check(result.status == 0 and "follows" in result.stdout and disk.state("trial.json") is None and
               "os:stable" in disk.origin(disk.deployments()[0]), "switch to another name of what runs", result.describe())
    images.system("other", ["quiet", "other=1"], NEWER, created="2020-01-01T00:00:00Z")
    images.push("other", "other:1")
    options = disk.deployments()[0]["options"]
    result = disk.osb("switch", INSECURE, "--json", registry.image("other:1"))
    new = disk.deployments()[-1]
    test.check(result.status == 0 and json.loads(result.stdout)["result"] == "deployed" and "other" in disk.versions() and
               "other:1" in disk.origin(new), "switch to another image, older or not", result.describe())
    test.check("mine=1" in new["options"] and "other=1" in new["options"] and set(options) - set(new["options"]) <= {"loglevel=3"},
               "kernel arguments are kept", (options, new["options"]))
    for bad, status in (("registry.example/os:@", 2), (registry.image("absent:1"), 1)):
        test.check_refused(disk.osb("switch", INSECURE, bad), status, f"switch to {bad}")
    test.check_refused(disk.osb("switch", "--apply", registry.image("other:1")), 2, "--apply with --sysroot")


def no_space(test, registry, images):
    small = Disk(test, "small", registry.image("os:first"), INSECURE, size="360M")
    layer = version_layer("v9", ["quiet"], [("usr/bin/huge", os.urandom(60_000_000))])
    images.add("v9", [images.base, packages_layer(NEWER), layer])
    images.push("v9", "os:first")
    before, mark = (small.refs(), small.deployments()), registry.mark()
    result = upgrade(small)
    test.check_refused(result, 6, "no space", "MiB left, and the new system requires at least 1")
    test.check((small.refs(), small.deployments()) == before and len(blobs(registry, mark)[0]) == 1,
               "is known before the layers are read", registry.since(mark))
    small.unmount()


def copy_within(test, source, target):
    test.must("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", source, target)


def encapsulated(test, registry, images):
    """An image that holds a commit: the very commits, and only the layers that changed."""
    repo = test.init_repo("encapsulated", "bare")
    for tag, packages, content in (("e1", PACKAGES, b"1"), ("e2", NEWER, b"2")):
        files = [("usr/bin/musl", content * 30_000), ("usr/bin/busybox", b"b" * 30_000)]
        images.system(tag, ["quiet"], packages, files=files)
        test.must(test.osb, "import", "--repo", repo, "--ref", tag, images.oci(tag))

    def export(tag, *options):
        test.must(test.osb, "export", "--repo", repo, "--progress", "none", INSECURE, *options, tag, registry.image(f"enc:{tag}"))
        copy_within(test, registry.image(f"enc:{tag}"), registry.image("enc:latest"))
        return test.must("ostree", "rev-parse", f"--repo={repo}", tag).strip()
    first = export("e1")
    disk = Disk(test, "encapsulated-disk", registry.image("enc:latest"), INSECURE)
    test.check(disk.deployments()[0]["id"] == first + ".0", "installation: the commit inside", disk.deployments())
    second = export("e2", "--previous", registry.image("enc:e1"))
    mark = registry.mark()
    result = upgrade(disk, "--check")
    test.check(result.status == 0 and "1.2.4-r2 -> 1.2.5-r0" in result.stdout, "--check of an image that holds a commit",
               result.describe())
    ranges = [status for _, status in blobs(registry, mark)[0] if status == 206]
    test.check(ranges, "reads tables of contents in ranges", registry.since(mark))
    layers = json.loads(test.must("skopeo", "inspect", "--raw", "--tls-verify=false", registry.image("enc:e2")))["layers"]
    mark = registry.mark()
    result = upgrade(disk, "--json")
    read = {digest for digest, _ in blobs(registry, mark)[0]} & {layer["digest"] for layer in layers}
    test.check(result.status == 0 and disk.deployments()[1]["id"] == second + ".0", "upgrade: the next commit",
               (second, disk.deployments(), result.describe()))
    test.check(0 < len(read) < len(layers), f"{len(read)} of {len(layers)} layers were looked into", registry.since(mark))
    whole = {digest for digest, status in blobs(registry, mark)[0] if status == 200} & {layer["digest"] for layer in layers}
    test.check(not whole, "none was read as a whole", (whole, registry.since(mark)))
    used = json.loads(result.stdout)["transfer"]
    changed = sum(layer["size"] for layer in layers if layer["digest"] in read)
    test.check(used["way"] == "objects" and used["layer_bytes"] == changed and used["bytes"] < changed,
               "and it says how many bytes, and what the layers have", (changed, used))
    test.fsck(disk.path("ostree/repo"), "ostree fsck")
    disk.unmount()

    # Installed from a repository: no layer was ever read, but the objects are there.
    disk = Disk(test, "repo-disk", "e1", "--repo", repo, "--target-imgref", f"{registry.host}/enc:latest")
    mark = registry.mark()
    report = json.loads(upgrade(disk, "--check", "--json").stdout)
    plan = {way["way"]: way["bytes"] for way in report["plan"]}
    test.check(report["bytes_to_fetch"] == plan["objects"] < plan["layers"], "without known layers: --check counts what is missing", report)
    mark = registry.mark()
    result = upgrade(disk)
    whole = {digest for digest, status in blobs(registry, mark)[0] if status == 200} & {layer["digest"] for layer in layers}
    test.check(result.status == 0 and disk.deployments()[1]["id"] == second + ".0" and not whole,
               "and no layer is read as a whole", (result.describe(), whole))
    test.fsck(disk.path("ostree/repo"), "ostree fsck of that")
    disk.unmount()


def ostree_disk(test, name, url):
    """A system that `ostree admin` deployed from the remote at this URL, without our menu."""
    top = test.path(name)
    os.mkdir(top)
    test.must("ostree", "admin", "init-fs", top)
    repo = f"{top}/ostree/repo"
    test.must("ostree", "config", f"--repo={repo}", "set", "sysroot.bootloader", "none")
    test.must("ostree", "admin", "os-init", f"--sysroot={top}", "default")
    test.must("ostree", "remote", "add", f"--repo={repo}", "--no-gpg-verify", "site", url, "os/main")
    test.must("ostree", "pull", f"--repo={repo}", "site:os/main")
    test.must("ostree", "admin", "deploy", f"--sysroot={top}", "--os=default", "--karg=root=LABEL=ROOT", "site:os/main")
    disk = Disk.__new__(Disk)
    disk.test, disk.top = test, top
    return disk


def forget_disk(test, disk):
    for name in os.listdir(disk.path("ostree/deploy/default/deploy")):
        test.run("chattr", "-i", disk.path("ostree/deploy/default/deploy", name))


def publish(test, images, archive, tag, created, packages=None):
    images.system(tag, ["quiet"], packages or PACKAGES, created=created)
    test.must(test.osb, "import", "--progress", "none", "--repo", archive, "--ref", "os/main", images.oci(tag))
    test.must("ostree", "summary", "-u", f"--repo={archive}")


def plain_sysroot(test, registry, images):
    """What `ostree admin` set up, without our menu: no trial. An ostree refspec, no origin, and then an image."""
    archive = test.init_repo("archive")
    publish(test, images, archive, "p1", "2024-03-01T00:00:00Z")
    disk = ostree_disk(test, "plain", f"file://{archive}")
    test.check("nothing new" in upgrade(disk).stdout, "refspec origin: nothing new")
    publish(test, images, archive, "p2", "2024-03-02T00:00:00Z")
    check = upgrade(disk, "--check")
    test.check(check.status == 0 and "site:os/main" in check.stdout, "refspec origin: --check", check.describe())
    result = upgrade(disk)
    test.check(result.status == 0 and "the next boot starts it\n" in result.stdout and disk.versions()[0] == "p2" and
               "fetched" not in result.stdout, "refspec origin: pulled from the remote; without our menu there is no trial",
               result.describe())
    test.check("refspec=site:os/main" in disk.origin(disk.deployments()[0]), "and is followed still")
    test.check("nothing new" in upgrade(disk).stdout and upgrade(disk, "--check").status == 77, "nothing new")
    for one in disk.deployments():
        with open(one["path"] + ".origin", "w", encoding="ascii") as file:
            file.write("[origin]\n")
    test.check_refused(upgrade(disk), 1, "no origin", "not follow an image")
    images.push("p2", "plain:1")
    images.system("p3", ["quiet"], PACKAGES, created="2024-03-03T00:00:00Z")
    images.push("p3", "plain:2")
    for tag, version in (("plain:1", "p2"), ("plain:2", "p3")):
        result = disk.osb("switch", INSECURE, registry.image(tag))
        test.check(result.status == 0 and disk.versions()[0] == version, f"switch to {tag}", result.describe())
    test.fsck(disk.path("ostree/repo"), "ostree fsck")
    forget_disk(test, disk)


class FileServer:
    """The files below a directory by HTTP, and which of them were asked for."""

    def __init__(self, directory):
        self.paths = paths = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            def log_message(self, *_):  # pylint: disable=arguments-differ
                paths.append(self.path)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=directory))
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def pulled(test, repo, pattern):
    """What `ostree pull` says that it fetches, into a copy of the repository: numbers, and last the bytes as text."""
    copy = test.path("copy-of-repo")
    test.must("cp", "-a", repo, copy)
    said = test.must("ostree", "pull", f"--repo={copy}", "site:os/main")
    shutil.rmtree(copy)
    counts = re.search(pattern + r" fetched; (\d+ \w+) transferred", said)
    return tuple(int(word) if word.isdigit() else word for word in counts.groups()) if counts else said


def in_kib(number):
    return f"{number >> 10} KiB" if number >= 1024 else f"{number} B"


def record_extension(disk):
    """An extension that fits no system here."""
    path = disk.path("ostree/deploy/default/var/lib/osb/extensions.json")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        json.dump({"schema": 1, "extensions": [{"name": "tool", "commit": "0" * 64, "release": {"ID": "other"}}]}, file)
    return path


def published_remote(test, images):
    """The ref of a remote by HTTP: --check fetches apk's database alone, and upgrade reports what `ostree pull` does."""
    archive = test.init_repo("published")
    publish(test, images, archive, "h1", "2024-04-01T00:00:00Z")
    with FileServer(archive) as server:
        disk = ostree_disk(test, "published-disk", server.url)
        repo = disk.path("ostree/repo")
        publish(test, images, archive, "h2", "2024-04-02T00:00:00Z", NEWER)
        before, temporary, extensions = disk.refs(), test.path("temporary"), record_extension(disk)
        os.mkdir(temporary)
        server.paths.clear()
        check = disk.osb("upgrade", "--check", env={**os.environ, "TMPDIR": temporary})
        files = [path for path in server.paths if path.endswith(".filez")]
        test.check(check.status == 0 and "version 'h2'" in check.stdout and "musl  1.2.4-r2 -> 1.2.5-r0" in check.stdout,
                   "--check names version and packages", check.describe())
        test.check("extensions: unknown whether they fit (a remote reports its os-release only when" in check.stdout,
                   "but not whether extensions fit, and it says so", check.describe())
        test.check(len(files) == 1 and disk.refs() == before and not os.listdir(temporary), "from one file, and nothing stays",
                   (server.paths, disk.refs(), os.listdir(temporary)))
        expected = pulled(test, repo, r"(\d+) metadata, (\d+) content objects")
        result = upgrade(disk, "--download-only", "--json")
        report = json.loads(result.stdout)
        test.check((report["objects"]["metadata"], report["objects"]["content"], in_kib(report["bytes_read"])) == expected,
                   "objects and bytes are those of `ostree pull`", (report, expected))
        check = upgrade(disk, "--check")
        test.check("the repository has it" in check.stdout and "musl  1.2.4-r2 -> 1.2.5-r0" in check.stdout,
                   "--check of what was fetched", check.describe())
        test.check("extension tool: will not be merged: it is for ID 'other'" in check.stdout, "names extensions that do not fit",
                   check.describe())
        os.unlink(extensions)
        server.paths.clear()
        result = upgrade(disk)
        line = re.search(r"\n\d+ metadata, 0 content objects fetched; .* transferred\n", result.stdout)
        test.check(result.status == 0 and line and not [path for path in server.paths if path.endswith(".filez")],
                   "then only metadata is asked for", result.describe())
        publish(test, images, archive, "h0", "2020-01-01T00:00:00Z")
        test.check_refused(upgrade(disk, "--check"), 1, "--check of an older commit", "older than the running system")
        current = disk.deployments()[0]["id"].split(".")[0]
        publish(test, images, archive, "h3", "2024-04-03T00:00:00Z", {"musl": "1.2.5-r0"})
        test.must("ostree", "static-delta", "generate", f"--repo={archive}", f"--from={current}", "os/main")
        test.must("ostree", "summary", "-u", f"--repo={archive}")
        check = upgrade(disk, "--check")
        test.check("- busybox  1.36.1-r15" in check.stdout, "--check takes no delta", check.describe())
        server.paths.clear()
        report = json.loads(upgrade(disk, "--download-only", "--json").stdout)
        # libostree also asks for objects that the delta is about to bring, more or less of them. It counts the delta's header as one.
        asked = [path for path in server.paths if "/objects/" in path or path.endswith("/superblock")]
        objects = report["objects"]
        test.check((objects["delta_parts"], objects["metadata"] + objects["content"]) == (1, len(asked)), "parts of deltas are counted",
                   (report, server.paths))
        upgraded = upgrade(disk)
        test.check(upgraded.status == 0 and disk.versions()[0] == "h3", "an upgrade after that", upgraded.describe())
        test.fsck(repo, "ostree fsck of the follower")
        forget_disk(test, disk)


def main(test):
    need(test)
    with Registry(test) as registry:
        images = Images(test, registry)
        images.packages, images.version = packages_layer(PACKAGES), version_layer("v1", ["quiet", "loglevel=3"])
        images.add("v1", [images.base, images.packages, images.version])
        images.push("v1")
        images.push("v1", "os:first")
        disk = Disk(test, "disk", registry.image("os:latest"), INSECURE, "--karg", "mine=1")
        older(test, registry, images, disk)
        future(test, registry, images, disk)
        failed(test, registry, images, disk)
        not_bootable(test, registry, images, disk)
        offline(test, registry, images, disk)
        same_content(test, registry, images, disk)
        trusted(test, registry, images, disk)
        switches(test, registry, images, disk)
        disk.unmount()
        no_space(test, registry, images)
        encapsulated(test, registry, images)
        if shutil.which("chattr"):
            plain_sysroot(test, registry, images)
            published_remote(test, images)
        else:
            test.skip_one("a sysroot of ostree admin", "needs the program chattr")


run(main)
