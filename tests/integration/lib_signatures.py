"""Keys, policies and signatures of a test: a site that signs images, and signatures as cosign stores them, which openssl makes."""

import base64
import hashlib
import http.client
import json
import os
import shutil
import urllib.parse

import lib_harness
from lib_faulty_proxy import FaultyProxy
from lib_image import simple_layout

INSECURE = "--tls-verify=false"
# Debian 12 builds skopeo without these signatures.
DISABLED = "sigstore disabled"
PAYLOAD_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
ARTIFACT_TYPE = "application/vnd.dev.cosign.artifact.sig.v1+json"
STATEMENT_TYPE = "application/vnd.in-toto+json"
SIGN_PREDICATE = "https://sigstore.dev/cosign/sign/v1"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"


class Keys:
    """Key pairs that openssl makes: {name}.key and {name}.pub."""

    def __init__(self, test):
        self.test, self.directory = test, test.path("keys")
        os.mkdir(self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def make(self, name, *kind):
        kind = kind or ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        self.test.must("openssl", "genpkey", "-quiet", *kind, "-out", self.path(name + ".key"))
        self.test.must("openssl", "pkey", "-in", self.path(name + ".key"), "-pubout", "-out", self.path(name + ".pub"))
        return self


class Site:
    def __init__(self, test, registry):
        self.test, self.registry = test, registry
        self.keys = Keys(test).make("site").make("other")
        self.skopeo_knows = True
        self.lookaside = test.path("registries.d")
        os.mkdir(self.lookaside)
        with open(os.path.join(self.lookaside, "attachments.yaml"), "w", encoding="ascii") as file:
            file.write("default-docker:\n  use-sigstore-attachments: true\n")

    def image(self, name):
        return self.registry.image(name)

    def publish(self, name, content):
        """An image with that content. Returns the digest of its manifest."""
        directory = self.test.path("layout-" + hashlib.sha256((name + str(content)).encode()).hexdigest()[:8])
        if not os.path.exists(directory):
            simple_layout(directory, {"usr/file": content})
        self.test.must("skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{directory}:v1", self.image(name))
        found = self.test.must("skopeo", "inspect", INSECURE, "--format", "{{.Digest}}", self.image(name))
        return found.strip()

    def policy(self, name, requirements, transport="docker", scope=""):
        path = self.test.path(f"policy-{name}.json")
        with open(path, "w", encoding="ascii") as file:
            json.dump({"default": [{"type": "reject"}], "transports": {transport: {scope: requirements}}}, file)
        return path

    def signed_by(self, key, **more):
        return [{"type": "sigstoreSigned", "keyPath": self.keys.path(key + ".pub"), **more}]

    def sign(self, name, key="site", *options):
        return self.test.run(self.test.osb, "sign", INSECURE, "-q", "--key", self.keys.path(key + ".key"), *options, self.image(name))

    def imported(self, image, policy, *options):
        """osb-oci import under the policy, into a repository of its own."""
        repo = self.test.path("import-repo")
        shutil.rmtree(repo, ignore_errors=True)
        result = self.test.run(self.test.osb, "import", "-q", "--progress", "none", INSECURE, "--layout", "plain", "--repo", repo, "--ref",
                               "x", "--policy", policy, *options, image)
        found = lib_harness.refs(repo) if os.path.isdir(repo) else {}
        return result, found

    def skopeo_accepts(self, image, policy):
        copy = self.test.path("skopeo-copy")
        shutil.rmtree(copy, ignore_errors=True)
        result = self.test.run("skopeo", "--policy", policy, "--registries.d", self.lookaside, "copy", "-q", "--src-tls-verify=false",
                               image, f"dir:{copy}")
        return result.status == 0, result

    def check(self, image, policy, accepted, what, witness=True):
        result, found = self.imported(image, policy)
        if accepted:
            self.test.check(result.status == 0 and found, f"{what}: accepted", result.describe())
        else:
            self.test.check_refused(result, 4, what)
            self.test.check(not found, f"{what}: nothing is in the repository", found)
        if witness:
            same, said = self.skopeo_accepts(image, policy)
            if DISABLED in said.stderr:  # then its refusal says nothing
                self.skopeo_knows = False
                return
            self.test.check(same == accepted, f"{what}: skopeo says the same", said.describe())


def openssl_signature(test, key, content):
    """The signature of these bytes, as `openssl dgst -sha256 -sign` makes it."""
    signed, signature = test.path("to-sign"), test.path("signed")
    with open(signed, "wb") as file:
        file.write(content)
    test.must("openssl", "dgst", "-sha256", "-sign", key, "-out", signature, signed)
    with open(signature, "rb") as file:
        return file.read()


def encoded(content):
    return base64.b64encode(content).decode()


def statement(digest, predicate=SIGN_PREDICATE, **subject):
    """What `cosign sign` signs. `subject`: further members of the subject."""
    return json.dumps({"_type": "https://in-toto.io/Statement/v1", "subject": [{"digest": {"sha256": digest.split(":")[1]}, **subject}],
                       "predicateType": predicate, "predicate": {}}).encode()


def bundle_of(content, **material):
    return {"mediaType": BUNDLE_TYPE, "verificationMaterial": material or {"publicKey": {"hint": "unused"}}, **content}


def envelope(test, key, payload, kind=STATEMENT_TYPE):
    """A bundle with an envelope: DSSE, which signs its payload with its type and both lengths."""
    signed = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    return bundle_of({"dsseEnvelope": {"payload": encoded(payload), "payloadType": kind,
                                       "signatures": [{"sig": encoded(openssl_signature(test, key, signed))}]}})


def message_bundle(test, key, content):
    """A bundle with the signature of these bytes, as `cosign sign-blob` makes it."""
    return bundle_of({"messageSignature": {
        "messageDigest": {"algorithm": "SHA2_256", "digest": encoded(hashlib.sha256(content).digest())},
        "signature": encoded(openssl_signature(test, key, content))}})


def simple_payload(digest, name):
    return json.dumps({"critical": {"identity": {"docker-reference": name}, "image": {"docker-manifest-digest": digest},
                                    "type": "cosign container image signature"}, "optional": None}).encode()


def described(content, kind, **more):
    return {"mediaType": kind, "digest": "sha256:" + hashlib.sha256(content).hexdigest(), "size": len(content), **more}


def artifact(layers, subject, kind=BUNDLE_TYPE):
    """A manifest that refers to `subject`, a digest. Returns its bytes and its descriptor."""
    raw = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "artifactType": kind, "config": described(b"{}", EMPTY_TYPE),
                      "layers": layers, "subject": {"mediaType": MANIFEST_TYPE, "digest": subject, "size": 1}}).encode()
    return raw, described(raw, MANIFEST_TYPE, artifactType=kind)


