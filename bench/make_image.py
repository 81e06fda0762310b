#!/usr/bin/env python3
"""Makes the image that the benchmarks read: about 1 GB in 35,000 files and four gzip layers, from this machine's /usr.

usage: make_image.py DIR [--bytes N] [--files N]

DIR becomes an OCI image layout with two tags: v1, and v2, which differs from v1 in a few files of the small top layer.
Which files are taken depends on their paths alone, so the same machine gives the same image.
"""

import argparse
import concurrent.futures
import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import stat
import sys
import tarfile

# Shares of the bytes, bottom layer first: a base system, a runtime, libraries, and the small top layer that a rebuild
# changes.
SHARES = (0.45, 0.30, 0.20, 0.05)
# Not what a distribution package would ship below /usr, or places that mean something to a deployment.
SKIPPED = ("/usr/local", "/usr/etc", "/usr/lib/modules", "/usr/share/factory", "/usr/lib/ostree-boot")
GZIP_LEVEL = 6
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64", "ppc64le": "ppc64le", "s390x": "s390x"}


def candidates():
    """(path, size) of every regular file and symlink below /usr that the image may hold."""
    for directory, subdirectories, names in os.walk("/usr"):
        subdirectories[:] = [s for s in subdirectories
                             if os.path.join(directory, s) not in SKIPPED and not s.startswith(".wh.")]
        for name in names + [s for s in subdirectories if os.path.islink(os.path.join(directory, s))]:
            path = os.path.join(directory, name)
            if name.startswith(".wh.") or not is_utf8(path):
                continue
            status = os.lstat(path)
            if stat.S_ISLNK(status.st_mode):
                yield path, 0
            elif stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK):
                yield path, status.st_size


def is_utf8(path):
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def choose(max_bytes, max_files):
    """Sorted paths: an even sample in which the average file is max_bytes / max_files bytes long, as in a real image."""
    files = sorted(candidates(), key=lambda item: (item[1], item[0]))
    wanted_average = max_bytes / max_files
    total = 0
    for index, (_, size) in enumerate(files):
        if total + size > wanted_average * (index + 1) and size > wanted_average:
            files = files[:index]  # the few giants above this would leave no room for ordinary files
            break
        total += size
    files.sort(key=lambda item: hashlib.sha256(item[0].encode()).digest())
    chosen, total = [], 0
    for path, size in files:
        if len(chosen) == max_files or total + size > max_bytes:
            break
        chosen.append((path, size))
        total += size
    return sorted(chosen)


def split(chosen):
    """The chosen paths in runs of neighbours, one a layer, with SHARES of the bytes."""
    total = sum(size for _, size in chosen)
    layers, limit, done = [[]], SHARES[0] * total, 0
    for path, size in chosen:
        if done + size > limit and len(layers) < len(SHARES):
            layers.append([])
            limit += SHARES[len(layers) - 1] * total
        layers[-1].append(path)
        done += size
    return layers


class Hashing(io.RawIOBase):
    """Passes what is written on to `below`, and hashes and counts it."""

    def __init__(self, below):
        super().__init__()
        self.below, self.hash, self.size = below, hashlib.sha256(), 0

    def writable(self):
        return True

    def write(self, data):
        self.hash.update(data)
        self.size += len(data)
        self.below.write(data)
        return len(data)

    @property
    def digest(self):
        return "sha256:" + self.hash.hexdigest()


def header(path):
    status = os.lstat(path)
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.mode, entry.mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
    entry.uid, entry.gid = status.st_uid, status.st_gid
    if stat.S_ISDIR(status.st_mode):
        entry.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(path)
    else:
        entry.size = status.st_size
    return entry


def parents(path):
    parts = path.split("/")
    return ["/".join(parts[:n]) for n in range(2, len(parts))]


