#!/usr/bin/env python3
"""Fails when docs/json.md does not list the codes that errors carry (Error::code() of base/error.hh), or lists one that none has."""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
# A literal that is given to code(), and the last argument of the two helpers that hand one on.
GIVEN = (re.compile(r'\.code\("([a-z_]+)"\)'), re.compile(r'\b(?:error|refuse)\([^;]*?, "([a-z_]+)"\)', re.DOTALL))
LISTED = re.compile(r"^\| `([a-z_]+)` \| `[a-z_]+`", re.MULTILINE)


def given():
    found = set()
    for module in ("base", "oci", "registry", "ostree", "image", "system", "cli"):
        for path in (TOP / module).rglob("*.cc"):
            for pattern in GIVEN:
                found |= set(pattern.findall(path.read_text()))
    return found


def main():
    codes, listed = given(), set(LISTED.findall((TOP / "docs" / "json.md").read_text()))
    for code in sorted(codes - listed):
        print(f"docs/json.md: does not list the code {code}")
    for code in sorted(listed - codes):
        print(f"docs/json.md: lists the code {code}, which no error carries")
    return 1 if codes != listed or not codes else 0


if __name__ == "__main__":
    sys.exit(main())
