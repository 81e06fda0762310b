"""What a disk with a volatile cache may hold after a power cut: everything up to a flush, and any part of what was written after it.

QEMU's driver blklogwrites records what a guest writes, in the format of the kernel's device-mapper target log-writes. From such a
record and the disk as it was before, states() makes disks as they may be found after a cut at any moment.
"""

import os
import struct

from lib_powercut import copy_disk

SECTOR = 512
BLOCK = 4096  # what a disk writes as a whole, or not at all; larger writes may be torn between blocks
MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8


def drive(disk, log, append):
    """An option -drive for a disk whose writes are recorded."""
    return (f"driver=blklogwrites,file.driver=file,file.filename={disk},log.driver=file,log.filename={log},"
            f"log-append={'on' if append else 'off'},if=virtio,cache=writeback")


def read_log(path):
    """[(kind, first byte, data)]: kind is "write" or "flush", in the order of the record."""
    found = []
    with open(path, "rb") as log:
        magic, version, entries, sector = struct.unpack("<QQQI", log.read(28))
        if magic != MAGIC or version != 1:
            raise ValueError(f"{path}: not a record of writes")
        at = sector
        for _ in range(entries):
            log.seek(at)
            first, count, flags, _ = struct.unpack("<QQQQ", log.read(32))
            at += sector
            if count and not flags & DISCARD:  # QEMU leaves what is discarded as it was
                log.seek(at)
                found.append(("write", first * sector, log.read(count * sector)))
                at += count * sector
            if flags & (FLUSH | FUA):
                found.append(("flush", 0, b""))
    return found


def apply(file, kind, first, data):
    if kind == "write":
        file.seek(first)
        file.write(data)


def pieces(data):
    """[(offset, part)] of what may reach the disk on its own."""
    return [(offset, data[offset:offset + BLOCK]) for offset in range(0, len(data), BLOCK)]


def states(base, log, target, chance, count):
    """Writes `count` disks to `target`, one after the other, and yields a description of each: at random places of the record, in order;
    what was flushed before is there, of the rest a random part."""
    entries = read_log(log)
    places = sorted(chance.randrange(len(entries) + 1) for _ in range(count))
    durable, done = target + ".durable", 0
    copy_disk(base, durable)
    try:
        for place in places:
            flushed = max((i for i in range(place) if entries[i][0] == "flush"), default=-1) + 1
            with open(durable, "r+b") as file:
                for entry in entries[done:flushed]:
                    apply(file, *entry)
            done = max(done, flushed)
            copy_disk(durable, target)
            lost = kept = 0
            share = chance.choice((0.1, 0.5, 0.5, 0.9))
            with open(target, "r+b") as file:
                for kind, first, data in entries[flushed:place]:
                    if kind != "write":
                        continue
                    for offset, part in pieces(data):
                        if chance.random() < share:
                            apply(file, kind, first + offset, part)
                            kept += 1
                        else:
                            lost += 1
            yield f"at write {place} of {len(entries)}, {kept} blocks kept and {lost} lost of those after the last flush"
    finally:
        os.unlink(durable)
