"""Rows 70 to 87 of the catalogue: manifests, configs, indexes, digests, sizes and layouts."""

import hashlib
import json
import os

from lib_harness import LONG
from lib_hostile import ACCEPT, MARK, MIB, REJECT, row
from lib_hostile_layers import Tar, encode
from lib_hostile_server import answer
from lib_image import ARCHITECTURE, CONFIG, INDEX, LAYER, MANIFEST, sha256, to_json

DEEP = 100_000  # levels: a million in 4 MiB is over the size already


class Documents:
    """An image of one small layer whose documents can be any bytes: each is stored under the digest that it has."""

    def __init__(self, bench):
        self.bench, self.layout = bench, bench.new_layout()
        self.archive = Tar().file("x", b"in").bytes()
        self.layer = self.layout.blob(self.archive, LAYER)
        self.config = self.layout.config([sha256(self.archive)])
        self.seen = []
        bench.server.hook = self.watch

    def watch(self, request):
        self.seen.append(request.target)

    def manifest(self, **members):
        return {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.config, "layers": [self.layer], **members}

    def write(self, manifest, kind=MANIFEST, **descriptor):
        """manifest: a document, or its bytes."""
        data = manifest if isinstance(manifest, bytes) else to_json(manifest)
        self.layout.manifests = []
        self.layout.tag({**self.layout.blob(data, kind), **descriptor}, "t")

    def refused(self, what, status=3, naming=(), options=()):
        """From both places; but a further case of a row from one of them, unless all is tried."""
        places = self.bench.places(self.layout)
        if self.bench.row_cases and not LONG:
            places = (places[self.bench.row_cases % 2],)
        self.bench.row_cases += 1
        for image in places:
            self.bench.refused(image, f"{what}: {image.split(':', maxsplit=1)[0]}", status, naming, options)
        self.bench.check_outside(what)

    def accepted(self, what, warns=""):
        for image in self.bench.places(self.layout):
            self.bench.accepted(image, f"{what}: {image.split(':', maxsplit=1)[0]}", warns=warns)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bench.server.hook = None
        self.bench.done_with(self.layout)


@row(70, "a document of two kinds")
def two_kinds(bench):
    with Documents(bench) as image:
        entry = image.layout.blob(to_json(image.manifest()), MANIFEST)
        image.write(image.manifest(manifests=[entry]))
        image.refused("a manifest with manifests")
        image.write({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry], "layers": [image.layer]}, INDEX)
        image.refused("an index with layers")
        image.write({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry], "config": image.config}, INDEX)
        image.refused("an index with a config")
        image.write({"schemaVersion": 2, "manifests": [entry], "layers": [image.layer], "config": image.config})
        image.refused("both, without a type")


@row(71, "media types that contradict each other")
def media_types(bench):
    with Documents(bench) as image:
        image.write(image.manifest(mediaType=INDEX))
        image.refused("the document says index")
        image.write(image.manifest())
        bench.server.hook = lambda request: answer(200, [("Content-Type", INDEX)], to_json(image.manifest())) \
            if "/manifests/t" in request.target else None
        bench.refused(bench.places(image.layout)[1], "Content-Type says index, for a tag")
        digest = sha256(to_json(image.manifest()))
        bench.server.hook = lambda request: answer(200, [("Content-Type", INDEX)], to_json(image.manifest())) \
            if "/manifests/" in request.target else None
        bench.accepted(bench.server.image(f"{image.layout.name}@{digest}"), "for a digest", warns="warning")


