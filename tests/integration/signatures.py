#!/usr/bin/env python3
"""Signatures of images: made with osb-oci and with openssl alone, verified by osb-oci under policies. The witnesses are openssl, and skopeo
where it was built with these signatures: it reads the same policies."""

import base64
import hashlib
import json
import os
import shutil

import lib_harness
from lib_image import simple_layout
from lib_registry import Registry
from lib_signatures import INSECURE, PAYLOAD_TYPE, Site


def check_signed(test, site):
    digest = site.publish("os:1", b"one")
    policy = site.policy("site", site.signed_by("site"))
    site.check(site.image("os:1"), policy, False, "not signed")
    result = site.sign("os:1")
    test.check_status(result, 0, "sign")
    test.check(result.stdout.strip() == digest, "it prints the digest", (result.stdout, digest))
    site.check(site.image("os:1"), policy, True, "signed")
    check_by_openssl(test, site, "os", digest)
    site.check(site.image("os:1"), site.policy("other", site.signed_by("other")), False, "signed by another key")
    tags = json.loads(test.must("skopeo", "list-tags", INSECURE, site.image("os").replace(":latest", "")))["Tags"]
    test.check(digest.replace(":", "-") + ".sig" in tags, "the signature lies where cosign looks for it", tags)
    before = signatures(test, site, "os", digest)
    test.check_status(site.sign("os:1"), 0, "sign again")
    test.check(signatures(test, site, "os", digest) == before and len(before) == 1, "adds nothing", before)
    test.check_status(site.sign("os:1", "other"), 0, "sign with another key")
    test.check(len(signatures(test, site, "os", digest)) == 2, "adds one")
    site.check(site.image("os:1"), policy, True, "signed by two keys")
    both = site.policy("both", site.signed_by("site") + site.signed_by("other"))
    site.check(site.image("os:1"), both, True, "a policy that requires both")


