#!/usr/bin/env python3
# Takes minutes.
"""examples/published-repository: a machine follows a ref behind a web server, and fetches only what an update changes."""

from lib_page import run_page

run_page("published-repository", needs=("nginx",), base=True, alpine=True)
