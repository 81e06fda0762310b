#!/usr/bin/env python3
"""Signatures as cosign 3 stores them: bundles in manifests that refer to the image, through the referrers tag and through the API.
openssl makes the signatures. An attestation by the same key, a damaged bundle and a failing registry accept nothing."""

import json
import os
import shutil

import lib_harness
from lib_faulty_proxy import Fault
from lib_image import simple_layout
from lib_registry import Registry
from lib_signatures import (ARTIFACT_TYPE, BUNDLE_TYPE, EMPTY_TYPE, INDEX_TYPE, INSECURE, MANIFEST_TYPE, PAYLOAD_TYPE, Attachments,
                            ReferrersProxy, Site, artifact, bundle_of, described, encoded, envelope, index_of, message_bundle,
                            openssl_signature, simple_payload, statement)

SLSA = "https://slsa.dev/provenance/v1"
BY_DIGEST = {"type": "matchDigest"}


class Case:
    """One image in a repository of its own, and the policies for it."""

    def __init__(self, site, name, api=False):
        self.site, self.test, self.name = site, site.test, name
        self.digest = site.publish(f"{name}:1", name.encode())
        self.image = site.image(f"{name}:1")
        self.reference = self.image.removeprefix("docker://")
        self.attachments = Attachments(site.registry, api)
        self.key = site.keys.path("site.key")
        self.digest_policy = site.policy("digest", site.signed_by("site", signedIdentity=BY_DIGEST))
        self.name_policy = site.policy("name", site.signed_by("site"))

    def attach(self, bundle, **how):
        self.attachments.attach_bundle(self.name, self.digest, bundle, **how)

    def signed(self, key="site", digest=None, predicate=None, **subject):
        """A bundle by the key. `digest`: of another image."""
        more = {"predicate": predicate} if predicate else {}
        return envelope(self.test, self.site.keys.path(key + ".key"), statement(digest or self.digest, **more, **subject))

    def verify(self, *options, key="site", image=None):
        return self.test.run(self.test.osb, "verify", INSECURE, *options, "--key", self.site.keys.path(key + ".pub"), image or self.image)

    def accepted(self, what):
        self.site.check(self.image, self.digest_policy, True, what, witness=False)
        self.test.check_status(self.verify(), 0, f"{what}: verify")

    def refused(self, what, naming=""):
        result, found = self.site.imported(self.image, self.digest_policy)
        self.test.check_refused(result, 4, what, naming)
        self.test.check(not found, f"{what}: nothing is in the repository", found)
        self.test.check_refused(self.verify(), 4, f"{what}: verify", "no signature")


def check_digest_alone(test, site):
    """cosign signs only the digest by default, so rules that compare names refuse."""
    case = Case(site, "plain")
    case.refused("not signed", "it is not signed")
    case.attach(case.signed())
    case.accepted("a bundle")
    for identity in ({}, *({"signedIdentity": one} for one in (
            {"type": "matchExact"}, {"type": "matchRepository"}, {"type": "exactReference", "dockerReference": case.reference},
            {"type": "exactRepository", "dockerRepository": case.reference.removesuffix(":1")}))):
        result, found = site.imported(case.image, site.policy("names", site.signed_by("site", **identity)))
        test.check_refused(result, 4, f"a bundle without a name under {identity}", "proves the digest only")
        test.check(not found, f"{identity}: nothing is in the repository", found)
    result = case.verify("--json")
    test.check(json.loads(result.stdout)["signatures"] == [{"identity": None, "timestamp": None}], "verify --json", result.describe())
    test.check("proves the digest only" in case.verify().stderr, "verify says what is proven", case.verify().describe())
    test.check_refused(case.verify(key="other"), 4, "verify with another key")
    result, _ = site.imported(case.image, case.digest_policy, "--require-signature")
    test.check_status(result, 0, "--require-signature")
    other = site.policy("others", site.signed_by("other", signedIdentity=BY_DIGEST))
    result, _ = site.imported(case.image, other)
    test.check_refused(result, 4, "a policy with another key", "no signature is by a key")
    for verb in (("inspect",), ("inspect", "--raw"), ("pull", "--repo", test.init_repo("pulled"), "--ref", "x")):
        result = test.run(test.osb, *verb, INSECURE, "--policy", other, case.image)
        test.check_refused(result, 4, f"{verb[0]} under a policy with another key", "no signature is by a key")
    test.check_status(test.run(test.osb, "inspect", INSECURE, "--policy", case.digest_policy, case.image), 0, "inspect")
    test.check(not site.skopeo_accepts(case.image, case.digest_policy)[0], "skopeo refuses the policy, whose rule it does not know")


