#!/usr/bin/env python3
"""Every verb that speaks to a registry, through proxies of every kind: the registry's name resolves nowhere but there. And who is
never asked through one."""

import contextlib
import os
import shutil

import lib_upgrade
from lib_harness import Skip, run
from lib_proxy import Proxy
from lib_registry import Certificates, Registry, auth_file, make_commit, private_environment, trust

NAME, PLAIN = "registry.example.test", "plain.example.test"
USER, PASSWORD = "somebody", "cAnArY-of-the-registry"
PROXY_USER = ("me@work", "cAnArY/of:the@proxy")
INSECURE = "--tls-verify=false"


class Setting:
    """A registry over TLS that wants a password, one in plain HTTP, a commit, and a user without configuration."""

    def __init__(self, test, stack):
        self.test = test
        self.environment = private_environment(test)
        certificates = Certificates(test)
        self.registry = stack.enter_context(Registry(test, tls=certificates.server("registry", f"DNS:{NAME},IP:127.0.0.1"),
                                                     users={USER: PASSWORD}))
        self.plain = stack.enter_context(Registry(test, "plain"))
        self.places = {f"{NAME}:443": self.registry.port, f"{PLAIN}:80": self.plain.port}
        trust(self.environment, NAME, certificates.ca)
        self.proxy_tls = Certificates(test, "proxy-ca")
        self.proxy_pair = self.proxy_tls.server("proxy")
        self.authfile = auth_file(test.path("auth.json"), NAME, USER, PASSWORD)
        # Larger than a chunk of an upload.
        self.repo, self.commit = make_commit(test, "repo", {"usr/large": os.urandom(5 << 20), "usr/small": b"x"})

    def proxy(self, kind, user=None):
        proxy = Proxy(kind, self.places, user, self.proxy_pair if kind == "https" else None)
        if kind == "https":
            trust(self.environment, f"127.0.0.1:{proxy.port}", self.proxy_tls.ca)
        return proxy

    def through(self, proxy, user=None):
        """The environment; as most people set it, without a thought for what is near."""
        url = proxy.url(user)
        return {**self.environment, "HTTPS_PROXY": url, "http_proxy": url}

    def osb(self, environment, verb, *arguments, repo=None):
        common = [] if verb == "inspect" else ["--repo", repo or self.repo]
        return self.test.run(self.test.osb, verb, *common, "--progress", "none", *arguments, env=environment)


def check_verbs(test, setting, what, proxy):
    environment, login = setting.through(proxy), ("--authfile", setting.authfile)
    name = what.replace(" ", "-")
    image = f"docker://{NAME}/{name}:v1"
    repo = test.path("repo-" + name)
    expected = 0
    for verb, arguments, status in (("push", (*login, "os", image), 0), ("pull", (*login, "--ref", "os", image), 0),
                                    ("import", (*login, "--ref", "imported", "--layout", "plain", image), 0),
                                    ("export", (*login, "os", f"docker://{NAME}/{name}:v2", "--format", "plain"), 0),
                                    ("inspect", (*login, image), 0),
                                    ("inspect", (*login, image + "-not-there"), 1),
                                    ("inspect", (image,), 5)):
        result = setting.osb(environment, verb, *arguments, repo=None if verb in ("push", "export") else repo)
        test.check_status(result, status, f"{what}: {verb} {arguments[-1]}")
        test.check(len(proxy.requests) > expected, f"{what}: {verb} asked the proxy", proxy.requests)
        expected = len(proxy.requests)
        test.check("cAnArY" not in result.stdout + result.stderr, f"{what}: no secret is printed", result.describe())
    test.check(setting.osb(environment, "pull", *login, "--ref", "again", image, repo=repo).commit == setting.commit,
               f"{what}: the commit that was pushed is pulled")
    test.fsck(repo, f"{what}: fsck")
    test.check(set(proxy.requests) == {f"CONNECT {NAME}:443"} and not proxy.leaked, f"{what}: nothing else was asked",
               (set(proxy.requests), proxy.leaked))
    # The registry itself, with nothing between.
    direct = setting.osb(setting.environment, "pull", INSECURE, "--creds", f"{USER}:{PASSWORD}", "--ref", "os",
                         setting.registry.image(f"{name}:v1"), repo=test.path("direct-" + name))
    test.check(direct.commit == setting.commit, f"{what}: what was pushed is there", direct.describe())


def check_plain_http(test, setting, what, proxy):
    """A registry that speaks no TLS: an HTTP proxy is asked for whole URLs, and answers in the registry's place."""
    environment = setting.through(proxy)
    image = f"docker://{PLAIN}/{what.replace(' ', '-')}:v1"
    test.check_status(setting.osb(environment, "push", INSECURE, "os", image), 0, f"{what}, plain HTTP: push")
    result = setting.osb(environment, "pull", INSECURE, "--ref", "os", image, repo=test.path("plain-" + what.replace(" ", "-")))
    test.check(result.commit == setting.commit, f"{what}, plain HTTP: pull", result.describe())
    test.check_refused(setting.osb(environment, "inspect", INSECURE, image + "-not-there"), 1, f"{what}, plain HTTP: no such tag")


