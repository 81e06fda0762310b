#!/usr/bin/env python3
# Takes minutes.
"""examples/tutorial: a system from its Containerfile to a machine that upgrades, refuses a bad version and goes back."""

from lib_page import run_page

run_page("tutorial", needs=("docker-registry", "curl", "ostree"), base=True)
