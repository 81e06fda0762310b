#!/usr/bin/env python3
"""examples/extension: a writable /usr until the restart, and an extension from a registry that stays."""

from lib_page import run_page

run_page("extension", needs=("docker-registry", "skopeo", "curl"), base=True, machines="long", alpine=True)