@row(72, "digests that are none")
def digests(bench):
    with Documents(bench) as image:
        good = image.layer["digest"].split(":")[1]
        for digest in ("sha256:../../../etc/passwd", "sha256:" + good.upper(), "sha256:" + good[1:], "sha256:" + good + "0", good,
                       "SHA256:" + good,
                       "sha256:" + good[:-1] + "\0", "sha256:" + good + "/../x", "sha256:", ":", "", "sha256:" + good + "\n", 7, None):
            for member in ("layers", "config"):
                bad = {**(image.layer if member == "layers" else image.config), "digest": digest}
                image.write(image.manifest(**{member: [bad] if member == "layers" else bad}))
                before = len(image.seen)
                image.refused(f"{member} {digest!r}")
                built = [target for target in image.seen[before:] if "/manifests/" not in target and target != "/v2/"]
                bench.expect(not built, f"{digest!r} reached {built}")
        image.write(image.manifest(), digest="sha256:../../../../" + MARK)
        bench.refused(bench.places(image.layout)[0], "in index.json")


@row(73, "other algorithms of digests")
def algorithms(bench):
    with Documents(bench) as image:
        digest = "sha512:" + hashlib.sha512(image.archive).hexdigest()
        os.makedirs(os.path.join(image.layout.directory, "blobs", "sha512"))
        image.layout.write(os.path.join("blobs", *digest.split(":")), image.archive)
        image.write(image.manifest(layers=[{**image.layer, "digest": digest}]))
        image.accepted("sha512")
        image.layout.write(os.path.join("blobs", *digest.split(":")), image.archive[:-1] + b"x")
        image.refused("sha512 of other bytes")
        for other in ("blake3:" + "0" * 64, "sha1:" + "0" * 40, "md5:" + "0" * 32, "sha384:" + "0" * 96, "sha256+b64u:" + "A" * 43):
            image.write(image.manifest(layers=[{**image.layer, "digest": other}]))
            image.refused(other[:12], naming="algorithm" if other.startswith("blake3") else ())


@row(74, "sizes that are none, or wrong")
def sizes(bench):
    with Documents(bench) as image:
        size = image.layer["size"]
        for value in (-1, 1 << 63, 1 << 64, "12", None, 1.5, True, [], size - 1, size + 1, 0):
            for member, good in (("layers", image.layer), ("config", image.config)):
                bad = {**good, "size": value if not isinstance(value, int) or isinstance(value, bool) or abs(value - size) > 1 else
                       good["size"] + value - size}
                image.write(image.manifest(**{member: [bad] if member == "layers" else bad}))
                # A layer of 2^63 bytes fits on no disk.
                image.refused(f"{member} {value!r}", status=(3, 6))
        text = to_json(image.manifest()).replace(b'"size": %d' % size, b'"size": 1e3')
        image.write(text)
        image.refused("1e3")
        image.write(to_json(image.manifest()).replace(b', "size": %d' % size, b""))
        image.refused("missing")
        image.write(image.manifest(layers=[{**image.layer, "size": 10}]))
        before = bench.server.blob_bytes
        bench.refused(bench.places(image.layout)[1], "a longer blob")
        bench.expect(bench.server.blob_bytes - before < 3 * MIB, "it was read to its end")


@row(75, "blobs that are not what their digests say")
def wrong_blobs(bench):
    with Documents(bench) as image:
        image.write(image.manifest())
        other = Tar().file("x", b"on").bytes()
        for digest, data in ((image.layer["digest"], other), (image.config["digest"], b" " * image.config["size"])):
            path = image.layout.blob_path(digest)
            with open(path, "rb") as file:
                good = file.read()
            with open(path, "wb") as file:
                file.write(data)
            image.refused("on the disk and in the registry")
            with open(path, "wb") as file:
                file.write(good)
        # The bytes that are used are those that were compared: each request for a layer gets another one.
        answers = []

        def change(request):
            if image.layer["digest"] not in request.target:
                return None
            answers.append(request)
            return answer(200, body=image.archive if len(answers) % 2 else other)
        bench.server.hook = change
        first = bench.accepted(bench.places(image.layout)[1], "the right ones at first")
        bench.expect(len(answers) == 1, f"the layer was asked for {len(answers)} times", first)
        bench.refused(bench.places(image.layout)[1], "others then")


