"""Images made by hand: tar layers, and the documents of an OCI image layout around them."""

import ctypes
import ctypes.util
import gzip
import hashlib
import io
import json
import os
import platform
import tarfile

MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
ARCHITECTURE = MACHINES.get(platform.machine(), platform.machine())
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


class TarLayer:
    """A layer, entry by entry, in the order of the calls."""

    def __init__(self, format=tarfile.PAX_FORMAT):
        self.file = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.file, mode="w", format=format)

    def add(self, name, type=tarfile.REGTYPE, content=b"", mode=0o644, uid=0, gid=0, target="", xattrs=None,
            device=(0, 0)):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.uid, entry.gid, entry.linkname = type, mode, uid, gid, target
        entry.size, entry.devmajor, entry.devminor = len(content), *device
        # tarfile writes PAX values as UTF-8 with this error handler, so bytes pass as they are.
        entry.pax_headers = {f"SCHILY.xattr.{key}": value.decode("utf-8", "surrogateescape")
                             for key, value in (xattrs or {}).items()}
        self.tar.addfile(entry, io.BytesIO(content))
        return self

    def file_entry(self, name, content=b"", **how):
        return self.add(name, content=content, **how)

    def directory(self, name, mode=0o755, **how):
        return self.add(name, tarfile.DIRTYPE, mode=mode, **how)

    def symlink(self, name, target, **how):
        return self.add(name, tarfile.SYMTYPE, mode=0o777, target=target, **how)

    def hardlink(self, name, target):
        return self.add(name, tarfile.LNKTYPE, target=target)

    def whiteout(self, name):
        directory, base = os.path.split(name)
        return self.add(os.path.join(directory, ".wh." + base))

    def opaque(self, directory):
        return self.add(os.path.join(directory, ".wh..wh..opq"))

    def bytes(self):
        self.tar.close()
        return self.file.getvalue()


def zstd_library():
    name = ctypes.util.find_library("zstd") or "libzstd.so.1"
    library = ctypes.CDLL(name)
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    library.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
    library.ZSTD_compress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
    library.ZSTD_isError.argtypes = [ctypes.c_size_t]
    return library


def zstd(data, level=1):
    """One frame. The library is there, because osb-oci needs it; Python's own comes with 3.14."""
    library = zstd_library()
    out = ctypes.create_string_buffer(library.ZSTD_compressBound(len(data)))
    size = library.ZSTD_compress(out, len(out), data, len(data), level)
    if library.ZSTD_isError(size):
        raise RuntimeError("ZSTD_compress failed")
    return out.raw[:size]


COMPRESS = {"": lambda data: data, "gzip": lambda data: gzip.compress(data, 6, mtime=0), "zstd": zstd}


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def to_json(value):
    return json.dumps(value, sort_keys=True).encode()


class Layout:
    """An OCI image layout in a directory."""

    def __init__(self, directory):
        self.directory = directory
        self.manifests = []
        os.makedirs(os.path.join(directory, "blobs", "sha256"))
        self.write("oci-layout", to_json({"imageLayoutVersion": "1.0.0"}))

    def write(self, name, data):
        with open(os.path.join(self.directory, name), "wb") as out:
            out.write(data)

    def blob_path(self, digest):
        return os.path.join(self.directory, "blobs", *digest.split(":"))

    def blob(self, data, media_type, **members):
        """Stores a blob; returns its descriptor."""
        digest = sha256(data)
        self.write(os.path.join("blobs", "sha256", digest.split(":")[1]), data)
        return {"mediaType": media_type, "digest": digest, "size": len(data), **members}

    def config(self, diff_ids, **members):
        return self.blob(to_json({"architecture": ARCHITECTURE, "os": "linux", "created": "2024-01-01T00:00:00Z",
                                  "rootfs": {"type": "layers", "diff_ids": diff_ids}, **members}), CONFIG)

    def layer(self, tar, compression="gzip"):
        return self.blob(COMPRESS[compression](tar), LAYER + ("+" + compression if compression else ""))

    def manifest(self, config, layers, **members):
        return self.blob(to_json({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
                                  **members}), MANIFEST)

    def image(self, tag, tars, compression="gzip", **config):
        """An image of these uncompressed layers, lowest first, under a tag."""
        layers = [self.layer(tar, compression) for tar in tars]
        manifest = self.manifest(self.config([sha256(tar) for tar in tars], **config), layers)
        self.tag(manifest, tag)
        return manifest

    def tag(self, descriptor, tag):
        self.manifests.append({**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}})
        self.write_index()

    def write_index(self):
        self.write("index.json", to_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": self.manifests}))


def simple_layout(directory, files, tag="v1", compression="gzip"):
    """An image of one layer with these files: {path: content}."""
    layer = TarLayer()
    for path, content in files.items():
        layer.file_entry(path, content)
    layout = Layout(directory)
    layout.image(tag, [layer.bytes()], compression)
    return layout


def archive_of(layout, path):
    """The layout as an oci-archive."""
    with tarfile.open(path, "w") as tar:
        for name in sorted(os.listdir(layout.directory)):
            tar.add(os.path.join(layout.directory, name), name)
    return path
