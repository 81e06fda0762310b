"""A proxy in front of a registry that spoils answers as a test wants it."""

import gzip
import http.client
import re
import socket
import ssl
import struct
import threading

from lib_listener import Listener

DAMAGE = 1 << 20  # a fault that never ends


class Fault:
    """What goes wrong with the requests that `method` and `part` (of the target) name, `times` times after the first
    `skip` of them.

    kind: status, reset (before an answer), reset-headers, reset-body, fin-body, corrupt, whole (ranges are not served),
    wrong-range, encoded (gzip, and the header that says so, for whatever came), circle (redirects), break-upload (half
    of the body arrives, then RST), reset-connect (no request is read), alert (in the TLS handshake). ranges: only
    requests for a range are meant.
    """

    def __init__(self, kind, method="GET", part="/blobs/", times=DAMAGE, status=0, headers=(), skip=0, ranges=False):
        self.kind, self.method, self.part, self.times = kind, method, part, times
        self.status, self.headers, self.skip, self.ranges = status, headers, skip, ranges
        self.met = self.hits = 0
        self.lost = 0  # bytes of bodies that were sent and then cut
        self.lock = threading.Lock()

    def hit(self, method, target):
        if method != self.method or self.part not in target:
            return False
        with self.lock:
            self.met += 1
            if not self.skip < self.met <= self.skip + self.times:
                return False
            self.hits += 1
            return True


class FaultyProxy(Listener):
    """Speaks HTTP/1.1 and passes requests on to host:port of `registry`. tls: a list of (certificate, key), one for
    each connection in turn, the last for all that follow. old_tls: nothing newer than TLS 1.1 is spoken."""

    def __init__(self, registry, faults=(), tls=None, old_tls=False):
        super().__init__()
        self.registry, self.faults, self.tls, self.old_tls = registry, list(faults), tls, old_tls
        self.body_bytes = 0
        self.requests = []
        self.lock = threading.Lock()
        self.listen()

    def image(self, name):
        return f"docker://{self.host}/{name}"

    def serve(self, client, number):
        try:
            for fault in self.faults:
                if fault.kind in ("reset-connect", "alert") and number <= fault.times:
                    if fault.kind == "alert":
                        client.recv(1024)
                        client.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # fatal, handshake_failure
                        client.close()
                        return
                    raise Reset
            if self.tls:
                client = self.secured(client, number)
            with client.makefile("rb") as reader:
                while self.answer(client, reader):
                    pass
        except Reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            client.close()

    def secured(self, client, number):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self.old_tls:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        context.load_cert_chain(*self.tls[min(number, len(self.tls)) - 1])
        return context.wrap_socket(client, server_side=True)

    def answer(self, client, reader):
        """One request; False when it was the connection's last."""
        line = reader.readline().decode().split()
        if len(line) != 3:
            return False
        method, target, headers = line[0], line[1], {}
        while True:
            header = reader.readline().decode().strip()
            if not header:
                break
            name, value = header.split(":", 1)
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        body = reader.read(int(headers.get("content-length", 0)))
        with self.lock:
            self.requests.append((method, target, headers.get("range")))
        may_hit = [f for f in self.faults if "range" in headers or not f.ranges]
        fault = next((f for f in may_hit if f.hit(method, target)), None)
        return self.forward(client, method, target, headers, body, fault)

    def forward(self, client, method, target, headers, body, fault):
        kind = fault.kind if fault else ""
        if kind == "reset":
            raise Reset
        if kind == "status":
            self.send(client, fault.status, list(fault.headers), b"{}", method)
            return True
        if kind == "circle":
            self.send(client, 307, [("Location", target)], b"", method)
            return True
        if kind == "break-upload":
            self.break_upload(method, target, headers, body)
            raise Reset
        passed = {name: value for name, value in headers.items() if name not in ("host", "connection")}
        if kind == "whole":
            passed.pop("range", None)
        upstream = http.client.HTTPConnection("127.0.0.1", self.registry.port, timeout=30)
        try:
            upstream.request(method, target, body=body or None, headers={**passed, "Host": self.host})
            response = upstream.getresponse()
            data = response.read()
            answered = [(n, v) for n, v in response.getheaders() if n.lower() not in ("content-length", "connection")]
        finally:
            upstream.close()
        return self.spoil(client, fault, response.status, answered, data, method,
                          response.getheader("Content-Length"))

    def spoil(self, client, fault, status, headers, data, method, length):
        kind = fault.kind if fault else ""
        if kind == "corrupt" and data:
            data = data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:]
        if kind == "encoded" and data:
            data, length = gzip.compress(data, 1), None
            headers = headers + [("Content-Encoding", "gzip")]
        if kind == "wrong-range" and status == 206:
            headers = [(n, re.sub(r"bytes (\d+)", lambda m: f"bytes {int(m[1]) - 1}", v)
                        if n.lower() == "content-range" else v) for n, v in headers]
        if kind in ("reset-headers", "reset-body", "fin-body"):
            cut = {"reset-headers": 0, "reset-body": len(data) // 3, "fin-body": len(data) // 2}[kind]
            with fault.lock:
                fault.lost += cut
            self.send(client, status, headers, data[:cut], method, max(len(data), 1))
            if kind == "fin-body":
                return False
            raise Reset
        self.send(client, status, headers, data, method, length)
        return True

    def send(self, client, status, headers, data, method, length=None):
        if status == 204:
            length = ""
        head = f"HTTP/1.1 {status} Answer\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers)
        if length != "":
            head += f"Content-Length: {len(data) if length is None else length}\r\n"
        client.sendall(head.encode() + b"\r\n" + (b"" if method == "HEAD" else data))
        with self.lock:
            self.body_bytes += 0 if method == "HEAD" else len(data)

    def break_upload(self, method, target, headers, body):
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.host}\r\n"
        head += "".join(f"{n}: {v}\r\n" for n, v in headers.items() if n not in ("host", "connection"))
        with socket.create_connection(("127.0.0.1", self.registry.port)) as upstream:
            upstream.sendall(head.encode() + b"\r\n" + body[:len(body) // 2])


class SignedUrls(FaultyProxy):
    """A store of blobs beside a registry. It serves a blob only at a URL that it has signed, `uses` times each, and says 403 afterwards."""

    def __init__(self, registry, uses=DAMAGE):
        self.left, self.uses = {}, uses
        self.served = self.expired = 0
        self.leaked = []  # headers that are none of its business
        super().__init__(registry)

    def sign(self, target):
        with self.lock:
            name = str(len(self.left))
            self.left[name] = self.uses
        return f"http://{self.host}{target}?signature={name}"

    def forward(self, client, method, target, headers, body, fault):
        path, _, name = target.partition("?signature=")
        with self.lock:
            self.leaked += [header for header in headers if header in ("authorization", "cookie")]
            good = self.left.get(name, 0) > 0
            self.left[name] = self.left.get(name, 0) - 1
            self.served += good
            self.expired += not good
        if not good:
            self.send(client, 403, [("Content-Type", "application/xml")], b"<Error><Code>AccessDenied</Code></Error>", method)
            return True
        return super().forward(client, method, path, headers, body, fault)


class RedirectingProxy(FaultyProxy):
    """A registry that has its blobs in `store`."""

    def __init__(self, registry, store):
        self.store = store
        super().__init__(registry)

    def forward(self, client, method, target, headers, body, fault):
        if method == "GET" and "/blobs/" in target:
            self.send(client, 307, [("Location", self.store.sign(target))], b"", method)
            return True
        return super().forward(client, method, target, headers, body, fault)


class Reset(Exception):
    """The connection is to end with RST."""
