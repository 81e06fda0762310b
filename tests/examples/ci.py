#!/usr/bin/env python3
"""examples/ci: osb-oci in a job without privileges. The workflow files are parsed, and each of their commands runs: those of the job
that builds an image here, and those of the other one in the sandbox. containerfiles/Containerfile.cli is built on a stand-in for the
image of Containerfile.builder, whose apk only notes what it was called with."""

import json
import os
import re

import yaml
from lib_page import BASE, TOP, run_page

STAND_IN = f"""FROM {BASE}
RUN printf '#!/bin/sh\\necho "$@" >>/apk-calls\\n' >/sbin/apk && chmod 755 /sbin/apk
"""


def read(*names):
    with open(os.path.join(TOP, *names), encoding="utf-8") as file:
        return file.read()


def check_tool_image(page):
    test, env = page.test, page.env
    if not os.environ.get("OSB_ALPINE_ROOTFS"):
        test.skip_one("Containerfile.cli is built", "needs the adduser of Alpine: set OSB_ALPINE_ROOTFS")
        return
    os.mkdir(test.path("stand-in"))
    with open(test.path("stand-in", "Containerfile"), "w", encoding="ascii") as file:
        file.write(STAND_IN)
    test.must("podman", "build", "-q", "-t", "localhost/osb-oci", test.path("stand-in"), env=env)
    built = test.run("podman", "build", "-q", "-t", "localhost/osb-oci-cli", "-f", os.path.join(TOP, "containerfiles/Containerfile.cli"),
                     TOP, env=env)
    if not test.check_status(built, 0, "Containerfile.cli is built, on a stand-in"):
        return
    config = json.loads(test.must("podman", "image", "inspect", "localhost/osb-oci-cli", env=env))[0]["Config"]
    test.check(config["User"] == "1000:1000" and config["WorkingDir"] == "/work" and config["Entrypoint"] == ["/usr/bin/osb-oci"],
               "its user has no rights, and its entry point is the program", config)
    root = test.must("podman", "image", "mount", "localhost/osb-oci-cli", env=env).strip()
    with open(os.path.join(root, "apk-calls"), encoding="ascii") as file:
        calls = file.read()
    test.check(re.fullmatch(r"add --no-cache( [a-z0-9-]+)+\n", calls) is not None, "it installs packages in one layer", calls)
    test.check(os.stat(os.path.join(root, "work")).st_uid == 1000, "the working directory is the user's")
    said = test.run("chroot", "--userspec=1000:1000", root, "/usr/bin/osb-oci", "--version")
    test.check(said.status == 0 and said.stdout.startswith("osb-oci "), "the user can run the program", said.describe())
    test.must("podman", "image", "unmount", "localhost/osb-oci-cli", env=env)


def run_commands(page, what, commands, environment, sandboxed):
    """The commands of a job, one after the other, in the directory of the page."""
    for command in commands:
        line = f"./sandbox {command}" if sandboxed else command
        status = page.host(f"chown -R 65534:65534 .\n{line}\n")
        page.test.check(status == 0, f"{what}: {command}", page.output)
    if sandboxed:
        used = set(re.findall(r"\$\{?([A-Z_]+)", read("examples/ci/job.sh")))
        page.test.check(used == set(environment), f"{what}: has the variables of job.sh, and no others", (used, environment))


def check_files(page, what, paths):
    """The files that a job hands on are there. They are removed, so that the next workflow makes them again."""
    missing = [path for path in paths if not os.path.exists(os.path.join(page.directory, path))]
    page.test.check(paths and not missing, f"{what}: {' '.join(paths)}", missing)


def start_over(page):
    for name in ("site.tar", "site-commit.tar", "site.qcow2"):
        os.unlink(os.path.join(page.directory, name))


def check_github(page):
    workflow = yaml.safe_load(read("examples/ci/github.yml"))
    test, jobs = page.test, workflow["jobs"]
    # In YAML 1.1 the key `on` is true.
    test.check({"name", True, "permissions", "jobs"} == set(workflow) and list(jobs) == ["image", "disk"], "github.yml: two jobs", workflow)
    start_over(page)
    for name, job in jobs.items():
        commands = [step["run"] for step in job["steps"] if "run" in step]
        test.check(commands and all(("run" in step) != ("uses" in step) for step in job["steps"]), f"github.yml, {name}: steps", job)
        run_commands(page, f"github.yml, {name}", commands, job.get("env", {}), name == "disk")
        uploads = [step["with"]["path"] for step in job["steps"] if step.get("uses", "").startswith("actions/upload-artifact@")]
        check_files(page, f"github.yml, {name}: artifacts", " ".join(uploads).split())
    disk = jobs["disk"]
    test.check(disk["needs"] == "image", "github.yml: the disk is made of the image", disk)
    options = disk["container"]["options"].split()
    test.check("--cap-drop=ALL" in options and "--security-opt=no-new-privileges" in options and "--privileged" not in options,
               "github.yml: the job has no privileges", options)


def check_gitlab(page):
    workflow = yaml.safe_load(read("examples/ci/gitlab.yml"))
    test = page.test
    jobs = {name: job for name, job in workflow.items() if name != "stages"}
    test.check([job["stage"] for job in jobs.values()] == workflow["stages"] and list(jobs) == ["build-image", "build-disk"],
               "gitlab.yml: a job for each stage", workflow)
    start_over(page)
    for name, job in jobs.items():
        run_commands(page, f"gitlab.yml, {name}", job["script"], job["variables"], name == "build-disk")
        check_files(page, f"gitlab.yml, {name}: artifacts", job["artifacts"]["paths"])
    test.check(jobs["build-disk"]["image"]["entrypoint"] == [""], "gitlab.yml: a shell is started in the image of the tool")


# The program behind the page's osb-oci (lib_page.py), for the sandbox.
os.environ["PROGRAMS"] = os.environ.get("OSB", os.path.join(TOP, "build/release/osb-oci"))
run_page("ci", needs=("docker-registry", "htpasswd", "curl", "syslinux", "mcopy", "setpriv", "buildah"), base=True, machines="long",
         after={"The image of the tool": check_tool_image, "GitHub Actions": check_github, "GitLab CI": check_gitlab})
