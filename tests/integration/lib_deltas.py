"""Deltas as a registry has them: read, and replaced by other documents. All are those of its repository "os"."""

import hashlib
import json
import os

INSECURE = "--tls-verify=false"
TYPE = "application/vnd.osb-oci.ostree.static-delta.v1"


def deltas_of(test, registry, digest):
    """The entries of deltas under the referrers tag of an image."""
    name = registry.image("os").split("docker://")[1]
    raw = test.run("skopeo", "inspect", "--raw", INSECURE, f"docker://{name}:{digest.replace(':', '-')}")
    if raw.status != 0:
        return []
    return [entry for entry in json.loads(raw.stdout)["manifests"] if entry["artifactType"] == TYPE]


def put(test, registry, reference, document, kind):
    path = test.path("document.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(document, file)
    test.must("curl", "-sf", "-X", "PUT", "-H", f"Content-Type: application/vnd.oci.image.{kind}.v1+json", "--data-binary", f"@{path}",
              f"http://{registry.host}/v2/os/manifests/{reference}")
    with open(path, "rb") as file:
        return f"sha256:{hashlib.sha256(file.read()).hexdigest()}", os.path.getsize(path)


def replace_deltas(test, registry, subject, deltas):
    """Stores these manifests, and an index of referrers with nothing but them."""
    listed = []
    for manifest, entry in deltas:
        text = json.dumps(manifest).encode()
        digest, size = put(test, registry, f"sha256:{hashlib.sha256(text).hexdigest()}", manifest, "manifest")
        listed.append(dict(entry, digest=digest, size=size))
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": listed}
    put(test, registry, subject.replace(":", "-"), index, "index")
