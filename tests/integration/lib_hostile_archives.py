"""Rows 53 to 69 of the catalogue: the structure of archives and of compressed data."""

import bz2
import gzip
import lzma
import os
import random
import struct
import time
import zlib

from lib_harness import LONG, only_long
from lib_hostile import ACCEPT, REJECT, row
from lib_hostile_layers import BLOCK, END, Encoded, Tar, encode, header, number, padded, pax, pax_record
from lib_image import sha256, zstd
from lib_ordinary import skippable

LAYER = "layer 1 of 1"
MIB = 1 << 20


def raw_pax(data, kind=b"x", size=None):
    return header(b"pax", kind, len(data) if size is None else size) + padded(data)


def gnu_long(kind, data, size=None):
    return header(b"././@LongLink", kind, len(data) if size is None else size, magic=b"ustar  \0") + padded(data)


@row(53, "malformed extensions")
def malformed_extensions(bench):
    for data in (b"99 path=x\n", b"6 path\n", b"9 path=x", b"x path=y\n", b"-9 path=x\n", b"12 path=a\0b\n", b"05 a=b\n"):
        bench.layers(f"pax {data!r}", raw_pax(data) + header(b"x") + END, naming=LAYER)
    for what, data in (("a GNU long name with NUL inside", b"a\0b\0"), ("an empty GNU long name", b"\0"),
                       ("a GNU long name without size", b"")):
        bench.layers(what, gnu_long(b"L", data) + header(b"x", magic=b"ustar  \0") + END, naming=LAYER)
    bench.layers("pax without an entry", raw_pax(pax_record(b"path", b"x")) + END, naming=LAYER)
    bench.layers("two names", gnu_long(b"L", b"a\0") + raw_pax(pax_record(b"path", b"b")) + header(b"x") + END, naming=LAYER)


@row(54, "huge extensions, and global ones")
def huge_extensions(bench):
    bench.layers("1 GiB", raw_pax(b"1073741824 comment=", size=1 << 30) + bytes(4096), naming=LAYER)
    bench.layers("a GNU name of 1 GiB", gnu_long(b"L", b"n" * 100, 1 << 30) + bytes(4096), naming=LAYER)
    records = b"".join(pax_record(b"k%d" % value, b"v") for value in range(100_000))
    bench.layers("100,000 records", raw_pax(records) + header(b"x") + END, naming=LAYER)
    bench.layers("a global path", pax([(b"path", b"etc/x")], b"g") + header(b"x") + END, naming=LAYER)