@row(76, "diffIDs that do not fit the layers")
def diff_ids(bench):
    with Documents(bench) as image:
        good = sha256(image.archive)
        for what, ids in (("wrong", [sha256(b"")]), ("too few", []), ("too many", [good, good]), ("not a list", good), ("not digests", [7]),
                          ("missing", None), ("another algorithm", ["md5:" + "0" * 32])):
            config = image.layout.blob(to_json({"architecture": ARCHITECTURE, "os": "linux",
                                                "rootfs": {"type": "layers", "diff_ids": ids}}), CONFIG)
            image.write(image.manifest(config=config))
            image.refused(what)
        config = image.layout.config([good, good])
        second = image.layout.blob(Tar().file("y").bytes(), LAYER)
        image.write(image.manifest(config=config, layers=[image.layer, second]))
        image.refused("twice, for two layers", naming="layer 2 of 2")


@row(78, "platforms")
def platforms(bench):
    with Documents(bench) as image:
        good = image.layout.blob(to_json(image.manifest()), MANIFEST)
        other = image.layout.blob(to_json(image.manifest(annotations={"a": "b"})), MANIFEST)

        def index(*entries):
            image.write({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}, INDEX)
        here = {"os": "linux", "architecture": ARCHITECTURE}
        index({**good, "platform": {"os": "windows", "architecture": ARCHITECTURE}},
              {**other, "platform": {"os": "linux", "architecture": "s390x"}})
        image.refused("none fits", status=1, naming="linux/")
        index({**good, "platform": {**here, "variant": "v9\x1b[2J"}}, {**other, "platform": {"os": 7}})
        image.refused("a platform that is none")
        index()
        image.refused("an empty index", status=(1, 3))
        index({**good, "platform": here}, {**other, "platform": here})
        attempts = []
        for name in bench.places(image.layout):
            attempts.append(bench.run("inspect", "--json", "--platform", f"linux/{ARCHITECTURE}", name))
        bench.expect(all(good["digest"] in attempt.stdout for attempt in attempts), "the first match wins", attempts[0])
        config = image.layout.config([sha256(image.archive)], os="windows")
        image.write(image.manifest(config=config))
        image.refused("a config for windows", options=("--platform", f"linux/{ARCHITECTURE}"), status=(1, 3))


@row(79, "documents that are too large")
def large_documents(bench):
    with Documents(bench) as image:
        pad = "p" * (4 * MIB)
        image.write(image.manifest(annotations={"pad": pad[:3 * MIB]}))
        image.accepted("a manifest of 3 MiB")
        image.write(image.manifest(annotations={"pad": pad}))
        image.refused("a manifest of more than 4 MiB")
        image.write(image.manifest(config=image.layout.config([sha256(image.archive)], author=pad)))
        image.refused("a config of more than 4 MiB")
        # In the registry they never end.
        for part, kind in (("/manifests/", MANIFEST), (image.config["digest"], CONFIG)):
            bench.server.hook = endless(part, kind)
            image.write(image.manifest())
            bench.refused(bench.places(image.layout)[1], f"{kind} without end", status=(3, 5))
        with open(os.path.join(image.layout.directory, "index.json"), "r+b") as file:
            file.truncate(1 << 30)
        bench.refused(bench.places(image.layout)[0], "index.json of 1 GiB")


def endless(part, kind, status=200, body=b"{" + b" " * 65535):
    def hook(request):
        if part not in request.target:
            return None
        return pieces(answer(status, [("Content-Type", kind)], length=1 << 30), body, 1 << 14)
    return hook


def pieces(head, body, count):
    yield head
    for _ in range(count):
        yield body