def check_this_machine(test, setting, proxy):
    """Registries on loopback are never asked through a proxy, whatever the variables say."""
    proxy.requests.clear()
    refused = proxy.refused
    environment = {**setting.through(proxy), "ALL_PROXY": proxy.url(), "HTTP_PROXY": proxy.url()}
    for host in (setting.plain.host, f"localhost:{setting.plain.port}"):
        result = setting.osb(environment, "push", "os", f"docker://{host}/near:v1")
        test.check_status(result, 0, f"{host}: push")
    test.check(not proxy.requests and proxy.refused == refused, "this machine is reached without a proxy", proxy.requests)


def check_refusals(test, setting, kind, proxy):
    for what, user in (("a wrong password", (PROXY_USER[0], PROXY_USER[1] + "-not")), ("no password", "")):
        proxy.requests.clear()
        result = setting.osb(setting.through(proxy, user), "push", "--authfile", setting.authfile, "os",
                             f"docker://{NAME}/refused:v1", "-v")
        test.check_refused(result, 5, f"{kind}, {what}", "proxy")
        test.check("USER:PASSWORD" in result.stderr, f"{kind}, {what}: says what to do", result.describe())
        test.check("cAnArY" not in result.stderr, f"{kind}, {what}: no secret is printed", result.describe())
        test.check(not proxy.requests, f"{kind}, {what}: nothing was asked", proxy.requests)
    result = setting.osb(setting.through(proxy), "inspect", "docker://elsewhere.example.test/os:v1")
    test.check_refused(result, 5, f"{kind}: a host that the proxy does not reach", "proxy")


def check_unknown_authority(test, setting):
    stranger = Certificates(test, "stranger").server("proxy")
    with Proxy("https", setting.places, None, stranger) as proxy:
        trust(setting.environment, f"127.0.0.1:{proxy.port}", setting.proxy_tls.ca)
        for option in ("--tls-verify=true", INSECURE):
            result = setting.osb(setting.through(proxy), "inspect", "--authfile", setting.authfile, option,
                                 f"docker://{NAME}/os:v1")
            test.check_refused(result, 4, f"an https proxy of an unknown authority, {option}")
        test.check(not proxy.requests, "it was asked nothing", proxy.requests)


def check_malformed(test, setting):
    environment = {**setting.environment, "HTTPS_PROXY": "gopher://me:cAnArY@proxy"}
    result = setting.osb(environment, "inspect", f"docker://{NAME}/os:v1")
    test.check_refused(result, 2, "a variable that names no proxy", "HTTPS_PROXY")
    test.check("cAnArY" not in result.stderr, "and is not repeated", result.describe())


def check_witness(test, setting, proxy):
    """skopeo takes the same way: so the proxy of the test is one."""
    raw = test.run("skopeo", "inspect", "--raw", "--authfile", setting.authfile, f"docker://{NAME}/http:v1",
                   env=setting.through(proxy))
    test.check(raw.status == 0 and "config" in raw.stdout, "skopeo reads what was pushed", raw.describe())


def need_disks(test):
    if os.geteuid() != 0:
        raise Skip("needs root")
    for program in ("sfdisk", "syslinux", "mcopy"):
        if shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin") is None:
            raise Skip(f"needs the program {program}")


def check_system(test, setting, proxies):
    """install-to-disk, switch, upgrade and its --check."""
    images = lib_upgrade.Images(test, setting.registry)
    for tag in ("1", "2"):
        images.system(tag, ["quiet"], {"base": tag})
    push_system(test, setting, images, "1")
    login = ("--authfile", setting.authfile)
    name = f"{NAME}/system:latest"
    disk = lib_upgrade.Disk(test, "disk", f"docker://{name}", *login, "--target-imgref", name,
                            environment=setting.through(proxies[0]))
    try:
        for proxy in proxies:
            result = disk.osb("upgrade", "--check", *login, env=setting.through(proxy))
            test.check_status(result, 77, f"upgrade --check, {proxy.kind}")
        environment = setting.through(proxies[0])
        test.check_status(disk.osb("switch", *login, name, env=environment), 0, "switch")
        push_system(test, setting, images, "2")
        test.check_status(disk.osb("upgrade", "--check", *login, env=environment), 0, "upgrade --check: there is a newer one")
        test.check_status(disk.osb("upgrade", *login, env=environment), 0, "upgrade")
        test.check("2" in disk.versions(), "version 2 is deployed", disk.versions())
    finally:
        disk.unmount()


def push_system(test, setting, images, tag):
    test.must("skopeo", "copy", "-q", "--dest-tls-verify=false", "--dest-creds", f"{USER}:{PASSWORD}", images.oci(tag),
              setting.registry.image("system:latest"))


def main(test):
    test.need("docker-registry", "openssl", "htpasswd", "ostree", "skopeo")
    with contextlib.ExitStack() as stack:
        setting = Setting(test, stack)
        with_password = []
        for kind, user in (("http", None), ("http", PROXY_USER), ("https", PROXY_USER), ("socks5", PROXY_USER)):
            proxy = stack.enter_context(setting.proxy(kind, user))
            what = kind + (" with a password" if user else "")
            check_verbs(test, setting, what, proxy)
            check_plain_http(test, setting, what, proxy)
            if user:
                check_refusals(test, setting, kind, proxy)
                with_password.append(proxy)
            else:
                check_witness(test, setting, proxy)
            check_this_machine(test, setting, proxy)
        check_unknown_authority(test, setting)
        check_malformed(test, setting)
        try:
            need_disks(test)
            check_system(test, setting, with_password)
        except Skip as skip:
            test.skip_one("install-to-disk, switch and upgrade", skip)


run(main)
