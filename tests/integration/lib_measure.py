"""Runs a command and writes its peak memory to a file: lib_measure.py FILE COMMAND...

A small process of its own, because a process that is started counts the memory of the one that started it as its peak.
"""

import os
import subprocess
import sys


def main():
    process = subprocess.Popen(sys.argv[2:])
    _, status, usage = os.wait4(process.pid, 0)
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write(str(usage.ru_maxrss * 1024))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