def write_layer(layout, number, paths, changed):
    """One layer blob; the first `changed` regular files of it get another content. Returns what the manifest needs."""
    temporary = os.path.join(layout, f"layer-{number}.tmp")
    seen = set()
    with open(temporary, "wb") as out:
        blob = Hashing(out)
        with gzip.GzipFile("", "wb", GZIP_LEVEL, blob, mtime=0) as compressed:
            plain = Hashing(compressed)
            with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 16) as tar:
                for path in paths:
                    for directory in parents(path):
                        if directory not in seen:
                            seen.add(directory)
                            entry = header(os.path.realpath(directory))
                            entry.name = directory.lstrip("/")
                            tar.addfile(entry)
                    entry = header(path)
                    if not entry.isreg():
                        tar.addfile(entry)
                    elif changed > 0:
                        changed -= 1
                        with open(path, "rb") as content:
                            data = content.read() + b"\n# changed\n"
                        entry.size = len(data)
                        tar.addfile(entry, io.BytesIO(data))
                    else:
                        with open(path, "rb") as content:
                            tar.addfile(entry, content)
    os.rename(temporary, blob_path(layout, blob.digest))
    return {"digest": blob.digest, "size": blob.size, "diff_id": plain.digest, "plain": plain.size}


def blob_path(layout, digest):
    return os.path.join(layout, "blobs", "sha256", digest.split(":")[1])


def write_json(layout, value):
    data = json.dumps(value, sort_keys=True).encode()
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    with open(blob_path(layout, digest), "wb") as out:
        out.write(data)
    return {"digest": digest, "size": len(data)}


def write_image(layout, tag, layers):
    config = write_json(layout, {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()), "os": "linux",
        "created": "2024-01-01T00:00:00Z",
        "config": {"Labels": {"org.opencontainers.image.version": tag}},
        "rootfs": {"type": "layers", "diff_ids": [layer["diff_id"] for layer in layers]},
        "history": [{"created": "2024-01-01T00:00:00Z", "created_by": f"layer {n}"} for n in range(len(layers))],
    })
    manifest = write_json(layout, {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **config},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer["digest"],
                    "size": layer["size"]} for layer in layers],
    })
    return {"mediaType": "application/vnd.oci.image.manifest.v1+json", **manifest,
            "annotations": {"org.opencontainers.image.ref.name": tag}}


def make(layout, max_bytes, max_files):
    chosen = choose(max_bytes, max_files)
    shutil.rmtree(layout, ignore_errors=True)
    os.makedirs(os.path.join(layout, "blobs", "sha256"))
    parts = split(chosen)
    jobs = [(layout, n, paths, 0) for n, paths in enumerate(parts)] + [(layout, len(parts), parts[-1], 5)]
    with concurrent.futures.ProcessPoolExecutor() as pool:
        layers = list(pool.map(write_layer, *zip(*jobs)))
    v1, v2 = layers[:-1], layers[:-2] + layers[-1:]
    index = {"schemaVersion": 2, "manifests": [write_image(layout, "v1", v1), write_image(layout, "v2", v2)]}
    with open(os.path.join(layout, "oci-layout"), "w", encoding="ascii") as out:
        out.write('{"imageLayoutVersion":"1.0.0"}')
    facts = {"files": len(chosen), "bytes": sum(size for _, size in chosen),
             "layers": v1, "layers_v2": v2}
    with open(os.path.join(layout, "facts.json"), "w", encoding="ascii") as out:
        json.dump(facts, out, indent=1)
    # Last: an index says that the rest is complete.
    with open(os.path.join(layout, "index.json"), "w", encoding="ascii") as out:
        json.dump(index, out)
    return facts


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("dir")
    parser.add_argument("--bytes", type=int, default=10**9)
    parser.add_argument("--files", type=int, default=35000)
    options = parser.parse_args()
    facts = make(options.dir, options.bytes, options.files)
    print(f"{options.dir}: {facts['files']} files, {facts['bytes'] / 1e6:.0f} MB, layers of " +
          ", ".join(f"{layer['size'] / 1e6:.0f}" for layer in facts["layers"]) + " MB (gzip)", file=sys.stderr)


if __name__ == "__main__":
    main()
