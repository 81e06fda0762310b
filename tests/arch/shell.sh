#!/bin/sh
# Fails on what shellcheck says of any shell of this repository: scripts are found by their first line, sourced files by their
# name. A finding is mended, or excepted where it stands: `# shellcheck disable=SC...  # reason`.
set -eu
cd "$(dirname "$0")/../.."
command -v shellcheck >/dev/null || { echo 'shellcheck is not installed (scripts/install-deps test)' >&2; exit 1; }

scripts='' sourced='' bash='' openrc='' abuild=''
for file in $(find . \( -path ./build -o -path ./.git \) -prune -o -type f -print | sort); do
    case $file in
    *[!A-Za-z0-9._/+@-]*) continue ;; # no script has such a name
    *.sh) sourced="$sourced $file" && continue ;;
    *.bash) bash="$bash $file" && continue ;;
    */APKBUILD) abuild="$abuild $file" && continue ;;
    */etc/conf.d/*) openrc="$openrc $file" && continue ;;
    esac
    IFS= read -r first <"$file" 2>/dev/null || continue
    case $first in
    '#!/sbin/openrc-run'*) openrc="$openrc $file" ;;
    '#!'*/sh | '#!'*/sh\ * | '#!'*/ash* | '#!'*/dash* | '#!'*/bash* | '#!/usr/bin/env sh' | '#!/usr/bin/env bash') scripts="$scripts $file" ;;
    esac
done
for list in "$scripts" "$sourced" "$bash" "$openrc" "$abuild"; do
    [ -n "$list" ] || { echo 'a kind of shell file was not found: is this the whole repository?' >&2; exit 1; }
done

status=0
# shellcheck disable=SC2086  # lists of names without spaces
shellcheck $scripts || status=1
# shellcheck disable=SC2086
shellcheck -s sh $sourced || status=1
# shellcheck disable=SC2086
shellcheck -s bash $bash || status=1
# SC2034: openrc-run reads description, command, pidfile and whatever conf.d sets.
# shellcheck disable=SC2086
shellcheck -s sh -e SC2034 $openrc || status=1
# abuild reads the variables (SC2034), sets srcdir and pkgdir (SC2154), and runs each function in builddir with -e.
# shellcheck disable=SC2086
shellcheck -s sh -e SC2034,SC2154 $abuild || status=1
exit "$status"
