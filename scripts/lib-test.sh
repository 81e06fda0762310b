# The functions of scripts/test: they run tests, count them, and record their times. POSIX sh, sourced after
# lib.sh.
# shellcheck shell=sh disable=SC2154  # variables of lib.sh

logs=$top/build/test-logs
timings=$logs/timings.tsv
mkdir -p "$logs"
: >"$timings"
passed=0 failed=0 skipped=0 unchanged=0
catalogue=
# shellcheck disable=SC2034  # used by scripts/test
modules='base oci registry ostree image system cli'

# Use memory for temporary files: the tests' data need not survive a crash, and the tests take a third of the
# time.
if [ -z "${TMPDIR:-}" ] && [ "$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')" -gt 6000000 ] 2>/dev/null; then
    export TMPDIR=/dev/shm
fi

# rounds DEFAULT LONG: prints the number for this kind of run.
rounds() { if [ -n "${OSB_LONG:-}" ]; then echo "$2"; else echo "$1"; fi; }

# count PASSED FAILED SKIPPED: adds to the counters.
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    skipped=$((skipped + $3))
}

show_tail() {
    say "--- end of $1"
    tail -n 40 "$1"
    say '---'
}

# timed STAGE NAME COMMAND...: runs a command and records its time.
timed() { tests/tools/timed "$timings" "$@"; }

# check NAME COMMAND...: runs one test, which is a command that must succeed.
check() {
    name=$1 log=$logs/$1.log
    shift
    if timed check "$name" "$@" >"$log" 2>&1; then
        count 1 0 0
        say "ok      $name"
    else
        count 0 1 0
        say "FAILED  $name"
        show_tail "$log"
    fi
}

# built PRESET [TARGET...]: builds. A failure counts as one failed test, and ends the stage.
built() {
    if timed build "$1" scripts/build "$@" >"$logs/build-$1.log" 2>&1; then return 0; fi
    count 0 1 0
    say "FAILED  build of $1"
    show_tail "$logs/build-$1.log"
    return 1
}

# The sanitizers of compilers from 2022 do not support the address-space randomisation of newer kernels.
fixed_addresses() {
    if setarch "$(uname -m)" -R true 2>/dev/null; then setarch "$(uname -m)" -R "$@"; else "$@"; fi
}

# unit_tests NAME PRESET: runs the GoogleTest programs in random order and counts their tests. The log of a
# failure has the seed. A program that crashes counts as one failed test.
unit_tests() {
    log=$logs/$1.log name=$1
    status=0
    GTEST_SHUFFLE=1 GTEST_REPEAT=$(rounds 1 3) fixed_addresses ctest --test-dir "build/$2" --verbose --parallel $(($(cores) + 1)) \
        --label-regex unit >"$log" 2>&1 || status=$?
    awk -v OFS='\t' '$1 ~ "/" && $2 == "Test" { print "'"$name"'", $4, $(NF - 1), "", $0 ~ /Passed/ ? 0 : 1 }' "$log" >>"$timings"
    # shellcheck disable=SC2046  # three numbers
    set -- $(awk '
        /\[  PASSED  \] [0-9]+ test/ { for (i = 1; i < NF; i++) if ($i == "PASSED") ok += $(i + 2) }
        /\[  FAILED  \] [0-9]+ test/ { for (i = 1; i < NF; i++) if ($i == "FAILED") bad += $(i + 2); listed++ }
        /\[  SKIPPED \] [0-9]+ test/ { for (i = 1; i < NF; i++) if ($i == "SKIPPED") skip += $(i + 2) }
        /tests failed out of/ { programs = $4 }
        END { printf "%d %d %d", ok, bad + (programs > listed ? programs - listed : 0), skip }' "$log")
    # A failure that the log does not show, or a run without tests, counts as a failure as well.
    [ "$2" -gt 0 ] || [ "$status" -eq 0 ] || set -- "$1" 1 "$3"
    [ "$1" -gt 0 ] || [ "$2" -gt 0 ] || set -- 0 1 "$3"
    count "$1" "$2" "$3"
    if [ "$2" -eq 0 ]; then
        say "ok      $name: $1 tests"
    else
        say "FAILED  $name: $2 of $(($1 + $2)) tests"
        grep -E '\[  FAILED  \]|\*\*\*|ERROR: |WARNING: ThreadSanitizer|runtime error|Failure$|orders with a seed' "$log" | head -n 40 || true
        show_tail "$log"
    fi
}

# The tests of tests/STAGE: lines of "STAGE NAME".
list_programs() {
    find "tests/$1" -maxdepth 1 \( -name '*.sh' -o -name '*.py' \) ! -name 'lib*' -perm -100 -printf "$1 %f\n" | sort
}

# queue STAGE...: the programs of these stages, in the order in which they start: the slow ones first, so that
# none of them runs alone at the end.
queue() {
    for stage; do
        if [ "$stage" = tidy ]; then echo tidy clang-tidy; fi
    done
    for slow in yes no; do
        for stage; do
            if [ "$stage" = tidy ]; then continue; fi
            list_programs "$stage" | while read -r folder name; do
                is_slow=no
                if grep -q '^# Takes minutes' "tests/$folder/$name"; then is_slow=yes; fi
                if [ "$is_slow" = "$slow" ]; then echo "$folder $name"; fi
            done
        done
    done
}

# programs STAGE...: runs the programs of these stages side by side. Each is an executable. Its lines "ok" and
# "not ok" count as tests, and exit status 77 skips it. If all stages run, a program that passed with the same
# inputs counts again without being run. package and tidy depend on the sources as well, and always run.
programs() {
    built release osb-oci || return 0
    OSB=$top/build/release/osb-oci
    export OSB
    if [ -n "${all_stages:-}" ] && [ -z "${OSB_LONG:-}" ]; then
        OSB_TEST_INPUTS=$(tests/tools/inputs "$OSB")
        export OSB_TEST_INPUTS
    fi
    for stage; do rm -f "$logs/$stage"-*.status; done
    # Run more tests at once than there are cores: guests and servers wait a third of the time. Each has its own
    # directory and must not depend on another.
    # shellcheck disable=SC2016  # the inner shell expands them
    queue "$@" | xargs -r -P $(($(cores) + 2)) -L 1 sh -c '
        case $3 in
        tidy) unset OSB_TEST_INPUTS; set -- "$@" tests/tools/tidy ${OSB_LONG:+--all} --jobs '"$((($(cores) + 1) / 2))"' build/asan ;;
        package) unset OSB_TEST_INPUTS; set -- "$@" "tests/$3/$4" ;;
        *) set -- "$@" "tests/$3/$4" ;;
        esac
        timings=$0 limit=$1 log=$2/$3-$4 stage=$3 name=$4
        shift 4
        exec tests/tools/timed "$timings" "$stage" "$name" --limit "$limit" --log "$log" "$@"' \
        "$timings" "$(rounds 1200 7200)" "$logs" || true
    for stage; do report_programs "$stage"; done
}