def check_by_openssl(test, site, name, digest):
    """What cosign reads: the payload, its claim and its signature."""
    copy = test.path("signature-copy")
    test.must("skopeo", "copy", "-q", "--src-tls-verify=false", site.image(f"{name}:{digest.replace(':', '-')}.sig"), f"dir:{copy}")
    with open(os.path.join(copy, "manifest.json"), encoding="utf-8") as file:
        (layer,) = json.load(file)["layers"]
    payload = os.path.join(copy, layer["digest"].removeprefix("sha256:"))
    with open(test.path("their-signature"), "wb") as file:
        file.write(base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"]))
    result = test.run("openssl", "dgst", "-sha256", "-verify", site.keys.path("site.pub"), "-signature", test.path("their-signature"),
                      payload)
    test.check_status(result, 0, "openssl verifies the signature")
    with open(payload, encoding="utf-8") as file:
        claim = json.load(file)
    test.check(layer["mediaType"] == PAYLOAD_TYPE and claim["critical"] == {
        "type": "cosign container image signature", "image": {"docker-manifest-digest": digest},
        "identity": {"docker-reference": site.image(f"{name}:1").removeprefix("docker://")}}, "the payload is what cosign writes", claim)


def signatures(test, site, name, digest):
    raw = test.must("skopeo", "inspect", INSECURE, "--raw", site.image(f"{name}:{digest.replace(':', '-')}.sig"))
    return [layer["annotations"]["dev.cosignproject.cosign/signature"] for layer in json.loads(raw)["layers"]]


def check_names(test, site):
    """A tag that is put on another image, or an image that is moved to another name."""
    digest = site.publish("names:good", b"good")
    test.check_status(site.sign("names:good"), 0, "sign")
    test.must("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", site.image("names:good"),
              site.image("names:bad"))
    policy = site.policy("names", site.signed_by("site"))
    site.check(site.image("names:bad"), policy, False, "the signature is for another tag")
    repository = site.image("names").removeprefix("docker://").replace(":latest", "")
    by_repository = site.policy("repository", site.signed_by("site", signedIdentity={"type": "matchRepository"}))
    site.check(site.image("names:bad"), by_repository, True, "matchRepository")
    exact = {"type": "exactReference", "dockerReference": f"{repository}:good"}
    site.check(site.image("names:bad"), site.policy("exact", site.signed_by("site", signedIdentity=exact)), True, "exactReference")
    by_digest = f"docker://{repository}@{digest}"
    site.check(by_digest, policy, True, "named by its digest")
    by_exact = site.policy("match", site.signed_by("site", signedIdentity={"type": "matchExact"}))
    site.check(by_digest, by_exact, False, "matchExact of a digest")
    moved = {"type": "remapIdentity", "prefix": repository, "signedPrefix": repository.replace("/names", "/other")}
    site.check(site.image("names:good"), site.policy("remap", site.signed_by("site", signedIdentity=moved)), False, "remapIdentity")
    # The same key signs another image, whose signature is then put on this one.
    other = site.publish("names:victim", b"victim")
    test.check_status(site.sign("names:victim"), 0, "sign the other")
    test.must("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false",
              site.image(f"names:{digest.replace(':', '-')}.sig"), site.image(f"names:{other.replace(':', '-')}.sig"))
    site.check(site.image("names:victim"), by_repository, False, "the signature of another image")


def check_policies(test, site):
    site.publish("policies:1", b"policies")
    test.check_status(site.sign("policies:1"), 0, "sign")
    image = site.image("policies:1")
    host = site.registry.host
    for name, requirements, accepted in (("anything", [{"type": "insecureAcceptAnything"}], True), ("reject", [{"type": "reject"}], False)):
        site.check(image, site.policy(name, requirements), accepted, name)
    # The most specific scope counts alone.
    path = test.path("scopes.json")
    with open(path, "w", encoding="ascii") as file:
        json.dump({"default": [{"type": "reject"}], "transports": {"docker": {
            "": [{"type": "reject"}], host: site.signed_by("other"), f"{host}/policies": site.signed_by("site")}}}, file)
    site.check(image, path, True, "the scope of the repository")
    data = base64.b64encode(open(site.keys.path("site.pub"), "rb").read()).decode()  # noqa: SIM115
    site.check(image, site.policy("data", [{"type": "sigstoreSigned", "keyData": data}]), True, "keyData")
    keys = [site.keys.path("other.pub"), site.keys.path("site.pub")]
    site.check(image, site.policy("paths", [{"type": "sigstoreSigned", "keyPaths": keys}]), True, "keyPaths", witness=False)
    for name, more in (("rekor", {"rekorPublicKeyPath": site.keys.path("site.pub")}), ("gpg", None)):
        requirement = site.signed_by("site", **more) if more else [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "/nowhere"}]
        result, found = site.imported(image, site.policy(name, requirement))
        test.check_refused(result, 4, f"{name}: what is not implemented rejects", "not supported")
        test.check(not found, f"{name}: nothing is in the repository")
    for name, text in (("unknown member", '{"default": [{"type": "reject"}], "extra": 1}'), ("no default", '{"transports": {}}'),
                       ("empty list", '{"default": []}'),
                       ("duplicate", '{"default": [{"type": "reject"}], "default": [{"type": "reject"}]}'),
                       ("not JSON", "x")):
        bad = test.path("bad.json")
        with open(bad, "w", encoding="ascii") as file:
            file.write(text)
        result, found = site.imported(image, bad)
        test.check_refused(result, 3, f"a policy with {name}")
        test.check(not found and not site.skopeo_accepts(image, bad)[0], f"a policy with {name}: nothing is imported, nor by skopeo")
    result, _ = site.imported(image, site.policy("open", [{"type": "insecureAcceptAnything"}]), "--require-signature")
    test.check_refused(result, 4, "--require-signature under a policy that asks for none")
    result, _ = site.imported(image, site.policy("closed", site.signed_by("site")), "--require-signature")
    test.check_status(result, 0, "--require-signature under a policy that asks for one")


