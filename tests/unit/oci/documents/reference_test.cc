#include "oci/documents/reference.hh"

#include <gtest/gtest.h>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

const std::string kDigest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Good {
    std::string text;
    Transport transport;
    std::string location;
    std::string tag;
    std::string digest;
    std::string short_name;
};

TEST(Reference, Parses) {
    const std::vector<Good> cases{
        {"docker://quay.io/x/my-os:1", Transport::docker, "quay.io/x/my-os", "1", "", "my-os"},
        {"docker://localhost:5000/a__b/c.d:V_1.x-y", Transport::docker, "localhost:5000/a__b/c.d", "V_1.x-y",
         "", "c.d"},
        {"docker://localhost:5000/os", Transport::docker, "localhost:5000/os", "", "", "os"},
        {"docker://[::1]:5000/os:1", Transport::docker, "[::1]:5000/os", "1", "", "os"},
        {"docker://alpine", Transport::docker, "docker.io/library/alpine", "", "", "alpine"},
        {"docker://me/os:edge", Transport::docker, "docker.io/me/os", "edge", "", "os"},
        {"docker://docker.io/alpine:3", Transport::docker, "docker.io/library/alpine", "3", "", "alpine"},
        {"docker://docker.io/me/os", Transport::docker, "docker.io/me/os", "", "", "os"},
        {"docker://index.docker.io/alpine", Transport::docker, "docker.io/library/alpine", "", "", "alpine"},
        {"docker://index.docker.io/me/os", Transport::docker, "docker.io/me/os", "", "", "os"},
        {"docker://registry-1.docker.io/library/alpine", Transport::docker, "docker.io/library/alpine", "",
         "", "alpine"},
        {"docker://docker.io:443/alpine", Transport::docker, "docker.io:443/alpine", "", "", "alpine"},
        {"docker://mirror.docker.io/alpine", Transport::docker, "mirror.docker.io/alpine", "", "", "alpine"},
        {"docker://quay.io/os@" + kDigest, Transport::docker, "quay.io/os", "", kDigest, "os"},
        {"oci:/srv/out:@0", Transport::oci, "/srv/out", "@0", "", "out"},
        {"docker-archive:os.tar:@12", Transport::docker_archive, "os.tar", "@12", "", "os"},
        {"oci:/srv/out:v1", Transport::oci, "/srv/out", "v1", "", "out"},
        {"oci:/srv/out/:latest", Transport::oci, "/srv/out/", "latest", "", "out"},
        {"oci:out", Transport::oci, "out", "", "", "out"},
        {"oci:/srv/out:my-os", Transport::oci, "/srv/out", "my-os", "", "my-os"},
        {"oci:/srv/out:quay.io/x/my-os:3", Transport::oci, "/srv/out", "quay.io/x/my-os:3", "", "my-os"},
        {"oci:.", Transport::oci, ".", "", "", "image"},
        {"oci:/", Transport::oci, "/", "", "", "image"},
        {"oci-archive:/tmp/my os.oci.tar:3.20", Transport::oci_archive, "/tmp/my os.oci.tar", "3.20", "",
         "my-os"},
        {"oci-archive:-", Transport::oci_archive, "-", "", "", "image"},
        {"oci-archive:.tar", Transport::oci_archive, ".tar", "", "", "image"},
        {"docker-archive:os.tar:localhost/os:1", Transport::docker_archive, "os.tar", "localhost/os:1", "",
         "os"},
        {"containers-storage:localhost/os:1", Transport::containers_storage, "localhost/os:1", "", "", "os"},
        {"containers-storage:[overlay@/a/b+/r:x]localhost/os@" + kDigest, Transport::containers_storage,
         "[overlay@/a/b+/r:x]localhost/os@" + kDigest, "", "", "os"},
        {"dir:/srv/out", Transport::directory, "/srv/out", "", "", "out"},
        {"dir:/srv/a:b/", Transport::directory, "/srv/a:b/", "", "", "a-b"},
        {"tarball:-", Transport::tarball, "-", "", "", "image"},
        {"tarball:/srv/alpine-minirootfs-3.20.3-x86_64.tar.gz", Transport::tarball,
         "/srv/alpine-minirootfs-3.20.3-x86_64.tar.gz", "", "", "alpine-minirootfs"},
        {"tarball:rootfs-1.2.tar.bz2", Transport::tarball, "rootfs-1.2.tar.bz2", "", "", "rootfs"},
        {"tarball:base-amd64.tgz:addon.tar.zst:-", Transport::tarball, "base-amd64.tgz:addon.tar.zst:-", "",
         "", "base"},
        {"tarball:void-x86_64-musl-ROOTFS-20240314.tar", Transport::tarball,
         "void-x86_64-musl-ROOTFS-20240314.tar", "", "", "void-x86_64-musl-ROOTFS"},
        {"tarball:x86_64.tar", Transport::tarball, "x86_64.tar", "", "", "x86_64"},
        {"tarball:my-app.tar", Transport::tarball, "my-app.tar", "", "", "my-app"},
        {"docker-daemon:my-os", Transport::docker_daemon, "docker.io/library/my-os", "latest", "", "my-os"},
        {"docker-daemon:localhost/os:1", Transport::docker_daemon, "localhost/os", "1", "", "os"},
        {"docker-daemon:quay.io/x/os@" + kDigest, Transport::docker_daemon, "quay.io/x/os", "", kDigest,
         "os"},
        {"docker-daemon:" + kDigest, Transport::docker_daemon, "", "", kDigest, "e3b0c44298fc"},
    };
    for (const Good& good : cases) {
        SCOPED_TRACE(good.text);
        const Reference reference = Reference::parse(good.text);
        EXPECT_EQ(reference.transport, good.transport);
        EXPECT_EQ(reference.location, good.location);
        EXPECT_EQ(reference.tag, good.tag);
        EXPECT_EQ(reference.digest, good.digest);
        EXPECT_EQ(reference.short_name(), good.short_name);
        EXPECT_EQ(Reference::parse(reference.to_string()).to_string(), reference.to_string());
    }
}

