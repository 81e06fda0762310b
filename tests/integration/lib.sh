# What the integration tests share; POSIX sh, sourced at the top of each: . "$(dirname "$0")/lib.sh"
# shellcheck shell=sh
#
# A test is an executable that takes no arguments, works in $work alone (removed at its end; kept when OSB_KEEP is set), prints
# a line "ok N - what" or "not ok N - what" for each thing that it checks, and ends with `finish`. Exit status 0: all well, 77:
# skipped, anything else: failed. scripts/test runs all of them; one runs alone as tests/integration/NAME.sh, against
# build/release/osb-oci or the program that $OSB names.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
osb=${OSB:-$top/build/release/osb-oci}
work=$(mktemp -d "${TMPDIR:-/tmp}/osb-test.XXXXXX")
tests_run=0
tests_failed=0
[ -x "$osb" ] || { echo "Bail out! $osb is not built: scripts/build release" && exit 1; }

clean_up() {
    status=$?
    if [ -f "$work/containers/storage.conf" ]; then
        # Mounts that podman holds would keep the folder from going away.
        buildah --root "$work/containers/root" --runroot "$work/containers/run" umount --all >/dev/null 2>&1 || true
        umount "$work/containers/root/overlay" 2>/dev/null || true
    fi
    if [ -n "${OSB_KEEP:-}" ]; then
        echo "# kept: $work"
    else
        chmod -R u+rwX "$work" 2>/dev/null || true
        rm -rf "$work"
    fi
    exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

ok() {
    tests_run=$((tests_run + 1))
    echo "ok $tests_run - $*"
}
not_ok() {
    tests_run=$((tests_run + 1))
    tests_failed=$((tests_failed + 1))
    echo "not ok $tests_run - $*"
}
skip_one() { # WHAT REASON
    tests_run=$((tests_run + 1))
    echo "ok $tests_run - $1 # SKIP $2"
}
# The whole test does not apply here.
skip_all() {
    echo "# $*"
    exit 77
}
need() {
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || skip_all "needs the program $program"
    done
}

# check WHAT COMMAND...: the command succeeds. What it prints is shown when it does not.
check() {
    what=$1
    shift
    if "$@" >"$work/check.out" 2>&1; then
        ok "$what"
    else
        not_ok "$what (exit status $?): $*"
        sed 's/^/# /' "$work/check.out" | head -n 20
    fi
}

# check_status STATUS WHAT COMMAND...: the command ends with just that exit status. $work/check.out keeps what it printed.
check_status() {
    expected=$1 what=$2
    shift 2
    status=0
    "$@" >"$work/check.out" 2>&1 || status=$?
    if [ "$status" -eq "$expected" ]; then
        ok "$what"
    else
        not_ok "$what: exit status $status, not $expected: $*"
        sed 's/^/# /' "$work/check.out" | head -n 20
    fi
}

# check_equal WHAT EXPECTED ACTUAL
check_equal() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1"
        printf '%s\n' "$2" | sed 's/^/# expected: /' | head -n 20
        printf '%s\n' "$3" | sed 's/^/# got:      /' | head -n 20
    fi
}

# check_same_file WHAT EXPECTED-FILE ACTUAL-FILE, with the difference where there is one.
check_same_file() {
    if diff -u "$2" "$3" >"$work/check.out" 2>&1; then
        ok "$1"
    else
        not_ok "$1"
        sed 's/^/# /' "$work/check.out" | head -n 40
    fi
}

# check_contains WHAT TEXT FILE: a line of the file holds the text, taken literally.
check_contains() {
    if grep -qF -- "$2" "$3"; then
        ok "$1"
    else
        not_ok "$1: no line holds '$2'"
        sed 's/^/# /' "$3" | head -n 20
    fi
}

# check_no_controls WHAT FILE: nothing in it would act on a terminal.
check_no_controls() {
    if LC_ALL=C tr -d '\t\n\040-\176\200-\377' <"$2" | grep -q .; then
        not_ok "$1: control characters"
    else
        ok "$1"
    fi
}

# Stores and images of this test alone, for podman, buildah, skopeo and so for osb-oci's containers-storage: transport.
private_containers_storage() {
    mkdir -p "$work/containers"
    driver=overlay
    if [ "$(stat -f -c %T "$work")" = overlayfs ] || [ "$(id -u)" -ne 0 ]; then driver=vfs; fi
    printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' "$driver" \
        "$work/containers/root" "$work/containers/run" >"$work/containers/storage.conf"
    export CONTAINERS_STORAGE_CONF="$work/containers/storage.conf"
    # RUN works this way as root on every machine, in a container or not.
    export BUILDAH_ISOLATION="${BUILDAH_ISOLATION:-chroot}"
}

# base_rootfs FILE: a root filesystem as a tar archive, the real Alpine or the stand-in; made once for all tests of a run.
base_rootfs() {
    cache=$top/build/test-cache
    key=stand-in
    if [ -n "${OSB_ALPINE_ROOTFS:-}" ]; then key=$(basename "$OSB_ALPINE_ROOTFS"); fi
    mkdir -p "$cache"
    if [ ! -f "$cache/$key.tar" ]; then
        # Tests run side by side: each makes its own, and the last rename wins.
        "$top/scripts/make-rootfs" "$cache/$key.$$.tar" >/dev/null
        mv "$cache/$key.$$.tar" "$cache/$key.tar"
    fi
    cp "$cache/$key.tar" "$1"
}

# base_image NAME: the same as an image in this test's storage.
base_image() {
    base_rootfs "$work/base.tar"
    podman import -q "$work/base.tar" "$1" >/dev/null
    rm "$work/base.tar"
}

# tree_listing DIR: every path below it with type, mode, owner, size, checksum, link target and xattrs, sorted: two trees are the
# same when their listings are.
tree_listing() {
    python3 "$top/tests/integration/lib_tree_listing.py" "$1"
}

finish() {
    echo "1..$tests_run"
    [ "$tests_failed" -eq 0 ] || exit 1
    exit 0
}
