#!/usr/bin/env python3
"""push and pull against docker-registry, with skopeo and podman as witnesses; certificates, credentials, and who sees
them."""

import json
import os
import random
import re

from lib_containers import Containers
from lib_harness import run
from lib_registry import Certificates, Registry, auth_file, make_commit, private_environment, trust

USER, CANARY = "somebody", "cAnArY-pass:w0rd"
INSECURE = "--tls-verify=false"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Setting:
    """A commit of which one layer is larger than a chunk of an upload, and a user without configuration."""

    def __init__(self, test):
        self.test = test
        self.environment = private_environment(test)
        self.containers = Containers(test)
        generator = random.Random(7)
        files = {f"usr/lib/small-{number}": generator.randbytes(200) for number in range(50)}
        files["usr/lib/large"] = generator.randbytes(17 << 20)
        self.repo, self.commit = make_commit(test, "repo", files)

    def osb(self, verb, *arguments, environment=None, repo=None, stdin=None):
        common = [] if verb == "inspect" else ["--repo", repo or self.repo]
        return self.test.run(self.test.osb, verb, *common, "--progress", "none", *arguments,
                             env=environment or self.environment, stdin=stdin)

    def push(self, image, *options, **how):
        return self.osb("push", *options, "os", image, **how)

    def pull(self, image, repo, *options, **how):
        return self.osb("pull", "--ref", "os", *options, image, repo=self.test.path(repo), **how)

    def skopeo(self, *arguments, **options):
        return self.test.must("skopeo", *arguments, env=self.environment, **options)


def check_round_trip(test, setting, registry):
    image = registry.image("os:v1")
    result = setting.push(image, INSECURE)
    if not test.check_status(result, 0, "push"):
        return
    chunks = [request for request in registry.requests() if request[0] == "PATCH"]
    test.check(len(chunks) >= 3, "a large layer goes in chunks", registry.requests())
    puts = registry.since(0, "PUT")
    test.check("/manifests/v1" in puts[-1][1] and sum("/manifests/" in put[1] for put in puts) == 1,
               "the manifest comes last", puts)
    result = setting.pull(image, "pulled", INSECURE)
    test.check(result.commit == setting.commit, "pull: the same commit", result.describe())
    test.fsck(test.path("pulled"), "pull: fsck")
    result = setting.osb("inspect", INSECURE, image)
    test.check(result.status == 0 and setting.commit in result.stdout, "inspect", result.describe())
    mark = registry.mark()
    result = setting.push(image, INSECURE)
    test.check_status(result, 0, "second push")
    sent = [request for request in registry.uploads_since(mark) if request[0] != "POST"]
    test.check(not sent, "second push: no blob is sent", registry.since(mark))


def check_witnesses(test, setting, registry):
    """What we wrote others read, and the other way round."""
    image = registry.image("os:v1")
    raw = setting.skopeo("inspect", "--raw", INSECURE, image)
    manifest = json.loads(raw)
    test.check(manifest["mediaType"] == MANIFEST and len(manifest["layers"]) >= 2, "skopeo inspect --raw", raw)
    layout = test.path("copied")
    setting.skopeo("copy", "-q", "--src-tls-verify=false", image, f"oci:{layout}:v1")
    result = setting.osb("pull", "--ref", "os", f"oci:{layout}:v1", repo=test.path("from-layout"))
    test.check(result.commit == setting.commit, "skopeo copies what was pushed", result.describe())
    setting.skopeo("copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:v1", registry.image("os:as-oci"))
    # zstd has no media type in Docker's format.
    test.check_status(setting.push(registry.image("os:gzip"), INSECURE, "--compression", "gzip"), 0, "push as gzip")
    setting.skopeo("copy", "-q", "--format", "v2s2", "--src-tls-verify=false", "--dest-tls-verify=false",
                   registry.image("os:gzip"), registry.image("os:as-docker"))
    for tag in ("as-oci", "as-docker"):
        result = setting.osb("import", "--ref", tag, INSECURE, registry.image(f"os:{tag}"), repo=test.path("imported"))
        test.check_status(result, 0, f"import of what skopeo pushed, {tag}")
    result = setting.pull(registry.image("os:as-oci"), "from-skopeo", INSECURE)
    test.check(result.commit == setting.commit, "pull of what skopeo pushed", result.describe())
    name = f"{registry.host}/os:v1"
    containers = setting.containers
    containers.podman("pull", "-q", INSECURE, name)
    test.check(setting.commit in containers.podman("inspect", name), "podman pulls it")
    containers.podman("tag", name, f"{registry.host}/podman:v1")
    containers.podman("push", "-q", INSECURE, f"{registry.host}/podman:v1")
    result = setting.osb("import", "--ref", "podman", INSECURE, registry.image("podman:v1"), repo=test.path("imported"))
    test.check_status(result, 0, "import of what podman pushed")


