"""A real sshd on a free loopback port, with keys of its own, and an `ssh` that knows nothing else."""

import os
import shutil
import socket
import subprocess
import time

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Sshd:
    """Started by `with`. `lines` are added to its configuration."""

    def __init__(self, test, name, lines=()):
        self.test, self.directory, self.lines = test, test.path(name), list(lines)
        self.port, self.process = free_port(), None
        os.mkdir(self.directory, 0o700)
        for key in ("host", "user"):
            test.must("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(key))
        shutil.copy(self.path("user.pub"), self.path("authorized_keys"))
        with open(self.path("host.pub"), encoding="ascii") as file:
            self.know(file.read())
        with open(self.path("ssh_config"), "w", encoding="ascii") as file:
            file.write(f"Host *\n IdentityFile {self.path('user')}\n IdentitiesOnly yes\n"
                       f" UserKnownHostsFile {self.path('known_hosts')}\n GlobalKnownHostsFile /dev/null\n")
        os.mkdir(self.path("bin"))
        with open(self.path("bin/ssh"), "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\nexec {shutil.which('ssh')} -F {self.path('ssh_config')} \"$@\"\n")
        os.chmod(self.path("bin/ssh"), 0o755)

    def path(self, name):
        return os.path.join(self.directory, name)

    def know(self, key):
        """Makes `key`, a public one, the one that the client knows of this server."""
        with open(self.path("known_hosts"), "w", encoding="ascii") as file:
            file.write(f"[127.0.0.1]:{self.port} {' '.join(key.split()[:2])}\n")

    def environment(self):
        return {**os.environ, "PATH": f"{self.path('bin')}:{os.environ['PATH']}"}

    def url(self, repo):
        return f"ssh://127.0.0.1:{self.port}{repo}"

    def __enter__(self):
        with open(self.path("sshd_config"), "w", encoding="ascii") as file:
            file.write("\n".join([
                f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {self.path('host')}",
                f"AuthorizedKeysFile {self.path('authorized_keys')}", "PidFile none", "UsePAM no", "StrictModes no",
                "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin yes", *self.lines, ""]))
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        with open(self.path("log"), "wb") as log:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", self.path("sshd_config")], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
        with open(self.path("log"), encoding="utf-8") as log:
            raise RuntimeError(f"sshd does not start: {log.read()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