def check_named(test, site):
    """`cosign sign -a docker-reference=NAME`, and statements whose subject has a name."""
    for name, subject in (("annotated", lambda reference: {"annotations": {"docker-reference": reference, "more": [1]}}),
                          ("subject", lambda reference: {"name": reference})):
        case = Case(site, name)
        case.attach(case.signed(**subject(case.reference)))
        site.check(case.image, case.name_policy, True, f"{name}: the default rule", witness=False)
        test.must("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", case.image, site.image(f"{name}:2"))
        site.check(site.image(f"{name}:2"), case.name_policy, False, f"{name}: another tag", witness=False)
        repository = site.policy("repository", site.signed_by("site", signedIdentity={"type": "matchRepository"}))
        site.check(site.image(f"{name}:2"), repository, True, f"{name}: another tag under matchRepository", witness=False)
        result = json.loads(case.verify("--json").stdout)
        test.check(result["signatures"] == [{"identity": case.reference, "timestamp": None}], f"{name}: verify shows the name", result)
    case = Case(site, "two-names")
    case.attach(case.signed(name=case.reference, annotations={"docker-reference": case.reference + "2"}))
    case.refused("two names that differ", "two names")


def check_wrong(test, site):
    """Bundles that are not signatures of this image by this key. A right one beside them counts."""
    other = site.publish("victim:1", b"victim")
    good = json.dumps(Case(site, "wrong").signed()).encode()
    damaged = json.loads(good)
    damaged["dsseEnvelope"]["payload"] = encoded(statement(other))
    for what, bundle, naming in (
            ("by another key", lambda case: case.signed("other"), "no signature is by a key"),
            ("of another image", lambda case: case.signed(digest=other), "another image"),
            ("of an attestation", lambda case: case.signed(predicate=SLSA), "attestation"),
            ("with a changed payload", lambda case: damaged, "no signature is by a key"),
            ("with another payload type", lambda case: envelope(test, case.key, statement(case.digest), "application/json"), "skipped"),
            ("whose type was changed", lambda case: {**case.signed(), "mediaType": "application/vnd.dev.sigstore.bundle.v0.9+json"},
             "media type"),
            ("that is not JSON", lambda case: b"{", "not valid JSON"),
            ("with a duplicate key", lambda case: good.replace(b'{"mediaType"', b'{"mediaType": "x", "mediaType"', 1), "appears twice"),
            ("that is too large", lambda case: good + b" " * (256 * 1024), "the limit is 262144"),
            ("without a content", lambda case: bundle_of({}), "dsseEnvelope"),
            ("of a certificate", lambda case: bundle_of({"dsseEnvelope": case.signed("other")["dsseEnvelope"]},
                                                        certificate={"rawBytes": "eA=="}), "no signature is by a key")):
        case = Case(site, "wrong-" + what.replace(" ", "-").lower())
        case.attach(bundle(case))
        case.refused(f"a bundle {what}", naming)
        case.attach(case.signed())
        case.accepted(f"a right bundle beside one {what}")
    # The list says that it is an attestation: it is not fetched. Saying otherwise makes it no signature.
    for listed in (SLSA, "https://sigstore.dev/cosign/sign/v1"):
        case = Case(site, "attested-" + listed.split("/")[2].replace(".", "-"))
        case.attach(case.signed(predicate=SLSA), annotations={"dev.sigstore.bundle.predicateType": listed})
        case.refused(f"an attestation, listed as {listed}")
    # It is about this image, but its manifest refers to another one.
    case = Case(site, "elsewhere")
    case.attach(case.signed(), subject=other)
    case.refused("a bundle whose manifest refers to another image", "it is not signed")


