#!/usr/bin/env python3
"""examples/ostree-server: stock ostree upgrades a machine from a repository that osb-oci pushes to."""

from lib_page import run_page

run_page("ostree-server", needs=("nginx", "sshd", "ssh", "ostree", "ostree-receive", "gpg", "useradd"), base=True, machines="long")
