"""A proxy as companies have them between their machines and the world: HTTP, HTTPS or SOCKS 5, with or without a password. It
alone knows where the names of the test lead."""

import base64
import http.client
import select
import socket
import ssl
import struct
import urllib.parse

from lib_listener import Listener


class Proxy(Listener):
    """kind: http, https or socks5. places: {"name:port": port on this machine}. user: (name, password) that it demands. tls: the
    (certificate, key) of an https proxy."""

    def __init__(self, kind, places, user=None, tls=None):
        super().__init__()
        self.kind, self.places, self.user, self.tls = kind, places, user, tls
        self.requests = []  # "CONNECT name:port", "GET http://name/path", as far as they were let through
        self.refused = 0
        self.leaked = []  # headers that are none of the proxy's business
        self.listen()

    def url(self, user=None):
        """As a variable of the environment has it; `user` in place of the right one, "" for none."""
        user = self.user if user is None else user
        login = ":".join(urllib.parse.quote(part, safe="") for part in user) + "@" if user else ""
        return f"{self.kind}://{login}127.0.0.1:{self.port}"

    def serve(self, client, _number):
        try:
            if self.tls:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(*self.tls)
                client = context.wrap_socket(client, server_side=True)
            if self.kind == "socks5":
                self.serve_socks(client)
            else:
                while self.serve_http(client):
                    pass
        except (OSError, ValueError, EOFError, http.client.HTTPException):
            pass
        finally:
            client.close()

    # SOCKS 5: RFC 1928 and 1929.
    def serve_socks(self, client):
        count = receive(client, 2)[1]
        methods = receive(client, count)
        method = 2 if self.user else 0
        if method not in methods:
            self.refused += 1
            client.sendall(b"\x05\xff")
            return
        client.sendall(bytes([5, method]))
        if self.user:
            name = receive(client, receive(client, 2)[1]).decode()
            password = receive(client, receive(client, 1)[0]).decode()
            good = (name, password) == self.user
            client.sendall(b"\x01\x00" if good else b"\x01\x01")
            if not good:
                self.refused += 1
                return
        _, command, _, kind = receive(client, 4)
        name = receive(client, receive(client, 1)[0]).decode() if kind == 3 else socket.inet_ntoa(receive(client, 4))
        target = f"{name}:{struct.unpack('!H', receive(client, 2))[0]}"
        place = self.places.get(target) if command == 1 else None
        self.requests.append(f"CONNECT {target}")
        client.sendall(bytes([5, 0 if place else 2, 0, 1]) + bytes(6))  # 2: not allowed
        if place:
            tunnel(client, place)

    def serve_http(self, client):
        """One request; False when it was the connection's last."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += receive(client, 1)
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {}
        for line in lines[1:-2]:
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        body = receive(client, int(headers.get("content-length", 0)))
        if self.user:
            login = base64.b64encode(":".join(self.user).encode()).decode()
            if headers.pop("proxy-authorization", "") != f"Basic {login}":
                self.refused += 1
                answer(client, 407, [("Proxy-Authenticate", 'Basic realm="proxy"')], b"who are you?")
                return True
        self.requests.append(f"{method} {target}")
        if method == "CONNECT":
            self.leaked += [name for name in headers if name in ("authorization", "cookie")]
            return self.connect(client, target)
        return self.forward(client, method, target, headers, body)

    def connect(self, client, target):
        if target not in self.places:
            answer(client, 403, [], b"not there")
            return True
        # Headers of its own, as squid and others have them.
        client.sendall(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\nContent-Type: text/html\r\n\r\n")
        tunnel(client, self.places[target])
        return False

    def forward(self, client, method, target, headers, body):
        url = urllib.parse.urlsplit(target)
        place = self.places.get(f"{url.hostname}:{url.port or 80}")
        if place is None or url.scheme != "http":
            answer(client, 502, [], b"<html>no such host</html>", method)
            return True
        upstream = http.client.HTTPConnection("127.0.0.1", place, timeout=30)
        try:
            path = url.path + ("?" + url.query if url.query else "")
            upstream.request(method, path, body=body or None,
                             headers={n: v for n, v in headers.items() if not n.startswith("proxy-")})
            response = upstream.getresponse()
            data = response.read()
            kept = [(n, v) for n, v in response.getheaders() if n.lower() not in ("content-length", "connection")]
            answer(client, response.status, kept, data, method, response.getheader("Content-Length"))
        finally:
            upstream.close()
        return True


def receive(client, count):
    data = b""
    while len(data) < count:
        more = client.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def answer(client, status, headers, data, method="GET", length=None):
    head = f"HTTP/1.1 {status} Answer\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers)
    if status != 204:
        head += f"Content-Length: {len(data) if length is None else length}\r\n"
    client.sendall(head.encode() + b"\r\n" + (b"" if method == "HEAD" else data))


def tunnel(client, port):
    with socket.create_connection(("127.0.0.1", port)) as upstream:
        other = {client: upstream, upstream: client}
        while other:
            # What TLS has decrypted already no select() sees.
            ready = [client] if isinstance(client, ssl.SSLSocket) and client.pending() else select.select(
                [client, upstream], [], [], 60)[0]
            for one in ready:
                data = one.recv(65536)
                if not data:
                    return
                other[one].sendall(data)
            if not ready:
                return