# report_programs STAGE: counts the results of its programs. A stage in which nothing ran has failed.
report_programs() {
    for result in "$logs/$1"-*.status; do
        if [ ! -f "$result" ]; then
            count 0 1 0
            say "FAILED  $1: nothing ran"
            continue
        fi
        read -r status note <"$result"
        report_program "$(basename "${result%.status}")" "$status" "${result%.status}.log" "${note:+, $note}"
    done
}

report_program() {
    [ -z "$4" ] || unchanged=$((unchanged + 1))
    skips=$(grep -ciE '^ok .*# skip' "$3" || true)
    good=$(($(grep -c '^ok ' "$3" || true) - skips))
    bad=$(grep -c '^not ok ' "$3" || true)
    line=$(sed -n 's/^# \(hostile inputs: .*\)/\1/p' "$3")
    catalogue=${line:-$catalogue}
    if [ "$2" -eq 77 ]; then
        count 0 0 1
        say "skipped $1: $(tail -n 1 "$3" | sed 's/^# //')"
    elif [ "$2" -eq 0 ] && [ "$bad" -eq 0 ]; then
        count $((good + skips > 0 ? good : 1)) 0 "$skips"
        if [ "$good" -gt 0 ]; then say "ok      $1: $good tests$4"; else say "ok      $1$4"; fi
    else
        count "$good" $((bad > 0 ? bad : 1)) "$skips"
        say "FAILED  $1 (exit status $2)"
        grep '^not ok ' "$3" | head -n 20 || true
        show_tail "$3"
    fi
}

# Prints the slowest programs, the parts that need --long, and the final line. Returns the status of the run.
summary() {
    heading 'the ten slowest programs (all: build/test-logs/timings.tsv)'
    grep -v '^stage' "$timings" | sort -t "$(printf '\t')" -k 3,3 -rn | head -n 10 |
        awk -F '\t' '{ printf "%8.1f s  %8s CPU s  %s %s\n", $3, $4 == "" ? "-" : $4, $1, $2 }'
    # shellcheck disable=SC2046  # names without spaces
    left=$(grep -h '^# left to --long' $(find "$logs" -name '*.log') /dev/null | sort -u | sed 's/^# left to --long: /    /')
    if [ -n "$left" ] && [ -z "${OSB_LONG:-}" ]; then
        heading 'left to --long (CONTRIBUTING.md has the reasons)'
        say "$left"
    fi
    say ''
    [ "$unchanged" -eq 0 ] ||
        say "$unchanged programs passed before with the same inputs and were not run again (name their stages to run them)"
    [ -z "$catalogue" ] || say "$catalogue"
    if [ "$skipped" -gt 0 ]; then
        say "$passed passed, $failed failed, $skipped skipped"
    else
        say "$passed passed, $failed failed"
    fi
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
