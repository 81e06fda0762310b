"""zstd:chunked layers taken apart by the annotations, the footer, the table of contents and the tar-split data alone.

Knows nothing of osb-oci: what is read here is what containers/storage describes. Every function raises Fault with what is
wrong.
"""

import base64
import ctypes
import hashlib
import json
import struct

from lib_image import zstd_library

NEW, OLD = "io.github.containers.zstd-chunked.", "io.containers.zstd-chunked."
SKIPPABLE = b"\x50\x2a\x4d\x18"
FOOTER_MAGIC = b"GNUlInUx"


class Fault(Exception):
    pass


def require(holds, what):
    if not holds:
        raise Fault(what)


def unzstd(data, size):
    """Frames, one after the other, that hold exactly `size` bytes."""
    library = zstd_library()
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    out = ctypes.create_string_buffer(size + 1)
    got = library.ZSTD_decompress(out, size + 1, data, len(data))
    require(not library.ZSTD_isError(got) and got == size, f"frames of {len(data)} bytes do not hold {size}")
    return out.raw[:size]


def crc64_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ 0xD800000000000000 if value & 1 else value >> 1
        table.append(value)
    return table


TABLE = crc64_table()


def crc64(data):
    """CRC-64/ISO as Go's hash/crc64 has it."""
    value, table = 0xFFFFFFFFFFFFFFFF, TABLE
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value ^ 0xFFFFFFFFFFFFFFFF


class Layer:
    """A blob and what its descriptor says of it."""

    def __init__(self, blob, annotations):
        self.blob = blob
        position = annotations[NEW + "manifest-position"]
        for name in ("manifest-position", "manifest-checksum"):
            require(annotations[NEW + name] == annotations[OLD + name], f"two values of {name}")
        self.toc_place = [int(number) for number in position.split(":")]
        self.split_place = [int(number) for number in annotations[NEW + "tarsplit-position"].split(":")]
        require(self.toc_place[3] == 1, "type of the table")
        compressed = self.skippable(self.toc_place)
        require("sha256:" + hashlib.sha256(compressed).hexdigest() == annotations[NEW + "manifest-checksum"],
                "checksum of the table")
        self.toc = json.loads(unzstd(compressed, self.toc_place[2]))
        self.check_footer()
        compressed = self.skippable(self.split_place)
        require("sha256:" + hashlib.sha256(compressed).hexdigest() == self.toc["tarSplitDigest"], "tarSplitDigest")
        self.split = [json.loads(line) for line in unzstd(compressed, self.split_place[2]).splitlines()]

    def skippable(self, place):
        offset, size = place[:2]
        head = self.blob[offset - 8:offset]
        require(head == SKIPPABLE + struct.pack("<I", size), f"no skippable frame of {size} bytes at {offset}")
        return self.blob[offset:offset + size]

    def check_footer(self):
        numbers = struct.unpack("<7Q8s", self.skippable([len(self.blob) - 64, 64]))
        require(numbers[7] == FOOTER_MAGIC, "magic of the footer")
        require(list(numbers[:7]) == self.toc_place + self.split_place, "the footer says something else")

    def entries(self):
        """[(entry, its chunks)]: an entry of several chunks is the first of them."""
        found, names = [], set()
        require(self.toc["version"] == 1, "version of the table")
        for entry in self.toc["entries"]:
            if entry["type"] == "chunk":
                require(found and found[-1][0]["name"] == entry["name"], f"{entry['name']}: a chunk by itself")
                found[-1][1].append(entry)
                continue
            require(entry["name"] not in names, f"{entry['name']} twice")
            names.add(entry["name"])
            found.append((entry, [entry]))
        return found

    def content(self, entry, chunks):
        """A file, each of its chunks decompressed alone."""
        parts, done = [], 0
        for number, chunk in enumerate(chunks):
            last = number == len(chunks) - 1
            end = entry["endOffset"] if last else chunks[number + 1]["offset"]
            size = chunk.get("chunkSize", entry["size"])
            require(chunk.get("chunkOffset", 0) == done, f"{entry['name']}: a gap between chunks")
            part = unzstd(self.blob[chunk["offset"]:end], size)
            if len(chunks) > 1:
                require(chunk["chunkDigest"] == "sha256:" + hashlib.sha256(part).hexdigest(),
                        f"{entry['name']}: digest of a chunk")
            if chunk.get("chunkType") == "zeros":
                require(not part.strip(b"\0"), f"{entry['name']}: zeros that are none")
            parts.append(part)
            done += size
        whole = b"".join(parts)
        require(len(whole) == entry["size"], f"{entry['name']}: size")
        require(entry["digest"] == "sha256:" + hashlib.sha256(whole).hexdigest(), f"{entry['name']}: digest")
        return whole

    def rebuild(self):
        """The archive, of the table's files and the tar-split data, as podman 5 makes it again to check the diffID."""
        files = {entry["name"]: (entry, chunks) for entry, chunks in self.entries()}
        tar, names = hashlib.sha256(), []
        for position, line in enumerate(self.split):
            require(line["position"] == position, "tar-split lines in order")
            if line["type"] == 2:
                tar.update(base64.b64decode(line["payload"], validate=True))
                continue
            require(line["type"] == 1, f"a tar-split line of type {line['type']}")
            names.append(line["name"])
            require(line["name"] in files, f"{line['name']} is not in the table")
            if not line.get("size"):
                continue
            content = self.content(*files[line["name"]])
            require(line["size"] == len(content), f"{line['name']}: size in the tar-split data")
            require(base64.b64decode(line["payload"]) == struct.pack(">Q", crc64(content)), f"{line['name']}: CRC-64")
            tar.update(content)
        require(names == list(files), "the table and the tar-split data name other entries")
        return "sha256:" + tar.hexdigest()