def check_forms(test, site):
    """Messages, the older payload, and lists by older libraries."""
    case = Case(site, "message")
    manifest = test.must("skopeo", "inspect", INSECURE, "--raw", case.image).encode()
    case.attach(message_bundle(test, site.keys.path("other.key"), manifest))
    case.refused("the signature of the manifest by another key", "no signature is by a key")
    case.attach(message_bundle(test, case.key, b"another text"))
    case.refused("the signature of another text")
    case.attach(message_bundle(test, case.key, manifest))
    case.accepted("the signature of the manifest itself")
    for listed in (EMPTY_TYPE, ""):
        case = Case(site, f"listed{len(listed)}")
        case.attach(case.signed(), listed=listed)
        case.accepted(f"a bundle that is listed as {listed!r}")
    case = Case(site, "payload")
    payload = simple_payload(case.digest, case.reference)
    annotations = {"dev.cosignproject.cosign/signature": encoded(openssl_signature(test, case.key, payload))}
    case.attachments.attach("payload", case.digest, [payload], [described(payload, PAYLOAD_TYPE, annotations=annotations)],
                            kind=ARTIFACT_TYPE)
    case.accepted("the older payload through the referrers")
    site.check(case.image, case.name_policy, True, "and its name", witness=False)
    site.check(site.image("payload@" + case.digest), case.name_policy, True, "by its digest", witness=False)


def check_beside_tag(test, site):
    """Signatures in both places."""
    for by_tag, by_bundle in (("other", "site"), ("site", "other")):
        case = Case(site, f"both-{by_tag}")
        test.check_status(site.sign(f"{case.name}:1", by_tag), 0, "sign")
        case.attach(case.signed(by_bundle))
        case.accepted(f"the key {by_tag} by tag and {by_bundle} in a bundle")
    both = site.policy("both", site.signed_by("site", signedIdentity=BY_DIGEST) + site.signed_by("other", signedIdentity=BY_DIGEST))
    site.check(case.image, both, True, "a requirement for each of them", witness=False)
    # A bundle is no reason not to sign, because podman does not see it.
    case = Case(site, "sign-again")
    case.attach(case.signed(name=case.reference))
    result = json.loads(test.must(test.osb, "sign", "--json", INSECURE, "--key", case.key, case.image))
    test.check(result["manifests"][0]["added"], "sign adds a signature beside a bundle", result)
    test.check(len(json.loads(case.verify("--json").stdout)["signatures"]) == 2, "verify counts both")


def check_requirements(test, site):
    case = Case(site, "requirements")
    case.attach({**case.signed(), "verificationMaterial": {"publicKey": {"hint": "x"}, "tlogEntries": [{"logIndex": "1"}]}})
    case.accepted("a bundle with an entry of a log")
    key = site.keys.path("site.pub")
    data = encoded(b"key")
    for member, value in (("rekorPublicKeyPath", key), ("rekorPublicKeyPaths", [key]), ("rekorPublicKeyData", data),
                          ("rekorPublicKeyDatas", [data]), ("fulcio", {"caPath": key, "oidcIssuer": "x", "subjectEmail": "y"})):
        result, found = site.imported(case.image, site.policy("more", site.signed_by("site", signedIdentity=BY_DIGEST, **{member: value})))
        test.check_refused(result, 4, f"a policy with {member}", f"'{member}'")
        test.check(not found, f"{member}: nothing is in the repository", found)