def check_openssl(test, site):
    """A signature that openssl alone has made, as cosign stores it."""
    digest = site.publish("by-hand:1", b"by hand")
    name = site.image("by-hand:1").removeprefix("docker://")
    payload = json.dumps({"critical": {"identity": {"docker-reference": name}, "image": {"docker-manifest-digest": digest},
                                       "type": "cosign container image signature"}, "optional": None}).encode()
    put_signature(test, site, "by-hand", digest, payload)
    site.check(site.image("by-hand:1"), site.policy("hand", site.signed_by("site")), True, "made with openssl")
    for what, change in (("a member too many", lambda p: p["critical"].update(extra=1)),
                         ("another type", lambda p: p["critical"].update(type="attestation")),
                         ("another digest", lambda p: p["critical"]["image"].update({"docker-manifest-digest": "sha256:" + "0" * 64}))):
        document = json.loads(payload)
        change(document)
        put_signature(test, site, "by-hand", digest, json.dumps(document).encode())
        site.check(site.image("by-hand:1"), site.policy("hand", site.signed_by("site")), False, f"a payload with {what}")
        test.check_status(site.sign("by-hand:1"), 0, f"sign beside a payload with {what}")
        site.check(site.image("by-hand:1"), site.policy("hand", site.signed_by("site")), True, f"beside a payload with {what}")
        result = test.run(test.osb, "verify", INSECURE, "--key", site.keys.path("site.pub"), site.image("by-hand:1"))
        test.check_status(result, 0, f"verify beside a payload with {what}")
    put_signature(test, site, "by-hand", digest, payload, damage=True)
    policy = site.policy("hand", site.signed_by("site"))
    site.check(site.image("by-hand:1"), policy, False, "a payload that was changed after it was signed")


