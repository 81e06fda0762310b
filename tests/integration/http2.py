#!/usr/bin/env python3
"""Pulls through nginx with TLS, which offers HTTP/2 or does not: with HTTP/2 the requests of an update share one connection, with
HTTP/1.1 there are several, and each is used again. The witness is nginx's log; the registry behind it is docker-registry."""

import collections
import os
import signal
import subprocess
import time

import lib_harness
from lib_harness import wait_for_port
from lib_registry import Certificates, Registry, free_port
from lib_versions import Source, check_commit, fresh, pull, transfer

Request = collections.namedtuple("Request", "protocol connection status target")


class Front:
    """nginx before the registry. `slow`: each answer of a blob takes its time."""

    def __init__(self, test, name, certificate, registry, http2, slow=False):
        self.home, self.port = test.path(name), free_port()
        os.makedirs(self.home)
        self.log = os.path.join(self.home, "access")
        temporary = "".join(f"{kind}_temp_path {self.home}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(self.home, "nginx.conf"), "w", encoding="ascii") as file:
            file.write(f"daemon off; pid {self.home}/pid; error_log {self.home}/log; events {{}}\n"
                       + ("user root;\n" if os.geteuid() == 0 else "") +
                       f"http {{ log_format witness '$server_protocol $connection $status $request_uri';\n{temporary}"
                       f"access_log {self.log} witness; keepalive_timeout 60;\n"
                       f"server {{ listen 127.0.0.1:{self.port} ssl{' http2' if http2 else ''};\n"
                       f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};\n"
                       + ("limit_rate 20k;\n" if slow else "") +
                       f"location / {{ proxy_pass http://{registry.host}; proxy_set_header Host $host:$server_port; }} }} }}\n")
        self.process = subprocess.Popen(["nginx", "-p", self.home, "-c", os.path.join(self.home, "nginx.conf")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def image(self, name):
        return f"docker://127.0.0.1:{self.port}/{name}"

    def requests(self):
        with open(self.log, encoding="utf-8") as file:
            return [Request(*line.split()) for line in file]


def check_update(test, source, front, name):
    """The requests of an update from v1."""
    repo = fresh(test, name, source)
    used = transfer(test, pull(test, repo, front.image("os:v2"), "--fetch", "objects"), name)
    check_commit(test, repo, source, "v2", name)
    found = front.requests()
    test.check(len(found) == used["requests"] > 20 and all(request.status in ("200", "206", "404") for request in found),
               f"{name}: {used['requests']} requests, as nginx counts", (used, len(found)))
    return found


def check_whole(test, source, front):
    """Whole layers too, from several connections or one."""
    repo = test.path("whole")
    used = transfer(test, pull(test, repo, front.image("os:v2")), "whole layers through HTTP/2")
    test.check(used["way"] == "layers", "an empty repository gets whole layers", used)
    check_commit(test, repo, source, "v2", "whole layers through HTTP/2")


def check_interruption(test, source, front):
    """SIGINT ends a pull whose threads share a connection; the next one goes on."""
    repo = fresh(test, "interrupted", source)
    command = [test.osb, "pull", "-q", "--tls-verify=false", "--repo", repo, "--fetch", "objects", "--ref", "os/test", front.image("os:v2")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, error = process.communicate(timeout=60)
    test.check(process.returncode in (130, -signal.SIGINT) and time.monotonic() - start < 20, "SIGINT ends the pull",
               (process.returncode, error))


def main(test):
    test.need("ostree", "docker-registry", "nginx", "openssl")
    certificate = Certificates(test).server("front")
    with Registry(test) as registry:
        source = Source(test, registry)
        source.publish("v1")
        for number in range(0, 300, 7):
            package, size = number % 10, 40_000
            source.write(f"usr/lib/package{package}/file{number}", os.urandom(size))
        source.publish("v2")
        with Front(test, "http2", certificate, registry, True) as front:
            found = check_update(test, source, front, "HTTP/2")
            test.check({request.protocol for request in found} == {"HTTP/2.0"}, "HTTP/2: every request uses it", found)
            used = {request.connection for request in found}
            test.check(len(used) == 1, "HTTP/2: one connection", (used, found))
            check_whole(test, source, front)
        with Front(test, "http1", certificate, registry, False) as front:
            found = check_update(test, source, front, "HTTP/1.1")
            test.check({request.protocol for request in found} == {"HTTP/1.1"}, "HTTP/1.1: where nothing else is offered", found)
            used = {request.connection for request in found}
            test.check(1 < len(used) <= 7, f"HTTP/1.1: {len(used)} connections for {len(found)} requests", used)
        with Front(test, "slow", certificate, registry, True, slow=True) as front:
            check_interruption(test, source, front)


lib_harness.run(main)