def check_mount(test, setting, registry):
    mark = registry.mark()
    result = setting.push(registry.image("other/name:v1"), INSECURE, "--previous", registry.image("os:v1"))
    test.check_status(result, 0, "push to another repository")
    mounted = [request for request in registry.since(mark, "POST") if "mount=" in request[1] and request[3] == 201]
    sent = registry.since(mark, "PATCH")
    test.check(mounted and not sent, "blobs are mounted from there", registry.uploads_since(mark))
    result = setting.pull(registry.image("other/name:v1"), "mounted", INSECURE)
    test.check(result.commit == setting.commit, "and can be read", result.describe())


def check_absent(test, setting, registry):
    result = setting.pull(registry.image("os:none"), "absent", INSECURE)
    test.check_refused(result, 1, "a tag that is not there", "MANIFEST_UNKNOWN")
    test.check("v1" in result.stderr.splitlines()[-1], "names those there are", result.describe())
    test.check_refused(setting.pull(registry.image("none:v1"), "absent", INSECURE), 1, "no such repository")
    test.check_refused(setting.pull(registry.image("os@sha256:" + "0" * 64), "absent", INSECURE), 1, "no such digest")


def check_plain_http_is_asked_for(test, setting, registry):
    mark = registry.mark()
    for option in ("--tls-verify=true", "--tls-verify"):
        result = setting.push(registry.image("os:v1"), option)
        test.check_refused(result, 5, f"{option}: plain HTTP is not spoken", "--tls-verify=false")
    test.check(not registry.since(mark), "not a request came", registry.since(mark))
    result = setting.pull(registry.image("os:v1"), "this-machine")
    test.check(result.commit == setting.commit, "a registry on this machine needs no option", result.describe())
    environment = {**setting.environment, "CONTAINERS_REGISTRIES_CONF": test.path("insecure.conf")}
    with open(environment["CONTAINERS_REGISTRIES_CONF"], "w", encoding="ascii") as file:
        file.write(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n'
                   f'[[registry]]\nprefix = "blocked.example"\nblocked = true\n'
                   f'[[registry]]\nprefix = "upstream.example"\nlocation = "127.0.0.1:1"\n'
                   f'[[registry.mirror]]\nlocation = "{registry.host}"\ninsecure = true\n')
    result = setting.pull(registry.image("os:v1"), "configured", environment=environment)
    test.check(result.commit == setting.commit, "insecure in registries.conf", result.describe())
    result = setting.pull("docker://upstream.example/os:v1", "mirrored", environment=environment)
    test.check(result.commit == setting.commit, "a mirror", result.describe())
    test.check_refused(setting.pull("docker://blocked.example/os:v1", "blocked", environment=environment), 4,
                       "a blocked registry")


def check_old_configuration(test, setting, registry):
    """What came from another machine, or another time, is in nobody's way."""
    absent = auth_file(test.path("desktop.json"), "other", "x", "y", credsStore="desktop",
                       credHelpers={registry.host: "none-such"})
    result = setting.pull(registry.image("os:v1"), "no-helper", "--authfile", absent)
    test.check(result.commit == setting.commit, "a helper that is not here, and a registry that needs none", result.describe())
    conf = private_file(test.path("version-1.conf"), '[registries.search]\nregistries = ["docker.io"]\n[registries.insecure]\n'
                        f'registries = ["{registry.host}"]\n[registries.block]\nregistries = ["blocked.example"]\n')
    environment = {**setting.environment, "CONTAINERS_REGISTRIES_CONF": conf}
    result = setting.pull(registry.image("os:v1"), "version-1", environment=environment)
    test.check(result.commit == setting.commit, "registries.conf of version 1: an insecure registry", result.describe())
    test.check_refused(setting.pull("docker://blocked.example/os:v1", "version-1", environment=environment), 4,
                       "registries.conf of version 1: a blocked one")


