#!/usr/bin/env python3
"""Images as podman builds them from a Containerfile: the commit is what `umoci raw unpack` makes of the same image."""

import os

import lib_harness
from lib_compare import differences, tree
from lib_containers import Containers, base_rootfs, need_root

LONG = "n" * 200
PATH = "/".join(["d" * 60] * 6)  # 365 bytes in all

# The stand-in for a distribution has busybox's tools; what they cannot do is in the folder that COPY brings in.
CONTAINERFILE = f"""FROM localhost/base
RUN mkdir -p /data/a/b /data/gone /swap/dir /swap/full /etc/conf.d /var/lib/thing && \\
    echo one > /data/a/one && echo two > /data/a/b/two && echo x > /data/gone/x && echo f > /swap/file && \\
    ln -s file /swap/link && echo y > /swap/full/y && echo k > /var/lib/thing/kept && touch /data/empty && \\
    echo c > /etc/conf.d/c
RUN chmod 2751 /data/a && chown 12:34 /data/a/b && chmod 4755 /data/a/one && chown 3000000000:70000 /data/empty
RUN rm -r /data/gone && rm -r /swap/dir && echo d > /swap/dir && rm /swap/file && mkdir /swap/file && \\
    rm /swap/link && mkdir /swap/link && rm -r /swap/full && ln -s ../data /swap/full
RUN ln /data/a/b/two /data/hard && ln /data/a/b/two /data/a/harder && mkdir -p "/long/{LONG}" "/long/{PATH}" && \\
    echo l > "/long/{LONG}/file" && echo l > "/long/{PATH}/file" && echo u > "/long/日本語 ü"
RUN rm -rf /data/a && mkdir /data/a && echo new > /data/a/new
COPY extra/ /extra/
RUN dd if=/dev/zero of=/extra/sparse bs=1 count=1 seek=4194303 2>/dev/null && echo etc >> /etc/motd && \\
    echo log > /var/log/x && chmod 1777 /var/lib/thing
"""


def write_context(test):
    context = test.path("context")
    extra = os.path.join(context, "extra")
    os.makedirs(extra)
    with open(os.path.join(context, "Containerfile"), "w", encoding="utf-8") as out:
        out.write(CONTAINERFILE)
    for name in ("capable", "plain", "attribute"):
        with open(os.path.join(extra, name), "w", encoding="ascii") as out:
            out.write(name)
    # cap_net_raw=ep, as setcap writes it
    os.setxattr(os.path.join(extra, "capable"), "security.capability",
                bytes.fromhex("0100000200200000000000000000000000000000"))
    os.setxattr(os.path.join(extra, "attribute"), "user.osb", b"kept")
    return context


def main(test):
    need_root()
    test.need("umoci", "ostree")
    os.umask(0o022)
    containers = Containers(test)
    containers.import_rootfs(base_rootfs(test), "localhost/base")
    containers.build("localhost/built", write_context(test), "--layers")
    layout, repo = test.path("image"), test.init_repo("repo", "bare")
    containers.podman("push", "-q", "localhost/built", f"oci:{layout}:built")
    unpacked, checked_out = test.path("umoci"), test.path("ostree")
    test.must("umoci", "raw", "unpack", "--image", f"{layout}:built", unpacked)
    commits = {}
    for image in (f"oci:{layout}:built", "containers-storage:localhost/built"):
        result = containers.osb_import(image, repo, "--ref", f"built{len(commits)}", "--layout", "plain", "--parent",
                                       "none")
        test.check_status(result, 0, f"import {image.split(':')[0]}")
        commits[image] = result.commit
    test.must("ostree", "checkout", f"--repo={repo}", "built0", checked_out)
    expected, actual = tree(unpacked), tree(checked_out)
    found = differences(expected, actual)
    test.check(not found, f"the {len(expected)} paths of the image are as umoci unpacks them",
               "\n".join(f"{path!r}: {text} (umoci / osb-oci)" for path, text in found.items()))
    for path in (f"long/{LONG}/file", f"long/{PATH}/file", "long/日本語 ü", "data/hard", "swap/full", "extra/sparse"):
        test.check(path in actual, f"has {path[:40]!a}")
    test.check(actual["extra/capable"]["xattrs"].keys() == {"security.capability"}, "a file capability is kept",
               actual["extra/capable"])
    trees = [test.must("ostree", "ls", "-R", "-C", "-X", f"--repo={repo}", f"built{n}") for n in (0, 1)]
    test.check(trees[0] == trees[1], "containers-storage and oci give one tree")
    test.fsck(repo, "fsck")


lib_harness.run(main)
