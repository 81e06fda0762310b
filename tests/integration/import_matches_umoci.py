#!/usr/bin/env python3
"""Hand-made layers, one case for each rule of the image specification: the commit is what `umoci raw unpack` makes.

umoci decodes gzip and plain tars; the same layers as zstd must give the same tree as gzip.
"""

import os

import lib_harness
import lib_layers
from lib_compare import differences, tree
from lib_containers import need_root
from lib_image import Layout

# Where umoci 0.4.7 does something else: {case: {path: why}}. The path must differ.
EXPECTED = {
    "devices and FIFOs": {path: "umoci makes them; ostree cannot hold them"
                          for path in ("dev/null", "dev/disk", "pipe")},
}


def check_case(test, layout, case, tag, repo):
    unpacked, checked_out = test.path("umoci"), test.path("ostree")
    test.must("rm", "-rf", unpacked, checked_out)
    result = test.osb_import(f"oci:{layout.directory}:{tag}", repo, "--ref", tag, "--layout", "plain")
    if result.status != 0:
        test.check(False, case, result.describe())
        return
    test.must("umoci", "raw", "unpack", "--image", f"{layout.directory}:{tag}", unpacked)
    test.must("ostree", "checkout", f"--repo={repo}", result.commit, checked_out)
    found = differences(tree(unpacked), tree(checked_out))
    expected = EXPECTED.get(case, {})
    wrong = [f"{path!r}: {text} (umoci / osb-oci)" for path, text in found.items() if path not in expected]
    wrong += [f"{path!r}: expected to differ: {why}" for path, why in expected.items() if path not in found]
    test.check(not wrong, f"{case}: as umoci unpacks it" + (f" but for {len(expected)} paths" if expected else ""),
               "\n".join(wrong))


def check_without_layers(test, layout, repo):
    """`umoci new` makes such images, and so does a FROM scratch with labels alone: moby/moby#21222."""
    test.must("umoci", "new", "--image", f"{layout.directory}:empty")
    image = f"oci:{layout.directory}:empty"
    result = test.osb_import(image, repo, "--ref", "empty", "--layout", "plain")
    if test.check_status(result, 0, "an image without layers"):
        listing = test.must("ostree", "ls", "-R", f"--repo={repo}", "empty").split()
        test.check(listing[-1] == "/", "its commit is empty", listing)
    test.check_status(test.run(test.osb, "diff", image, image), 0, "diff of an image without layers")


def main(test):
    need_root()
    test.need("umoci", "ostree")
    os.umask(0o022)
    repo = test.init_repo("repo", "bare")
    layout, base = Layout(test.path("image")), lib_layers.base()
    for number, (case, layers) in enumerate(lib_layers.CASES.items()):
        tag = f"case{number}"
        layout.image(tag, [base, *layers], compression="gzip" if number % 2 == 0 else "")
        check_case(test, layout, case, tag, repo)

    check_without_layers(test, layout, repo)

    # The same layers in the other compressions, into a repository that does not know them yet.
    fresh, all_tars = test.init_repo("fresh", "bare"), [base, *lib_layers.CASES["all together"]]
    roots = {}
    for compression in ("gzip", "zstd", ""):
        tag = f"all-{compression or 'plain'}"
        layout.image(tag, all_tars, compression)
        test.osb_import(f"oci:{layout.directory}:{tag}", fresh, "--ref", tag, "--layout", "plain")
        roots[tag] = test.run("ostree", "ls", "-R", "-C", "-X", f"--repo={fresh}", tag).stdout
    test.check(len(set(roots.values())) == 1 and "" not in roots.values(), "gzip, zstd and plain layers give one tree",
               roots)
    for name in (repo, fresh):
        test.fsck(name, f"{os.path.basename(name)}: fsck")


lib_harness.run(main)