TEST(Reference, DigestCountsMoreThanTag) {
    const Reference reference = Reference::parse("docker://quay.io/os:1@" + kDigest);
    EXPECT_EQ(reference.tag, "");
    EXPECT_EQ(reference.digest, kDigest);
}

TEST(Reference, RefusesWhatIsNone) {
    const std::vector<std::string> bad{"",
                                       "alpine",
                                       "quay.io/x/os:1",
                                       "docker:quay.io/x",
                                       "oci:x:@",
                                       "oci:x:@-1",
                                       "oci:x:@1x",
                                       "oci:x:@12345",
                                       "docker://quay.io/x:@1",
                                       "http://quay.io/x",
                                       "OCI:x",
                                       "docker://",
                                       "docker:///os",
                                       "docker://quay.io/",
                                       "docker://quay.io/UPPER",
                                       "docker://quay.io/a//b",
                                       "docker://quay.io/a/../b",
                                       "docker://quay.io/a___b",
                                       "docker://quay.io/a.-b",
                                       "docker://quay.io/-a",
                                       "docker://quay.io/a-",
                                       "docker://quay.io/a:",
                                       "docker://quay.io/a:.x",
                                       "docker://quay.io/a:-x",
                                       "docker://quay.io/a:b:c",
                                       "docker://quay.io/a:" + std::string(129, 'x'),
                                       "docker://quay.io/" + std::string(300, 'x'),
                                       "docker://quay.io/a@sha256:00",
                                       "docker://quay.io/a@",
                                       "docker://quay.io/a@" + kDigest + "@" + kDigest,
                                       "docker://user:pass@quay.io/a",
                                       "docker://quay..io/a",
                                       "docker://quay.io:port/a",
                                       "docker://quay.io:123456/a",
                                       "docker://[::1/a",
                                       "docker://[xyz]/a",
                                       "docker://a%2fb/c",
                                       "docker://quay.io/a?x=y",
                                       "docker://quay.io/a\r\nHost: x",
                                       "oci:",
                                       "oci::tag",
                                       "oci:dir:",
                                       "oci:dir:-tag",
                                       "oci:dir:a b",
                                       "oci:dir:a\nb",
                                       "oci:dir:../x",
                                       "oci:dir:" + std::string(10'000, 'a'),
                                       std::string("oci:a\0b", 7),
                                       "oci-archive:",
                                       "docker-archive::x",
                                       "dir:",
                                       std::string("dir:a\0b", 7),
                                       "tarball:",
                                       "tarball:a::b",
                                       "tarball:a:",
                                       "tarball:-:-",
                                       "docker-daemon:",
                                       "docker-daemon:UPPER",
                                       "docker-daemon:os:",
                                       "docker-daemon:sha256:" + std::string(64, 'x'),
                                       "containers-storage:",
                                       "containers-storage:a b",
                                       "containers-storage:-a",
                                       "containers-storage:a\x1b[2J"};
    for (const std::string& text : bad) {
        SCOPED_TRACE(text);
        const Error error = expect_error(ErrorKind::usage, [&text] { Reference::parse(text); });
        EXPECT_FALSE(error.hint().empty());
    }
}

TEST(Reference, SuggestsTheTransport) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"docker-deamon:os", "did you mean docker-daemon:?"},
        {"tarbal:x", "did you mean tarball:?"},
        {"docker:quay.io/os", "did you mean docker://?"},
        {"container-storage:x", "did you mean containers-storage:?"},
        {"OCI:x", "begin with docker://"},
        {"alpine", "begin with docker://"}};
    for (const auto& [text, hint] : cases) {
        SCOPED_TRACE(text);
        const Error error = expect_error(ErrorKind::usage, [&text = text] { Reference::parse(text); });
        EXPECT_TRUE(error.hint().starts_with(hint)) << error.hint();
    }
}

