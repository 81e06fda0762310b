"""Ordinary images with zstd:chunked layers, in a docker-registry: pushed by skopeo, or put there blob by blob with a table of contents
of the test's own."""

import http.client
import json
import os
import shutil
import struct

from lib_chunked import SKIPPABLE, unzstd
from lib_image import MANIFEST, Layout, sha256, to_json, zstd

NEW, OLD = "io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."


def archive(layer):
    """The bytes of a TarLayer, which end in exactly two zero blocks: skopeo 1.9.3 drops further ones, and with them the diffID."""
    size = layer.tar.offset
    return layer.bytes()[:size + 1024]


class Images:
    """Pushes images to a registry. No two pushes share the name of a repository, because skopeo remembers blobs."""

    def __init__(self, test, registry):
        self.test, self.registry = test, registry
        self.count = 0

    def layout(self, layers, **config):
        self.count += 1
        layout = Layout(self.test.path(f"layout{self.count}"))
        layout.image("t", [archive(layer) for layer in layers], "", **config)
        return layout

    def push(self, layers, compression="zstd:chunked", **config):
        """The name of an image of these layers (TarLayer), lowest first."""
        return self.copy(f"oci:{self.layout(layers, **config).directory}:t", compression)

    def copy(self, source, compression="zstd:chunked"):
        name = f"image{self.count}-{compression.replace(':', '-')}:t"
        self.test.must("skopeo", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false", "--dest-compress-format", compression,
                       source, self.registry.image(name))
        return name

    def derive(self, directory, top):
        """The image in a layout, tagged `t`, with one more layer."""
        self.count += 1
        derived = self.test.path(f"derived{self.count}")
        shutil.copytree(directory, derived)
        layout = Layout.__new__(Layout)
        layout.directory, layout.manifests = derived, []
        with open(os.path.join(derived, "index.json"), encoding="utf-8") as file:
            manifest = self.read(layout, json.load(file)["manifests"][0])
        config, data = self.read(layout, manifest["config"]), archive(top)
        config["rootfs"]["diff_ids"].append(sha256(data))
        manifest["layers"].append(layout.layer(data, ""))
        manifest["config"].update(layout.blob(to_json(config), manifest["config"]["mediaType"]))
        layout.tag(layout.blob(to_json(manifest), MANIFEST), "t")
        return self.copy(f"oci:{derived}:t")

    @staticmethod
    def read(layout, descriptor):
        with open(layout.blob_path(descriptor["digest"]), encoding="utf-8") as file:
            return json.load(file)

    def request(self, method, target, body=None, headers=()):
        connection = http.client.HTTPConnection(self.registry.host, timeout=30)
        connection.request(method, target, body=body, headers=dict(headers))
        answer = connection.getresponse()
        data = answer.read()
        location = answer.getheader("Location")
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {target}: {answer.status} {data[:300]}")
        return data, location

    def manifest(self, name):
        repository, tag = name.split(":")
        return json.loads(self.request("GET", f"/v2/{repository}/manifests/{tag}", headers={"Accept": MANIFEST}.items())[0])

    def blob(self, name, descriptor):
        return self.request("GET", f"/v2/{name.split(':')[0]}/blobs/{descriptor['digest']}")[0]

    def put_blob(self, repository, data):
        _, location = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"")
        target = location[location.index("/v2/"):]
        self.request("PUT", f"{target}{'&' if '?' in target else '?'}digest={sha256(data)}", data,
                     {"Content-Type": "application/octet-stream"}.items())

    def change(self, name, change):
        """A copy of the image whose layers are change(blob, descriptor) -> (blob, annotations)."""
        self.count += 1
        repository = f"changed{self.count}"
        manifest = self.manifest(name)
        self.put_blob(repository, self.blob(name, manifest["config"]))
        for layer in manifest["layers"]:
            blob, annotations = change(self.blob(name, layer), layer)
            layer.update(digest=sha256(blob), size=len(blob), annotations=annotations)
            self.put_blob(repository, blob)
        self.request("PUT", f"/v2/{repository}/manifests/t", to_json(manifest), {"Content-Type": MANIFEST}.items())
        return f"{repository}:t"


def location(annotations):
    """The position of the table: offset, size, uncompressed size."""
    for prefix in (NEW, OLD):
        if prefix + "manifest-position" in annotations:
            return [int(number) for number in annotations[prefix + "manifest-position"].split(":")][:3]
    raise RuntimeError(f"no table: {annotations}")


def skippable(data):
    return SKIPPABLE + struct.pack("<I", len(data)) + data


def with_table(blob, descriptor, change, prefixes=(OLD,), footer=40):
    """The layer with another table of contents, change(entries) in place of its own, and its annotations."""
    offset, size, uncompressed = location(descriptor["annotations"])
    table = json.loads(unzstd(blob[offset:offset + size], uncompressed))
    table["entries"] = change(table["entries"])
    table.pop("tarSplitDigest", None)
    text = json.dumps(table).encode()
    packed = zstd(text)
    numbers = [offset, len(packed), len(text), 1]
    foot = struct.pack("<4Q", *numbers) + (b"GnUlInUx" if footer == 40 else struct.pack("<3Q", 0, 0, 0) + b"GNUlInUx")
    annotations = {}
    for prefix in prefixes:
        annotations[prefix + "manifest-checksum"] = sha256(packed)
        annotations[prefix + "manifest-position"] = ":".join(str(number) for number in numbers)
    return blob[:offset - 8] + skippable(packed) + skippable(foot), annotations
