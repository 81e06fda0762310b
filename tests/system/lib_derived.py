"""Images that are another image and a layer or two on top, written by hand: quick, and without a container engine.

    image = derive("oci:base:v1", test.path("images"), "v2", [TarLayer().file_entry("usr/share/x", b"new")], version="2")
"""

import gzip
import json
import os
import shutil
import tarfile
import time

from lib_image import LAYER, MANIFEST, TarLayer, sha256, to_json

# Of v1, in seconds since 1970; each later version of a test is newer by what it says.
CREATED = 1700000000


def parts(image):
    """(directory, tag) of "oci:DIRECTORY:TAG"."""
    _, directory, tag = image.split(":")
    return directory, tag


def read_blob(directory, digest):
    with open(os.path.join(directory, "blobs", *digest.split(":")), "rb") as file:
        return file.read()


def manifest_of(image):
    """(digest, manifest) of an image in a layout."""
    directory, tag = parts(image)
    with open(os.path.join(directory, "index.json"), "rb") as file:
        entries = json.load(file)["manifests"]
    (entry,) = [e for e in entries if e["annotations"]["org.opencontainers.image.ref.name"] == tag]
    return entry["digest"], json.loads(read_blob(directory, entry["digest"]))


def read_file(image, path):
    """The content of a regular file, as the uppermost layer has it that has it at all."""
    directory, _ = parts(image)
    for layer in reversed(manifest_of(image)[1]["layers"]):
        with tarfile.open(os.path.join(directory, "blobs", *layer["digest"].split(":")), "r:*") as tar:
            for member in tar:
                if member.isreg() and os.path.normpath(member.name) == path:
                    return tar.extractfile(member).read()
    raise KeyError(f"{image} has no file {path}")


def names_in(image):
    """Names of all files in all layers."""
    directory, _ = parts(image)
    found = set()
    for layer in manifest_of(image)[1]["layers"]:
        with tarfile.open(os.path.join(directory, "blobs", *layer["digest"].split(":")), "r:*") as tar:
            found.update(os.path.normpath(member.name) for member in tar)
    return found


def share_blob(source, target, digest):
    """Blobs are never changed, so a link does; a copy where the filesystems differ."""
    old, new = (os.path.join(directory, "blobs", *digest.split(":")) for directory in (source, target))
    if os.path.exists(new):
        return
    try:
        os.link(old, new)
    except OSError:
        shutil.copy(old, new)


def put_blob(directory, data, media_type):
    digest = sha256(data)
    with open(os.path.join(directory, "blobs", *digest.split(":")), "wb") as file:
        file.write(data)
    return {"mediaType": media_type, "digest": digest, "size": len(data)}


def tag_manifest(directory, tag, descriptor):
    path = os.path.join(directory, "index.json")
    index = {"schemaVersion": 2, "manifests": []}
    if os.path.exists(path):
        with open(path, "rb") as file:
            index = json.load(file)
    key = "org.opencontainers.image.ref.name"
    index["manifests"] = [e for e in index["manifests"] if e["annotations"][key] != tag]
    index["manifests"].append({**descriptor, "annotations": {key: tag}})
    with open(path, "wb") as file:
        file.write(to_json(index))


def derive(base, directory, tag, layers, version=None, age=0, level=1):
    """Adds an image to the layout in `directory` (made when missing): "oci:DIRECTORY:TAG". Each layer is a TarLayer. `age`: seconds
    that the image is newer than CREATED."""
    source, _ = parts(base)
    _, manifest = manifest_of(base)
    os.makedirs(os.path.join(directory, "blobs", "sha256"), exist_ok=True)
    with open(os.path.join(directory, "oci-layout"), "wb") as file:
        file.write(to_json({"imageLayoutVersion": "1.0.0"}))
    for layer in manifest["layers"]:
        share_blob(source, directory, layer["digest"])
    config = json.loads(read_blob(source, manifest["config"]["digest"]))
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(CREATED + age))
    for layer in layers:
        data = layer.bytes() if isinstance(layer, TarLayer) else layer
        manifest["layers"].append(put_blob(directory, gzip.compress(data, level, mtime=0), LAYER + "+gzip"))
        config["rootfs"]["diff_ids"].append(sha256(data))
        config.setdefault("history", []).append({"created": created, "created_by": "test"})
    config["created"] = created
    if version is not None:
        config.setdefault("config", {}).setdefault("Labels", {})["org.opencontainers.image.version"] = version
    manifest["config"] = put_blob(directory, to_json(config), manifest["config"]["mediaType"])
    tag_manifest(directory, tag, put_blob(directory, to_json(manifest), MANIFEST))
    return f"oci:{directory}:{tag}"
