#!/bin/sh
# Fails on what flake8 says of any Python of this repository: *.py, and programs by their first line. What it may not say is in
# .flake8; a single exception stands in its line: `# noqa: E402  (reason)`.
set -eu
cd "$(dirname "$0")/../.."
command -v flake8 >/dev/null || { echo 'flake8 is not installed (scripts/install-deps test)' >&2; exit 1; }

modules='' programs=''
for file in $(find . \( -path ./build -o -path ./.git \) -prune -o -type f -print | sort); do
    case $file in
    *[!A-Za-z0-9._/+@-]*) continue ;; # no module has such a name
    *.py) modules="$modules $file" && continue ;;
    esac
    IFS= read -r first <"$file" 2>/dev/null || continue
    case $first in '#!'*python*) programs="$programs $file" ;; esac
done
for list in "$modules" "$programs"; do
    [ -n "$list" ] || { echo 'a kind of Python file was not found: is this the whole repository?' >&2; exit 1; }
done
# shellcheck disable=SC2086  # lists of names without spaces
exec flake8 $modules $programs
