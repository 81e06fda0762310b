#!/usr/bin/env python3
# Takes minutes.
"""Power cuts at random moments of an upgrade, of the trial after it, and of the step that makes the new system the default.

A machine that runs version 1 is saved at its prompt, while version 2 (another kernel command line, another initramfs) is published.
Each run resumes it on a copy of its disk, starts `osb-oci upgrade` and a restart, and kills QEMU at a moment that is uniform over the
length of all of that, up to the login prompt of version 2. Then must hold:

  - what the bootloader reads, without replaying a journal: a menu with its default, and whole kernels
  - both filesystems are sound after the replay, `ostree fsck` is clean, each boot entry leads to a deployment and a kernel
  - the machine boots version 1 or version 2 by itself; what runs is the default, but for one moment: when version 2 had passed its
    checks and the menu did not name it yet, version 1 runs once more and makes version 2 the default
  - the same upgrade then succeeds; for every K-th run, and after that one moment, also: it boots, passes its checks, and is the default

QEMU keeps the order of what it wrote, and a kill loses what the guest had not written. A real disk may lose any part of what it was not
told to keep: that is made from a record of an undisturbed run's writes, and examined in the same way (docs/reliability.md).
"""

import collections
import json
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import threading
import time

import lib_system
from lib_harness import rounds, run
from lib_lost_writes import drive, states
from lib_powercut import Monitor, copy_disk, disk_faults, make_directory, resume, save
from lib_qemu import Unexpected
from lib_registry import Registry
from lib_story import Guest, Site, changed_initramfs, second_layer

UPGRADE = "echo @upgrading@; osb-oci upgrade --progress none && echo @deployed@; sync; reboot; sleep 1000"
# What the console has said last tells where a machine was.
PHASES = (("committed", rb"login: "), ("trial: OpenRC", rb"OpenRC [0-9.]+ is starting"),
          ("trial: kernel, initramfs", rb"Linux version|Loading /ostree|ROOT: clean"), ("loader", rb"SYSLINUX"),
          ("shutdown", rb"@deployed@"), ("upgrade", rb""))


class Prepared:
    """The saved machine."""

    def __init__(self, test, site):
        self.test, self.site = test, site
        self.disk, self.memory = test.path("prepared.img"), test.path("prepared.memory")
        site.first()
        with site.follower("prepared.img", "prepare") as machine:
            machine.output("echo local >> /etc/osb-test/edited; mkdir -p /var/lib/app; echo state > /var/lib/app/state")
            site.image("2", second_layer(test), changed_initramfs(test, {"etc/osb-test": (0o644, b"another")}), base="1")
            site.publish("2")
            machine.output("sync; echo 3 > /proc/sys/vm/drop_caches")
            save(machine, self.memory)


