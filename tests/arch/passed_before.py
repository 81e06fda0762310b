#!/usr/bin/env python3
"""tests/tools/timed runs a program again if its inputs or its text have changed since it passed, and if it did not pass."""

import os
import pathlib
import subprocess
import sys
import tempfile

TIMED = pathlib.Path(__file__).resolve().parents[1] / "tools" / "timed"


class Runs:
    """A program that counts how often it ran, and ends with the status that it is told."""

    def __init__(self, folder):
        self.folder, self.program = folder, folder / "program"
        self.write("")

    def write(self, comment):
        self.program.write_text(f"#!/bin/sh\n{comment}\necho ran >>{self.folder}/runs\nexit \"$WANTED\"\n")
        self.program.chmod(0o755)

    def ran(self, inputs, wanted=0):
        """Whether it was run, with the status as it was recorded."""
        before = self.count()
        environment = {**os.environ, "WANTED": str(wanted)}
        environment.pop("OSB_TEST_INPUTS", None)
        if inputs:
            environment["OSB_TEST_INPUTS"] = inputs
        subprocess.run([TIMED, self.folder / "table", "stage", "name", "--log", self.folder / "log", self.program], env=environment,
                       check=False)
        return self.count() - before, (self.folder / "log.status").read_text()

    def count(self):
        runs = self.folder / "runs"
        return len(runs.read_text().splitlines()) if runs.exists() else 0


def main():
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(pathlib.Path(folder))
        assert runs.ran("a") == (1, "0\n"), "the first time"
        assert runs.ran("a") == (0, "0 unchanged\n"), "nothing has changed"
        assert runs.ran("") == (1, "0\n"), "what it depends on is not known"
        assert runs.ran("a") == (1, "0\n"), "nor was it known the last time"
        assert runs.ran("b") == (1, "0\n"), "other inputs"
        runs.write("# another text")
        assert runs.ran("b") == (1, "0\n"), "another text"
        assert runs.ran("c", 1) == (1, "1\n"), "it fails"
        assert runs.ran("c") == (1, "0\n"), "it had failed"
        (pathlib.Path(folder) / "log.log").unlink()
        assert runs.ran("c") == (1, "0\n"), "its log is gone"
    return 0


if __name__ == "__main__":
    sys.exit(main())
