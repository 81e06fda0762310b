#!/usr/bin/env python3
"""examples/variants: two systems on one base, in one repository and one registry; a machine follows one, and switches to the other."""

from lib_page import run_page

run_page("variants", needs=("docker-registry", "ostree", "skopeo", "curl"), base=True, machines="long")