TEST(Reference, KnowsWhetherATextNamesATransport) {
    for (const char* text :
         {"docker://", "oci:x", "dir:", "tarball:a", "docker-daemon:x", "containers-storage:x"})
        EXPECT_TRUE(Reference::has_transport(text)) << text;
    for (const char* text : {"", "os/x86_64/main", "docker:x", "remote:ref", "Oci:x"})
        EXPECT_FALSE(Reference::has_transport(text)) << text;
}

TEST(Reference, KnowsWhatIsMeantAsAnImage) {
    for (const char* text : {"docker://", "oci:x", "docker:x", "dokcer://x", "https://x/y"})
        EXPECT_TRUE(Reference::looks_like_image(text)) << text;
    for (const char* text : {"", "os/x86_64/main", "remote:ref", "./rootfs", "//x"})
        EXPECT_FALSE(Reference::looks_like_image(text)) << text;
}

TEST(Reference, FilesOfATarball) {
    EXPECT_EQ(Reference::parse("tarball:a:/b/c:-").files(), (std::vector<std::string>{"a", "/b/c", "-"}));
}

TEST(Reference, CompletesNames) {
    EXPECT_EQ(full_image_name("alpine"), "docker.io/library/alpine:latest");
    EXPECT_EQ(full_image_name("docker.io/me/os:1"), "docker.io/me/os:1");
    EXPECT_EQ(full_image_name("localhost:5000/os"), "localhost:5000/os:latest");
    expect_error(ErrorKind::usage, [] { full_image_name("os@" + kDigest); });
    expect_error(ErrorKind::usage, [] { full_image_name("Os"); });
}

TEST(Reference, ShortNameIsAlwaysUsable) {
    for (const char* text :
         {"oci:/a/..", "oci:--", "oci:/x/\xc3\xa9\n", "containers-storage:[", "containers-storage:[x]",
          "containers-storage:@", "oci-archive:a.tar.oci.tar", "oci:x:_", "tarball:/", "tarball:.gz",
          "tarball:-1.tar", "tarball:--x86.gz", "dir:/", "dir:."}) {
        SCOPED_TRACE(text);
        const std::string name = Reference::parse(text).short_name();
        ASSERT_FALSE(name.empty());
        EXPECT_NE(name.front(), '.');
        EXPECT_NE(name.front(), '-');
        EXPECT_EQ(name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"),
                  std::string::npos);
    }
}

}  // namespace
}  // namespace osb::oci
