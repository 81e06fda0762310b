#!/usr/bin/env python3
"""examples/repository-as-artifact: CI jobs that pass the repository on as a file, and a machine that upgrades from job to job."""

import os
import re
import subprocess

import yaml

from lib_page import run_page

CALL = re.compile(r'^ci/build\.sh "\$[A-Z_]+" https://\S+$', re.MULTILINE)


def load(page, name):
    with open(os.path.join(page.source, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


def is_shell(text):
    return subprocess.run(["bash", "-n", "-c", text], check=False, capture_output=True).returncode == 0


def github(page):
    """What GitHub requires of a workflow, and that its steps fit together."""
    workflow = load(page, "github-workflow.yml")
    check = page.test.check
    # YAML 1.1 reads the key `on` as true.
    check(workflow[True]["push"]["branches"] and isinstance(workflow["concurrency"], str), "GitHub: the events", workflow)
    check(set(workflow) <= {"name", True, "concurrency", "permissions", "jobs"}, "GitHub: the members of a workflow", list(workflow))
    job = workflow["jobs"]["build"]
    check(job["runs-on"].startswith("ubuntu-"), "GitHub: the runner", job)
    steps = job["steps"]
    check(all(("run" in step) != ("uses" in step) and
              set(step) <= {"name", "id", "if", "env", "run", "uses", "with"} for step in steps), "GitHub: each step runs or uses", steps)
    check(all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) for step in steps if "uses" in step), "GitHub: the actions", steps)
    scripts = [step["run"] for step in steps if "run" in step]
    check(all(map(is_shell, scripts)), "GitHub: the scripts are shell", scripts)
    check(len(CALL.findall("\n".join(scripts))) == 1, "GitHub: ci/build.sh, once", scripts)
    position = [index for index, step in enumerate(steps) if CALL.search(step.get("run", ""))][0]
    fetches = [step for step in steps[:position] if step.get("uses", "").startswith("actions/download-artifact@")]
    keeps = {step["with"]["name"]: step["with"]["path"] for step in steps[position:]
             if step.get("uses", "").startswith("actions/upload-artifact@")}
    check(len(fetches) == 1 and keeps.get(fetches[0]["with"]["name"]) == "repo.tar.zst",
          "GitHub: the next job fetches what this one keeps", (fetches, keeps))
    identities = {step["id"] for step in steps[:position] if "id" in step}
    named = set(re.findall(r"steps\.(\w+)\.outputs\.", str(steps)))
    check(named == identities, "GitHub: the steps that others name", (named, identities))


def gitlab(page):
    pipeline = load(page, "gitlab-ci.yml")
    check = page.test.check
    job = pipeline["build"]
    check(list(pipeline) == ["build"] and
          set(job) <= {"image", "variables", "resource_group", "rules", "script", "artifacts"}, "GitLab: the members of a job", job)
    script = job["script"]
    check(all(isinstance(line, str) for line in script) and is_shell("\n".join(script)), "GitLab: the script is shell", script)
    check(len(CALL.findall("\n".join(script))) == 1, "GitLab: ci/build.sh, once", script)
    check("repo.tar.zst" in job["artifacts"]["paths"] and "/repo.tar.zst?job=build" in script[0],
          "GitLab: the next job fetches what this one keeps", job)


run_page("repository-as-artifact", needs=("nginx", "ostree", "zstd"), base=True, machines="long",
         after={"GitHub Actions": github, "GitLab": gitlab})
