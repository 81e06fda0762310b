"""Hand-made layers, one case for each rule of layer.md; used by import_matches_umoci.py."""

import io
import tarfile

from lib_image import TarLayer

LONG = "long-" + "n" * 120  # more than the 100 bytes of a ustar name
DEEP = "/".join(["deep" + "d" * 60] * 5) + "/end"  # more than ustar's 255 in all


def base():
    """What the cases build on: directories, files and links to hide, replace, and write through."""
    layer = TarLayer()
    layer.directory("./", mode=0o755)
    for name in ("etc", "usr", "usr/lib", "usr/bin", "var", "d", "d/sub", "o", "o/sub", "swap-d", "gone-d"):
        layer.directory(name)
    for name in ("etc/passwd", "usr/lib/libc.so", "usr/bin/tool", "d/one", "d/two", "d/sub/three", "o/one", "o/sub/two",
                 "swap-d/inside", "swap-f", "gone-d/inside", "gone-f", "kept"):
        layer.file_entry(name, f"base {name}\n".encode())
    layer.symlink("lib", "usr/lib").symlink("bin", "/usr/bin").symlink("swap-l", "kept").symlink("gone-l", "kept")
    layer.symlink("up", "../../../../usr").symlink("chain", "chain2").symlink("chain2", "/up/lib")
    return layer.bytes()


def directory_metadata():
    return (TarLayer().directory("d", mode=0o2750, uid=12, gid=34, xattrs={"user.dir": b"later"})
            .directory("var", mode=0o1777).bytes())


def whiteouts():
    return (TarLayer().whiteout("gone-f").whiteout("gone-d").whiteout("gone-l").whiteout("never-was")
            .whiteout("d/sub").bytes())


def whiteout_beside_what_it_names():
    """A layer may hold a path and the whiteout of the path below it, in either order."""
    return (TarLayer().whiteout("gone-f").file_entry("gone-f", b"new\n")
            .file_entry("gone-l", b"new, before its whiteout\n").whiteout("gone-l")
            .whiteout("gone-d").directory("gone-d", mode=0o700).file_entry("gone-d/other", b"x").bytes())


def opaque_first():
    return TarLayer().directory("o", mode=0o711).opaque("o").file_entry("o/new", b"new\n").directory("o/sub").bytes()


def opaque_last():
    return (TarLayer().directory("o").file_entry("o/new", b"new\n").directory("o/sub").file_entry("o/sub/new", b"n")
            .opaque("o").bytes())


def replacements():
    """File, directory and link take each other's place."""
    return (TarLayer().directory("swap-f").file_entry("swap-f/inside", b"in what was a file\n")
            .symlink("swap-d", "swap-f").directory("swap-l", mode=0o700)
            .file_entry("d/one", b"replaced\n", mode=0o600, uid=1).symlink("d/two", "one").bytes())


def through_links():
    """Writes through links of the layer below land inside the root."""
    return (TarLayer().file_entry("lib/new.so", b"in usr/lib\n").file_entry("bin/new", b"in usr/bin\n", mode=0o755)
            .file_entry("up/share-file", b"in usr\n").file_entry("chain/by-chain", b"in usr/lib\n")
            .whiteout("lib/libc.so").bytes())


def hard_links():
    """In the layer, to the layer below, to a link, through a link."""
    return (TarLayer().file_entry("h-one", b"linked\n", mode=0o640, uid=7).hardlink("h-two", "h-one")
            .hardlink("h-below", "usr/bin/tool").hardlink("h-absolute", "/kept")
            .hardlink("h-through", "lib/libc.so").hardlink("h-link", "swap-l").bytes())


