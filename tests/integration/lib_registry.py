"""docker-registry on a free loopback port, with certificates and passwords of the test's own."""

import base64
import json
import os
import re
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Certificates:
    """An authority, and server certificates that it signed, in a directory."""

    def __init__(self, test, name="ca", *extensions):
        self.test, self.directory = test, test.path(name)
        os.makedirs(self.directory)
        self.ca = self.file("ca.crt")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     self.file("ca.key"), "-out", self.ca, "-days", "2", "-subj", f"/CN=authority {name}",
                     *(argument for extension in extensions for argument in ("-addext", extension)))

    def file(self, name):
        return os.path.join(self.directory, name)

    def openssl(self, *arguments):
        self.test.must("openssl", *arguments)

    def server(self, name, host="IP:127.0.0.1", days=2):
        """(certificate, key) for a subjectAltName; days < 0: it has expired."""
        key, request, out = (self.file(f"{name}.{end}") for end in ("key", "csr", "pem"))
        extensions = self.file(f"{name}.ext")
        with open(extensions, "w", encoding="ascii") as file:
            file.write(f"subjectAltName={host}\n")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
                     "-out", request, "-subj", "/CN=registry")
        self.openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.file("ca.key"), "-CAcreateserial",
                     "-out", out, "-days", str(days), "-extfile", extensions)
        return out, key


class Registry:
    """A running docker-registry. `tls`: (certificate, key); `users`: {name: password}."""

    def __init__(self, test, name="registry", tls=None, users=None):
        test.need("docker-registry")
        self.name, self.port = name, free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.root = test.path(name)
        os.makedirs(self.root)
        configuration = {
            "version": "0.1", "log": {"level": "error", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": os.path.join(self.root, "data")},
                        "delete": {"enabled": True}},
            "http": {"addr": self.host, "secret": "of the test", "headers": {}}}
        if tls:
            configuration["http"]["tls"] = {"certificate": tls[0], "key": tls[1]}
        if users:
            path = os.path.join(self.root, "htpasswd")
            with open(path, "w", encoding="ascii") as file:
                for user, password in users.items():
                    file.write(test.must("htpasswd", "-Bbn", "-C", "4", user, password))
            configuration["auth"] = {"htpasswd": {"realm": "test", "path": path}}
        path = os.path.join(self.root, "config.yml")
        with open(path, "w", encoding="ascii") as file:
            json.dump(configuration, file)  # which is YAML, too
        self.log_path = os.path.join(self.root, "log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", path], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        self.wait()

    def wait(self):
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            raise RuntimeError(f"docker-registry does not start: {log.read()[-1000:]}")

    def image(self, name):
        return f"docker://{self.host}/{name}"

    def requests(self):
        """[(method, target, protocol, status)] of the access log so far."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            found = re.findall(r'"([A-Z]+) (\S+) (HTTP/[0-9.]+)" (\d+)', log.read())
        return [(method, target, protocol, int(status)) for method, target, protocol, status in found]

    def mark(self):
        """For since(): what comes from now on."""
        return len(self.requests())

    def since(self, mark, *methods):
        return [request for request in self.requests()[mark:] if not methods or request[0] in methods]

    def uploads_since(self, mark):
        """Requests that carried or began a blob."""
        return [request for request in self.since(mark, "POST", "PATCH", "PUT") if "/blobs/" in request[1]]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def auth_file(path, host, user, password, **members):
    """An auth.json with one entry."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        json.dump({"auths": {host: {"auth": auth}}, **members}, file)
    return path


def private_environment(test):
    """The environment of a user who has configured nothing."""
    home = test.path("home")
    os.makedirs(os.path.join(home, ".config", "containers"), exist_ok=True)
    registries = os.path.join(home, "registries.conf")
    with open(registries, "w", encoding="ascii"):
        pass
    os.makedirs(os.path.join(home, "run"), exist_ok=True)
    kept = {name: value for name, value in os.environ.items()
            if not name.startswith("XDG_") and name not in ("REGISTRY_AUTH_FILE", "DOCKER_CONFIG")
            and not name.lower().endswith("_proxy")}
    return {**kept, "HOME": home, "XDG_RUNTIME_DIR": os.path.join(home, "run"),
            "CONTAINERS_REGISTRIES_CONF": registries}


def trust(environment, host, ca):
    """Puts an authority where the user's certificates for a registry are."""
    directory = os.path.join(environment["HOME"], ".config", "containers", "certs.d", host)
    os.makedirs(directory, exist_ok=True)
    with open(ca, "rb") as source, open(os.path.join(directory, "ca.crt"), "wb") as target:
        target.write(source.read())


def make_commit(test, name, files, branch="os"):
    """A repository with one commit of these files: {path: content}."""
    repo, tree = test.init_repo(name), test.path(name + "-tree")
    for path, content in files.items():
        path = os.path.join(tree, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    commit = test.must("ostree", "commit", f"--repo={repo}", f"--branch={branch}", f"--tree=dir={tree}",
                       "--owner-uid=0", "--owner-gid=0", "--timestamp=2024-01-01T00:00:00Z").strip()
    return repo, commit
