#!/usr/bin/env python3
"""Signatures of commits: made by import, carried by every way that a commit takes, verified with the keys of an ostree remote before
anything is stored. The witnesses are openssl, for Ed25519, and ostree with gpg: Debian's ostree has no Ed25519."""

import base64
import json
import os

import lib_harness
from lib_detached import path_of, write_detached
from lib_image import Layout, TarLayer
from lib_registry import Registry
from lib_upgrade import Disk, Images, need

INSECURE = "--tls-verify=false"
PACKAGES = {"musl": "1.2.4-r2"}


class Keys:
    """Ed25519 keys: NAME.pem, NAME.pub, and NAME.ostree as ostree stores them; and a GPG key."""

    def __init__(self, test):
        self.test, self.directory = test, test.path("keys")
        os.mkdir(self.directory)
        self.home = test.path("gpg")
        os.mkdir(self.home, 0o700)
        gpg = ("gpg", "--homedir", self.home, "--batch", "--quiet")
        test.must(*gpg, "--passphrase", "", "--quick-gen-key", "site <site@example.com>", "rsa2048", "sign", "never")
        listing = test.must(*gpg, "--list-keys", "--with-colons")
        self.gpg = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
        self.gpg_public = self.path("site.asc")
        test.must(*gpg, "--armor", "--output", self.gpg_public, "--export", self.gpg)
        for name in ("one", "two", "other"):
            self.make(name)

    def path(self, name):
        return os.path.join(self.directory, name)

    def make(self, name):
        pem = self.path(name + ".pem")
        self.test.must("openssl", "genpkey", "-quiet", "-algorithm", "ED25519", "-out", pem)
        self.test.must("openssl", "pkey", "-in", pem, "-pubout", "-out", self.path(name + ".pub"))
        with open(self.path(name + ".ostree"), "w", encoding="ascii") as file:
            file.write(base64.b64encode(self.der(pem)[-32:] + self.raw(name)).decode() + "\n")

    def der(self, pem, *options):
        out = self.path("der")
        self.test.must("openssl", "pkey", "-in", pem, *options, "-outform", "DER", "-out", out)
        with open(out, "rb") as file:
            return file.read()

    def raw(self, name):
        return self.der(self.path(name + ".pem"), "-pubout")[-32:]

    def text(self, name):
        return base64.b64encode(self.raw(name)).decode()

    def gpg_options(self):
        return ("--gpg-sign", self.gpg, "--gpg-homedir", self.home)


def signatures(repo, commit, key="ostree.sign.ed25519"):
    """The list of byte strings (aay) below a key of the detached metadata (a{sv}), read without a library: GVariant aligns the
    value to 8 bytes and puts the ends of the elements behind them."""
    path = path_of(repo, commit)
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        text = file.read()
    at = text.find(key.encode() + b"\0")
    if at < 0:
        return []
    begin = (at + len(key) + 1 + 7) // 8 * 8
    value = text[begin:text.index(b"\0aay", begin)]
    width = 1 if len(value) < 256 else 2
    end = int.from_bytes(value[-width:], "little")
    ends = [int.from_bytes(value[i:i + width], "little") for i in range(end, len(value), width)]
    return [value[first:last] for first, last in zip([0] + ends, ends)]


def signers(test, keys, repo, commit):
    """The keys whose signatures openssl verifies over the commit's file, in the order of the signatures."""
    out, signature = [], test.path("signature")
    for one in signatures(repo, commit):
        with open(signature, "wb") as file:
            file.write(one)
        names = [name for name in ("one", "two", "other") if test.run(
            "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys.path(name + ".pub"), "-rawin", "-in",
            os.path.join(repo, "objects", commit[:2], commit[2:] + ".commit"), "-sigfile", signature).status == 0]
        out += names or ["nobody"]
    return out


def do_import(test, repo, image, *options):
    result = test.run(test.osb, "import", "--progress", "none", "--json", "--repo", repo, "--ref", "os", *options, image)
    return result, json.loads(result.stdout) if result.status == 0 else None


