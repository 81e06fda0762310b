"""Rows 44 and 88 to 100 of the catalogue: registries, and whoever answers in their place."""

import base64
import json
import os
import urllib.parse

from lib_hostile import ACCEPT, MIB, REJECT, row
from lib_hostile_documents import endless, pieces
from lib_hostile_layers import Tar, encode
from lib_hostile_server import Server, answer
from lib_image import MANIFEST
from lib_registry import Certificates, auth_file, trust

USER, CANARY = "somebody", "cAnArY-pass:w0rd"
BASIC = "Basic " + base64.b64encode(f"{USER}:{CANARY}".encode()).decode()
CREDS = ("--creds", f"{USER}:{CANARY}")
DIRTY = b"\x1b[2J\x1b]52;c;aGk=\x07\x7f\x9b1m"


class Site:
    """An image in the server, and a second server: another origin on this machine."""

    def __init__(self, bench, server=None):
        self.bench, self.server, self.other = bench, server or bench.server, Server()
        self.layout = bench.image_of([encode(Tar().file("x", b"in" * 2000), "gzip")])
        self.server.layouts[self.layout.name] = self.layout.directory
        self.image = self.server.image(self.layout.name + ":t")
        with open(os.path.join(self.layout.directory, "index.json"), encoding="utf-8") as file:
            with open(self.layout.blob_path(json.load(file)["manifests"][0]["digest"]), "rb") as manifest:
                self.manifest = manifest.read()
        self.layer = json.loads(self.manifest)["layers"][0]["digest"]
        with open(self.layout.blob_path(self.layer), "rb") as file:
            self.blob = file.read()

    def answers(self, part, data):
        """The server says this where the target has that part: bytes, or function(request)."""
        self.server.hook = lambda request: (data(request) if callable(data) else data) if part in request.target else None
        return self

    def refused(self, what, status=5, naming=(), options=(), **how):
        attempt = self.bench.refused(self.image, what, status, naming, options, **how)
        self.silent(attempt, what)
        return attempt

    def accepted(self, what, options=(), **how):
        attempt = self.bench.accepted(self.image, what, options, **how)
        self.silent(attempt, what)
        return attempt

    def silent(self, attempt, what):
        self.bench.expect(CANARY not in attempt.stdout + attempt.stderr and BASIC[6:] not in attempt.stderr, f"{what}: a secret is printed",
                          attempt)

    def leaked(self, what):
        """The other server saw no credentials, in any form."""
        for request in self.other.requests:
            seen = json.dumps(request.headers) + urllib.parse.unquote(request.target)
            if CANARY in seen or "authorization" in request.headers or BASIC[6:] in seen:
                self.bench.fault(f"{what}: the other server saw {seen}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.hook = None
        self.other.listener.close()
        self.bench.done_with(self.layout)


def with_password(then):
    """Demands Basic of every request, and then answers."""
    def hook(request):
        if request.header("authorization") != BASIC:
            return answer(401, [("WWW-Authenticate", 'Basic realm="x"')], b"{}")
        return then(request)
    return hook


@row(44, "control bytes in what a registry says")
def dirty_registry(bench):
    with Site(bench) as site:
        error = json.dumps({"errors": [{"code": "DENIED", "message": DIRTY.decode("latin-1") + "m" * 100_000}]}).encode()
        for what, data in (("an error", answer(404, [("Content-Type", "application/json")], error)),
                           ("plain text", answer(404, body=DIRTY * 1000)),
                           ("a Warning", answer(404, [("Warning", b'299 - "' + DIRTY + b"w" * 5000 + b'"')], b"{}")),
                           ("a reason", b"HTTP/1.1 404 " + DIRTY + b"\r\nContent-Length: 0\r\n\r\n")):
            attempt = site.answers("/manifests/", data).refused(what, status=(1, 5))
            bench.expect(len(attempt.stderr) < 8192, f"{what}: {len(attempt.stderr)} bytes of it are printed", attempt)
        tags = json.dumps({"name": "x", "tags": ["v1" + DIRTY.decode("latin-1"), "-" + "t" * 300]}).encode()
        site.answers("/tags/list", answer(200, body=tags))
        site.image = bench.server.image(site.layout.name + ":none")
        site.refused("a list of tags", status=1)
        site.server.hook = None
        labels = {"org.opencontainers.image.version": "1\x1b[2J", "a\nb": "\x07"}
        layout = bench.image_of([encode(Tar().file("x"), "")], config={"Labels": labels})
        image = bench.places(layout)[1]
        bench.accepted(image, "labels")
        bench.expect(bench.run("inspect", image).status == 0, "inspect of labels")
        bench.done_with(layout)


@row(88, "redirects while holding a password")
def redirects(bench):
    with Site(bench) as site:
        site.other.layouts = site.server.layouts

        def elsewhere(request):
            place = f"{site.other.url()}/v2/{site.layout.name}/blobs/{site.layer}"
            return answer(307, [("Location", place)]) if site.layer in request.target else None
        site.server.hook = with_password(elsewhere)
        site.accepted("to another port", CREDS)
        bench.expect(site.other.requests, "nobody followed")
        site.leaked("to another port")
        hops = []

        def circle(request):
            hops.append(request)
            return answer(307, [("Location", f"{site.server.url()}{request.target}?{len(hops)}")])
        site.answers("/manifests/", circle).refused("in a circle")
        bench.expect(0 < len(hops) <= 80, f"{len(hops)} hops")
        site.server.hook = None
    certificates = Certificates(bench.test, "authority88")
    with Server(tls=certificates.server("good")) as server, Site(bench, server) as site:
        trust(bench.environment, server.host, certificates.ca)
        site.accepted("over TLS")
        site.other.layouts = server.layouts
        site.answers("/blobs/" + site.layer, answer(307, [("Location", f"{site.other.url()}/v2/{site.layout.name}/blobs/{site.layer}")]))
        site.refused("from https to http", status=(3, 4, 5))
        bench.expect(not site.other.asked("/blobs/"), "a request went out in clear")


def challenge(realm):
    return answer(401, [("WWW-Authenticate", f'Bearer realm="{realm}",service="s",scope="repository:x:pull"')], b"{}")


@row(89, "token servers at foreign places")
def realms(bench):
    certificates = Certificates(bench.test, "authority89")
    with Server(tls=certificates.server("good")) as server, Site(bench, server) as site:
        trust(bench.environment, server.host, certificates.ca)
        port = site.other.port
        for realm in (f"http://127.0.0.1:{port}/token", f"http://localhost:{port}/token", "https://169.254.169.254/token",
                      "https://10.0.0.1/token",
                      "https://[::1]/token", "https://[fe80::1]/token", "https://0x7f.2/token", "https://2130706434/token",
                      "https://127.2/token",
                      "file:///etc/passwd", "gopher://127.0.0.1/", f"https://127.0.0.1@127.0.0.2:{port}/token",
                      f"https://127.0.0.1%2F@127.0.0.2:{port}/", f"https://127.0.0.1%2F.evil:{port}/", "https://", "//", "",
                      "https://localhost.:1/token", "https://x.localhost/token"):
            site.server.hook = lambda request, realm=realm: challenge(realm) if not request.header("authorization") else None
            site.refused(f"realm {realm!r}", status=(1, 3, 4, 5), options=CREDS)
        bench.expect(not site.other.requests, f"a foreign token server was asked: {[request.target for request in site.other.requests]}")


@row(90, "a token server that redirects elsewhere")
def token_redirect(bench):
    with Site(bench) as site:
        stored = auth_file(bench.test.path("auth90.json"), site.server.host, USER, CANARY)

        def hook(request):
            if request.target.startswith("/token"):
                return answer(307, [("Location", f"{site.other.url()}/token")])
            return None if request.header("authorization") == "Bearer good" else challenge(f"{site.server.url()}/token")
        site.server.hook = hook
        site.other.hook = lambda request: answer(200, body=b'{"token":"good"}')
        attempt = bench.importing(site.image, "--authfile", stored)
        bench.judge(attempt, ACCEPT if attempt.status == 0 else REJECT, "elsewhere", status=(1, 4, 5))
        site.silent(attempt, "elsewhere")
        site.leaked("elsewhere")


@row(91, "answers of token servers")
def tokens(bench):
    with Site(bench) as site:
        for what, body, works in (("empty", b"{}", False), ("no JSON", b"x", False), ("CR LF", b'{"token":"a\\r\\nX-Evil: 1"}', False),
                                  ("an empty token", b'{"token":""}', False), ("a number", b'{"token":7}', False),
                                  ("expires_in 0", b'{"token":"good","expires_in":0}', True),
                                  ("negative", b'{"token":"good","expires_in":-1}', True),
                                  ("two", b'{"token":"good","access_token":"other"}', True),
                                  ("2 MiB", b'{"token":"' + b"t" * 2 * MIB + b'"}', False)):
            def hook(request, body=body):
                if request.target.startswith("/token"):
                    return answer(200, [("Content-Type", "application/json")], body)
                return None if request.header("authorization") == "Bearer good" else challenge(f"{site.server.url()}/token")
            site.server.hook = hook
            attempt = bench.importing(site.image)
            # A life of 0 or less, and two tokens, may be taken or refused.
            bench.judge(attempt, ACCEPT if attempt.status == 0 else REJECT, what, status=(3, 5))
            bench.expect(works or attempt.status != 0, f"{what}: accepted", attempt)
            bench.expect(not [r for r in site.server.requests if "x-evil" in r.headers], f"{what}: a header was injected", attempt)
        token = endless("/token", "application/json")
        asked = challenge(f"{site.server.url()}/token")
        site.server.hook = lambda request: token(request) or (None if request.header("authorization") else asked)
        site.refused("1 GiB", status=(3, 5))


@row(92, "certificates")
def certificates_of(bench):
    good = Certificates(bench.test, "authority92")
    narrow = Certificates(bench.test, "narrow92", "nameConstraints=critical,excluded;IP:127.0.0.0/255.0.0.0")
    stranger = Certificates(bench.test, "stranger92")
    for what, pair, authority, old in (("expired", good.server("old", days=-1), good, False),
                                       ("of another host", good.server("b", "DNS:x,IP:127.0.0.2"), good, False),
                                       ("beyond a name constraint", narrow.server("c"), narrow, False),
                                       ("of nobody", stranger.server("d"), good, False),
                                       ("over TLS 1.0", good.server("e"), good, True)):
        with Server(tls=pair, old_tls=old) as server, Site(bench, server) as site:
            trust(bench.environment, server.host, authority.ca)
            # A handshake that fails is tried again, which takes time.
            for options in ((CREDS,) if old else ((), ("--tls-verify=true",), CREDS)):
                site.refused(f"{what} {options[:1]}", status=5 if old else 4, options=options)
            bench.expect(not server.requests, f"{what}: a request came")
    with Site(bench) as site:
        site.refused("plain HTTP where TLS is asked for", options=("--tls-verify=true", *CREDS))
        bench.expect(not site.server.asked(site.layout.name), "a request went out in clear")


@row(93, "answers to a range that are another range")
def ranges(bench):
    with Site(bench) as site:
        size, cut = len(site.blob), len(site.blob) // 2
        rest = site.blob[cut:]
        good = f"bytes {cut}-{size - 1}/{size}"
        wrong = {"the whole": answer(200, body=site.blob),
                 "another start": answer(206, [("Content-Range", f"bytes {cut - 1}-{size - 2}/{size}")], site.blob[cut - 1:-1]),
                 "another total": answer(206, [("Content-Range", f"bytes {cut}-{size - 1}/{size + 1}")], rest),
                 "two Content-Range": answer(206, [("Content-Range", good), ("Content-Range", f"bytes 0-{size - cut - 1}/{size}")],
                                             site.blob[:size - cut]),
                 "none": answer(206, (), rest),
                 "several parts": answer(206, [("Content-Type", "multipart/byteranges; boundary=x")], b"--x\r\n\r\n" + rest),
                 "416": answer(416, [("Content-Range", f"bytes */{size}")]),
                 "another content": answer(206, [("Content-Range", good)], rest[::-1])}
        for what, second in wrong.items():
            answers = []

            def hook(request, answers=answers, second=second):
                if site.layer not in request.target:
                    return None
                answers.append(request.header("range"))
                if len(answers) == 1:
                    return pieces(answer(200, length=size), site.blob[:cut], 1)
                return second if len(answers) == 2 else None
            site.server.hook = hook
            attempt = bench.importing(site.image)
            bench.judge(attempt, ACCEPT if attempt.status == 0 else REJECT, what, status=(3, 5))
            bench.expect(what != "another content" or attempt.status == 3, f"{what}: exit status {attempt.status}", attempt)
            bench.expect(len(answers) > 1 and answers[1], f"{what}: no range was asked for: {answers}", attempt)


@row(94, "lengths that are not the body's")
def lengths(bench):
    with Site(bench) as site:
        size = len(site.blob)
        head = b"HTTP/1.1 200 OK\r\n"
        chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % size + site.blob + b"\r\n0\r\n\r\n"
        for what, data in (("too large", pieces_of(answer(200, body=site.blob, length=size + 10))),
                           ("too small", answer(200, body=site.blob, length=size - 10)),
                           ("two", pieces_of(head + b"Content-Length: %d\r\nContent-Length: 3\r\n\r\n" % size + site.blob)),
                           ("beside chunks", pieces_of(head + b"Content-Length: 3\r\n" + chunked)),
                           ("negative", pieces_of(head + b"Content-Length: -1\r\n\r\n" + site.blob)),
                           ("a longer body", answer(200, body=site.blob + b"more")),
                           ("2^64", pieces_of(head + b"Content-Length: 18446744073709551616\r\n\r\n"))):
            seen = []

            def hook(request, data=data, seen=seen):
                if site.layer not in request.target:
                    return None
                seen.append(request)
                return data if isinstance(data, bytes) else data() if len(seen) == 1 else answer(404)
            site.server.hook = hook
            attempt = bench.importing(site.image)
            # The digest decides; the right bytes may be taken where only the lengths contradict each other.
            bench.judge(attempt, ACCEPT if attempt.status == 0 else REJECT, what, status=(1, 3, 5))
            bench.expect(attempt.status != 0 or what in ("beside chunks", "two"), f"{what}: accepted", attempt)
        site.answers(site.layer, lambda request: pieces(answer(200, length=""), bytes(MIB), 1 << 14)).refused("a body without end",
                                                                                                              status=(3, 5))


def pieces_of(data):
    return lambda: iter([data])


@row(96, "headers and redirects without end")
def headers(bench):
    with Site(bench) as site:
        many = [(f"X-{number}", "v") for number in range(10_000)]
        site.answers("/manifests/", answer(200, many, b"{}")).refused("10,000 headers", status=(3, 5))
        site.answers("/manifests/", answer(200, [("X", "v" * MIB)], b"{}")).refused("a header of 1 MiB", status=(3, 5))
        site.answers("/manifests/",
                     lambda request: pieces(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1000, 1 << 12)).refused("1xx without end",
                                                                                                              status=(3, 5))
        for place in ("http://x\r\nX-Evil: 1/", "http://user:secret@127.0.0.1:1/", "javascript:alert(1)", "", "file:///etc/passwd",
                      "ftp://127.0.0.1/x",
                      f"//user@{site.other.host}/x", "http://", "http://[::1", "\\\\evil\\x", "dict://127.0.0.1:11211/"):
            site.answers("/manifests/", answer(307, [("Location", place)])).refused(f"Location {place!r}", status=(1, 3, 5))
        bench.expect(not [r for r in site.server.requests if "x-evil" in r.headers], "a header was injected")
        relative = f"/v2/{site.layout.name}/manifests/t?moved"
        site.answers("/manifests/t", lambda request: None if "moved" in request.target else answer(307, [("Location", relative)]))
        site.accepted("a relative Location")


@row(97, "servers that are silent, and documents that never end")
def slow(bench):
    """A server that says nothing is given up after a minute: the unit tests have a shorter one. Here a signal ends the wait."""
    with Site(bench) as site:
        site.server.hook = endless("/manifests/t", MANIFEST, body=b" " * 65536)
        site.refused("a manifest that never ends", status=(3, 5))
    bench.unit_test("registry", "AnswerFaultsTest.WhatPassesIsOvercomeAndWhatLastsEnds", "*AnswerFaultsTest*tall*")


@row(98, "digests in headers, and tags that move")
def moving_tags(bench):
    with Site(bench) as site:
        lie = [("Content-Type", MANIFEST), ("Docker-Content-Digest", "sha256:" + "0" * 64)]
        attempt = bench.importing(site.answers("/manifests/t", answer(200, lie, site.manifest)) and site.image)
        bench.judge(attempt, ACCEPT if attempt.status == 0 else REJECT, "a header that lies", status=(3, 5))
        site.server.hook = None
        second = bench.image_of([encode(Tar().file("y", b"other"), "")], "u", site.layout)
        with open(second.blob_path(second.manifests[-1]["digest"]), "rb") as file:
            other = file.read()
        digest = second.manifests[0]["digest"]
        named = bench.server.image(f"{site.layout.name}@{digest}")
        site.answers("/manifests/sha256", answer(200, [("Content-Type", MANIFEST), ("Docker-Content-Digest", digest)], other))
        bench.refused(named, "another manifest under a digest", status=3)
        turns = []

        def move(request):
            if "/manifests/t" not in request.target:
                return None
            turns.append(request)
            data = (site.manifest, other)[len(turns) % 2]
            return answer(200, [("Content-Type", MANIFEST)], b"" if request.method == "HEAD" else data, len(data))
        site.server.hook = move
        for _ in range(2):
            attempt = bench.importing(site.image, "--json")
            one = json.loads(attempt.stdout)["manifest_digest"] if attempt.status == 0 else ""
            bench.expect(one in [entry["digest"] for entry in second.manifests], "a tag that moves gives one image", attempt)
            bench.judge(attempt, ACCEPT, "a tag that moves")


@row(99, "lists whose pages never end")
def pages(bench):
    with Site(bench) as site:
        site.image = bench.server.image(site.layout.name + ":none")
        target = f"/v2/{site.layout.name}/tags/list"
        for what, link in (("another host", f"<{site.other.url()}{target}>; rel=\"next\""), ("itself", f"<{target}>; rel=\"next\""),
                           ("garbage", "<<<;;\x0b"), ("no rel", f"<{target}?n=2>")):
            before = len(site.server.requests)
            site.answers("/tags/list", answer(200, [("Link", link)], b'{"name":"x","tags":["a"]}')).refused(what, status=(1, 5))
            bench.expect(len(site.server.requests) - before < 50, f"{what}: {len(site.server.requests) - before} requests")
        bench.expect(not site.other.requests, "another host was asked")
        count = []

        def endless_pages(request):
            count.append(request)
            return answer(200, [("Link", f'<{target}?last={len(count)}>; rel="next"')], b'{"name":"x","tags":["a%d"]}' % len(count))
        site.answers("/tags/list", endless_pages).refused("10^6 pages", status=(1, 5))
        bench.expect(len(count) <= 1001, f"{len(count)} pages were read")


@row(100, "credentials and their helpers")
def credentials(bench):
    with Site(bench) as site:
        site.server.hook = with_password(lambda request: None)
        helpers = bench.test.path("helpers")
        os.mkdir(helpers)
        for name, script in (("endless", "exec yes x"), ("dirty", "printf '\\033[2J\\007'; exit 1"),
                             ("good", f"echo '{secret(site.server.host)}'")):
            path = os.path.join(helpers, "docker-credential-" + name)
            with open(path, "w", encoding="ascii") as file:
                file.write("#!/bin/sh\n" + script + "\n")
            os.chmod(path, 0o755)
        environment = {**bench.environment, "PATH": helpers + ":" + os.environ["PATH"]}
        for helper, works in (("../../bin/sh", False), ("good/../good", False), ("", False), ("a b", False), ("endless", False),
                              ("dirty", False), ("good", True)):
            stored = auth_file(bench.test.path("helper.json"), "other", "x", "y", credHelpers={site.server.host: helper})
            options = ("--authfile", stored, "-v")
            if works:
                site.accepted(f"the helper {helper!r}", options, environment=environment)
            else:
                site.refused(f"the helper {helper!r}", (3, 5), options=options, environment=environment)
        stored = auth_file(bench.test.path("auth100.json"), site.server.host, USER, CANARY)
        site.accepted("-v prints no password", ("--authfile", stored, "-v", "-v"))
        os.chmod(stored, 0o666)
        site.accepted("a file that others may write", ("--authfile", stored), warns="warning")
        site.server.hook = with_password(lambda request: answer(404, body=json.dumps({"errors": [{"message": CANARY + BASIC}]}).encode()))
        site.refused("a registry that repeats it", (1, 5), options=("--authfile", stored, "-v"))
        bench.expect(not [r for r in site.server.requests if "referer" in r.headers], "a Referer was sent")


def secret(host):
    return json.dumps({"ServerURL": host, "Username": USER, "Secret": CANARY})
