"""Virtual machines for the tests: QEMU with a serial console that a program drives.

    with Machine(test, "boot", disk) as machine:
        machine.login()
        status, output = machine.shell("uname -r")
        machine.power_off()

Each wait has a limit. All that the console said is in <work>/<name>.console, and its end is printed when something was waited for
in vain. A machine is ended by its process id, at the latest when the block is left.
"""

import os
import re
import socket
import subprocess
import threading
import time

QEMU = "qemu-system-x86_64"
# The times that machines need grow where TCG shares few cores with other tests.
PATIENCE = float(os.environ.get("OSB_QEMU_PATIENCE", "1"))
# Kernel arguments of every guest.
# no_timer_check: the kernel's test of the timer fails, and it panics, where TCG shares its core with much else.
# norandmaps: TCG translates code again at each new virtual address; where each program has the same one, a boot takes half of the time.
# mitigations=off: nothing in a guest has to be kept from anything else in it.
# cryptomgr.notests: the kernel's ciphers are not what is tested.
GUEST_KARGS = ("console=ttyS0", "quiet", "no_timer_check", "norandmaps", "mitigations=off", "cryptomgr.notests")
KERNEL_LINE = re.compile(rb"\[ *\d+\.\d{6}\] [^\r\n]*\r?\n")


def karg_options(*more):
    """GUEST_KARGS and more, as install-to-disk takes them."""
    return [word for karg in (*GUEST_KARGS, *more) for word in ("--karg", karg)]


class Unexpected(Exception):
    """The console did not say in time what it should."""


def free_port():
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accelerator():
    """OSB_QEMU_ACCEL when set (kvm), else tcg. There are machines whose KVM runs some code and fails at the bootloader or in the kernel
    (guests inside guests): no quick probe tells, and a test that depends on it would fail for no fault of ours."""
    return os.environ.get("OSB_QEMU_ACCEL", "tcg")