def check_import(test, keys, image, repo):
    result, report = do_import(test, repo, image, "--sign", keys.path("one.pem"), *keys.gpg_options())
    test.check_status(result, 0, "import --sign --gpg-sign")
    commit = report["commit"]
    test.check(report["signatures_added"] == 2 and not report["unchanged"], "it adds two signatures", report)
    test.check(signers(test, keys, repo, commit) == ["one"], "openssl verifies the Ed25519 signature over the commit's bytes")
    test.must("ostree", "remote", "add", f"--repo={repo}", f"--gpg-import={keys.gpg_public}", "signer", "http://127.0.0.1/")
    shown = test.run("ostree", "show", f"--repo={repo}", "--gpg-verify-remote=signer", "os")
    test.check("Good signature" in shown.stdout, "ostree verifies the GPG signature", shown.describe())
    result, report = do_import(test, repo, image, "--sign", keys.path("one.ostree"), *keys.gpg_options())
    test.check(report["unchanged"] and report["signatures_added"] == 0, "the same keys again, in ostree's form, add nothing",
               result.describe())
    result, report = do_import(test, repo, image, "--gpg-sign", "site@example.com", "--gpg-homedir", keys.home)
    test.check(report["signatures_added"] == 0, "nor does the GPG key by another name", result.describe())
    result, report = do_import(test, repo, image, "--sign", keys.path("two.ostree"))
    test.check(report["unchanged"] and report["signatures_added"] == 1, "another key is added to what is there", result.describe())
    test.check(signers(test, keys, repo, commit) == ["one", "two"], "and both signatures are good")
    test.check(len(signatures(repo, commit, "ostree.gpgsigs")) == 1, "beside that of GPG")
    test.fsck(repo, "fsck")
    return commit


