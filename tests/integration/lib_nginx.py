"""nginx, as sites have it: before a registry, or as the server of a repository."""

import os
import subprocess

from lib_harness import wait_for_port
from lib_registry import free_port

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class Nginx:
    """A server with a directory of its own, which runs in a `with` block. `logged`: the variables of a line of its log."""

    def __init__(self, test, name, logged):
        test.need("nginx")
        self.home, self.port, self.logged = test.path(name), free_port(), logged
        self.host = f"127.0.0.1:{self.port}"
        os.makedirs(self.home)

    def configure(self, http):
        """`http`: what the block of that name has besides logs and temporary files."""
        with open(os.path.join(self.home, "nginx.conf"), "w", encoding="ascii") as file:
            file.write(f"daemon off; pid {self.home}/pid; error_log {self.home}/error; events {{}}\n"
                       + ("user root;\n" if os.geteuid() == 0 else "")
                       + f"http {{ log_format short '{self.logged}'; access_log {self.home}/log short;\n"
                       + "".join(f"{kind}_temp_path {self.home}/{kind};\n" for kind in TEMPORARY) + http + "}\n")

    def image(self, name):
        return f"docker://{self.host}/{name}"

    def log(self):
        """The words of each line so far."""
        with open(os.path.join(self.home, "log"), encoding="utf-8", errors="replace") as log:
            return [line.split() for line in log]

    def __enter__(self):
        self.process = subprocess.Popen(["nginx", "-p", self.home, "-c", os.path.join(self.home, "nginx.conf"), "-e",
                                         os.path.join(self.home, "error")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class NginxProxy(Nginx):
    """Answers for `registry` (with a `port`) at `host`. `cache`: it keeps blobs and serves ranges of them."""

    def __init__(self, test, registry, name, cache=False):
        super().__init__(test, name, "$status $body_bytes_sent $request_uri $http_range")
        keep = "proxy_cache blobs; proxy_cache_valid 200 1h; proxy_ignore_headers Cache-Control Expires Vary; " if cache else ""
        self.configure(f"proxy_cache_path {self.home}/cache keys_zone=blobs:1m;\n"
                       f"server {{ listen {self.host}; client_max_body_size 0;\n"
                       "proxy_set_header Host $http_host; proxy_http_version 1.1;\n"
                       f"location / {{ proxy_pass http://{registry.host}; }}\n"
                       f"location ~ /blobs/sha256 {{ {keep}proxy_pass http://{registry.host}; }} }}\n")

    def statuses(self):
        """Of the answers so far."""
        return [int(words[0]) for words in self.log()]


class NginxRepository(Nginx):
    """Serves a directory, as docs/push.md says."""

    def __init__(self, test, directory):
        super().__init__(test, "nginx", "$status $request_uri")
        self.url = f"http://{self.host}"
        self.configure("default_type application/octet-stream;\n"
                       f"server {{ listen {self.host}; root {directory};\n"
                       "location ~ ^/objects/ { expires max; }\n"
                       "location ~ ^/(config|summary|summary.sig|refs/) { expires -1; }\n"
                       "location ~ ^/(tmp|state|extensions|\\.lock) { return 404; } }\n")
