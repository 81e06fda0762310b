#!/usr/bin/env python3
"""examples/minirootfs: commits from archives, without podman; package trees joined onto a base."""

import os
import sys

from lib_page import SKIPPED, run_page

ARCHIVE = "alpine-minirootfs-3.20.3-x86_64.tar.gz"
rootfs = os.environ.get("OSB_ALPINE_ROOTFS", "")
if os.path.basename(rootfs) != ARCHIVE:
    print(f"# needs OSB_ALPINE_ROOTFS to name {ARCHIVE}: the page shows what is in it")
    sys.exit(SKIPPED)
run_page("minirootfs", needs=("ostree",), files={ARCHIVE: rootfs})
