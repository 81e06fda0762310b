"""What the tests of the packages share: where the source tree is, its version, and the lists of scripts/install-deps."""

import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(1, os.path.join(TOP, "tests", "integration"))


def text_of(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as file:
        return file.read()


def version():
    return re.search(r"^project\(osb-oci VERSION (\S+)", text_of("CMakeLists.txt"), re.MULTILINE).group(1)


def build_list(distribution):
    """The packages that a build needs, as scripts/install-deps lists them: of alternatives the first."""
    script = text_of("scripts", "install-deps")
    function = re.search(rf"^{distribution}_packages\(\) \{{\n.*?^\}}\n", script, re.MULTILINE | re.DOTALL).group(0)
    done = subprocess.run(["sh", "-euc", f"{function}\n{distribution}_packages build"], stdout=subprocess.PIPE, check=True, text=True)
    return [name.split("|")[0] for name in done.stdout.split()]
