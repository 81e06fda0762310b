"""podman, buildah and skopeo with stores of the test's own: the user's stay untouched."""

import os

from lib_harness import TOP, Skip


class Containers:
    def __init__(self, test):
        test.need("podman", "skopeo")
        self.test = test
        root = test.path("containers")
        os.mkdir(root)
        filesystem = test.must("stat", "-f", "-c", "%T", test.work).strip()
        driver = "vfs" if filesystem == "overlayfs" or os.geteuid() != 0 else "overlay"
        configuration = os.path.join(root, "storage.conf")
        with open(configuration, "w", encoding="ascii") as out:
            out.write(f'[storage]\ndriver = "{driver}"\ngraphroot = "{root}/root"\nrunroot = "{root}/run"\n')
        # RUN works with this isolation as root on every machine, in a container or not.
        self.env = {**os.environ, "CONTAINERS_STORAGE_CONF": configuration,
                    "BUILDAH_ISOLATION": os.environ.get("BUILDAH_ISOLATION", "chroot")}

    def podman(self, *arguments):
        return self.test.must("podman", *arguments, env=self.env)

    def skopeo(self, *arguments):
        return self.test.must("skopeo", *arguments, env=self.env)

    def osb_import(self, image, repo, *options):
        return self.test.osb_import(image, repo, *options, env=self.env)

    def build(self, name, directory, *options):
        self.podman("build", "-q", "-t", name, *options, directory)

    def import_rootfs(self, rootfs, name):
        self.podman("import", "-q", rootfs, name)


def base_rootfs(test):
    """The archive of a root filesystem: the real Alpine or the stand-in; made once for all tests of a run."""
    cache = os.path.join(TOP, "build", "test-cache")
    given = os.environ.get("OSB_ALPINE_ROOTFS")
    path = os.path.join(cache, (os.path.basename(given) if given else "stand-in") + ".tar")
    os.makedirs(cache, exist_ok=True)
    if not os.path.exists(path):
        # Tests run side by side: each makes its own, and the last rename wins.
        own = f"{path[:-4]}.{os.getpid()}.tar"
        test.must(os.path.join(TOP, "scripts", "make-rootfs"), own)
        os.rename(own, path)
    return path


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")