def attributes():
    capability = bytes.fromhex("0100000200040000000000000000000000000000")
    return (TarLayer().file_entry("setuid", b"x", mode=0o4755).file_entry("setgid", b"x", mode=0o2755)
            .file_entry("no-mode", b"x", mode=0).file_entry("owner", b"x", uid=4_000_000_000, gid=3_000_000_000)
            .file_entry("capable", b"x", mode=0o755, xattrs={"security.capability": capability})
            .file_entry("user", b"x",
                        xattrs={"user.text": b"value", "user.bytes": bytes(range(256)), "user.empty": b""})
            .file_entry("empty").directory("sticky", mode=0o1777).symlink("link-owner", "kept", uid=5, gid=6).bytes())


def names(format):
    layer = TarLayer(format)
    layer.file_entry(LONG, b"long\n").file_entry(DEEP, b"deep\n").symlink("link-" + LONG, "x" * 200)
    layer.hardlink("hard-" + LONG, LONG).file_entry("\u00e4\u00f6\u00fc \u65e5\u672c\u8a9e \U0001f427", b"unicode\n")
    layer.file_entry("nfc-\u00e9", b"one").file_entry("nfd-e\u0301", b"other").file_entry(" space ", b"")
    layer.file_entry("new\nline\x1b[2J", b"escape\n").file_entry("back\\slash\"quote'", b"")
    return layer.file_entry("-dash", b"").file_entry(".wh", b"no whiteout").file_entry("a.wh.b", b"nor this").bytes()


def odd_paths():
    return (TarLayer().file_entry("./dot/./file", b"1").file_entry("/absolute", b"2").file_entry("dot//double", b"3")
            .directory("trailing/").file_entry("trailing/in", b"4").file_entry("implied/parents/file", b"5").bytes())


def duplicates():
    """The last one counts."""
    return (TarLayer().file_entry("twice", b"first", mode=0o600).file_entry("twice", b"second", mode=0o644)
            .file_entry("mixed", b"first").directory("mixed").file_entry("mixed/in", b"x")
            .symlink("was-link", "kept").file_entry("was-link", b"now a file").bytes())


def sparse():
    """GNU's PAX format 1.0: 3 MiB of which 1 KiB are stored."""
    layer = TarLayer()
    data = b"a" * 512 + b"b" * 512
    regions = b"2\n0\n512\n2097152\n512\n"
    stored = regions.ljust(512, b"\0") + data
    entry = tarfile.TarInfo("GNUSparseFile.0/sparse")
    entry.size, entry.mode = len(stored), 0o644
    entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse",
                         "GNU.sparse.realsize": str(3 << 20)}
    layer.tar.addfile(entry, io.BytesIO(stored))
    return layer.bytes()


def devices():
    return (TarLayer().directory("dev").add("dev/null", tarfile.CHRTYPE, device=(1, 3)).add("dev/disk", tarfile.BLKTYPE,
                                                                                            device=(8, 0))
            .add("pipe", tarfile.FIFOTYPE).file_entry("after", b"still here\n").bytes())


def large_file():
    """Larger than what is held in memory at once, and no multiple of a block."""
    return TarLayer().file_entry("large", bytes(range(256)) * 14000 + b"end").bytes()


# name -> the layers above base()
CASES = {
    "directory metadata of a later layer": [directory_metadata()],
    "whiteouts": [whiteouts()],
    "a path and its whiteout in one layer": [whiteout_beside_what_it_names()],
    "an opaque whiteout before its siblings": [opaque_first()],
    "an opaque whiteout after its siblings": [opaque_last()],
    "file, directory and link replace each other": [replacements()],
    "writes through links": [through_links()],
    "hard links": [hard_links()],
    "modes, owners and attributes": [attributes()],
    "PAX names": [names(tarfile.PAX_FORMAT)],
    "GNU names": [names(tarfile.GNU_FORMAT)],
    "odd spellings of paths": [odd_paths()],
    "duplicate entries": [duplicates()],
    "a sparse file": [sparse()],
    "devices and FIFOs": [devices()],
    "a large file": [large_file()],
    "all together": [directory_metadata(), hard_links(), whiteouts(), through_links(), opaque_last(), attributes()],
    "an empty layer between": [whiteouts(), TarLayer().bytes(), replacements()],
}
