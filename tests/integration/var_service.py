#!/usr/bin/env python3
"""The service osb-var under power cuts and beside hostile users: its functions, run on a /var and a factory in the test's directory, and
cut off before each command that changes something. (The whole service, in a machine: tests/system/boot.py.)"""

import os
import shutil
import signal
import stat
import subprocess

from lib_containers import base_rootfs
from lib_harness import TOP, Skip, only_long, run

SERVICE = os.path.join(TOP, "containerfiles/rootfs/etc/init.d/osb-var")
NEW = ".osb-new"
USER = 1000
# Before the real program runs, the power may go. What was copied since the last sync is in memory only.
WRAPPER = """#!/bin/sh
count=$(($(cat "$cut/count") + 1))
echo $count >"$cut/count"
[ $count -ne "$cut_at" ] || kill -KILL 0
case {name} in
sync) : >"$cut/unsynced"; exit ;;
cp) for last; do :; done; printf '%s\\0' "$last" >>"$cut/unsynced" ;;
mv) printf 'mv\\0%s\\0%s\\0' "$1" "$2" >>"$cut/moves" ;;
esac
exec {program} "$@"
"""
WRAPPED = ("mkdir", "chown", "chmod", "mv", "cp", "rm", "sync")


class Tools:
    """Shell and tools: the machine's, or with `root` those of the root filesystem there, by chroot."""

    def __init__(self, name, root=""):
        self.name, self.root = name, root

    def program(self, name):
        if not self.root:
            return shutil.which(name)
        places = (os.path.join("/", place, name) for place in ("bin", "sbin", "usr/bin", "usr/sbin"))
        return next(place for place in places if os.path.lexists(self.root + place))

    def run(self, script, env):
        return subprocess.run([*(("chroot", self.root) if self.root else ()), "/bin/sh", "-c", script], env=env, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


class Machine:
    """A root with links into /var, what the image ships for it, and /var."""

    def __init__(self, test, name, tools):
        self.test, self.tools = test, tools
        self.inside = f"/{name}" if tools.root else test.path(name)  # as the service sees it
        self.top = tools.root + self.inside
        self.factory, self.var, self.root, self.cut = (os.path.join(self.top, part) for part in ("factory", "var", "root", "cut"))
        for path in (self.factory, self.var, self.root, self.cut, self.cut + "/bin"):
            os.makedirs(path)
        for name in WRAPPED:
            path = f"{self.cut}/bin/{name}"
            with open(path, "w", encoding="ascii") as file:
                file.write(WRAPPER.format(name=name, program=tools.program(name)))
            os.chmod(path, 0o755)
        shutil.copy(SERVICE, f"{self.cut}/service")

    def boot(self, cut_at=0):
        """Whether the service did its work; None when the power went. The rest of `boot` is the number of commands."""
        for name, text in (("count", "0\n"), ("unsynced", ""), ("moves", "")):
            with open(f"{self.cut}/{name}", "w", encoding="ascii") as file:
                file.write(text)
        inside = self.inside
        env = {"PATH": f"{inside}/cut/bin:/usr/bin:/bin:/usr/sbin:/sbin", "osb_factory": f"{inside}/factory", "osb_var": f"{inside}/var",
               "osb_root": f"{inside}/root", "cut": f"{inside}/cut", "cut_at": str(cut_at)}
        done = self.tools.run('umask 022; . "$cut/service"; fill_var commit.0', env)
        self.said = done.stdout.decode(errors="replace")
        if done.returncode == -signal.SIGKILL:
            self.lose_what_was_in_memory()
            return None
        return done.returncode == 0

    def commands(self):
        with open(f"{self.cut}/count", encoding="ascii") as file:
            return int(file.read())

    def lose_what_was_in_memory(self):
        with open(f"{self.cut}/unsynced", "rb") as file:
            lost = file.read().split(b"\0")[:-1]
        with open(f"{self.cut}/moves", "rb") as file:
            moves = file.read().split(b"\0")[:-1]
        for _, source, target in zip(moves[::3], moves[1::3], moves[2::3]):
            lost = [target if path == source else path for path in lost]
        for path in (os.fsencode(self.tools.root) + path for path in lost):
            if os.path.isfile(path) and not os.path.islink(path):
                os.truncate(path, 0)

    def put(self, path, content=None, mode=0o755, owner=(0, 0), link=None):
        """An entry of the factory or /var: a file with its content, a link, else a directory."""
        path = os.path.join(self.top, path)
        if link is not None:
            os.symlink(link, path)
        elif content is None:
            os.mkdir(path)
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        os.chown(path, *owner, follow_symlinks=False)
        if link is None:
            os.chmod(path, mode)


def state(path):
    info = os.lstat(path)
    content = ""
    if stat.S_ISLNK(info.st_mode):
        content = os.readlink(path)
    elif stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            content = file.read()
    return stat.filemode(info.st_mode), info.st_uid, info.st_gid, content


def tree(top):
    found = {}
    for directory, directories, names in os.walk(top):
        for name in directories + names:
            path = os.path.join(directory, name)
            found[os.path.relpath(path, top)] = state(path)
    return found


def make_machine(test, name, tools):
    machine = Machine(test, name, tools)
    put = machine.put
    put("factory/lib")
    put("factory/lib/app", mode=0o2750, owner=(12, 34))
    put("factory/lib/app/plain", mode=0o755, owner=(12, 0))  # does not inherit the group
    put("factory/lib/app/plain/data", "data" * 1000, mode=0o640, owner=(12, 34))
    put("factory/lib/app/-n", "a dash", mode=0o4755)
    put("factory/lib/app/.hidden", "hidden", mode=0o600)
    put("factory/lib/app/..odd", "odd")
    put("factory/lib/app/a\n* b", "a name", owner=(1, 2))
    put("factory/lib/app/empty", mode=0o1777)
    put("factory/lib/app/link", link="/nowhere", owner=(5, 6))
    put("factory/home", mode=0o711)
    put("factory/home/new", mode=0o700, owner=(USER, USER))
    put("factory/roothome", mode=0o710)
    for name, target in (("home", "var/home"), ("root", "var/roothome"), ("srv", "/var/srv"), ("bin", "usr/bin")):
        put(f"root/{name}", link=target)
    put("var/lib", mode=0o751)
    return machine


def expected(machine, before):
    wanted = {**tree(machine.factory), **before}
    wanted["srv"] = ("drwxr-xr-x", 0, 0, "")
    wanted["lib/osb"] = ("drwxr-xr-x", 0, 0, "")
    wanted["lib/osb/factory-of"] = ("-rw-r--r--", 0, 0, b"commit.0\n")
    return wanted


def difference(got, wanted):
    return {path: (got.get(path), wanted.get(path)) for path in got.keys() | wanted.keys() if got.get(path) != wanted.get(path)}


def check_power_cuts(test, name, tools):
    machine = make_machine(test, name, tools)
    before = tree(machine.var)
    wanted = expected(machine, before)
    pristine = machine.top + ".var"
    test.must("cp", "-a", machine.var, pristine)
    if not test.check(machine.boot() and not difference(tree(machine.var), wanted), f"{name}: everything is created",
                      (machine.said, difference(tree(machine.var), wanted))):
        return
    total = machine.commands()
    if tools.root and not total:
        test.skip_one(f"{name}: cuts in the midst of it", "this busybox runs its commands itself: set OSB_ALPINE_ROOTFS")
        return
    half, unfinished, wrong_in_the_end = 0, [], []
    cuts = range(1, total + 1, 1 if tools.root or only_long(f"{name}: cuts before three of four commands") else 4)
    for cut_at in cuts:
        shutil.rmtree(machine.var)
        test.must("cp", "-a", pristine, machine.var)
        if machine.boot(cut_at) is not None:
            unfinished.append((cut_at, "was not cut"))
        after = tree(machine.var)
        half += len(after) > len(before)
        # Whatever has its own name is as it should be; everything else is told by its name.
        wrong = {path: got for path, got in after.items()
                 if not any(part.endswith((NEW, ".new")) for part in path.split("/")) and got != wanted.get(path)}
        if wrong:
            unfinished.append((cut_at, wrong))
        if not machine.boot() or tree(machine.var) != wanted:
            wrong_in_the_end.append((cut_at, machine.said, difference(tree(machine.var), wanted)))
    test.check(total > 40 and half > len(cuts) / 2, f"{name}: cuts in the midst of it", (total, half))
    test.check(not unfinished, f"{name}: after a power cut nothing that has its name is unfinished", unfinished)
    test.check(not wrong_in_the_end, f"{name}: the next boot makes the rest, and nothing is left over", wrong_in_the_end)
    test.check(machine.boot() and tree(machine.var) == wanted, f"{name}: once more changes nothing",
               difference(tree(machine.var), wanted))


def check_no_factory(test, name, tools):
    """An image that ships nothing: the links of the root are given something to lead to."""
    modes = set()
    for cut_at in range(0, 8):
        machine = make_machine(test, f"{name}-{cut_at}", tools)
        shutil.rmtree(machine.factory)
        machine.boot(cut_at)
        if os.path.exists(machine.var + "/roothome"):
            modes.add(state(machine.var + "/roothome")[0])
        if cut_at == 0:
            made = {path: tree(machine.var)[path][0] for path in ("home", "srv", "roothome")}
            test.check(made == {"home": "drwxr-xr-x", "srv": "drwxr-xr-x", "roothome": "drwx------"}, f"{name}: without a factory", made)
    test.check(modes == {"drwx------"}, f"{name}: root's home is never open", modes)


def check_what_is_there(test, name, tools):
    machine = make_machine(test, name, tools)
    put = machine.put
    # Changed by the machine, moved by root, replaced by another kind, and a link whose target is not mounted.
    put("factory/spool", mode=0o700)
    put("factory/spool/taken")
    put("factory/spool/taken/file", "image's")
    put("factory/spool/was-dir")
    put("factory/spool/was-dir/below", "image's")
    put("factory/spool/was-file", "image's")
    put("factory/spool/gone")
    put("factory/spool/gone/below", "image's")
    put("factory/spool/after", "image's")
    put("var/spool", mode=0o755, owner=(7, 7))
    put("var/elsewhere")
    put("var/spool/taken", link="../elsewhere")
    put("var/spool/was-dir", "machine's", mode=0o600)
    put("var/spool/was-file")
    put("var/spool/gone", link="/nowhere/at/all")
    before = tree(machine.var)
    wanted = expected(machine, before)
    wanted["elsewhere/file"] = wanted.pop("spool/taken/file")
    del wanted["spool/was-dir/below"], wanted["spool/gone/below"]
    test.check(machine.boot() and not difference(tree(machine.var), wanted),
               f"{name}: what is there stays, and does not stop the rest", (machine.said, difference(tree(machine.var), wanted)))


def check_hostile_user(test, name, tools):
    """A user has prepared a home for the next upgrade."""
    machine = make_machine(test, name, tools)
    put, user = machine.put, (USER, USER)
    put("secret", "secret", mode=0o600)
    put("away", mode=0o700)
    put("factory/home/user", mode=0o700, owner=user)
    for part in ("file", "linked-file", "blocked"):
        put(f"factory/home/user/{part}", "image's", owner=user)
    for part in ("dir", "linked", "full"):
        put(f"factory/home/user/{part}", owner=user)
        put(f"factory/home/user/{part}/below", "image's", owner=user)
    put("var/home", mode=0o755)
    put("var/home/user", mode=0o700, owner=user)
    put("var/home/user/linked", link=machine.inside + "/away", owner=user)  # to have a file put there
    put(f"var/home/user/file{NEW}", link=machine.inside + "/secret", owner=user)  # to have it overwritten
    put(f"var/home/user/dir{NEW}", link=machine.inside + "/away", owner=user)
    put("var/home/user/linked-file", link=machine.inside + "/secret", owner=user)
    put(f"var/home/user/full{NEW}", owner=user)
    put(f"var/home/user/full{NEW}/theirs", "x", owner=user)
    put(f"var/home/user/blocked{NEW}", owner=user)
    done = machine.boot()
    test.check(done, f"{name}: a user's links do not stop the service", machine.said)
    outside = {part: state(f"{machine.top}/{part}") for part in ("secret", "away")}
    test.check(outside == {"secret": ("-rw-------", 0, 0, b"secret"), "away": ("drwx------", 0, 0, "")} and
               not os.listdir(machine.top + "/away"), f"{name}: nothing is written through a user's link", outside)
    home = {path: got for path, got in tree(machine.var + "/home/user").items() if not path.startswith("linked")}
    wanted = {path: got for path, got in tree(machine.factory + "/home/user").items() if not path.startswith("linked")}
    test.check(home == wanted, f"{name}: what the image ships comes all the same", difference(home, wanted))


def main(test):
    if os.geteuid() != 0:
        raise Skip("needs root, for owners")
    alpine = test.path("alpine")
    os.mkdir(alpine)
    test.must("tar", "-C", alpine, "-xf", base_rootfs(test))
    for tools in (Tools("machine"), Tools("busybox", alpine)):
        check_power_cuts(test, f"{tools.name}-cuts", tools)
        check_no_factory(test, f"{tools.name}-bare", tools)
        check_what_is_there(test, f"{tools.name}-used", tools)
        check_hostile_user(test, f"{tools.name}-hostile", tools)


if __name__ == "__main__":
    run(main)
