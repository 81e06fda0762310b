#!/usr/bin/env python3
"""The unattended upgrades of the overlay: their shell, with an osb-oci, a clock and a reboot of the test's own."""

import os
import shutil
import signal
import subprocess
import time

from lib_harness import TOP, run

ROOTFS = os.path.join(TOP, "containerfiles/rootfs")
JOB = os.path.join(ROOTFS, "usr/libexec/osb/upgrade-job")
# A line for each descriptor of the job's that whoever is started has no business with: it would keep the lock.
DESCRIPTORS = """for number in 3 4 5 6 7 8 9; do
    if [ -e "/proc/$$/fd/$number" ]; then echo "descriptor $number" >>"$TEST/calls"; fi
done
"""
# Answers with the status in the file of the verb's name, and notes what it was asked.
PROGRAM = f"""#!/bin/sh
echo "osb-oci $*" >>"$TEST/calls"
{DESCRIPTORS}
echo "told by osb-oci" >&2
case " $* " in *" --check "*) exit "$(cat "$TEST/check")" ;; esac
cat "$TEST/result"
exit "$(cat "$TEST/upgrade")"
"""
# The end of what `upgrade --json` prints (boot_check.py has it from the program itself).
RESULT = """{
  "result": "%s",
  "image": "docker://x \\n  \\"next_boot\\": \\"",
  "next_boot": %s,
  "bytes_read": 0
}
"""
DEPLOYED, NOTHING_NEW = RESULT % ("deployed", '"0123.0"'), RESULT % ("nothing_new", "null")
CLOCK = """#!/bin/sh
# date, with the time of the test
case $1 in
-d) exec /bin/date "$@" ;;
esac
exec /bin/date -d "@$(cat "$TEST/now")" "$@"
"""


class Machine:
    def __init__(self, test, name, shell, **settings):
        self.test, self.shell, self.top = test, shell, test.path(name)
        self.root = os.path.join(self.top, "root")
        for directory in ("bin", "root/etc/conf.d", "root/etc/osb/upgrade/pre.d", "root/etc/osb/upgrade/post.d"):
            os.makedirs(os.path.join(self.top, directory))
        with open(os.path.join(ROOTFS, "etc/conf.d/osb-upgrade"), encoding="ascii") as file:
            text = file.read()
        self.write("root/etc/conf.d/osb-upgrade", text + "".join(f'{key}="{value}"\n' for key, value in settings.items()))
        self.program("bin/osb-oci", PROGRAM)
        self.program("bin/date", CLOCK)
        self.program("bin/reboot", f'#!/bin/sh\necho reboot >>"$TEST/calls"\n{DESCRIPTORS}')
        self.answer()
        self.at("2026-11-16 03:10")  # a Monday

    def write(self, name, text):
        with open(os.path.join(self.top, name), "w", encoding="utf-8") as file:
            file.write(text)

    def program(self, name, text):
        self.write(name, text)
        os.chmod(os.path.join(self.top, name), 0o755)

    def hook(self, name, text):
        self.program("root/etc/osb/upgrade/" + name, "#!/bin/sh\n" + text)

    def at(self, when, seconds=0):
        self.write("now", str(int(time.mktime(time.strptime(when, "%Y-%m-%d %H:%M"))) + seconds))

    def fake_sleep(self):
        """The clock of the test goes on by what is slept."""
        self.program("bin/sleep", '#!/bin/sh\necho "$1" >>"$TEST/slept"\necho $(($(cat "$TEST/now") + $1)) >"$TEST/now"\n')

    def slept(self):
        """Since the last call, in seconds."""
        path = os.path.join(self.top, "slept")
        if not os.path.exists(path):
            return []
        with open(path, encoding="ascii") as file:
            out = [int(line) for line in file]
        os.remove(path)
        return out

    def answer(self, check=0, upgrade=0, result=DEPLOYED):
        self.write("result", result)
        self.write("check", str(check))
        self.write("upgrade", str(upgrade))

    def start(self):
        environment = {"PATH": os.path.join(self.top, "bin") + ":/usr/bin:/bin:/usr/sbin:/sbin", "TEST": self.top,
                       "OSB_UPGRADE_ROOT": self.root}
        return subprocess.Popen([*self.shell, JOB], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                stdin=subprocess.DEVNULL)

    def run(self):
        """(status, what was called). Nothing may be written to standard output."""
        self.write("calls", "")
        process = self.start()
        output = process.communicate()[0].decode()
        self.test.check(output == "", "the job writes to its log alone", output)
        return process.returncode, self.calls()

    def calls(self):
        with open(os.path.join(self.top, "calls"), encoding="ascii") as file:
            return [line.replace(" --progress none", "") for line in file.read().splitlines()]

    def log(self):
        path = os.path.join(self.root, "var/log/osb-upgrade.log")
        if not os.path.exists(path):
            return ""
        with open(path, encoding="utf-8") as file:
            return file.read()


