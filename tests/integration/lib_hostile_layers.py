"""Layers of the catalogue, built byte by byte, and the encodings that each is tried in."""

import base64
import gzip
import json
import struct

from lib_image import LAYER, sha256, to_json, zstd
from lib_ordinary import NEW, OLD, skippable

ENCODINGS = ("", "gzip", "zstd", "zstd:chunked")
BLOCK = 512
END = bytes(2 * BLOCK)
KINDS = {b"0": "reg", b"1": "hardlink", b"2": "symlink", b"3": "char", b"4": "block", b"5": "dir", b"6": "fifo"}


def number(value, width):
    """A field of a header: octal, or base 256 for what has no room."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return bytes([0x80 if value >= 0 else 0xff]) + (value & (1 << 8 * (width - 1)) - 1).to_bytes(width - 1, "big")


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, target=b"", mtime=0, device=(0, 0), magic=b"ustar\x0000", checksum=None,
           **raw):
    """One block. raw: the bytes of a field in place of the number: mode, uid, gid, size, mtime."""
    fields = {"mode": raw.get("raw_mode", number(mode, 8)), "uid": raw.get("raw_uid", number(uid, 8)),
              "gid": raw.get("raw_gid", number(gid, 8)), "size": raw.get("raw_size", number(size, 12)),
              "mtime": raw.get("raw_mtime", number(mtime, 12))}
    block = name[:100].ljust(100, b"\0") + fields["mode"] + fields["uid"] + fields["gid"] + fields["size"] + fields["mtime"]
    block += b" " * 8 + kind + target[:100].ljust(100, b"\0") + magic + bytes(64) + number(device[0], 8) + number(device[1], 8)
    block = block.ljust(BLOCK, b"\0")
    total = sum(block) if checksum is None else checksum
    return block[:148] + b"%06o\0 " % total + block[156:]


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def pax_record(key, value):
    text = b" " + key + b"=" + value + b"\n"
    size = len(text)
    while size != len(text) + len(str(size)):
        size = len(text) + len(str(size))
    return str(size).encode() + text


def pax(records, kind=b"x"):
    data = b"".join(pax_record(key, value) for key, value in records)
    return header(b"pax", kind, len(data)) + padded(data)


def encoded(text):
    return text if isinstance(text, bytes) else text.encode()


class Tar:
    """An archive, entry by entry: parts are (header or content, bytes), and entries what a table of contents says of them."""

    def __init__(self):
        self.parts, self.entries = [], []

    def add(self, name, kind=b"0", content=b"", target=b"", records=(), **how):
        name, target, records = encoded(name), encoded(target), list(records)
        if len(name) > 100:
            records.append((b"path", name))
        if len(target) > 100:
            records.append((b"linkpath", target))
        if records:
            self.parts.append((None, pax(records)))
        self.parts.append((None, header(name, kind, how.pop("size", len(content)), target=target, **how)))
        entry = {"type": KINDS.get(kind, "reg"), "name": name.decode("utf-8", "replace"), "mode": how.get("mode", 0o644) & 0o7777,
                 "uid": how.get("uid", 0), "gid": how.get("gid", 0)}
        attributes = {key[13:].decode("utf-8", "replace"): base64.b64encode(value).decode() for key, value in records
                      if key.startswith(b"SCHILY.xattr.")}
        if attributes:
            entry["xattrs"] = attributes
        if target:
            entry["linkName"] = target.decode("utf-8", "replace")
        if content:
            entry.update(size=len(content), digest=sha256(content))
            self.parts.append((len(self.entries), content))
            self.parts.append((None, bytes(-len(content) % BLOCK)))
        self.entries.append(entry)
        return self

    def file(self, name, content=b"x", **how):
        return self.add(name, content=content, **how)

    def directory(self, name, mode=0o755, **how):
        return self.add(name, b"5", mode=mode, **how)

    def symlink(self, name, target, **how):
        return self.add(name, b"2", target=target, mode=0o777, **how)

    def hardlink(self, name, target, **how):
        return self.add(name, b"1", target=target, **how)

    def attributes(self, name, attributes, kind=b"0", **how):
        return self.add(name, kind, records=[(b"SCHILY.xattr." + key, value) for key, value in attributes], **how)

    def bytes(self):
        return b"".join(data for _, data in self.parts) + END


class Encoded:
    """A blob, the digest of its archive, and what a descriptor says of it."""

    def __init__(self, blob, diff_id, encoding, annotations=None):
        self.blob, self.diff_id = blob, diff_id
        kind = encoding.split(":", maxsplit=1)[0]
        self.descriptor = {"mediaType": LAYER + ("+" + kind if kind else ""), "digest": sha256(blob), "size": len(blob)}
        if annotations:
            self.descriptor["annotations"] = annotations


def encode(layer, encoding):
    """layer: a Tar, or the bytes of an archive."""
    archive = layer if isinstance(layer, bytes) else layer.bytes()
    if encoding == "zstd:chunked":
        return chunked(layer, archive)
    blob = {"": lambda: archive, "gzip": lambda: gzip.compress(archive, 1, mtime=0), "zstd": lambda: zstd(archive)}[encoding]()
    return Encoded(blob, sha256(archive), encoding)


def chunked(layer, archive):
    """A frame for each content, and a table. What is no Tar gets a table with a wrong digest: nobody could make a right one."""
    if isinstance(layer, bytes):
        blob, entries = zstd(archive), []
    else:
        blob, entries = b"", [dict(entry) for entry in layer.entries]
        for index, data in layer.parts:
            frame = zstd(data) if data else b""
            if index is not None:
                entries[index].update(offset=len(blob), endOffset=len(blob) + len(frame))
            blob += frame
        blob += zstd(END)
    text = json.dumps({"version": 1, "entries": entries}).encode()
    table = zstd(text)
    numbers = [len(blob) + 8, len(table), len(text), 1]
    checksum = sha256(table if entries else b"another")
    annotations = {}
    for prefix in (NEW, OLD):
        annotations[prefix + "manifest-checksum"] = checksum
        annotations[prefix + "manifest-position"] = ":".join(map(str, numbers))
    foot = struct.pack("<4Q", *numbers) + struct.pack("<3Q", 0, 0, 0) + b"GNUlInUx"
    return Encoded(blob + skippable(table) + skippable(foot), sha256(archive), "zstd:chunked", annotations)


def config_of(layers, **members):
    return to_json({"architecture": members.pop("architecture", None), "os": "linux",
                    "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]}, **members})