def check_tls(test, setting):
    certificates = Certificates(test)
    with Registry(test, "tls", tls=certificates.server("good")) as registry:
        image = registry.image("os:v1")
        test.check_refused(setting.push(image), 4, "TLS: an authority that is not known")
        result = setting.push(image, INSECURE)
        test.check_status(result, 0, "TLS: --tls-verify=false")
        for name, value in (("FILE", certificates.ca), ("DIR", os.path.dirname(certificates.ca))):
            environment = {**setting.environment, f"SSL_CERT_{name}": value}
            result = setting.pull(image, f"over-tls-{name}", environment=environment)
            test.check(result.commit == setting.commit, f"TLS: the authority of SSL_CERT_{name}", result.describe())
        trust(setting.environment, registry.host, certificates.ca)
        result = setting.pull(image, "over-tls")
        test.check(result.commit == setting.commit, "TLS: the authority in certs.d", result.describe())
        test.check({request[2] for request in registry.since(0, "GET", "HEAD")} == {"HTTP/2.0"}, "TLS: HTTP/2 is spoken",
                   registry.requests())
    narrow = Certificates(test, "narrow", "nameConstraints=critical,excluded;IP:127.0.0.0/255.0.0.0")
    for name, pair, ca in (
            ("expired", certificates.server("old", days=-1), certificates.ca),
            ("for another host", certificates.server("other", host="DNS:example.com,IP:127.0.0.2"), certificates.ca),
            ("that its authority must not make", narrow.server("good"), narrow.ca),
            ("of another authority", Certificates(test, "stranger").server("good"), certificates.ca)):
        with Registry(test, "tls-" + name.replace(" ", "-"), tls=pair) as registry:
            trust(setting.environment, registry.host, ca)
            for verb in (setting.push, lambda image: setting.pull(image, "never")):
                test.check_refused(verb(registry.image("os:v1")), 4, f"TLS: a certificate {name}")
    half = os.path.join(setting.environment["HOME"], ".config/containers/certs.d/127.0.0.1:1")
    os.makedirs(half)
    with open(os.path.join(half, "client.cert"), "w", encoding="ascii") as file:
        file.write("x")
    test.check_refused(setting.pull("docker://127.0.0.1:1/os:v1", "never"), 3, "TLS: half a client certificate", "client")


