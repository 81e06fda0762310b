#!/usr/bin/env python3
"""An update of one package changes the layer that it is in, and no other: against one layer, and against layers that are
filled by path."""

import os

import lib_harness
from lib_containers import base_rootfs
from lib_packages import System, by_package, by_path, measure, none


def check_system(test, what, system, package):
    # The first layer has the commit; files that no package owns (apk's database is one) have one of their own.
    changes = {}
    for name, grouping, previous in (("packages", by_package, True), ("without --previous", by_package, False),
                                     ("one layer", none, False), ("by path", by_path, False)):
        changes[name] = measure(test, system, package, grouping, previous, f"{what}-{name}".replace(" ", "-"))
    rows = [f"{what}, {package}: {name:20} {change.layers:3} of {change.total_layers:3} layers, {change.bytes:10} of "
            f"{change.total_bytes:10} bytes" for name, change in changes.items()]
    print("\n".join("# " + row for row in rows))
    kept = changes["packages"]
    together = [text for text in kept.components if package in text.split(",")]
    test.check(len(together) == 1, f"{what}: the layer with {package} changes", kept.components)
    others = [text for text in kept.components if text not in ("", "unpackaged", *together)]
    test.check(not others, f"{what}: no layer of other packages changes", others)
    test.check(kept.bytes < changes["one layer"].bytes, f"{what}: fewer bytes than with one layer", "\n".join(rows))
    # Sizes decide which packages have a layer for themselves; one update does not make them change places.
    test.check(changes["without --previous"].layers <= 6, f"{what}: nearly as good without the image before",
               changes["without --previous"].components)


def main(test):
    test.need("ostree", "zstd")
    check_system(test, "synthetic", System.synthetic(150), "package070")
    if not os.environ.get("OSB_ALPINE_ROOTFS"):
        test.skip_one("Alpine", "OSB_ALPINE_ROOTFS names no Alpine root filesystem")
        return
    check_system(test, "Alpine", System.read(base_rootfs(test)), "libcrypto3")


lib_harness.run(main)
