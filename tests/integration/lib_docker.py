"""Docker daemons of the test's own: dockerd, and podman's service with the same API. Neither uses the network."""

import http.client
import os
import shutil
import socket
import subprocess
import time

from lib_harness import Skip


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    """A running daemon. `env` has DOCKER_HOST for its clients."""

    def __init__(self, test, name, command, env=None):
        # The path of a socket has at most 107 bytes.
        self.socket = os.path.join(test.work, f"{name}.sock")
        self.log = test.path(f"{name}.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env,
                                            start_new_session=True)
        self.env = {**os.environ, "DOCKER_HOST": f"unix://{self.socket}"}
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if self.get("/_ping") == b"OK":
                    return
            except OSError:
                pass
            time.sleep(0.05)
        self.stop()
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise Skip(f"{command[0]} does not start: {log.read()[-500:]}")

    def get(self, path):
        connection = UnixConnection(self.socket)
        connection.request("GET", path)
        answer = connection.getresponse().read()
        connection.close()
        return answer

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def dockerd(test):
    """dockerd as root, without containers: no bridge, no firewall rules."""
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        raise Skip("needs dockerd and root")
    root = test.path("dockerd")
    return Daemon(test, "dockerd", [
        "dockerd", "--host", f"unix://{test.work}/dockerd.sock", "--data-root", f"{root}/data", "--exec-root", f"{root}/exec",
        "--pidfile", f"{root}.pid", "--storage-driver", "vfs", "--bridge=none", "--iptables=false", "--ip6tables=false",
        "--ip-forward=false", "--ip-masq=false", "--group", "root"])


def podman_service(test, containers):
    return Daemon(test, "podman", ["podman", "system", "service", "--time=0", f"unix://{test.work}/podman.sock"],
                  env=containers.env)
