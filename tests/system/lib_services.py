"""The overlay's services where an installation does not reach: /var after an upgrade, and partitions that grow on GPT or not at all.
boot.py runs these in its machine."""

import os

MIB = 1 << 20

# What the next version of an image might bring, below a factory of its own, and a /var that has been in use.
UPGRADE = """
set -e
factory=/tmp/factory var=/var
mkdir -p $factory/lib/new/deep $factory/lib/used $factory/spool/taken
echo new > $factory/lib/new/deep/file; chown 12:34 $factory/lib/new $factory/lib/new/deep/file; chmod 2750 $factory/lib/new
echo theirs > $factory/lib/used/changed; echo brought > $factory/lib/used/added; echo 'a name' > "$factory/lib/used/with
newline and  blanks"
ln -s target $factory/lib/used/link; echo x > $factory/spool/taken/file
mkdir -p $var/lib/used $var/elsewhere $var/spool; chmod 700 $var/lib/used
echo ours > $var/lib/used/changed; echo ours > $var/lib/used/own; echo half > $var/lib/used/added.osb-new
rm -rf $var/spool/taken; ln -s ../elsewhere $var/spool/taken
echo 'osb_factory=/tmp/factory' > /etc/conf.d/osb-var
"""


def check_upgrade(test, machine):
    machine.output("mkdir -p /etc/conf.d; " + UPGRADE)
    said = machine.output("rc-service osb-var restart; ls /var/lib/used")
    test.check("added" not in said.split(), "in a deployment that it has done nothing is created", said)
    machine.output("echo another > /var/lib/osb/factory-of")
    machine.output("rc-service osb-var restart")
    said = machine.output("cd /var/lib/used; cat changed own added; readlink link; cat with*blanks; cat /var/lib/new/deep/file")
    test.check(said.split("\n") == ["ours", "ours", "brought", "target", "a name", "new"],
               "after an upgrade what is missing is created, and nothing else is touched", said)
    said = machine.output("stat -c '%a %u:%g' /var/lib/new /var/lib/new/deep/file /var/lib/used")
    test.check(said.split("\n") == ["2750 12:34", "644 12:34", "700 0:0"], "modes and owners: new as in the image, old as they were",
               said)
    said = machine.output("cat /var/elsewhere/file; readlink /var/spool/taken")
    test.check(said == "x\n../elsewhere", "a directory that the machine has moved is filled where it is now", said)
    said = machine.output("find /var -name '*.osb-new'; cat /var/lib/osb/factory-of")
    test.check(said.endswith(".0") and "\n" not in said, "nothing is left over, and the deployment is noted", said)


def check_gpt(test, machine):
    """A partition of a GPT disk that became larger, while mounted."""
    machine.output("mkdir -p /run/gpt && mount /dev/vdb2 /run/gpt && echo kept > /run/gpt/file && mkdir -p /etc/conf.d")
    machine.output("echo osb_sysroot=/run/gpt > /etc/conf.d/osb-grow-root")
    status, said = machine.shell("rc-service osb-grow-root restart")
    test.check(status == 0, "growing on GPT", said)
    size = int(machine.output("cat /sys/class/block/vdb2/size")) * 512
    test.check(110 * MIB < size < 119 * MIB, "the partition has what is behind it", size)
    free = int(machine.output("df -k /run/gpt | awk 'END { print $2 }'")) * 1024
    test.check(free > 0.8 * size, "and so has the filesystem", (free, size))
    status, said = machine.shell("sfdisk --verify /dev/vdb && cat /run/gpt/file && cat /sys/class/block/vdb1/size")
    test.check(status == 0 and "No errors" in said and said.endswith("kept\n8192"), "the table is whole, the rest as it was", said)


def check_not_last(test, machine):
    """A partition with another one behind it stays as it is."""
    machine.output("umount /run/gpt && mount /dev/vdc1 /run/gpt")
    status, said = machine.shell("rc-service osb-grow-root restart")
    size = int(machine.output("cat /sys/class/block/vdc1/size"))
    test.check(status == 0 and size == 65536, "a partition that is not the last one does not grow", (size, said))


def make_small_disks(test):
    gpt, mbr = test.path("gpt.img"), test.path("mbr.img")
    for path, table, formatted in (
            (gpt, "label: gpt\nstart=2048, size=8192\nstart=10240, size=65536\n", 10240),
            (mbr, "label: dos\nstart=2048, size=65536, type=83\nstart=67584, size=8192, type=83\n", 2048)):
        with open(path, "wb") as file:
            file.truncate(40 * MIB)
        with open(path + ".table", "w", encoding="ascii") as file:
            file.write(table)
        with open(path + ".table", "rb") as script:
            test.must("sfdisk", "--quiet", path, stdin=script)
        test.must("mkfs.ext4", "-q", "-E", f"offset={formatted * 512}", path, "32m")
        os.truncate(path, 120 * MIB)
    return gpt, mbr


def check_services_again(test, machine):
    """The machine has the disks of make_small_disks() as vdb and vdc."""
    check_upgrade(test, machine)
    check_gpt(test, machine)
    check_not_last(test, machine)