CHECK, UPGRADE = "osb-oci upgrade --check", "osb-oci upgrade --json"


def off(test, shell):
    machine = Machine(test, "off", shell)
    test.check(machine.run() == (0, []) and os.listdir(machine.root) == ["etc"], "off by default, without a trace")
    with open(os.path.join(machine.root, "etc/conf.d/osb-upgrade"), encoding="ascii") as file:
        test.check(file.read().count("osb_upgrade=no\n") == 1, "one line enables it")


def window(test, shell):
    for text, days, inside, outside in (
            ("02:00-05:00", "1 2 3 4 5 6 7", ("2026-11-16 02:00", "2026-11-16 04:59"), ("2026-11-16 01:59", "2026-11-16 05:00")),
            ("22:30-01:00", "1", ("2026-11-16 22:30", "2026-11-17 00:59"), ("2026-11-17 22:30", "2026-11-16 00:30")),
            ("08:09-08:10", "1 3", ("2026-11-18 08:09",), ("2026-11-17 08:09",)),
            ("00:00-24:00", "1 2 3 4 5 6 7", ("2026-11-16 00:00", "2026-11-16 23:59"), ())):
        for when in inside + outside:
            machine = Machine(test, "window", shell, osb_upgrade="yes", osb_upgrade_window=text, osb_upgrade_days=days,
                              osb_upgrade_jitter=0)
            machine.at(when)
            status, calls = machine.run()
            test.check(status == 0 and bool(calls) == (when in inside), f"{text} on {days}: {when}", (status, calls))
            shutil.rmtree(machine.top)
    machine = Machine(test, "bad-window", shell, osb_upgrade="yes", osb_upgrade_window="2-5", osb_upgrade_jitter=0)
    test.check(machine.run() == (1, []) and "osb_upgrade_window" in machine.log(), "a window that is none", machine.log())


def short_windows(test, shell):
    """Cron looks every quarter of an hour, and a window may lie between two looks."""
    entry = os.path.join(ROOTFS, "etc/periodic/15min/osb-upgrade")
    test.check(os.access(entry, os.X_OK), "cron looks every quarter of an hour")
    for text, when, seconds, expected in (
            ("03:16-03:25", "2026-11-16 03:15", 20, 40), ("03:16-03:17", "2026-11-16 03:02", 0, 840),
            ("03:16-03:25", "2026-11-16 03:00", 0, None), ("03:16-03:25", "2026-11-16 03:30", 0, None),
            ("03:16-03:45", "2026-11-16 03:15", 0, None), ("03:10-03:20", "2026-11-16 03:15", 0, 0),
            ("00:05-00:10", "2026-11-15 23:55", 0, 600), ("23:58-00:03", "2026-11-16 23:45", 30, 750),
            ("03:10-03:20", "2026-11-17 03:10", 0, None), ("03:10-03:20", "2026-11-17 03:05", 0, None)):
        machine = Machine(test, "short", shell, osb_upgrade="yes", osb_upgrade_window=text, osb_upgrade_days="1",
                          osb_upgrade_jitter=0)
        machine.fake_sleep()
        machine.answer(check=77)
        machine.at(when, seconds)
        status, calls = machine.run()
        slept = sum(machine.slept())
        test.check((status, calls, slept if calls else None) == (0, [CHECK] if expected is not None else [], expected),
                   f"{text}: at {when} it " + ("stays away" if expected is None else f"waits {expected} s"), (status, calls, slept))
        shutil.rmtree(machine.top)
    waited = set()
    for _ in range(12):
        machine = Machine(test, "short", shell, osb_upgrade="yes", osb_upgrade_window="03:10-03:20")
        machine.fake_sleep()
        machine.at("2026-11-16 03:19", 55)
        machine.run()
        waited.add(sum(machine.slept()))
        shutil.rmtree(machine.top)
    test.check(max(waited) < 5 and len(waited) > 1, "the random wait ends with the window", waited)


def leftovers(test, shell):
    """What a hook leaves running has not the job's lock."""
    machine = Machine(test, "leftovers", shell, osb_upgrade="yes", osb_upgrade_jitter=0)
    daemon = '/bin/sleep 60 >/dev/null 2>&1 &\necho $! >>"$TEST/daemons"\n'
    machine.hook("pre.d/10-daemon", daemon + DESCRIPTORS)
    machine.hook("post.d/10-daemon", daemon + DESCRIPTORS)
    try:
        test.check(machine.run() == (0, [CHECK, UPGRADE, "reboot"]), "hooks that leave something running", machine.calls())
        machine.at("2026-11-17 02:10")
        test.check(machine.run() == (0, [CHECK, UPGRADE, "reboot"]), "do not stop the next one", machine.calls())
    finally:
        with open(os.path.join(machine.top, "daemons"), encoding="ascii") as file:
            for line in file:
                os.kill(int(line), signal.SIGKILL)


