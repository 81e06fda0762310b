"""Runs programs from a small process, because a program that is started counts the peak of the memory of the process that started it as its
own. Unlike lib_measure.py this costs no interpreter for each program."""

import json
import os
import socket
import subprocess
import threading


class Runner:
    """Make it before the test has grown, and before it has threads. Not thread-safe."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            serve(theirs)
        theirs.close()
        self.stream = ours.makefile("rw", encoding="utf-8")
        ours.close()

    def run(self, command, stdout, stderr, seconds, **how):
        """Runs it to its end, or kills it after so many seconds. stdout, stderr: paths. how: cwd, env. Returns the exit status, the peak of
        its memory in bytes, and its seconds of CPU."""
        json.dump({"command": command, "stdout": stdout, "stderr": stderr, "seconds": seconds, "how": how}, self.stream)
        self.stream.write("\n")
        self.stream.flush()
        answer = json.loads(self.stream.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["status"], answer["memory"], answer["cpu"]

    def close(self):
        self.stream.close()
        os.waitpid(self.pid, 0)


def serve(channel):
    """The small process: until the test closes its end."""
    stream = channel.makefile("rw", encoding="utf-8")
    for line in stream:
        try:
            answer = run_one(json.loads(line))
        except OSError as error:
            answer = {"error": str(error)}
        json.dump(answer, stream)
        stream.write("\n")
        stream.flush()
    os._exit(0)


def run_one(wanted):
    with open(wanted["stdout"], "wb") as stdout, open(wanted["stderr"], "wb") as stderr:
        process = subprocess.Popen(wanted["command"], stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, **wanted["how"])
        timer = threading.Timer(wanted["seconds"], process.kill)
        timer.daemon = True
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        timer.cancel()
    return {"status": process.returncode, "memory": usage.ru_maxrss * 1024, "cpu": usage.ru_utime + usage.ru_stime}