def add_helper(test, host):
    """A credential helper on a PATH of its own, which keeps its secret in a file."""
    directory = test.path("helpers")
    os.makedirs(directory, exist_ok=True)
    secret = os.path.join(directory, "secret.json")
    with open(secret, "w", encoding="ascii") as file:
        json.dump({"ServerURL": host, "Username": USER, "Secret": CANARY}, file)
    helper = os.path.join(directory, "docker-credential-of-test")
    with open(helper, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nread server\n[ "$1 $server" = "get {host}" ] && exec cat {secret}\nexit 1\n')
    os.chmod(helper, 0o755)
    return directory


def check_credentials(test, setting):
    with Registry(test, "private", users={USER: CANARY}) as registry:
        image, host = registry.image("os:v1"), registry.host
        result = setting.push(image, INSECURE)
        test.check_refused(result, 5, "no credentials")
        test.check("podman login" in result.stderr, "no credentials: says what to do", result.describe())
        good = auth_file(test.path("good.json"), host, USER, CANARY)
        wrong = auth_file(test.path("wrong.json"), host, USER, CANARY + "-not")
        helped = auth_file(test.path("helped.json"), "other", "x", "y", credHelpers={host: "of-test"})
        path = add_helper(test, host) + ":" + os.environ["PATH"]
        environment = setting.environment
        usual = os.path.join(environment["XDG_RUNTIME_DIR"], "containers")
        os.makedirs(usual)
        cases = {"--authfile": (("--authfile", good), environment),
                 "REGISTRY_AUTH_FILE": ((), {**environment, "REGISTRY_AUTH_FILE": good}),
                 "--creds": (("--creds", f"{USER}:{CANARY}"), environment),
                 "a helper": (("--authfile", helped), {**environment, "PATH": path})}
        given = private_file(test.path("creds"), f"{USER}:{CANARY}\n")
        cases["--creds-file"] = (("--creds-file", given), environment)
        cases["--password-stdin"] = (("--creds", USER, "--password-stdin"), environment)
        password = private_file(test.path("password"), CANARY + "\n")
        for name, (options, used) in cases.items():
            with open(password, "rb") as stdin:
                result = setting.push(image, INSECURE, *options, "-v", environment=used, stdin=stdin)
            test.check_status(result, 0, f"{name}: push")
            test.check(no_secret(result), f"{name}: no secret in what is printed", result.describe())
        check_password_is_read_once(test, setting, image, password)
        for options in (("--authfile", wrong), ("--creds", f"{USER}:{CANARY}-not")):
            result = setting.pull(image, "denied", INSECURE, *options, "-v")
            test.check_refused(result, 5, f"{options[0]}: a wrong password")
            test.check(no_secret(result), f"{options[0]}: no secret in the error", result.describe())
        test.check_status(setting.pull(image, "denied", INSECURE, "--creds", CANARY.replace(":", "")), 2, "--creds without a user")
        for options in (("--creds", USER), ("--password-stdin",), ("--creds", f"{USER}:x", "--password-stdin"),
                        ("--creds", USER, "--password-stdin"), ("--creds", f"{USER}:x", "--creds-file", given)):
            result = setting.pull(image, "denied", INSECURE, *options)
            test.check_refused(result, 2, f"{' '.join(options[::2])}: not a way to give a password")
        absent = auth_file(test.path("absent.json"), "other", "x", "y", credsStore="of-another-machine")
        result = setting.pull(image, "denied", INSECURE, "--authfile", absent)
        test.check_refused(result, 5, "a helper that is not here, and a registry that needs it",
                           "docker-credential-of-another-machine")
        auth_file(os.path.join(usual, "auth.json"), host, USER, CANARY)
        result = setting.pull(image, "usual", INSECURE)
        test.check(result.commit == setting.commit, "the usual auth.json", result.describe())
        check_processes(test, setting, image, helped, {**environment, "PATH": path})


def check_password_is_read_once(test, setting, image, password):
    """Verbs that ask for several images or documents."""
    options = (INSECURE, "--creds", USER, "--password-stdin")
    with open(password, "rb") as stdin:
        result = setting.osb("union", *options, image, image, repo=test.path("joined"), stdin=stdin)
    test.check_status(result, 0, "--password-stdin: union of two images")


def private_file(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(text)
    return path


def no_secret(result):
    return CANARY not in result.stdout + result.stderr and USER + ":" not in result.stdout + result.stderr


def check_processes(test, setting, image, authfile, environment):
    """No process is started with the secret among its arguments or in its environment."""
    trace = test.path("trace")
    probe = test.run("strace", "-o", "/dev/null", "true")
    if probe.status != 0:
        test.skip_one("arguments of processes", "strace cannot trace here")
        return
    result = test.run("strace", "-f", "-v", "-s", "100000", "-e", "trace=execve", "-o", trace, test.osb, "push", "--repo",
                      setting.repo, "--progress", "none", "-v", INSECURE, "--authfile", authfile, "os", image,
                      env=environment)
    with open(trace, encoding="utf-8", errors="replace") as file:
        text = file.read()
    test.check(result.status == 0 and re.search(r"execve\([^\n]*docker-credential-of-test", text),
               "the helper was run", result.describe())
    test.check(CANARY not in text, "no secret in arguments and environments")


def main(test):
    test.need("skopeo", "podman", "openssl", "htpasswd", "ostree")
    setting = Setting(test)
    with Registry(test) as registry:
        check_round_trip(test, setting, registry)
        check_witnesses(test, setting, registry)
        check_mount(test, setting, registry)
        check_absent(test, setting, registry)
        check_plain_http_is_asked_for(test, setting, registry)
        check_old_configuration(test, setting, registry)
    check_tls(test, setting)
    check_credentials(test, setting)


run(main)
