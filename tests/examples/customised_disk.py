#!/usr/bin/env python3
# Takes minutes.
"""examples/customised-disk: a disk with users, keys and files of --config, which follows an image in a registry with TLS and accounts."""

from lib_page import run_page


run_page("customised-disk", needs=("docker-registry", "openssl", "htpasswd", "jq", "curl", "ssh", "qemu-img"), base=True)