class PowerCut:
    """One run in a directory of its own."""

    def __init__(self, prepared, number):
        self.prepared, self.test = prepared, prepared.test
        self.directory = make_directory(prepared.test.path(f"run-{number}"))
        self.disk = os.path.join(self.directory, "disk.img")
        copy_disk(prepared.disk, self.disk)
        self.machine = prepared.site.machine(self.disk, f"run-{number}")
        self.guest = Guest(self.test, self.machine)
        self.record = {"run": number}
        self.faults = []

    def close(self):
        self.machine.kill()
        if not self.faults:
            os.unlink(self.machine.log_path)
            shutil.rmtree(self.directory, ignore_errors=True)

    def begin(self):
        self.machine.heard, self.machine.position = b"", 0
        resume(self.machine, self.prepared.memory)
        self.machine.send(UPGRADE + "\n")

    def cycle(self):
        """The length of an undisturbed run."""
        started = time.monotonic()
        self.begin()
        self.machine.next_boot(300)
        self.machine.expect(r"login: ", 300)
        length = time.monotonic() - started
        time.sleep(2)
        return length

    def cut(self, moment):
        """Lets the machine go its way, restarts included, and kills it at the moment."""
        ends, before = time.monotonic() + moment, b""
        self.begin()
        while (left := ends - time.monotonic()) > 0:
            try:
                self.machine.process.wait(left)
            except subprocess.TimeoutExpired:
                break
            before = self.machine.heard
            self.machine.start()
        self.machine.kill()
        heard = self.machine.heard
        self.record["phase"] = next(name for name, pattern in PHASES if re.search(pattern, heard)) if heard or not before \
            else "loader"

    def check_disk(self, when):
        self.faults += [f"{when}: {fault}" for fault in disk_faults(self.test, self.disk, self.directory)]

    def booted(self, may_be_behind=False):
        """The version of the system that runs, from what osb-oci says. `may_be_behind`: it may have found that the new system had passed
        its checks when power failed, and have made that the default."""
        self.machine.login()
        status = self.guest.status()
        (booted,) = [d for d in status["deployments"] if d["booted"]]
        default = [d["version"] for d in status["deployments"] if d["default"]]
        self.record["behind"] = may_be_behind and booted["version"] == "1" and default == ["2"] and not status["failed_trials"]
        if default != [booted["version"]] and not self.record["behind"]:
            self.faults.append(f"version {booted['version']} runs and {default} is the default: {status}")
        said = self.guest.cat("/etc/osb-test/edited", "/var/lib/app/state")
        if said != ["edited: 1", "local", "state"]:
            self.faults.append(f"local changes are lost: {said}")
        return booted["version"], status

    def boot(self):
        """Old or new, by itself. (A trial that was armed is tried now.)"""
        self.machine.start()
        version, status = self.booted(may_be_behind=True)
        self.record["version"] = version
        self.record["failed"] = status["failed_trials"][-1]["reason"] if status["failed_trials"] else None
        if version not in ("1", "2"):
            self.faults.append(f"version {version} runs")
        return version

    def retry(self, version, again):
        """The same upgrade. A cut during the trial counts against the image, so --force."""
        forced = bool(self.record["failed"])
        status, said = self.guest.osb("upgrade --progress none" + (" --force" if forced else ""))
        if status != 0:
            self.faults.append(f"the same upgrade ends with {status}: {said}")
        if version == "1" and (again or self.record["behind"]):
            self.machine.send("sync; reboot -f\n")
            self.machine.next_boot(300)
            version, status = self.booted()
            if version != "2" or status["trial"]:
                self.faults.append(f"after the same upgrade version {version} runs: {status}")
            self.record["again"] = version
        self.machine.send("sync; poweroff -f\n")
        self.machine.wait_off(60)

    def whole(self, moment, again):
        self.record["moment"] = round(moment, 2)
        self.cut(moment)
        self.check_disk("after the cut")
        version = self.boot()
        self.retry(version, again)
        self.check_disk("at the end")


class RecordedUpgrade(PowerCut):
    """A run that nothing ends, with all that it writes to its disk on record."""

    def __init__(self, prepared, number):
        super().__init__(prepared, number)
        self.log = prepared.test.path(f"writes-{number}")
        with open(self.log, "wb"):
            pass

    def begin(self):
        command, place = self.machine.command, self.machine.command.index("-drive") + 1
        self.machine.command = [*command[:place], drive(self.disk, self.log, False), *command[place + 1:]]
        super().begin()
        self.machine.command = [*command[:place], drive(self.disk, self.log, True), *command[place + 1:]]

    def cycle(self):
        length = super().cycle()
        monitor = Monitor(self.machine.monitor_path)
        monitor.ask("quit")
        monitor.close()
        self.machine.wait_off(60)
        return length


def lost_writes(prepared, log, count, seed, boots=0):
    """Power cuts of a machine whose disk loses any part of what it was not told to keep: `count` disks as they may be found then, the
    first `boots` of which are booted. Returns records."""
    directory, records = make_directory(prepared.test.path("lost")), []
    disk, chance = os.path.join(directory, "disk.img"), random.Random(seed)
    booted = set(chance.sample(range(count), min(boots, count)))
    for number, what in enumerate(states(prepared.disk, log, disk, chance, count)):
        record = {"state": number, "what": what, "faults": disk_faults(prepared.test, disk, directory)}
        if number in booted:
            record.update(boot_lost(prepared, disk, number))
        if record["faults"]:
            os.rename(disk, prepared.test.path(f"lost-{number}.img"))
        records.append(record)
    shutil.rmtree(directory, ignore_errors=True)
    return records


def boot_lost(prepared, disk, number):
    with prepared.site.machine(disk, f"lost-{number}") as machine:
        try:
            machine.login()
            (booted,) = [d for d in Guest(prepared.test, machine).status()["deployments"] if d["booted"]]
            return {"version": booted["version"]}
        except (Unexpected, ValueError) as error:
            return {"version": None, "faults": [str(error)]}