@row(80, "JSON that is an attack")
def json_attacks(bench):
    with Documents(bench) as image:
        good = to_json(image.manifest())
        cases = {"nested": good[:-1] + b', "a": ' + b"[" * DEEP + b"]" * DEEP + b"}",
                 "a number of 1 MiB": good[:-1] + b', "a": ' + b"9" * MIB + b"}",
                 "a duplicate key": good[:-1] + b', "layers": []}', "a duplicate key, escaped": good[:-1] + b', "\\u006cayers": []}',
                 "invalid UTF-8": good[:-1] + b', "a": "\xff"}', "a byte order mark": b"\xef\xbb\xbf" + good, "trailing text": good + b"x",
                 "two documents": good + good, "a lone surrogate": good[:-1] + b', "a": "\\ud800"}', "NaN": good[:-1] + b', "a": NaN}',
                 "infinity": good[:-1] + b', "a": 1e999}', "a comment": b"/* */" + good, "a list": b"[" + good + b"]", "nothing": b"",
                 "null": b"null",
                 "NUL": good + b"\0", "UTF-16": good.decode().encode("utf-16")}
        for what, data in cases.items():
            image.write(data)
            image.refused(what)
        config = image.layout.blob(b'{"os": "linux", "os": "linux"}', CONFIG)
        image.write(image.manifest(config=config))
        image.refused("a duplicate key in the config")


@row(82, "URLs of layers")
def foreign_urls(bench):
    foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar"
    with Documents(bench) as image:
        urls = ["http://169.254.169.254/latest/meta-data", "file:///etc/shadow", f"http://{bench.server.host}/bait"]
        image.write(image.manifest(layers=[{**image.layer, "urls": urls}]))
        image.accepted("beside a blob that is there")
        image.write(image.manifest(layers=[{**image.layer, "mediaType": foreign, "urls": urls}]))
        image.accepted("a foreign layer whose blob is there")
        image.write(image.manifest(layers=[{**image.layer, "urls": urls}]))
        os.unlink(image.layout.blob_path(image.layer["digest"]))
        image.refused("in place of a blob", status=(1, 3, 5))
        image.write(image.manifest(layers=[{**image.layer, "mediaType": foreign, "urls": urls}]))
        image.refused("a foreign layer")
        bench.expect(not [target for target in image.seen if "bait" in target], "a URL was fetched")


