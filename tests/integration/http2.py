#!/usr/bin/env python3
"""Pulls through nginx with TLS, which offers HTTP/2 or does not: with HTTP/2 the requests of an update share one connection, with
HTTP/1.1 there are several, and each is used again. The witness is nginx's log; the registry behind it is docker-registry."""

import collections
import os
import signal
import subprocess
import time

import lib_harness
from lib_nginx import Nginx
from lib_registry import Certificates, Registry
from lib_versions import Source, check_commit, fresh, pull, transfer

Request = collections.namedtuple("Request", "protocol connection status target")


class Front(Nginx):
    """nginx before the registry. `slow`: each answer of a blob takes its time."""

    def __init__(self, test, name, certificate, registry, http2, slow=False):
        super().__init__(test, name, "$server_protocol $connection $status $request_uri")
        self.configure(f"keepalive_timeout 60;\nserver {{ listen {self.host} ssl{' http2' if http2 else ''};\n"
                       f"ssl_certificate {certificate[0]}; ssl_certificate_key {certificate[1]};\n"
                       + ("limit_rate 20k;\n" if slow else "")
                       + f"location / {{ proxy_pass http://{registry.host}; proxy_set_header Host $host:$server_port; }} }}\n")

    def requests(self):
        return [Request(*words) for words in self.log()]


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
