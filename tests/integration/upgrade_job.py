#!/usr/bin/env python3
"""`upgrade --unattended` and its configuration in the overlay. The osb-oci and the reboot that it runs are the test's own. Its windows
and waits are in tests/unit/system/upgrade/unattended_test.cc."""

import os
import shutil
import signal
import subprocess
import time

from lib_harness import TOP, error_fault, run

ROOTFS = os.path.join(TOP, "containerfiles/rootfs")
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
echo "unattended: $OSB_UPGRADE_UNATTENDED" >&2
case " $* " in *" --check "*)
    cat "$TEST/checked"
    exit "$(cat "$TEST/check")"
    ;;
esac
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
REFUSED = """{
  "error": {
    "kind": "refused",
    "code": "%s"
  }
}
"""


NOTHING_NEW_ERROR = REFUSED.replace("refused", "nothing_new")


class Machine:
    def __init__(self, test, name, **settings):
        self.test, self.top = test, test.path(name)
        self.root = os.path.join(self.top, "root")
        for directory in ("bin", "root/etc/conf.d", "root/etc/osb/upgrade/pre.d", "root/etc/osb/upgrade/post.d"):
            os.makedirs(os.path.join(self.top, directory))
        with open(os.path.join(ROOTFS, "etc/conf.d/osb-upgrade"), encoding="ascii") as file:
            text = file.read()
        settings = {"osb_upgrade_window": "00:00-24:00", "osb_upgrade_jitter": 0, **settings}
        self.write("root/etc/conf.d/osb-upgrade", text + "".join(f'{key}="{value}"\n' for key, value in settings.items()))
        self.program("bin/osb-oci", PROGRAM)
        self.program("bin/reboot", f'#!/bin/sh\necho reboot >>"$TEST/calls"\n{DESCRIPTORS}')
        self.answer()

    def write(self, name, text):
        with open(os.path.join(self.top, name), "w", encoding="utf-8") as file:
            file.write(text)

    def program(self, name, text):
        self.write(name, text)
        os.chmod(os.path.join(self.top, name), 0o755)

    def hook(self, name, text):
        self.program("root/etc/osb/upgrade/" + name, "#!/bin/sh\n" + text)

    def next_window(self):
        path = os.path.join(self.root, "var/lib/osb/upgrade-done")
        if os.path.exists(path):
            os.remove(path)

    def answer(self, check=0, upgrade=0, result=DEPLOYED, checked=""):
        self.write("checked", checked)
        self.write("result", result)
        self.write("check", str(check))
        self.write("upgrade", str(upgrade))

    def start(self):
        environment = {"PATH": os.path.join(self.top, "bin") + ":/usr/bin:/bin:/usr/sbin:/sbin", "TEST": self.top,
                       "OSB_UPGRADE_ROOT": self.root}
        return subprocess.Popen([self.test.osb, "upgrade", "--unattended"], env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)

    def run(self):
        """(status, what was called). Nothing may be written to standard output, and an error is one line and advice."""
        self.write("calls", "")
        process = self.start()
        output, errors = (text.decode() for text in process.communicate())
        if output or (error_fault(errors) if process.returncode else errors):
            self.test.check(False, "what it writes", output + errors)
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


CHECK, UPGRADE = "osb-oci upgrade --check --json", "osb-oci upgrade --json"


def off(test):
    machine = Machine(test, "off")
    test.check(machine.run() == (0, []) and os.listdir(machine.root) == ["etc"], "off by default, without a trace")
    with open(os.path.join(machine.root, "etc/conf.d/osb-upgrade"), encoding="ascii") as file:
        test.check(file.read().count("osb_upgrade=no\n") == 1, "one line enables it")
    entry = os.path.join(ROOTFS, "etc/periodic/15min/osb-upgrade")
    test.check(os.access(entry, os.X_OK), "cron looks every quarter of an hour")
    for option in ("--check", "--force", "--tls-verify=false", "--policy=policy.json", "--require-signature", "--fetch=layers"):
        test.check_refused(test.run(test.osb, "upgrade", "--unattended", option), 2, f"--unattended with {option}", "--unattended")


def settings_that_are_wrong(test):
    for settings, named in (({"osb_upgrade_window": "2-5"}, "osb_upgrade_window"), ({"osb_upgrade_jiter": "5"}, "osb_upgrade_jiter"),
                            ({"osb_upgrade_options": "$(reboot)"}, "osb_upgrade_options")):
        machine = Machine(test, "wrong", osb_upgrade="yes", **settings)
        status, calls = machine.run()
        test.check(status == 3 and not calls and named in machine.log() and "line " in machine.log(), f"{settings}: the log names it",
                   (status, calls, machine.log()))
        shutil.rmtree(machine.top)


def leftovers(test):
    """What a hook leaves running has not the job's lock."""
    machine = Machine(test, "leftovers", osb_upgrade="yes")
    daemon = '/bin/sleep 60 >/dev/null 2>&1 &\necho $! >>"$TEST/daemons"\n'
    machine.hook("pre.d/10-daemon", daemon + DESCRIPTORS)
    machine.hook("post.d/10-daemon", daemon + DESCRIPTORS)
    try:
        test.check(machine.run() == (0, [CHECK, UPGRADE, "reboot"]), "hooks that leave something running", machine.calls())
        machine.next_window()
        test.check(machine.run() == (0, [CHECK, UPGRADE, "reboot"]), "do not stop the next one", machine.calls())
    finally:
        with open(os.path.join(machine.top, "daemons"), encoding="ascii") as file:
            for line in file:
                os.kill(int(line), signal.SIGKILL)