class Machine:
    """One virtual machine. `disk` is a path, or a list of (path, format); they become /dev/vda, /dev/vdb, ... With `forward` it has
    a network: this machine's loopback interface is 10.0.2.2 there. `hurry`: the loader's menu is not waited for."""

    def __init__(self, test, name, disk, memory=512, forward=None, options=(), hurry=False):
        self.test, self.name, self.hurry = test, name, hurry
        self.log_path = test.path(name + ".console")
        disks = disk if isinstance(disk, list) else [(disk, "raw")]
        self.command = [QEMU, "-accel", accelerator(), "-m", str(memory), "-display", "none", "-nodefaults",
                        "-serial", "stdio", "-device", "virtio-rng-pci", "-no-reboot"]
        for path, kind in disks:
            self.command += ["-drive", f"file={path},format={kind},if=virtio,cache=writeback"]
        # {name: port of the guest}; ports of the host are in self.ports afterwards.
        self.ports = {service: free_port() for service in forward or {}}
        if forward is not None:
            forwards = "".join(f",hostfwd=tcp:127.0.0.1:{self.ports[service]}-:{port}" for service, port in forward.items())
            self.command += ["-netdev", "user,id=net0" + forwards, "-device", "virtio-net-pci,netdev=net0,romfile="]
        self.command += options
        self.process = None
        self.heard = b""
        self.position = 0  # what expect() has consumed of heard
        self.changed = threading.Condition()

    def __enter__(self):
        if self.process is None:  # resume() of lib_powercut.py has started it
            self.start()
        return self

    def __exit__(self, kind, error, trace):
        self.kill()
        if kind is not None:
            self.show_end()

    def start(self):
        """Switches the machine on; the console begins anew, the log goes on."""
        self.heard, self.position = b"", 0
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        bufsize=0)
        threading.Thread(target=self._listen, args=(self.process.stdout,), daemon=True).start()

    def _listen(self, stream):
        with open(self.log_path, "ab") as log:
            while True:
                part = os.read(stream.fileno(), 65536)
                log.write(part)
                log.flush()
                with self.changed:
                    # The countdown of its menu; not where a label is started once, which comes without.
                    if self.hurry and b"Starting in" in self.heard[-20:] + part and b"Starting in" not in self.heard:
                        self.process.stdin.write(b"\r")
                    self.heard += part
                    self.changed.notify_all()
                if not part:
                    stream.close()
                    return

    def send(self, text):
        self.process.stdin.write(text.encode())

    def expect(self, pattern, seconds=120):
        """Waits until the console has said what the regular expression matches, after what was matched before."""
        expression = re.compile(pattern.encode(), re.MULTILINE)
        deadline = time.monotonic() + seconds * PATIENCE
        with self.changed:
            while True:
                match = expression.search(self.heard, self.position)
                if match:
                    self.position = match.end()
                    return match
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Unexpected(f"{self.name}: {pattern!r} not seen within {seconds * PATIENCE:.0f} s")
                if self.process.poll() is not None and not self.changed.wait(0.2):
                    raise Unexpected(f"{self.name}: the machine ended (status {self.process.returncode}) before {pattern!r}")
                self.changed.wait(min(left, 1))

    def said(self, pattern):
        """Whether the console has said this since the machine was switched on."""
        with self.changed:
            return re.search(pattern.encode(), self.heard) is not None

    def login(self, user="root", password="osb", seconds=240):
        """Waits for the login prompt on the console, logs in, and readies shell()."""
        self.expect(r"login: ", seconds)
        time.sleep(0.2)  # getty throws away what was typed before it listens
        self.send(user + "\n")
        if password is not None:
            self.expect(r"[Pp]assword: ")
            time.sleep(0.2)
            self.send(password + "\n")
        self.expect(r"[#$] ", 60)
        self.take_shell()

    def take_shell(self):
        """Readies shell() at the prompt of a shell."""
        # One that is not interactive: no line editing, no echo; and the kernel's messages go to its log alone.
        self.send("dmesg -n 1 2>/dev/null; stty -echo; sh 2>&1 | cat; exit\n")
        self.shell("true")

    def shell(self, command, seconds=60):
        """Runs a command in the shell of login(): (exit status, what it said)."""
        start = self.position
        self.send(f"{command}\necho \"@end\"\"@$?@\"\n")
        match = self.expect(r"@end@(\d+)@\r?\n", seconds)
        output = KERNEL_LINE.sub(b"", self.heard[start:match.start()])
        return int(match.group(1)), output.decode(errors="backslashreplace").replace("\r\n", "\n").strip()

    def output(self, command, seconds=60):
        """What a command says that has to succeed."""
        status, said = self.shell(command, seconds)
        if status != 0:
            raise Unexpected(f"{self.name}: {command!r} ended with {status}: {said}")
        return said

    def reboot(self):
        """An orderly restart; the console is then that of the new boot."""
        self.send("reboot\n")
        self.restart_after_reset()

    def restart_after_reset(self, seconds=120):
        """Waits until the guest restarts itself, by `reboot` or after a panic, and boots it anew.

        A restart ends QEMU (-no-reboot), and a new process begins. Within one process TCG keeps what it has translated of the
        old kernel, and the loader's writes to those pages then take minutes.
        """
        self.expect(r"reboot: (Restarting system|machine restart)|Rebooting in \d+ seconds", seconds)
        self.wait_off(60)
        self.start()

    def next_boot(self, seconds=180):
        """Waits until the guest has restarted itself, for whatever reason, and boots it anew."""
        self.wait_off(seconds)
        self.start()

    def power_off(self, seconds=60):
        """An orderly end, as an operator does it."""
        self.send("poweroff\n")
        self.wait_off(seconds)

    def wait_off(self, seconds):
        try:
            self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Unexpected(f"{self.name}: still running after {seconds * PATIENCE:.0f} s") from None

    def kill(self):
        """The power cut: nothing that the guest has not written out is kept."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def show_end(self, lines=60):
        print(f"# the end of the console of {self.name}:")
        with open(self.log_path, encoding="utf-8", errors="backslashreplace") as log:
            for line in log.read().replace("\r", "").splitlines()[-lines:]:
                print("#   " + "".join(c if c.isprintable() else "?" for c in line))