def put_signature(test, site, name, digest, payload, damage=False):
    signed = test.path("payload")
    with open(signed, "wb") as file:
        file.write(payload)
    test.must("openssl", "dgst", "-sha256", "-sign", site.keys.path("site.key"), "-out", test.path("signature"), signed)
    with open(test.path("signature"), "rb") as file:
        signature = base64.b64encode(file.read()).decode()
    if damage:
        payload = payload.replace(b" ", b"  ", 1)
    layout = test.path("signature-layout")
    shutil.rmtree(layout, ignore_errors=True)
    blobs = os.path.join(layout, "blobs/sha256")
    os.makedirs(blobs)

    def blob(content, kind, **more):
        found = hashlib.sha256(content).hexdigest()
        with open(os.path.join(blobs, found), "wb") as file:
            file.write(content)
        return {"mediaType": kind, "digest": "sha256:" + found, "size": len(content), **more}

    layer = blob(payload, PAYLOAD_TYPE, annotations={"dev.cosignproject.cosign/signature": signature})
    config = blob(json.dumps({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}})
                  .encode(), "application/vnd.oci.image.config.v1+json")
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = blob(json.dumps({"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [layer]}).encode(), kind)
    with open(os.path.join(layout, "index.json"), "w", encoding="ascii") as file:
        json.dump({"schemaVersion": 2, "manifests": [{**manifest, "annotations": {"org.opencontainers.image.ref.name": "s"}}]}, file)
    with open(os.path.join(layout, "oci-layout"), "w", encoding="ascii") as file:
        file.write('{"imageLayoutVersion":"1.0.0"}')
    test.must("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:s", site.image(f"{name}:{digest.replace(':', '-')}.sig"))


def check_keys(test, site):
    site.publish("keys:1", b"keys")
    site.keys.make("p384", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384").make("rsa", "-algorithm", "RSA")
    site.keys.make("ed25519", "-algorithm", "ED25519")
    for key in ("p384", "rsa", "ed25519"):
        test.check_status(site.sign("keys:1", key), 0, f"sign with {key}")
        result = test.run(test.osb, "verify", "-q", INSECURE, "--key", site.keys.path(key + ".pub"), site.image("keys:1"))
        test.check_status(result, 0, f"verify with {key}")
    result = test.run(test.osb, "verify", INSECURE, "--key", site.keys.path("other.pub"), site.image("keys:1"))
    test.check_refused(result, 4, "verify with a key that has not signed", "no signature")
    result = test.run(test.osb, "verify", "--json", INSECURE, "--key", site.keys.path("rsa.pub"), site.image("keys:1"))
    claims = json.loads(result.stdout)["signatures"]
    test.check(len(claims) == 1 and claims[0]["identity"].endswith("/keys:1") and claims[0]["timestamp"] > 1700000000,
               "verify --json", claims)
    encrypted, passphrase = site.keys.path("locked.key"), test.path("passphrase")
    with open(passphrase, "w", encoding="ascii") as file:
        file.write("a secret\n")
    test.must("openssl", "pkcs8", "-topk8", "-in", site.keys.path("site.key"), "-out", encrypted, "-passout", f"file:{passphrase}")
    for options, status in ((("--passphrase-file", passphrase), 0), ((), 4), (("--passphrase-file", "/etc/hostname"), 4)):
        result = test.run(test.osb, "sign", "-q", INSECURE, "--key", encrypted, *options, site.image("keys:1"))
        test.check(result.status == status, f"an encrypted key with {options[:1] or 'nothing'}: exit status {status}", result.describe())
    result = test.run(test.osb, "sign", INSECURE, "--key", "/etc/hostname", site.image("keys:1"))
    test.check_refused(result, 3, "a key that is none")
    for kind in ("ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"):
        with open(site.keys.path("cosign.key"), "w", encoding="ascii") as file:
            file.write(f"-----BEGIN {kind}-----\neyJrZGYiOnt9fQ==\n-----END {kind}-----\n")
        result = test.run(test.osb, "sign", INSECURE, "--key", site.keys.path("cosign.key"), site.image("keys:1"))
        test.check_refused(result, 3, f"a key that cosign encrypted: {kind}", kind)


def check_push(test, site):
    """A push that signs: by the digest that it wrote."""
    repo, tree = test.init_repo("pushed"), test.path("tree")
    os.makedirs(os.path.join(tree, "usr"))
    test.must("ostree", "commit", f"--repo={repo}", "-b", "os", f"--tree=dir={tree}")
    image = site.image("pushed:v1")
    result = test.run(test.osb, "push", "-q", "--repo", repo, INSECURE, "--sign-by-key", site.keys.path("site.key"), "os", image)
    test.check_status(result, 0, "push --sign-by-key")
    client = test.path("client")
    for policy, accepted in (("site", True), ("other", False)):
        pulled = test.run(test.osb, "pull", "-q", "--repo", client, "--ref", "os", INSECURE, "--policy",
                          site.policy("push", site.signed_by(policy)), image)
        test.check(pulled.status == (0 if accepted else 4), f"pull under a policy with the key {policy}", pulled.describe())
    result = test.run(test.osb, "export", "--repo", repo, "--sign-by-key", site.keys.path("site.key"), "os",
                      "oci-archive:" + test.path("x.tar"))
    test.check_refused(result, 2, "export --sign-by-key to an archive", "signatures")
    test.check(not os.path.exists(test.path("x.tar")), "nothing is written")


def check_layout(test, site):
    layout = test.path("signed-layout")
    simple_layout(layout, {"usr/file": b"layout"})
    key = site.keys.path("site.key")
    name = "registry.example/os:v1"
    result = test.run(test.osb, "sign", "-q", "--key", key, "--identity", name, f"oci:{layout}:v1")
    test.check_status(result, 0, "sign a layout")
    with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
        names = [one.get("annotations", {}).get("org.opencontainers.image.ref.name") for one in json.load(file)["manifests"]]
    test.check(result.stdout.strip().replace(":", "-") + ".sig" in names, "the signature has its ref name", names)
    exact = {"type": "exactReference", "dockerReference": name}
    policy = site.policy("layout", site.signed_by("site", signedIdentity=exact), transport="oci", scope="")
    for image in (f"oci:{layout}:v1", f"oci:{layout}"):
        result, found = site.imported(image, policy)
        test.check(result.status == 0 and found, f"{image.replace(layout, 'DIR')}: accepted", result.describe())
    result, _ = site.imported(f"oci:{layout}:v1", site.policy("default", site.signed_by("site"), transport="oci"))
    test.check_refused(result, 4, "a layout has no name for the default rule")


def check_mirrors(test, site):
    """A mirror has the image. Its signatures hide none of the registry's."""
    digest = site.publish("mirrored:1", b"mirrored")
    test.check_status(site.sign("mirrored:1"), 0, "sign what has a mirror")
    policy = site.policy("mirrored", site.signed_by("site"))
    conf = test.path("mirrors.conf")
    with Registry(test, "mirror") as mirror:
        copied = mirror.image("mirrored:1")
        with open(conf, "w", encoding="ascii") as file:
            file.write(f'[[registry]]\nlocation = "{site.registry.host}"\ninsecure = true\n'
                       f'[[registry.mirror]]\nlocation = "{mirror.host}"\ninsecure = true\n')
        os.environ["CONTAINERS_REGISTRIES_CONF"] = conf
        test.must("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", site.image("mirrored:1"), copied)
        site.check(site.image("mirrored:1"), policy, True, "a mirror without signatures", witness=False)
        test.check(any("/blobs/" in request[1] for request in mirror.since(0, "GET")), "the image comes from the mirror", mirror.requests())
        name = site.image("mirrored:1").removeprefix("docker://")
        other = test.run(test.osb, "sign", INSECURE, "-q", "--key", site.keys.path("other.key"), "--identity", name, copied)
        test.check_status(other, 0, "sign at the mirror with another key")
        site.check(site.image("mirrored:1"), policy, True, "a mirror with the signature of another", witness=False)
        test.check_status(site.sign("mirrored:1", "other"), 0, "sign with that key")
        found = signatures(test, site, "mirrored", digest)
        test.check(len(found) == 2, "what the mirror has is not taken for the registry's, which keeps its own", found)
        check_second_mirror(test, site, mirror)
    site.check(site.image("mirrored:1"), policy, True, "a mirror that is gone", witness=False)
    del os.environ["CONTAINERS_REGISTRIES_CONF"]


def check_second_mirror(test, site, first):
    """The registry is gone; the first mirror has the signature of another key, the second one the right one."""
    tag = site.publish("second:1", b"second").replace(":", "-") + ".sig"
    test.check_status(site.sign("second:1"), 0, "sign what has two mirrors")
    name = site.image("second:1").removeprefix("docker://")
    gone = "docker://127.0.0.1:1/second:1"
    policy = site.policy("second", site.signed_by("site", signedIdentity={
        "type": "remapIdentity", "prefix": "127.0.0.1:1/second", "signedPrefix": name.rpartition(":")[0]}))
    copy = ("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false")
    with Registry(test, "second-mirror") as second:
        for mirror in (first, second):
            test.must(*copy, site.image("second:1"), mirror.image("second:1"))
        test.must(*copy, site.image("second:" + tag), second.image("second:" + tag))
        other = test.run(test.osb, "sign", INSECURE, "-q", "--key", site.keys.path("other.key"), "--identity", name,
                         first.image("second:1"))
        test.check_status(other, 0, "sign at the first mirror with another key")
        conf = test.path("second.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write('[[registry]]\nlocation = "127.0.0.1:1"\ninsecure = true\n' + "".join(
                f'[[registry.mirror]]\nlocation = "{mirror.host}"\ninsecure = true\n' for mirror in (first, second)))
        before, os.environ["CONTAINERS_REGISTRIES_CONF"] = os.environ["CONTAINERS_REGISTRIES_CONF"], conf
        site.check(gone, policy, True, "the signature of the second mirror", witness=False)
        os.environ["CONTAINERS_REGISTRIES_CONF"] = before


def check_install(test, site):
    """A disk whose system will require signatures is not made of an image without one."""
    digest = site.publish("install:1", b"install")
    anything = site.policy("anything", [{"type": "insecureAcceptAnything"}])

    def install(policy, *options):
        target = "ostree-image-signed:" + site.image("install:1")
        return test.run(test.osb, "install-to-disk", "--progress", "none", INSECURE, "--policy", policy, "--target-imgref", target,
                        *options, test.path("none.img"))
    test.check_refused(install(anything, site.image("install:1")), 4, "installation under a policy that asks for no signature",
                       "a signature is required")
    by_key = site.policy("install", site.signed_by("site"))
    test.check_refused(install(by_key, site.image("install:1")), 4, "installation of an unsigned image", "not signed")
    test.check_status(site.sign("install:1"), 0, f"sign {digest}")
    # It is no system, which is found after its signature.
    result = install(by_key, site.image("install:1"))
    test.check(result.status not in (0, 4) and "sign" not in result.stderr, "a signed image is accepted", result.describe())


def main(test):
    test.need("skopeo", "openssl", "docker-registry")
    with Registry(test) as registry:
        site = Site(test, registry)
        check_signed(test, site)
        check_names(test, site)
        check_policies(test, site)
        check_openssl(test, site)
        check_keys(test, site)
        check_push(test, site)
        check_layout(test, site)
        check_mirrors(test, site)
        check_install(test, site)
        if not site.skopeo_knows:
            test.skip_one("skopeo says the same", "this skopeo was built without these signatures")


lib_harness.run(main)