def sparse(regions, real, data=b"", name=b"s"):
    """GNU's PAX format 1.0."""
    text = padded(b"%d\n" % len(regions) + b"".join(b"%d\n%d\n" % region for region in regions))
    records = [(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", name), (b"GNU.sparse.realsize", b"%d" % real)]
    return pax(records) + header(b"sparse", size=len(text) + len(data)) + text + padded(data)


def old_sparse(blocks):
    """An old GNU header that is followed by this many blocks of its map."""
    head = bytearray(header(b"s", b"S", magic=b"ustar  \0"))
    head[482] = 1
    head[483:495] = number(1 << 40, 12)
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    more = bytearray(BLOCK)
    for index in range(21):
        more[24 * index:24 * index + 12] = number(index, 12)
    more[504] = 1
    return bytes(head) + bytes(more) * blocks


@row(55, "maps of sparse files")
def sparse_maps(bench):
    bench.layers("a few regions", sparse([(0, 3), (512, 3)], 1024, b"onetwo") + END, ACCEPT,
                 tree={"s": b"one".ljust(512, b"\0") + b"two".ljust(512, b"\0")})
    bench.layers("10^7 regions, as it says", pax([(b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"), (b"GNU.sparse.name", b"s"),
                                                 (b"GNU.sparse.realsize", b"1")]) + header(b"s",
                                                                                           size=1 << 30) + padded(b"10000000\n0\n0\n"),
                 naming=LAYER)
    for what, regions, real in (("regions that overlap", [(0, 5), (2, 5)], 10), ("beyond the end", [(0, 100)], 10),
                                ("2^63", [((1 << 63) - 1, 5)], 10), ("not in order", [(5, 1), (0, 1)], 10)):
        bench.layers(what, sparse(regions, real, b"x" * 20) + END, naming=LAYER)
    bench.layers("a chain of the old form", old_sparse(50) + END, naming=LAYER)
    # The map of a million regions, in the old form: 24 MiB that compress well.
    layout = bench.image_of([Encoded(zstd(old_sparse(50_000)), sha256(b""), "zstd")])
    bench.refused(bench.places(layout)[1], "a chain of 24 MiB", naming=LAYER)
    bench.done_with(layout)


@row(56, "holes of 8 EiB")
def holes(bench):
    for real in ((1 << 63) - 1, 1 << 62, 1 << 39):
        bench.layers(f"{real} bytes", sparse([(0, 1)], real, b"x") + END, naming=LAYER)
    # Each is allowed; what all unpack to counts.
    archive = b"".join(sparse([], 300 * MIB, name=b"s%d" % value) for value in range(5)) + END
    layout = bench.image_of([encode(archive, "zstd")])
    bench.refused(bench.places(layout)[0], "holes of 1.5 GiB", naming="unpacks to more than 200 times its size and 16 MiB",
                  options=("--limits", "unpacked=16M"))
    bench.done_with(layout)


@row(57, "sizes of entries that are none")
def sizes(bench):
    for raw in (b"\x80" + bytes(3) + b"\x7f" + b"\xff" * 7, b"\xff" * 12, b"-0000000001\0", b"777777777777", b"\x80" + b"\xff" * 11,
                b"12z\0" + bytes(8)):
        bench.layers(f"{raw!r}", header(b"x", raw_size=raw) + END, naming=LAYER)
    for value in (b"-1", b"9223372036854775807", b"18446744073709551616", b"1e9", b" 1"):
        bench.layers(f"pax {value!r}", pax([(b"size", value)]) + header(b"x") + END, naming=LAYER)


@row(58, "10 MiB that unpack to 10 GiB")
def bombs(bench):
    """Members of 64 MiB each, so that they cost nothing to make."""
    head = header(b"zeros", size=10 << 30)
    zeros = bytes(64 * MIB)
    for encoding, compress in (("gzip", lambda data: gzip.compress(data, 9, mtime=0)), ("zstd", zstd),
                               ("bzip2", bz2.compress)):
        named = "gzip" if encoding == "bzip2" else encoding
        layout = bench.image_of([Encoded(compress(head) + compress(zeros) * 160, sha256(b""), named)])
        here, there = bench.places(layout)
        # limits.py has the bomb of zstd at the default limits, too; a GiB costs seconds.
        options = () if encoding == "gzip" or LONG else ("--limits", "unpacked=64M")
        attempt = bench.refused(here, encoding, naming="unpacks to more than 200 times its size", options=options)
        bench.expect(disk_use(bench.repo) < 64 * MIB, f"{disk_use(bench.repo)} bytes stay", attempt)
        bench.refused(there, f"{encoding}, a lower limit", naming="unpacks to more than 20 times",
                      options=("--limits", "ratio=20,unpacked=16M"))
        bench.done_with(layout)
    del zeros


def disk_use(top):
    return sum(os.lstat(os.path.join(directory, name)).st_blocks * 512 for directory, _, names in os.walk(top) for name in names)


@row(59, "gzip in gzip in gzip")
def nested(bench):
    archive = Tar().file("x").bytes()
    for depth, blob in ((2, gzip.compress(gzip.compress(archive))), (3, gzip.compress(gzip.compress(gzip.compress(archive)))),
                        ("zstd in", gzip.compress(zstd(archive))), ("gzip in zstd,", zstd(gzip.compress(archive)))):
        layout = bench.image_of([Encoded(blob, sha256(archive), "zstd" if blob[0] == 0x28 else "gzip")])
        for image in bench.places(layout):
            bench.refused(image, f"{depth} filters", naming=LAYER)
        bench.done_with(layout)


@row(60, "other formats under the name of gzip")
def other_formats(bench):
    archive = Tar().file("x").bytes()
    blobs = {"xz in xz": lzma.compress(lzma.compress(archive)), "lzma": lzma.compress(archive, lzma.FORMAT_ALONE),
             "bzip2 in bzip2": bz2.compress(bz2.compress(archive)),
             "zip": b"PK\x03\x04" + archive,
             "7zip": b"7z\xbc\xaf'\x1c" + archive, "rar": b"Rar!\x1a\x07\x01\x00" + archive, "lrzip": b"LRZI\x00\x06" + archive,
             "uuencode": b"begin 644 x\n#0V%T\n`\nend\n", "cpio": b"070701" + b"0" * 104 + b"x\0",
             "iso": bytes(32769) + b"CD001" + bytes(2000),
             "mtree": b"#mtree\nx type=file\n", "compress": b"\x1f\x9d\x90" + archive, "zlib": zlib.compress(archive),
             "shell": b"#!/bin/sh\nid\n"}
    for encoding in ("", "gzip", "zstd"):
        for name, blob in blobs.items():
            layout = bench.image_of([Encoded(blob, sha256(archive), encoding)])
            image = bench.places(layout)[bench.cases % 2]
            bench.refused(image, f"{name} as {encoding or 'tar'}", naming=LAYER)
            bench.done_with(layout)


def zstd_header(flags, *rest):
    return b"\x28\xb5\x2f\xfd" + bytes([flags]) + b"".join(rest)


def empty_members(count, archive):
    """Members, and blocks of a member, that hold nothing."""
    return gzip.compress(b"", mtime=0) * count + gzip.compress(archive)[:10] + b"\0\0\0\xff\xff" * count + gzip.compress(archive)[10:]


@row(62, "empty frames and members, dictionaries, checksums, windows")
def zstd_frames(bench):
    archive = Tar().file("x", b"in").bytes()
    cases = (("1,000,000 skippable frames", skippable(b"") * 1_000_000 + zstd(archive), ACCEPT),
             ("300,000 empty members and blocks of gzip", empty_members(300_000, archive), ACCEPT),
             ("a dictionary", zstd_header(0x23, struct.pack("<I", 7), bytes([len(archive) & 0xff]), b"\x01\0\0"), REJECT),
             ("a window of 2 GiB", zstd_header(0x00, b"\xa8", b"\x01\0\0"), REJECT),
             ("a wrong checksum", zstd_header(0x04, b"\x58", struct.pack("<I", len(archive) << 3 | 1)[:3], archive, b"\0\0\0\0"), REJECT),
             ("a reserved block", zstd_header(0x00, b"\x58", b"\x07\0\0"), REJECT),
             ("a skippable frame of 4 GiB", b"\x50\x2a\x4d\x18\xff\xff\xff\xff" + zstd(archive), REJECT))
    for what, blob, verdict in cases:
        layout = bench.image_of([Encoded(blob, sha256(archive), "gzip" if blob[0] == 0x1f else "zstd")])
        for image in bench.places(layout):
            if verdict == ACCEPT:
                attempt = bench.accepted(image, what)
            else:
                attempt = bench.refused(image, what, naming=LAYER)
            bench.expect(attempt.cpu < 10, f"{what}: {attempt.cpu:.1f} s", attempt)
        bench.done_with(layout)


@row(63, "several members and frames, which are legitimate")
def several_members(bench):
    archive = Tar().file("x", b"in" * 4000).file("y", b"last").bytes()
    cuts = [archive[:700], archive[700:5000], archive[5000:]]
    for encoding, compress in (("gzip", gzip.compress), ("zstd", zstd), ("bzip2", bz2.compress)):
        named = "gzip" if encoding == "bzip2" else encoding
        layout = bench.image_of([Encoded(b"".join(compress(piece) for piece in cuts), sha256(archive), named)])
        for image in bench.places(layout):
            bench.accepted(image, f"{encoding}: all of it")
        bench.done_with(layout)
        layout = bench.image_of([Encoded(b"".join(compress(piece) for piece in cuts), sha256(archive[:700]), encoding)])
        bench.refused(bench.places(layout)[0], f"{encoding}: the diffID of the first member", naming=LAYER)
        bench.done_with(layout)


@row(64, "bytes after the end")
def trailing(bench):
    archive = Tar().file("x", b"in").bytes()
    bench.layers("of the archive", archive + b"garbage" * 100, ACCEPT, tree={"x": b"in"})
    for encoding, packed in (("gzip", gzip.compress(archive)), ("zstd", zstd(archive))):
        layout = bench.image_of([Encoded(packed + b"garbage after the stream", sha256(archive), encoding)])
        for image in bench.places(layout):
            bench.refused(image, f"of the {encoding} stream", naming=LAYER)
        bench.done_with(layout)
    layout = bench.image_of([Encoded(archive + b"garbage", sha256(archive), "")])
    bench.refused(bench.places(layout)[0], "they count for the digest", naming=LAYER)
    bench.done_with(layout)


@row(65, "a second archive after the end of the first")
def smuggled(bench):
    bench.layers("never imported", Tar().file("x", b"in").bytes() + Tar().file("smuggled", b"in").bytes(), ACCEPT,
                 tree={"x": b"in", "smuggled": None})
    bench.layers("a single block of zeros between", Tar().file("x").bytes()[:-2 * BLOCK] + bytes(BLOCK) + Tar().file("smuggled").bytes(),
                 naming=LAYER)


def shares(bench, length):
    """Positions to spoil: all with OSB_LONG=1, else some that OSB_SEED selects."""
    if LONG:
        return range(length)
    if not hasattr(bench, "seed"):
        bench.seed = int(os.environ.get("OSB_SEED", time.time()))
        print(f"# OSB_SEED={bench.seed}")
        only_long("hostile_inputs.py, rows 66 and 67: every byte")
    return sorted(random.Random(bench.seed).sample(range(length), min(length, 12)))


@row(66, "a layer that ends early, at every byte")
def truncation(bench):
    """With the digest of what is left: the archive and the compression have to notice by themselves."""
    archive = Tar().file("x", b"in" * 20).symlink("s", "x").bytes()
    for encoding in ("", "gzip", "zstd"):
        whole = encode(archive, encoding).blob
        for length in shares(bench, len(whole)):
            # Without the end of an archive that ends between two entries the diffID decides.
            layout = bench.image_of([Encoded(whole[:length], sha256(archive), encoding)])
            bench.refused(bench.places(layout)[length % 2], f"{encoding or 'tar'} of {length} bytes", naming=LAYER)
            bench.done_with(layout)


@row(67, "a bit that is another, at every byte of every file")
def flipped(bench):
    for encoding in ("gzip", "zstd"):
        layout = bench.image_of([encode(Tar().file("x", b"in"), encoding)])
        good = bench.importing(bench.places(layout)[0])
        bench.judge(good, ACCEPT, "as it is")
        for directory, _, names in os.walk(layout.directory):
            for name in names:
                flip_file(bench, layout, os.path.join(directory, name), good.commit)
        bench.done_with(layout)


def flip_file(bench, layout, path, commit):
    with open(path, "rb") as file:
        original = file.read()
    is_document = not os.path.dirname(path).endswith("sha256")
    for position in shares(bench, len(original))[::1 if LONG else 4]:
        changed = bytearray(original)
        changed[position] ^= 1 << position % 8
        with open(path, "wb") as file:
            file.write(changed)
        what = f"byte {position} of {os.path.basename(path)[:12]}"
        # No digest covers white space and unused members of index.json: then the commit is the same.
        attempt = bench.importing(bench.places(layout)[0])
        if is_document and attempt.status == 0:
            bench.expect(attempt.commit == commit, f"{what}: another commit", attempt)
            bench.judge(attempt, ACCEPT, what)
        else:
            bench.judge(attempt, REJECT, what, status=(1, 3) if is_document else 3)
        if not is_document:
            image = bench.server.image(f"{layout.name}@{layout.manifests[0]['digest']}")
            bench.judge(bench.importing(image), REJECT, what + " in the registry", status=3)
    with open(path, "wb") as file:
        file.write(original)


@row(68, "gzip headers with every field")
def gzip_headers(bench):
    archive = Tar().file("x", b"in").bytes()
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    body = deflate.compress(archive) + deflate.flush() + struct.pack("<II", zlib.crc32(archive), len(archive))
    extra = struct.pack("<H", 65535) + bytes(65535)
    good = b"\x1f\x8b\x08\x1c" + bytes(6) + extra + b"n" * 65536 + b"\0" + b"c" * 65536 + b"\0"
    checked = b"\x1f\x8b\x08\x1e" + bytes(6) + extra + b"n\0c\0"
    cases = (("FEXTRA, FNAME, FCOMMENT of 64 KiB", good + body, ACCEPT),
             ("with FHCRC", checked + struct.pack("<H", zlib.crc32(checked) & 0xffff) + body, ACCEPT),
             ("a wrong FHCRC", checked + b"\0\0" + body, REJECT), ("reserved flags", b"\x1f\x8b\x08\xe0" + bytes(6) + body, REJECT),
             ("a name without end", b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 300_000, REJECT),
             ("another method", b"\x1f\x8b\x07\0" + bytes(6) + body, REJECT))
    for what, blob, verdict in cases:
        layout = bench.image_of([Encoded(blob, sha256(archive), "gzip")])
        for image in bench.places(layout):
            (bench.accepted if verdict == ACCEPT else bench.refused)(image, what)
        bench.done_with(layout)


@row(69, "a wrong checksum, a layer of zeros, and an empty one")
def empty_layers(bench):
    bench.layers("a wrong checksum", header(b"x", checksum=1) + END, naming=LAYER)
    bench.layers("no block", b"", ACCEPT)
    bench.layers("two blocks of zeros", END, ACCEPT)
    bench.layers("a block of zeros first", bytes(BLOCK) + header(b"x") + END, naming=LAYER)
    zeros = bytes(64 * MIB)
    layout = bench.image_of([Encoded(zstd(zeros) * 48, sha256(b""), "zstd")])
    bench.refused(bench.places(layout)[0], "3 GiB of zeros", naming=LAYER, options=("--limits", "unpacked=256M"))
    bench.done_with(layout)
