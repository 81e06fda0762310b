#!/usr/bin/env python3
"""Export, pull, export again: the identical commit with its signatures, and identical digests, whatever the number of
threads, the repository's mode and the build before."""

import base64
import collections
import io
import os
import tarfile

import lib_harness
from lib_containers import need_root
from lib_export import COMPRESSIONS, Exported, export, import_system, pull
from lib_image import Layout, TarLayer


def exported_digest(test, repo, name, *options):
    result = export(test, repo, f"oci:{test.path(name)}:v1", *options)
    if result.status != 0:
        raise RuntimeError(result.describe())
    if Exported(test.path(name)).digest != result.stdout.strip():
        raise RuntimeError(f"{name}: prints another digest")
    return result.stdout.strip()


def check_round_trip(test, repo, commit, compression):
    short = compression.replace(":", "-")
    options = ("--compression", compression, "--label", "k=v")
    first = exported_digest(test, repo, f"{short}-one", "--jobs", "1", *options)
    second = exported_digest(test, repo, f"{short}-five", "--jobs", "5", *options)
    test.check(first == second, f"{compression}: the same digest with 1 and with 5 threads", f"{first} {second}")
    for mode in ("archive", "bare"):
        other = test.init_repo(f"{short}-{mode}", mode)
        result = pull(test, other, f"oci:{test.path(short + '-one')}:v1", "--ref", "os")
        if not test.check(result.commit == commit, f"{compression}: pull into {mode}: the same commit",
                          result.describe()):
            continue
        test.fsck(other, f"{compression}: {mode}: fsck")
        again = exported_digest(test, other, f"{short}-{mode}-again", *options)
        test.check(again == first, f"{compression}: exported again from {mode}: the same digest", f"{first} {again}")
    kept = exported_digest(test, repo, f"{short}-previous", "--previous", f"oci:{test.path(short + '-one')}:v1",
                           *options)
    test.check(kept == first, f"{compression}: the same digest with itself as --previous", f"{first} {kept}")


def gpg_sign(test, repo, commit):
    """The file of the public key of a signature."""
    home = test.path("gpg")
    os.mkdir(home, 0o700)
    gpg = ("gpg", "--homedir", home, "--batch", "--quiet")
    test.must(*gpg, "--passphrase", "", "--quick-gen-key", "tests of osb-oci <test@example.com>", "rsa2048", "sign",
              "never")
    listing = test.must(*gpg, "--list-keys", "--with-colons")
    key = next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))
    test.must("ostree", "gpg-sign", f"--repo={repo}", f"--gpg-homedir={home}", commit, key)
    public = test.path("key.asc")
    test.must(*gpg, "--armor", "--output", public, "--export", key)
    return public


def ed25519_sign(test, repo, commit):
    """The public key of another signature; "" where libostree was built without."""
    key, raw = test.path("key.pem"), test.path("key.der")
    test.must("openssl", "genpkey", "-algorithm", "ed25519", "-outform", "DER", "-out", raw)
    test.must("openssl", "pkey", "-inform", "DER", "-in", raw, "-pubout", "-outform", "DER", "-out", key)
    with open(raw, "rb") as file:
        seed = file.read()[-32:]
    with open(key, "rb") as file:
        public = file.read()[-32:]
    secret = test.path("key.secret")
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
        file.write(base64.b64encode(seed + public))
    result = test.run("ostree", "sign", f"--repo={repo}", "--sign-type=ed25519", f"--keys-file={secret}", commit)
    return base64.b64encode(public).decode() if result.status == 0 else ""


def detached(repo, commit):
    path = os.path.join(repo, "objects", commit[:2], commit[2:] + ".commitmeta")
    with open(path, "rb") as file:
        return file.read()


def check_signatures(test, repo, commit):
    gpg_key, ed25519_key = gpg_sign(test, repo, commit), ed25519_sign(test, repo, commit)
    exported_digest(test, repo, "signed")
    other = test.init_repo("of-signed")
    result = pull(test, other, f"oci:{test.path('signed')}:v1", "--ref", "os")
    if not test.check(result.commit == commit, "signed: pull", result.describe()):
        return
    test.check(detached(repo, commit) == detached(other, commit), "the detached metadata is identical")
    test.must("ostree", "remote", "add", f"--repo={other}", f"--gpg-import={gpg_key}", "signer", "http://127.0.0.1/")
    shown = test.run("ostree", "show", f"--repo={other}", "--gpg-verify-remote=signer", "os")
    test.check("Good signature" in shown.stdout, "GPG: ostree finds a good signature on what was pulled",
               shown.describe())
    if not ed25519_key:
        test.skip_one("ed25519", "this libostree does not sign with it")
        return
    shown = test.run("ostree", "sign", "--verify", f"--repo={other}", "--sign-type=ed25519", commit, ed25519_key)
    test.check(shown.status == 0, "ed25519: ostree verifies what was pulled", shown.describe())


def check_many_names(test, repo):
    """No file of a layer has more names than ext4 allows (65,000): coreos/rpm-ostree#5479."""
    layer = TarLayer().file_entry("usr/file", b"content").symlink("usr/link", "file")
    for number in range(61_000):
        layer.hardlink(f"usr/files/{number}", "usr/file").hardlink(f"usr/links/{number}", "usr/link")
    Layout(test.path("many")).image("v1", [layer.bytes()])
    imported = test.osb_import(f"oci:{test.path('many')}:v1", repo, "--ref", "many", "--layout", "plain")
    result = test.run(test.osb, "export", "--repo", repo, "many", f"oci:{test.path('many-out')}:v1", "--compression", "gzip")
    if not test.check_status(result, 0, "a file of 61,001 names: export"):
        return
    names, exported = collections.Counter(), Exported(test.path("many-out"))
    for number in range(len(exported.layers)):
        with tarfile.open(fileobj=io.BytesIO(exported.tar(number))) as tar:
            names.update(member.linkname for member in tar if member.islnk())
    test.check(max(names.values()) < 64_000 and sum(names.values()) > 121_000, "at most 64,000 of them for one file",
               names.most_common(3))
    pulled = pull(test, test.init_repo("many-pulled", "archive"), f"oci:{test.path('many-out')}:v1")
    test.check(pulled.commit == imported.commit, "pull: the same commit", pulled.describe())


def main(test):
    need_root()
    test.need("ostree", "gpg", "openssl", "zstd")
    os.umask(0o022)
    repo = test.path("repo")
    commit = import_system(test, repo)
    for compression in COMPRESSIONS:
        check_round_trip(test, repo, commit, compression)
    check_signatures(test, repo, commit)
    check_many_names(test, repo)


lib_harness.run(main)