def one_run(prepared, number, moment, again):
    cut, started = PowerCut(prepared, number), time.monotonic()
    try:
        cut.whole(moment, again)
    except Unexpected as error:
        cut.faults.append(str(error))
        cut.machine.show_end()
    except Exception as error:  # pylint: disable=broad-except
        cut.faults.append(repr(error))
    finally:
        cut.close()
    cut.record.update(seconds=round(time.monotonic() - started, 1), faults=cut.faults)
    return cut.record


def report(records, seed, cycle, show=print):
    """What the runs came to."""
    bad = [record for record in records if record["faults"]]
    show(f"{len(records)} power cuts, seed {seed}, over {cycle:.1f} s: {len(records) - len(bad)} as they should be, {len(bad)} not")
    table = collections.Counter((r.get("phase"), r.get("version")) for r in records)
    for phase in [name for name, _ in reversed(PHASES)]:
        counts = {version: count for (where, version), count in table.items() if where == phase}
        if counts:
            versions = ", ".join(f"{n} booted version {v}" for v, n in sorted(counts.items(), key=str))
            show(f"  {phase:26} {sum(counts.values()):4}: {versions}")
    again = [r for r in records if "again" in r]
    show(f"  upgraded again and booted: {len(again)}")
    for record in bad:
        show(f"  run {record['run']} at {record.get('moment')} s ({record.get('phase')}): " + "; ".join(record["faults"])[:2000])


def undisturbed_cycle(prepared, jobs):
    """The length of a run that nothing ends, with as many side by side as there will be; and the record of what one of them wrote."""
    def measure(cut):
        try:
            lengths.append(cut.cycle())
        finally:
            cut.close()

    lengths, recorded = [], RecordedUpgrade(prepared, "recorded")
    cuts = [recorded] + [PowerCut(prepared, f"undisturbed-{number}") for number in range(1, jobs)]
    threads = [threading.Thread(target=measure, args=(cut,)) for cut in cuts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(lengths) < jobs:
        raise RuntimeError("an undisturbed upgrade did not come to its end")
    return max(lengths), recorded.log


def moments(runs, seed, cycle, spread):
    """They depend on the seed and the length of a cycle alone. `spread`: each in a part of the cycle of its own."""
    chance = random.Random(seed)
    if spread:
        return [(number + chance.random()) * cycle / runs for number in range(runs)]
    return [chance.uniform(0, cycle) for _ in range(runs)]


def kill_at_random(prepared, runs, seed, jobs, every, cycle, log=None, first=0, spread=False):
    """The records of the runs from the first on."""
    work, records = queue.Queue(), []
    for number, moment in enumerate(moments(runs, seed, cycle, spread)):
        if number >= first:
            work.put((number, moment, number % every == 0))

    def worker():
        while True:
            try:
                number, moment, again = work.get_nowait()
            except queue.Empty:
                return
            records.append(one_run(prepared, number, moment, again))
            if log:
                log.write(json.dumps(records[-1]) + "\n")
                log.flush()

    threads = [threading.Thread(target=worker) for _ in range(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(records, key=lambda record: record["run"])


def main(test):
    """Some, in every run of the tests; tests/system/powercut does many."""
    lib_system.need_machine(test)
    test.need("docker-registry", "syslinux", "mcopy", "debugfs")
    seed = int(os.environ.get("OSB_SEED", time.time()))
    cuts = rounds(4, 20, "power cuts")
    lost = rounds(4, 20, "disks that lost writes")
    with Registry(test) as registry:
        prepared = Prepared(test, Site(test, registry))
        cycle, log = undisturbed_cycle(prepared, 1)
        records = kill_at_random(prepared, cuts, seed, 1, 5, cycle, spread=True)
        report(records, seed, cycle, lambda line: print("# " + line))
        for record in records:
            test.check(not record["faults"], f"power cut {record['run']}, at {record['moment']} s ({record['phase']}): old or new, and on "
                       "it goes", "\n".join(record["faults"]))
        for record in lost_writes(prepared, log, lost, seed, 1):
            test.check(not record["faults"], f"lost writes, {record['what']}", "\n".join(record["faults"]))


if __name__ == "__main__":
    sys.exit(run(main))
