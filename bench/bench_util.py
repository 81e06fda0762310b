"""What the benchmarks share: the image, commands that are measured, a registry, and the verdict."""

import json
import os
import socket
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MIB = 1024 * 1024
RELEASE = os.path.join(TOP, "build/release/osb-oci")


class Measured:
    """Commands that ran one after the other: their wall and CPU time, and the peak memory of the largest."""

    def __init__(self):
        self.seconds, self.cpu_seconds, self.memory = 0.0, 0.0, 0

    def run(self, command, log, env=None):
        os.sync()
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        # wait4 counts the children that the command waited for, too.
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds += time.monotonic() - start
        self.cpu_seconds += usage.ru_utime + usage.ru_stime
        process.returncode = os.waitstatus_to_exitcode(status)
        self.memory = max(self.memory, usage.ru_maxrss * 1024)
        if process.returncode != 0:
            sys.exit(f"{sys.argv[0]}: {' '.join(command[:3])} ... ended with status {process.returncode}, see {log.name}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def accepts_connections(port):
    """Waits for a server on the loopback interface. False if it has not started after ten seconds."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.05)
    return False


class Registry:
    """docker-registry, with nothing in it, on a free port of the loopback interface. With `access_log`, the file `log` has a line for
    each request."""

    def __init__(self, directory, access_log=False):
        os.makedirs(directory)
        self.host = f"127.0.0.1:{free_port()}"
        self.log = os.path.join(directory, "log")
        configuration = {"version": "0.1", "log": {"level": "error", "accesslog": {"disabled": not access_log}},
                         "storage": {"filesystem": {"rootdirectory": os.path.join(directory, "data")}},
                         "http": {"addr": self.host, "secret": "of the benchmark"}}
        path = os.path.join(directory, "config.yml")
        with open(path, "w", encoding="ascii") as file:
            json.dump(configuration, file)  # which is YAML, too
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", path], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        if not accepts_connections(int(self.host.rpartition(":")[2])):
            self.__exit__()
            sys.exit(f"{sys.argv[0]}: docker-registry does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def prepare_image(directory):
    """Makes the image below `directory` unless it is there. Returns its layout and what is in it."""
    image = os.path.join(directory, "image")
    os.makedirs(directory, exist_ok=True)
    if not os.path.exists(os.path.join(image, "index.json")):
        # A process of its own, so that what it holds in memory does not count as the peak of its siblings.
        subprocess.run([sys.executable, os.path.join(TOP, "bench/make_image.py"), image], check=True)
    with open(os.path.join(image, "facts.json"), encoding="ascii") as facts:
        return image, json.load(facts)


def prepare_tools(osb, *programs):
    """Installs what is missing of `programs`, and builds the program unless it is another one."""
    lacks = any(subprocess.run(["which", program], stdout=subprocess.DEVNULL, check=False).returncode != 0
                for program in programs)
    if lacks:
        subprocess.run([os.path.join(TOP, "scripts/install-deps"), "test"], check=True, stdout=sys.stderr)
    if osb == RELEASE:
        subprocess.run([os.path.join(TOP, "scripts/build"), "release"], check=True, stdout=sys.stderr)


def warm(top):
    """Reads all files below `top` into the page cache."""
    for directory, _, names in os.walk(top):
        for name in names:
            path = os.path.join(directory, name)
            if not os.path.islink(path):
                with open(path, "rb") as data:
                    while data.read(MIB):
                        pass


def tree_size(top):
    """(sum of the file sizes, sum of the blocks in use) below top."""
    apparent = used = 0
    for directory, _, names in os.walk(top):
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            apparent += status.st_size
            used += status.st_blocks * 512
    return apparent, used


def median(rows, key, **wanted):
    """Of the rows that have the `wanted` values; None when there are none."""
    values = [row[key] for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    return statistics.median(values) if values else None


def report(found):
    """Prints (what, value, limit, unit) for each verdict; a limit of None is none."""
    print(f"\n{'':60} {'measured':>10} {'at most':>10}")
    for what, value, limit, unit in found:
        number = f"{value:.3f}" if unit == "x" else f"{value:.0f} {unit}"
        bound = "" if limit is None else f"{limit:.3f}" if unit == "x" else f"{limit} {unit}"
        verdict = "" if limit is None else "pass" if value <= limit else "FAIL"
        print(f"{what:60} {number:>10} {bound:>10}  {verdict}")


def as_json(facts, rows, found):
    json.dump({"image": facts, "cores": os.cpu_count(), "runs": rows,
               "verdicts": [{"what": what, "value": value, "limit": limit,
                             "passed": None if limit is None else value <= limit}
                            for what, value, limit, _ in found]}, sys.stdout, indent=1)
    print()


def failed(found):
    return any(limit is not None and value > limit for _, value, limit, _ in found)