def check_api(test, site):
    """The referrers API, in pages; what is fetched; failures."""
    case = Case(site, "api", api=True)
    with ReferrersProxy(case.attachments) as proxy:
        image = proxy.image("api:1")
        result, _ = site.imported(image, case.digest_policy)
        test.check_refused(result, 4, "the API: no referrers", "it is not signed")
        for bundle in (case.signed("other"), case.signed(predicate=SLSA)):
            case.attach(bundle)
        result, _ = site.imported(image, case.digest_policy)
        test.check_refused(result, 4, "the API: no right bundle", "attestation")
        (layer,) = json.loads(test.must("skopeo", "inspect", INSECURE, "--raw", case.image))["layers"]
        fetched = [target for method, target, _ in proxy.requests if method == "GET" and layer["digest"] in target]
        test.check(not fetched, "no layer was fetched before a refusal", fetched)
        case.attach(case.signed())
        result, found = site.imported(image, case.digest_policy)
        test.check(result.status == 0 and found, "the API: a right bundle on the last page", result.describe())
    for what, part, is_list in (("the list", "/referrers/", True), ("the manifest of a bundle", "/manifests/sha256:", False),
                                ("a bundle", "/blobs/" + described(json.dumps(bundle).encode(), "")["digest"], False)):
        # The client repeats a request after 500, for 15 seconds, but not after 501.
        for status in (500, 403) if is_list else (501, 403):
            with ReferrersProxy(case.attachments, [Fault("status", part=part, status=status)]) as proxy:
                image = proxy.image("api:1")
                result, found = site.imported(image, case.digest_policy)
                test.check_refused(result, 5, f"{what} fails with {status}")
                test.check(not found, f"{what} fails with {status}: nothing is in the repository", found)
                if status == 403:
                    test.check_refused(case.verify(image=image), 5, f"{what} fails with {status}: verify")
    # A signature that was found stays one.
    test.check_status(site.sign("api:1"), 0, "sign")
    with ReferrersProxy(case.attachments, [Fault("status", part="/referrers/", status=403)]) as proxy:
        result = case.verify(image=proxy.image("api:1"))
        test.check(result.status == 0 and "not all signatures are read" in result.stderr, "verify warns of a list that fails",
                   result.describe())
    # The tag in the place of the API.
    tagged = Case(site, "tag-fails")
    with ReferrersProxy(tagged.attachments, [Fault("status", part="/referrers/", status=404),
                                             Fault("status", part="/manifests/sha256-" + tagged.digest[7:], status=501)]) as proxy:
        result, _ = site.imported(proxy.image("tag-fails:1"), tagged.digest_policy)
        test.check_refused(result, 5, "the referrers tag fails with 501")


def add_to_layout(layout, contents):
    for content in contents:
        with open(os.path.join(layout, "blobs/sha256", described(content, "")["digest"][7:]), "wb") as file:
            file.write(content)


def check_layout(test, site):
    """Referrers in a layout: entries of index.json, or of the index that the referrers tag names."""
    policy = site.policy("layout", site.signed_by("site", signedIdentity=BY_DIGEST), transport="oci")
    key = site.keys.path("site.key")
    for form in ("entry", "bare entry", "index"):
        layout = test.path("layout-" + form.replace(" ", "-"))
        simple_layout(layout, {"usr/file": form.encode()})
        path = os.path.join(layout, "index.json")
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        (image,) = document["manifests"]
        for name in (f"oci:{layout}:v1", f"oci:{layout}"):
            result, _ = site.imported(name, policy)
            test.check_refused(result, 4, f"a layout without signatures ({form})", "it is not signed")
        bundle = json.dumps(envelope(test, key, statement(image["digest"]))).encode()
        raw, entry = artifact([described(bundle, BUNDLE_TYPE)], image["digest"])
        listed = index_of([entry])
        add_to_layout(layout, [b"{}", bundle, raw, listed])
        document["manifests"].append({
            "entry": entry, "bare entry": described(raw, MANIFEST_TYPE),
            "index": described(listed, INDEX_TYPE, annotations={
                "org.opencontainers.image.ref.name": image["digest"].replace(":", "-")})}[form])
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        for name in (f"oci:{layout}:v1", f"oci:{layout}"):
            result, found = site.imported(name, policy)
            test.check(result.status == 0 and found, f"a layout with a bundle ({form}): accepted", result.describe())
        test.check_status(test.run(test.osb, "verify", "--key", site.keys.path("site.pub"), f"oci:{layout}:v1"), 0, f"verify ({form})")
        # The bundle of one image does not sign another one.
        other = test.path("other-layout")
        shutil.rmtree(other, ignore_errors=True)
        simple_layout(other, {"usr/file": b"other"})
        with open(os.path.join(other, "index.json"), encoding="utf-8") as file:
            document["manifests"][0] = json.load(file)["manifests"][0]
        shutil.copytree(os.path.join(layout, "blobs"), os.path.join(other, "blobs"), dirs_exist_ok=True)
        with open(os.path.join(other, "index.json"), "w", encoding="utf-8") as file:
            json.dump(document, file)
        result, _ = site.imported(f"oci:{other}:v1", policy)
        test.check_refused(result, 4, f"a bundle of another image in the layout ({form})", "it is not signed")


def main(test):
    test.need("skopeo", "openssl", "docker-registry")
    with Registry(test) as registry:
        site = Site(test, registry)
        for check in (check_digest_alone, check_named, check_wrong, check_forms, check_beside_tag, check_requirements, check_api,
                      check_layout):
            check(test, site)


lib_harness.run(main)