class Attachments:
    """Stores manifests that refer to images in a registry, as a client does where the registry has no API for them: each enters the
    index under the referrers tag. api: they are only kept for ReferrersProxy."""

    def __init__(self, registry, api=False):
        self.registry, self.api = registry, api
        self.lists = {}  # (repository, digest) -> descriptors

    def request(self, method, target, body=b"", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.registry.port, timeout=30)
        connection.request(method, target, body=body, headers=headers)
        response = connection.getresponse()
        response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {target}: {response.status}")
        return response

    def blob(self, repository, content):
        where = urllib.parse.urlsplit(self.request("POST", f"/v2/{repository}/blobs/uploads/").getheader("Location"))
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.request("PUT", f"{where.path}?{where.query}&digest={digest}", content)

    def manifest(self, repository, reference, raw, kind=MANIFEST_TYPE):
        self.request("PUT", f"/v2/{repository}/manifests/{reference}", raw, **{"Content-Type": kind})

    def attach(self, repository, digest, blobs, layers, subject=None, kind=BUNDLE_TYPE, listed=None, **more):
        """`listed`: the artifact type in the list, if another one. `more`: members of its entry."""
        for content in (b"{}", *blobs):
            self.blob(repository, content)
        raw, entry = artifact(layers, subject or digest, kind)
        self.manifest(repository, entry["digest"], raw)
        entries = self.lists.setdefault((repository, digest), [])
        entries.append({**entry, "artifactType": kind if listed is None else listed, **more})
        if not self.api:
            self.manifest(repository, digest.replace(":", "-"), index_of(entries), INDEX_TYPE)

    def attach_bundle(self, repository, digest, bundle, **how):
        content = bundle if isinstance(bundle, bytes) else json.dumps(bundle).encode()
        self.attach(repository, digest, [content], [described(content, BUNDLE_TYPE)], **how)


def index_of(entries):
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": entries}).encode()


class ReferrersProxy(FaultyProxy):
    """A registry with the referrers API, which docker-registry 2 lacks: lists what `attachments` has, one on a page."""

    def __init__(self, attachments, faults=()):
        self.attachments = attachments
        super().__init__(attachments.registry, faults)

    def forward(self, client, method, target, headers, body, fault):
        url = urllib.parse.urlsplit(target)
        if fault or "/referrers/" not in url.path:
            return super().forward(client, method, target, headers, body, fault)
        repository, digest = url.path.removeprefix("/v2/").split("/referrers/")
        entries = self.attachments.lists.get((repository, digest), [])
        page = int(urllib.parse.parse_qs(url.query).get("page", ["0"])[0])
        more = [("Link", f'<{url.path}?page={page + 1}>; rel="next"')] if page + 1 < len(entries) else []
        self.send(client, 200, [("Content-Type", INDEX_TYPE), *more], index_of(entries[page:page + 1]), method)
        return True