def check_bad_keys(test, keys, image):
    repo = test.path("bad-keys")
    ec = keys.path("ec.pem")
    test.must("openssl", "genpkey", "-quiet", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", ec)
    half = keys.path("half.ostree")
    with open(half, "w", encoding="ascii") as file:
        file.write(base64.b64encode(bytes(32)).decode())
    for key, status, what in ((ec, 2, "an EC key"), (half, 3, "half of a key"), (keys.gpg_public, 3, "no private key"),
                              (keys.path("absent"), 1, "a missing file")):
        test.check_refused(do_import(test, repo, image, "--sign", key)[0], status, f"--sign with {what}")
    test.check(not os.path.exists(repo), "and no repository is made")
    result, _ = do_import(test, repo, image, "--gpg-sign", "0123456789ABCDEF", "--gpg-homedir", keys.home)
    test.check_refused(result, 1, "--gpg-sign with a key that gpg does not have", "cannot sign with the GPG key")
    test.check(not lib_harness.refs(repo), "no commit without its signature", lib_harness.refs(repo))
    locked = keys.path("locked.pem")
    test.must("openssl", "pkey", "-in", keys.path("one.pem"), "-aes256", "-passout", "pass:secret", "-out", locked)
    test.check_refused(do_import(test, repo, image, "--sign", locked)[0], 4, "a key with a passphrase", "passphrase")
    with open(keys.path("passphrase"), "w", encoding="ascii") as file:
        file.write("secret\n")
    result, _ = do_import(test, repo, image, "--sign", locked, "--passphrase-file", keys.path("passphrase"))
    test.check_status(result, 0, "--passphrase-file")


def check_circle(test, keys, registry, repo, commit):
    """Repository, layout, registry, repository, archive, and `ostree pull` with verification."""
    expected = signatures(repo, commit) + signatures(repo, commit, "ostree.gpgsigs")

    def check(where, what):
        found = signatures(where, commit) + signatures(where, commit, "ostree.gpgsigs")
        test.check(found == expected, f"{what}: all signatures", (found, expected))
    layout = f"oci:{test.path('circle')}:v1"
    test.must(test.osb, "export", "--repo", repo, "--progress", "none", "os", layout)
    test.must(test.osb, "push", "--repo", repo, "--progress", "none", INSECURE, "os", registry.image("signed:1"))
    for name, image in (("of-layout", layout), ("of-registry", registry.image("signed:1"))):
        test.init_repo(name)
        test.must(test.osb, "pull", "--repo", test.path(name), "--progress", "none", INSECURE, "--ref", "os", image)
        check(test.path(name), name)
        test.fsck(test.path(name), f"{name}: fsck")
    archive = test.init_repo("circle-archive")
    test.must(test.osb, "push", "--repo", test.path("of-registry"), "--progress", "none", "os", f"file://{archive}")
    check(archive, "archive")
    client = test.init_repo("circle-client", "bare")
    test.must("ostree", "remote", "add", f"--repo={client}", f"--gpg-import={keys.gpg_public}", "signer", f"http://127.0.0.1/{archive}")
    test.must("ostree", "config", f"--repo={client}", "set", 'remote "signer".url', f"file://{archive}")
    result = test.run("ostree", "pull", f"--repo={client}", "signer:os")
    test.check(result.status == 0, "ostree pulls from the archive and verifies with GPG", result.describe())
    check(client, "client")
    test.check(signers(test, keys, client, commit) == ["one", "two"], "and openssl verifies the others at the end of the circle")


class Client:
    """A repository with remotes that verify: ed25519, gpg, both, none, wrong."""

    def __init__(self, test, keys, name="verifying"):
        self.test, self.repo = test, test.init_repo(name)
        off = "--set=gpg-verify=false"
        for remote, options in (
                ("ed25519", (off, "--set=sign-verify=ed25519", f"--set=verification-ed25519-key={keys.text('one')}")),
                ("gpg", (f"--gpg-import={keys.gpg_public}",)),
                ("both", ("--set=sign-verify=true", f"--set=verification-ed25519-key={keys.text('two')}",
                          f"--gpg-import={keys.gpg_public}")),
                ("wrong", (off, "--set=sign-verify=true", f"--set=verification-ed25519-key={keys.text('other')}")),
                ("none", (off,)), ("unknown-kind", (off, "--set=sign-verify=spki"))):
            test.must("ostree", "remote", "add", f"--repo={self.repo}", *options, remote, "http://127.0.0.1/")

    def objects(self):
        return sum(len(files) for _, _, files in os.walk(os.path.join(self.repo, "objects")))

    def read(self, verb, remote, image):
        return self.test.run(self.test.osb, verb, "--repo", self.repo, "--progress", "none", INSECURE, "--ref", "x", "--remote", remote,
                             image)

    def check(self, remote, image, accepted, what, words=""):
        for verb in ("pull", "import"):
            result = self.read(verb, remote, image)
            if accepted:
                self.test.check_status(result, 0, f"{verb} with {remote}: {what}")
                self.test.must("ostree", "refs", f"--repo={self.repo}", "--delete", "x")
            else:
                self.test.check_refused(result, 4, f"{verb} with {remote}: {what}", words)
                self.test.check(not lib_harness.refs(self.repo) and self.objects() == 0, "nothing is stored", lib_harness.refs(self.repo))


def check_remotes(test, keys, registry, unsigned):
    image = registry.image("signed:1")
    client = Client(test, keys)
    client.check("wrong", image, False, "another key", "no Ed25519 signature by a trusted key")
    client.check("none", image, False, "a remote that verifies nothing", "verifies no commits")
    client.check("unknown-kind", image, False, "a kind that is not known", "spki")
    client.check("absent", image, False, "a remote that does not exist", "does not have it")
    for remote in ("ed25519", "gpg", "both"):
        client.check(remote, unsigned, False, "a commit without a signature", "is not signed")
    for remote in ("ed25519", "gpg", "both"):
        client.check(remote, image, True, "a commit that is signed")
    test.check_refused(test.run(test.osb, "pull", "--repo", test.path("new-repo"), "--remote", "gpg", INSECURE, image), 1,
                       "--remote with a repository that does not exist")


def check_empty_values(test, keys, registry, plain):
    """An empty value, as of an unset variable, does not mean that nothing is to be verified or signed."""
    repo = test.init_repo("empty-values")
    image = registry.image("signed:1")
    for verb in ("pull", "import"):
        result = test.run(test.osb, verb, "--repo", repo, INSECURE, "--ref", "x", "--remote", "", image)
        test.check_refused(result, 2, f"{verb} --remote ''", "--remote")
    for option in ("--sign", "--gpg-sign"):
        test.check_refused(do_import(test, repo, plain, option, "")[0], 2, f"{option} ''", option)
    test.check(not lib_harness.refs(repo), "nothing is stored", lib_harness.refs(repo))


def check_rubbish(test, keys, registry, repo, commit):
    """What anyone can add to detached metadata hides no signature."""
    source = test.init_repo("rubbish")
    test.must("ostree", "pull-local", f"--repo={source}", repo, commit)
    gpg, ed25519 = (signatures(repo, commit, key) for key in ("ostree.gpgsigs", "ostree.sign.ed25519"))
    noise = [b"", b"short", b"\x88", b"\xc2rubbish", b"\x89" + bytes(300)]
    many = [bytes([1]) + number.to_bytes(63, "little") for number in range(2000)]
    write_detached(source, commit, {"ostree.gpgsigs": noise + gpg, "ostree.sign.ed25519": [b"s"] * 20000 + many + ed25519})
    test.must("ostree", "refs", f"--repo={source}", "--create=os", commit)
    test.must(test.osb, "push", "--repo", source, "--progress", "none", INSECURE, "os", registry.image("rubbish:1"))
    client = Client(test, keys, "of-rubbish")
    for remote in ("ed25519", "gpg", "both"):
        client.check(remote, registry.image("rubbish:1"), True, "a signature behind rubbish")
    write_detached(source, commit, {"ostree.gpgsigs": noise, "ostree.sign.ed25519": many})
    test.must(test.osb, "push", "--repo", source, "--progress", "none", INSECURE, "os", registry.image("rubbish:2"))
    client = Client(test, keys, "of-rubbish-only")
    for remote in ("ed25519", "gpg", "both"):
        client.check(remote, registry.image("rubbish:2"), False, "rubbish only")


def check_known_layers(test, keys, registry, commit):
    """The signatures that were verified are stored, even if the layer that holds them need not be read for the import."""
    client = Client(test, keys, "known-layers")
    image = registry.image("signed:1")
    for verb in ("import", "pull"):
        test.must(test.osb, verb, "--repo", client.repo, "--progress", "none", INSECURE, "--ref", "known", image)
        os.remove(path_of(client.repo, commit))
        test.check_status(client.read(verb, "ed25519", image), 0, f"{verb} of known layers")
        test.check(signers(test, keys, client.repo, commit) == ["one", "two"], "the signatures are stored",
                   signers(test, keys, client.repo, commit))


def check_not_a_commit(test, keys, registry, plain):
    client = Client(test, keys, "not-a-commit")
    client.check("ed25519", plain, False, "an image without a commit", "does not contain an ostree commit")
    directory = test.path("derived")
    test.must("skopeo", "copy", "-q", "--src-tls-verify=false", registry.image("signed:1"), f"oci:{directory}:v1")
    test.must("umoci", "raw", "add-layer", "--image", f"{directory}:v1", layer_file(test))
    client.check("ed25519", f"oci:{directory}:v1", False, "layers on top of the commit", "further layers")


def check_revoked(test, keys, registry):
    """The lists of this machine, in a mount namespace of the test's own."""
    client, lists = Client(test, keys, "revoked"), test.path("lists")
    os.mkdir(lists)
    test.must("ostree", "remote", "add", f"--repo={client.repo}", "--set=gpg-verify=false", "--set=sign-verify=true", "all",
              "http://127.0.0.1/")
    if not os.path.isdir("/etc/ostree") or test.run("unshare", "-m", "mount", "--bind", lists, "/etc/ostree").status != 0:
        test.skip_one("revoked keys", "needs /etc/ostree and mounts")
        return

    def pull(remote, trusted, revoked):
        for name, key in (("trusted", trusted), ("revoked", revoked)):
            os.makedirs(f"{lists}/{name}.ed25519.d", exist_ok=True)
            with open(f"{lists}/{name}.ed25519.d/site", "w", encoding="ascii") as file:
                file.write(f"# {name}\n{keys.text(key) if key else ''}\n")
        return test.run("unshare", "-m", "sh", "-c", f'mount --bind {lists} /etc/ostree && exec "$@"', "sh", test.osb, "pull", "--repo",
                        client.repo, "--progress", "none", INSECURE, "--ref", "x", "--remote", remote, registry.image("signed:1"))
    test.check_refused(pull("all", "one", "one"), 4, "a key of /etc/ostree/trusted.ed25519.d that is revoked", "revoked key")
    test.check_refused(pull("ed25519", None, "one"), 4, "a key of the remote that is revoked", "revoked key")
    test.check_refused(pull("all", None, None), 4, "no key at all", "there are no Ed25519 keys")
    test.check_refused(pull("all", "other", None), 4, "another key", "no Ed25519 signature by a trusted key")
    test.check(client.objects() == 0, "nothing is stored")
    test.check_status(pull("all", "two", "one"), 0, "one of two signatures is by a revoked key, the other is good")


def layer_file(test):
    path = test.path("more.tar")
    with open(path, "wb") as file:
        file.write(TarLayer().file_entry("usr/new", b"n").bytes())
    return path


def version(test, keys, images, repo, tag, *options):
    """Publishes a version of the system as a commit in the registry. Returns the commit."""
    if tag not in images.made:
        images.system(tag, ["quiet"], PACKAGES)
        images.made.add(tag)
    result = test.run(test.osb, "import", "-q", "--progress", "none", "--repo", repo, "--ref", tag, *options, images.oci(tag))
    if result.status != 0:
        raise RuntimeError(result.describe())
    test.must(test.osb, "push", "--repo", repo, "--progress", "none", INSECURE, tag, images.registry.image("os:latest"))
    return result.stdout.strip()


def check_machine(test, keys, registry):
    images = Images(test, registry)
    images.made = set()
    repo = test.init_repo("site", "bare")
    test.must("ostree", "remote", "add", f"--repo={repo}", "--set=gpg-verify=false", "--set=sign-verify=ed25519",
              f"--set=verification-ed25519-key={keys.text('one')}", "vendor", "http://127.0.0.1/")
    name = f"ostree-remote-registry:vendor:{registry.host}/os:latest"
    version(test, keys, images, repo, "v1")
    install = (test.osb, "install-to-disk", "--progress", "none", "--repo", repo, "--target-imgref", name, "v1", test.path("none.img"))
    test.check_refused(test.run(*install), 4, "installation of a commit that is not signed", "is not signed")
    test.check_refused(test.run(test.osb, "install-to-disk", "--progress", "none", INSECURE, "--target-imgref", name,
                                registry.image("os:latest"), test.path("none.img")), 4, "installation of an image", "vendor")
    first = version(test, keys, images, repo, "v1", "--sign", keys.path("one.pem"))
    disk = Disk(test, "machine", "v1", "--repo", repo, "--target-imgref", name)
    test.check(disk.deployments()[0]["id"] == first + ".0" and name in disk.origin(disk.deployments()[0]), "installation")

    def upgrade(*options, verb="upgrade"):
        return disk.osb(verb, INSECURE, *options)
    test.check_status(upgrade("--check"), 77, "the remote's configuration is on the disk: nothing new")
    status = json.loads(disk.osb("status", "--json").stdout)["deployments"][0]
    test.check(status["required_signature"] == "remote" and status["signature_remote"] == "vendor", "status --json", status)
    shown = disk.osb("status").stdout
    test.check("signed by a key of the remote 'vendor'" in shown, "status", shown)

    check_downgrade(test, keys, images, repo, disk, upgrade)
    before = (disk.deployments(), disk.refs())
    version(test, keys, images, repo, "v2")
    for options in (["--check"], ["--download-only"], []):
        test.check_refused(upgrade(*options), 4, f"upgrade {options} to a commit without a signature", "is not signed")
    version(test, keys, images, repo, "v2", "--sign", keys.path("other.pem"))
    test.check_refused(upgrade(), 4, "upgrade to a commit that another key has signed", "no Ed25519 signature by a trusted key")
    images.push("v2")
    test.check_refused(upgrade(), 4, "upgrade to an image without a commit", "does not contain an ostree commit")
    test.check_refused(upgrade("--from", images.oci("v2")), 4, "nor from a disk", "does not contain an ostree commit")
    test.check((disk.deployments(), disk.refs()) == before, "nothing changed", disk.refs())
    second = version(test, keys, images, repo, "v2", "--sign", keys.path("one.pem"))
    check_changed_file(test, disk, second, upgrade)
    result = upgrade()
    test.check(result.status == 0 and disk.deployments()[1]["id"] == second + ".0" and name in disk.origin(disk.deployments()[1]),
               "upgrade to a commit that is signed", result.describe())
    test.check(sorted(signers(test, keys, disk.path("ostree/repo"), second)) == ["one", "other"], "with its signatures",
               signers(test, keys, disk.path("ostree/repo"), second))
    test.check_status(upgrade(), 0, "and again")
    test.fsck(disk.path("ostree/repo"), "fsck of the machine")
    check_switch(test, keys, images, repo, disk, upgrade)
    disk.unmount()
    check_same_files(test, keys, images, repo, first)
    check_url(test, keys, repo, registry)


def check_changed_file(test, disk, commit, upgrade):
    """The signature is good, but another file lies under the checksum of one of the commit's."""
    before = disk.deployments()
    repo = disk.path("ostree/repo")
    test.check_status(upgrade("--download-only"), 0, "the download of a commit that is signed")
    listed = test.must("ostree", "ls", "-C", f"--repo={repo}", commit, "/usr/etc/new.conf").split()
    checksum = next(word for word in listed if len(word) == 64)
    path = os.path.join(repo, "objects", checksum[:2], checksum[2:] + ".file")
    status = os.stat(path)
    with open(path + ".new", "wb") as file:
        file.write(b"malice!")
    os.chown(path + ".new", status.st_uid, status.st_gid)
    os.chmod(path + ".new", status.st_mode)
    os.rename(path + ".new", path)
    result = upgrade()
    test.check_refused(result, 3, "another file under the checksum of a signed one", "/usr/etc/new.conf")
    test.check("ostree fsck --delete" in result.stderr and disk.deployments() == before, "with advice, and nothing is deployed",
               result.describe())
    test.run("ostree", "fsck", "--delete", "--quiet", f"--repo={repo}")
    test.check(not os.path.exists(path), "which removes it")


def relabel(test, images, name, version_label, created):
    """The image in the registry with another label and other times, as anyone who can write there makes it."""
    layout = test.path("relabelled")
    test.must("skopeo", "copy", "-q", "--src-tls-verify=false", images.registry.image(name), f"oci:{layout}:new")
    test.must("umoci", "config", "--image", f"{layout}:new", f"--config.label=org.opencontainers.image.version={version_label}",
              f"--created={created}", f"--manifest.annotation=org.opencontainers.image.created={created}")
    test.must("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:new", images.registry.image(name))


def check_downgrade(test, keys, images, repo, disk, upgrade):
    """An older commit with a good signature, in an image whose labels say that it is newer."""
    before = (disk.deployments(), disk.refs())
    version(test, keys, images, repo, "v0", "--sign", keys.path("one.pem"))
    test.check_refused(upgrade("--check"), 1, "an older commit", "older than the running system")
    relabel(test, images, "os:latest", "v99", "2025-06-01T00:00:00Z")
    for options in (["--check"], ["--download-only"], []):
        test.check_refused(upgrade(*options), 1, f"upgrade {options} to one with the label of a newer one",
                           "older than the running system")
    test.check((disk.deployments(), disk.refs()) == before, "nothing changed", disk.refs())
    test.check_status(upgrade("--allow-downgrade", "--download-only"), 0, "its download, if it may be older")
    fetched = disk.state("fetched.json")
    test.check(fetched["version"] == "v0", "the record has the version of the commit", fetched)
    test.check_refused(upgrade(), 1, "and it is older still", "older than the running system")


def check_same_files(test, keys, images, repo, signed):
    """A system whose commit is not signed, and a signed commit with the same files."""
    test.must(test.osb, "import", "-q", "--progress", "none", "--repo", repo, "--ref", "unsigned", "--subject", "unsigned",
              images.oci("v1"))
    disk = Disk(test, "same-files", "unsigned", "--repo", repo)
    test.must("ostree", "remote", "add", f"--repo={disk.path('ostree/repo')}", "--set=gpg-verify=false", "--set=sign-verify=true",
              f"--set=verification-ed25519-key={keys.text('one')}", "vendor", "http://127.0.0.1/")
    test.must(test.osb, "push", "--repo", repo, "--progress", "none", INSECURE, "v1", images.registry.image("os:same"))
    name = f"ostree-remote-registry:vendor:{images.registry.host}/os:same"
    result = disk.osb("switch", INSECURE, name)
    test.check(result.status == 0 and signed + ".0" in [one["id"] for one in disk.deployments()], "the signed commit is deployed",
               result.describe())
    test.check_status(disk.osb("upgrade", INSECURE), 0, "and is followed")
    disk.unmount()


def check_url(test, keys, repo, registry):
    """Installed from an archive with a GPG key, which then verifies images."""
    archive = test.init_repo("url-archive")
    test.must("ostree", "gpg-sign", f"--repo={repo}", f"--gpg-homedir={keys.home}", "v1", keys.gpg)
    test.must(test.osb, "push", "--repo", repo, "--progress", "none", "v1", f"file://{archive}")
    test.must(test.osb, "push", "--repo", repo, "--progress", "none", INSECURE, "v1", registry.image("gpg:1"))
    name = f"ostree-remote-registry:signer:{registry.host}/gpg:1"
    options = ("--url", f"file://{archive}", "--remote", "signer", "--target-imgref", name)
    test.check_refused(test.run(test.osb, "install-to-disk", "--progress", "none", *options, "v1", test.path("none.img")), 4,
                       "a remote without a key", "verifies no commits")
    disk = Disk(test, "of-url", "v1", *options, "--gpg-key", keys.gpg_public)
    result = disk.osb("upgrade", INSECURE)
    test.check(result.status == 0 and "nothing new" in result.stdout, "the GPG key on the disk verifies the commit in the image",
               result.describe())
    disk.unmount()


def check_switch(test, keys, images, repo, disk, upgrade):
    """From a name that is not verified to one that is, with the same commit."""
    host, own = images.registry.host, disk.path("ostree/repo")
    third = version(test, keys, images, repo, "v3")
    test.check_status(upgrade(f"{host}/os:latest", verb="switch"), 0, "switch to a name that is not verified")
    for remote, words in (("vendor", "is not signed"), ("absent", "does not have it")):
        test.check_refused(upgrade(f"ostree-remote-registry:{remote}:{host}/os:latest", verb="switch"), 4,
                           f"switch to what is deployed, which {remote} does not verify", words)
    version(test, keys, images, repo, "v3", "--sign", keys.path("one.pem"))
    name = f"ostree-remote-image:vendor:docker://{host}/os:latest"
    result = upgrade(name, verb="switch")
    test.check_status(result, 0, "switch to the same commit, now with a signature")
    test.check(any(name in disk.origin(one) for one in disk.deployments()), "the origin", [disk.origin(one) for one in disk.deployments()])
    test.check_status(upgrade(), 0, "and it is followed")
    test.check(signers(test, keys, own, third) == ["one"], "the signature reached the repository", signers(test, keys, own, third))
    test.must("ostree", "config", f"--repo={own}", "set", 'remote "vendor".verification-ed25519-key', keys.text("two"))
    test.check_refused(upgrade("--check"), 4, "after the remote's key was replaced, even what is deployed is refused",
                       "no Ed25519 signature by a trusted key")
    test.check_refused(upgrade("ostree-remote-registry:a/b:host/os:1", verb="switch"), 2, "a name that is not one of a remote")


def main(test):
    need(test)
    test.need("gpg", "openssl", "umoci")
    os.umask(0o022)
    keys = Keys(test)
    layout = Layout(test.path("plain"))
    layout.image("v1", [TarLayer().file_entry("usr/bin/tool", b"tool", mode=0o755).file_entry("etc/passwd", b"root\n").bytes()])
    image = f"oci:{layout.directory}:v1"
    with Registry(test) as registry:
        repo = test.init_repo("repo")
        commit = check_import(test, keys, image, repo)
        check_bad_keys(test, keys, image)
        check_circle(test, keys, registry, repo, commit)
        unsigned = test.init_repo("unsigned")
        do_import(test, unsigned, image)
        test.must(test.osb, "export", "--repo", unsigned, "--progress", "none", "os", f"oci:{test.path('unsigned-image')}:v1")
        check_remotes(test, keys, registry, f"oci:{test.path('unsigned-image')}:v1")
        check_empty_values(test, keys, registry, image)
        check_rubbish(test, keys, registry, repo, commit)
        check_known_layers(test, keys, registry, commit)
        check_not_a_commit(test, keys, registry, image)
        check_revoked(test, keys, registry)
        check_machine(test, keys, registry)


lib_harness.run(main)
