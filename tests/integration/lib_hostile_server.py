"""A registry of the tests' own, which serves image layouts as they are on the disk, and any other answer that a row of the
catalogue wants."""

import json
import os
import re
import ssl
import threading
import time

from lib_image import INDEX, MANIFEST
from lib_listener import Listener


class Request:
    def __init__(self, method, target, headers):
        self.method, self.target, self.headers = method, target, headers

    def header(self, name):
        return self.headers.get(name, "")


def answer(status, headers=(), body=b"", length=None):
    """The bytes of a response; length: in place of the true one, "" for none."""
    head = f"HTTP/1.1 {status} Answer\r\n".encode()
    for name, value in headers:
        head += name.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) + b"\r\n"
    if length != "":
        head += f"Content-Length: {len(body) if length is None else length}\r\n".encode()
    return head + b"\r\n" + body


class Server(Listener):
    """HTTP/1.1 on a loopback port. layouts: {name of a repository: directory of a layout}. hook(request) returns the bytes of an answer,
    an iterator over them (the connection ends after it), or None for the ordinary answer. tls: (certificate, key)."""

    def __init__(self, tls=None, old_tls=False):
        super().__init__()
        self.tls = self.context(tls, old_tls) if tls else None
        self.layouts, self.hook = {}, None
        self.requests, self.lock, self.blob_bytes = [], threading.Lock(), 0
        self.listen()

    @staticmethod
    def context(pair, old):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if old:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1
        context.load_cert_chain(*pair)
        return context

    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def image(self, name):
        return f"docker://{self.host}/{name}"

    def serve(self, client, _number):
        try:
            if self.tls:
                client = self.tls.wrap_socket(client, server_side=True)
            with client.makefile("rb") as reader:
                while self.respond(client, reader):
                    pass
        except (OSError, ValueError):
            pass  # the client went away, or spoke TLS where none is
        finally:
            client.close()

    def respond(self, client, reader):
        """One request; False when it was the connection's last."""
        line = reader.readline(65536)
        words = line.decode("ascii", "replace").split()
        if len(words) != 3 or line[0] == 0x16:
            return False
        headers = {}
        while (text := reader.readline(65536).decode("latin-1").strip()):
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        reader.read(int(headers.get("content-length", 0)))
        request = Request(words[0], words[1], headers)
        with self.lock:
            self.requests.append(request)
        data = self.hook(request) if self.hook else None
        if data is None:
            data = self.ordinary(request)
        if isinstance(data, bytes):
            client.sendall(data)
            return True
        for piece in data:
            client.sendall(piece)
        return False

    def ordinary(self, request):
        path = request.target.split("?")[0]
        if path == "/v2/":
            return answer(200, [("Docker-Distribution-API-Version", "registry/2.0")], b"{}")
        if found := re.fullmatch(r"/v2/(.+)/manifests/([^/]+)", path):
            return self.manifest(request, *found.groups())
        if found := re.fullmatch(r"/v2/(.+)/blobs/sha(256|512):([0-9a-f]+)", path):
            return self.blob(request, found[1], os.path.join("sha" + found[2], found[3]))
        return answer(404, [("Content-Type", "application/json")], b'{"errors":[{"code":"NAME_UNKNOWN"}]}')

    def manifest(self, request, name, reference):
        """A tag by index.json, a digest by its blob."""
        directory = self.layouts.get(name)
        if directory is None:
            return answer(404, body=b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
        digest, kind = reference, MANIFEST
        with open(os.path.join(directory, "index.json"), encoding="utf-8") as file:
            for entry in json.load(file)["manifests"]:
                if reference in (entry["digest"], entry.get("annotations", {}).get("org.opencontainers.image.ref.name")):
                    digest, kind = entry["digest"], entry["mediaType"]
        if ":" not in digest:
            return answer(404, body=b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        data = read(os.path.join(directory, "blobs", *digest.split(":")))
        if data is None:
            return answer(404, body=b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        if kind == MANIFEST and b'"manifests"' in data:
            kind = INDEX
        return answer(200, [("Content-Type", kind)], b"" if request.method == "HEAD" else data, len(data))

    def blob(self, request, name, digest):
        path = os.path.join(self.layouts.get(name, "/nonexistent"), "blobs", digest)
        if not os.path.isfile(path):
            return answer(404, body=b'{"errors":[{"code":"BLOB_UNKNOWN"}]}')
        size = os.path.getsize(path)
        begin, end, status, headers = 0, size, 200, [("Content-Type", "application/octet-stream")]
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", request.header("range")):
            begin, end, status = int(found[1]), min(size, int(found[2] or size - 1) + 1), 206
            headers.append(("Content-Range", f"bytes {begin}-{end - 1}/{size}"))
        head = answer(status, headers, length=end - begin)
        return head if request.method == "HEAD" else self.stream(head, path, begin, end)

    def stream(self, head, path, begin, end):
        """A small blob in one piece, so that the connection can be used again."""
        with open(path, "rb") as file:
            file.seek(begin)
            if end - begin <= 1 << 20:
                data = file.read(end - begin)
                self.blob_bytes += len(data)
                return head + data
        return self.pieces(head, path, begin, end)

    def pieces(self, head, path, begin, end):
        yield head
        with open(path, "rb") as file:
            file.seek(begin)
            while begin < end and (data := file.read(min(1 << 20, end - begin))):
                begin += len(data)
                self.blob_bytes += len(data)
                yield data

    def asked(self, part):
        """The requests whose targets have this part."""
        with self.lock:
            return [request for request in self.requests if part in request.target]

    def wait_for(self, part, seconds=20):
        deadline = time.monotonic() + seconds
        while not self.asked(part) and time.monotonic() < deadline:
            time.sleep(0.01)


def read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None