@row(83, "data inside of descriptors")
def embedded_data(bench):
    with Documents(bench) as image:
        for what, data in (("of other bytes", "b3RoZXI="), ("huge", "QUFB" * (MIB // 2)), ("no Base64", "!!!")):
            image.write(image.manifest(layers=[{**image.layer, "data": data}]))
            for name in bench.places(image.layout):
                attempt = bench.importing(name)
                # The blob is what counts; data that are none may be refused.
                bench.judge(attempt, ACCEPT if attempt.status == 0 else REJECT, f"data {what}")
                bench.expect(attempt.status in (0, 3), f"data {what}", attempt)
        os.unlink(image.layout.blob_path(image.layer["digest"]))
        image.write(image.manifest(layers=[{**image.layer, "data": "b3RoZXI="}]))
        image.refused("in place of the blob", status=(1, 3, 5))


def special_kinds():
    """(what, function that makes it at a path)"""
    yield "link", lambda path: os.symlink("/etc/passwd", path)
    yield "link to the file", lambda path: os.symlink(os.path.basename(path) + ".real", path)
    yield "link to a device", lambda path: os.symlink("/dev/zero", path)
    yield "link to a link to itself", lambda path: os.symlink(os.path.basename(path), path)
    yield "FIFO", os.mkfifo
    yield "directory", os.mkdir
    if os.geteuid() == 0:
        yield "device", lambda path: os.mknod(path, 0o20666, os.makedev(1, 5))


@row(84, "blobs and documents that are no files")
def special_files(bench):
    with Documents(bench) as image:
        image.write(image.manifest())
        manifest = image.layout.manifests[0]["digest"]
        for what, path in (("layer", image.layout.blob_path(image.layer["digest"])), ("manifest", image.layout.blob_path(manifest)),
                           ("index.json", os.path.join(image.layout.directory, "index.json"))):
            os.rename(path, path + ".real")
            bench.refused(bench.places(image.layout)[0], f"{what} is missing", status=(1, 3))
            for kind, make in special_kinds():
                make(path)
                bench.refused(bench.places(image.layout)[0], f"{what} is a {kind}")
                (os.rmdir if kind == "directory" else os.unlink)(path)
            os.rename(path + ".real", path)


@row(85, "the marker of a layout, and names in its index")
def layouts(bench):
    with Documents(bench) as image:
        image.write(image.manifest())
        name, marker = bench.places(image.layout)[0], os.path.join(image.layout.directory, "oci-layout")
        for what, data in (("another version", b'{"imageLayoutVersion": "2.0.0"}'), ("no version", b"{}"), ("no JSON", b"x"),
                           ("empty", b"")):
            with open(marker, "wb") as file:
                file.write(data)
            bench.refused(name, f"oci-layout: {what}")
        with open(marker, "r+b") as file:
            file.truncate(1 << 30)
        bench.refused(name, "oci-layout of 1 GiB")
        os.unlink(marker)
        bench.refused(name, "no oci-layout", status=(1, 3))
        image.layout.write("oci-layout", to_json({"imageLayoutVersion": "1.0.0"}))
        check_ref_names(bench, image)


def check_ref_names(bench, image):
    """They are the publisher's: none becomes a path or a ref, and none is printed as it is."""
    for tag in ("../../" + MARK, "new\nline\x1b[2J", "-leading", "n" * 10_000):
        image.layout.manifests = []
        image.layout.tag(image.layout.blob(to_json(image.manifest()), MANIFEST), tag)
        image.layout.tag(image.layout.manifests[0], tag + "2")
        attempt = bench.importing(f"oci:{image.layout.directory}:none")
        bench.judge(attempt, REJECT, f"a name that is not there beside {tag[:20]!r}", status=1)
        bench.judge(bench.run("import", f"oci:{image.layout.directory}", "--layout", "plain", "--repo", bench.repo), ACCEPT,
                    f"the only image, {tag[:20]!r}")
    bench.expect(json.dumps(sorted(os.listdir(os.path.join(bench.repo, "refs", "heads")))).count(MARK) == 0,
                 "a ref has the name of an image")


@row(87, "a layer of 999 TiB")
def huge_layer(bench):
    with Documents(bench) as image:
        image.write(image.manifest(layers=[{**image.layer, "size": 999 << 40}]))
        before = bench.server.blob_bytes
        image.refused("refused before the download", status=6)
        bench.expect(bench.server.blob_bytes - before < MIB, "a download began")


@row("87b", "an image that asks for more memory than its limit")
def memory(bench):
    """Not in the list, but in the requirement: each limit of a whole image holds, and can be changed."""
    layers = []
    for number in range(2):
        tar = Tar()
        for name in range(1500):
            # The directory is another one each time, so that each of its parts is looked up.
            tar.file(f"{'ab'[name % 2]}/b/c/{number}-{name}-" + "n" * 150, b"%d" % (name % 10))
        layers.append(tar)
    layout = bench.image_of([encode(layer, "zstd") for layer in layers])
    for image in bench.places(layout):
        for limit, says in (("entries=2000", "entries"), ("memory=1M", "MiB of memory"), ("steps=1000", "parts in all"),
                            ("ratio=1,unpacked=1K", "unpacks to more than")):
            bench.refused(image, f"two layers, and {limit}", naming=says, options=("--limits", limit))
            attempt = bench.importing(image, environment={**bench.environment, "OSB_LIMITS": limit})
            bench.judge(attempt, REJECT, f"OSB_LIMITS={limit}", naming=says)
        bench.accepted(image, "within the limits", options=("--limits", "entries=3000,memory=4M,steps=1M".replace("1M", "1000000")))
        bench.refused(image, "a limit that is none", status=2, naming="--limits", options=("--limits", "entries=many"))
    bench.done_with(layout)