def upgrades(test, shell):
    machine = Machine(test, "upgrades", shell, osb_upgrade="yes", osb_upgrade_jitter=0, osb_upgrade_options="--authfile /etc/a")
    machine.hook("pre.d/10-note", 'echo "pre" >>"$TEST/calls"\n')
    machine.hook("post.d/10-note", 'echo "post $OSB_UPGRADE_STATUS" >>"$TEST/calls"\n')
    machine.write("root/etc/osb/upgrade/pre.d/README", "not a program")
    status, calls = machine.run()
    test.check(status == 0 and calls == [CHECK + " --authfile /etc/a", "pre", UPGRADE + " --authfile /etc/a", "post 0", "reboot"],
               "checks, hooks, upgrades, restarts", (status, calls))
    test.check("told by osb-oci" in machine.log() and "restarting" in machine.log(), "and the log has it", machine.log())
    test.check(machine.run() == (0, []), "once in a window")
    machine.at("2026-11-17 02:10")
    machine.answer(check=77)
    test.check(machine.run() == (0, [CHECK + " --authfile /etc/a"]), "nothing new: nothing else happens")
    test.check(machine.run() == (0, []), "and that counts for the window")
    machine.at("2026-11-18 02:10")
    machine.answer(result=NOTHING_NEW)
    test.check(machine.run()[1][-1] == "post 0" and "nothing to restart for" in machine.log(), "nothing was deployed: no restart",
               (machine.calls(), machine.log()))


def failures(test, shell):
    machine = Machine(test, "failures", shell, osb_upgrade="yes", osb_upgrade_jitter=0, osb_upgrade_apply="no",
                      osb_upgrade_hook_time=1)
    machine.answer(check=5)
    test.check(machine.run() == (1, [CHECK]) and "failed with status 5" in machine.log(), "the registry does not answer")
    machine.answer(upgrade=6)
    machine.hook("post.d/note", 'echo "post $OSB_UPGRADE_STATUS" >>"$TEST/calls"\nexit 1\n')
    test.check(machine.run() == (1, [CHECK, UPGRADE, "post 6"]) and "failed with status 6" in machine.log(), "no space")
    machine.answer()
    machine.hook("pre.d/50-busy", "exit 3\n")
    test.check(machine.run() == (1, [CHECK]) and "pre.d/50-busy failed with status 3" in machine.log(), "a pre-hook puts it off")
    machine.hook("pre.d/50-busy", "exec sleep 60\n")
    began = time.monotonic()
    test.check(machine.run() == (1, [CHECK]) and time.monotonic() - began < 20, "a pre-hook that does not end")
    os.remove(os.path.join(machine.root, "etc/osb/upgrade/pre.d/50-busy"))
    test.check(machine.run() == (0, [CHECK, UPGRADE, "post 0"]), "the next look tries again; apply=no does not restart")


def bounds(test, shell):
    machine = Machine(test, "bounds", shell, osb_upgrade="yes", osb_upgrade_jitter=0, osb_upgrade_log_size=10000)
    machine.answer(check=5)
    for _ in range(3):
        os.makedirs(os.path.join(machine.root, "var/log"), exist_ok=True)
        with open(os.path.join(machine.root, "var/log/osb-upgrade.log"), "a", encoding="ascii") as file:
            file.write("".join(f"line {number}\n" for number in range(1000)))
        machine.run()
    text = machine.log()
    test.check(len(text) < 12000 and "line 999\n" in text and text.startswith("line "), "the log is bounded", len(text))

    machine = Machine(test, "waits", shell, osb_upgrade="yes", osb_upgrade_jitter=100000)
    machine.fake_sleep()
    slept = []
    for _ in range(3):
        machine.at("2026-11-16 03:10")
        machine.answer(check=5)
        machine.run()
        slept += machine.slept()
    test.check(len(slept) == 3 and len(set(slept)) > 1 and all(0 <= value < 110 * 60 for value in slept),
               "waits at random, in the window", slept)
    machine.at("2026-11-16 03:10")

    machine.program("bin/sleep", "#!/bin/sh\nexec /bin/sleep 3\n")
    machine.write("calls", "")
    machine.answer(check=77)
    first = machine.start()
    time.sleep(1)
    second = machine.start()
    test.check(second.wait(2) == 0 and machine.calls() == [], "a second one leaves it to the first")
    test.check(first.wait(20) == 0 and machine.calls() == [CHECK], "which does it", machine.calls())


def main(test):
    test.need("flock", "timeout")
    shells = [(name,) for name in ("dash", "sh") if shutil.which(name)][:1]
    if shutil.which("busybox"):
        shells.append((shutil.which("busybox"), "sh"))
    for shell in shells:
        print("#", *shell)
        for part in (off, window, short_windows, upgrades, leftovers, failures, bounds):
            part(test, shell)
        for name in os.listdir(test.work):
            shutil.rmtree(test.path(name))


run(main)