def upgrades(test):
    machine = Machine(test, "upgrades", osb_upgrade="yes", osb_upgrade_options="--authfile /etc/a")
    machine.hook("pre.d/10-note", 'echo "pre" >>"$TEST/calls"\n')
    machine.hook("post.d/10-note", 'echo "post $OSB_UPGRADE_STATUS" >>"$TEST/calls"\n')
    machine.write("root/etc/osb/upgrade/pre.d/README", "not a program")
    status, calls = machine.run()
    test.check(status == 0 and calls == [CHECK + " --authfile /etc/a", "pre", UPGRADE + " --authfile /etc/a", "post 0", "reboot"],
               "checks, hooks, upgrades, restarts", (status, calls))
    test.check("told by osb-oci" in machine.log() and "restarting" in machine.log(), "and the log has it", machine.log())
    test.check(machine.log().count("unattended: 1") == 2, "the program knows that nobody asked", machine.log())
    test.check(machine.run() == (0, []), "once in a window")
    machine.next_window()
    machine.answer(check=77)
    test.check(machine.run() == (0, [CHECK + " --authfile /etc/a"]), "nothing new: nothing else happens")
    test.check(machine.run() == (0, []), "and that counts for the window")
    machine.next_window()
    machine.answer(result=NOTHING_NEW)
    test.check(machine.run()[1][-1] == "post 0" and "nothing to restart for" in machine.log(), "nothing was deployed: no restart",
               (machine.calls(), machine.log()))


def failures(test):
    machine = Machine(test, "failures", osb_upgrade="yes", osb_upgrade_apply="no", osb_upgrade_hook_time=1)
    machine.answer(check=5)
    test.check(machine.run() == (1, [CHECK]) and "failed with status 5" in machine.log(), "the registry does not answer")
    machine.answer(upgrade=6)
    machine.hook("post.d/note", 'echo "post $OSB_UPGRADE_STATUS" >>"$TEST/calls"\nexit 1\n')
    test.check(machine.run() == (1, [CHECK, UPGRADE, "post 6"]) and "failed with status 6" in machine.log(), "no space")
    machine.answer()
    machine.hook("pre.d/50-busy", "exit 3\n")
    test.check(machine.run() == (1, [CHECK]) and "pre.d/50-busy failed with status 3" in machine.log(), "a pre-hook puts it off")
    machine.hook("pre.d/50-busy", "trap '' TERM\nwhile :; do sleep 1; done\n")
    began = time.monotonic()
    test.check(machine.run() == (1, [CHECK]) and time.monotonic() - began < 40 and "did not end within 1 s" in machine.log(),
               "a pre-hook that neither ends nor minds SIGTERM", machine.log())
    os.remove(os.path.join(machine.root, "etc/osb/upgrade/pre.d/50-busy"))
    test.check(machine.run() == (0, [CHECK, UPGRADE, "post 0"]), "the next look tries again; apply=no does not restart")


def refusals(test):
    """An upgrade that is refused is neither nothing new nor done."""
    for code, again in (("older_image", []), ("failed_trial", []), ("rolled_back", []), ("on_trial", [CHECK])):
        machine = Machine(test, "refused", osb_upgrade="yes")
        machine.answer(check=1, checked=REFUSED % code)
        test.check(machine.run() == (1, [CHECK]) and f"upgrade refused ({code})" in machine.log(), f"{code}: exit status and log",
                   machine.log())
        test.check(machine.run()[1] == again, f"{code}: " + ("tried again in this window" if again else "counts for this window"))
        shutil.rmtree(machine.top)


def locks(test):
    machine = Machine(test, "locks", osb_upgrade="yes")
    machine.program("bin/osb-oci", PROGRAM.replace("case", "sleep 3\ncase", 1))
    machine.answer(check=77)
    machine.write("calls", "")
    first = machine.start()
    deadline = time.monotonic() + 20
    while not machine.calls() and time.monotonic() < deadline:
        time.sleep(0.05)
    second = machine.start()
    test.check(second.wait(20) == 0 and machine.calls() == [CHECK], "a second one leaves it to the first", machine.calls())
    test.check(first.wait(20) == 0 and machine.calls() == [CHECK], "which does it", machine.calls())
    modes = [os.stat(os.path.join(machine.root, "run/osb-upgrade", name)).st_mode & 0o777 for name in ("", "lock")]
    test.check(modes == [0o700, 0o600], "no other account can hold the lock", modes)


def bounds(test):
    machine = Machine(test, "bounds", osb_upgrade="yes", osb_upgrade_log_size=10000)
    machine.answer(check=5)
    for _ in range(3):
        os.makedirs(os.path.join(machine.root, "var/log"), exist_ok=True)
        with open(os.path.join(machine.root, "var/log/osb-upgrade.log"), "a", encoding="ascii") as file:
            file.write("".join(f"line {number}\n" for number in range(1000)))
        machine.run()
    text = machine.log()
    test.check(len(text) < 12000 and "line 999\n" in text and text.startswith("line "), "the log is bounded", len(text))


def waiting(test):
    """What the next boot starts is there already, as after an interruption: it is restarted into once in a window, if that is wanted."""
    for apply, code, restarts in (("yes", "next_on_trial", True), ("yes", "next_default", True), ("no", "next_on_trial", False),
                                  ("yes", "current", False)):
        machine = Machine(test, f"waiting-{apply}-{code}", osb_upgrade="yes", osb_upgrade_apply=apply)
        machine.answer(check=77, checked=NOTHING_NEW_ERROR % code)
        test.check(machine.run() == (0, [CHECK] + ["reboot"] * restarts), f"{code}, apply {apply}: restarts: {restarts}", machine.calls())
        test.check(machine.run() == (0, []), "and not again in this window", machine.calls())


def main(test):
    for part in (off, settings_that_are_wrong, upgrades, waiting, leftovers, failures, refusals, locks, bounds):
        part(test)


run(main)
