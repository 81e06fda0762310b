"""nginx in front of a registry, as sites have it: it passes requests on, or keeps what it has fetched."""

import os
import subprocess

from lib_harness import wait_for_port
from lib_registry import free_port

TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


class NginxProxy:
    """Answers for `registry` (with a `port`) at `host`. `cache`: it keeps blobs and serves ranges of them."""

    def __init__(self, test, registry, name, cache=False):
        test.need("nginx")
        self.home, self.port = test.path(name), free_port()
        self.host = f"127.0.0.1:{self.port}"
        os.makedirs(self.home)
        keep = "proxy_cache blobs; proxy_cache_valid 200 1h; proxy_ignore_headers Cache-Control Expires Vary; " if cache else ""
        with open(self.conf(), "w", encoding="ascii") as file:
            file.write(f"daemon off; pid {self.home}/pid; error_log {self.home}/error; events {{}}\n"
                       + ("user root;\n" if os.geteuid() == 0 else "")
                       + "http { log_format short '$status $body_bytes_sent $request_uri $http_range'; "
                       + f"access_log {self.home}/log short;\n"
                       + "".join(f"{kind}_temp_path {self.home}/{kind};\n" for kind in TEMPORARY)
                       + f"proxy_cache_path {self.home}/cache keys_zone=blobs:1m;\n"
                       + f"server {{ listen {self.host}; client_max_body_size 0;\n"
                       + "proxy_set_header Host $http_host; proxy_http_version 1.1;\n"
                       + f"location / {{ proxy_pass http://{registry.host}; }}\n"
                       + f"location ~ /blobs/sha256 {{ {keep}proxy_pass http://{registry.host}; }} }} }}\n")

    def conf(self):
        return os.path.join(self.home, "nginx.conf")

    def image(self, name):
        return f"docker://{self.host}/{name}"

    def statuses(self):
        """Of the answers so far."""
        with open(os.path.join(self.home, "log"), encoding="utf-8", errors="replace") as log:
            return [int(line.split(" ", 1)[0]) for line in log]

    def __enter__(self):
        self.process = subprocess.Popen(["nginx", "-p", self.home, "-c", self.conf(), "-e", os.path.join(self.home, "error")],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
