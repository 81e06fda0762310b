#include "registry/auth/registries_conf.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/bytes.hh"
#include "base/error.hh"
#include "registry/auth/certs_d.hh"
#include "tests/support/temp_directory.hh"

namespace osb::registry {
namespace {

RegistriesConf conf(const std::string& text) {
    RegistriesConf out;
    out.add(text, "registries.conf");
    return out;
}

std::string names(const std::vector<PullPlace>& places) {
    std::string out;
    for (const PullPlace& place : places) {
        out += place.name + (place.insecure ? "!" : "") + (place.mirror ? "*" : "") + ' ';
    }
    return out;
}

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(RegistriesConfTest, WithoutAnEntryTheNameIsThePlace) {
    EXPECT_EQ(names(RegistriesConf().pull_places("h/a", "v1", "")), "h/a ");
}

TEST(RegistriesConfTest, TheLongestPrefixWins) {
    const RegistriesConf c = conf(R"(
unqualified-search-registries = ["docker.io"]
[[registry]]
location = "h"
insecure = true
[[registry]]
prefix = "h/a"
location = "x/y"
[[registry]]
prefix = "h/a/b:v1"
location = "z/b"
[[registry]]
prefix = "*.example.com"
location = "proxy/cache"
)");
    EXPECT_EQ(names(c.pull_places("h/c", "v1", "")), "h/c! ");
    EXPECT_EQ(names(c.pull_places("h/a/c", "v1", "")), "x/y/c ");
    EXPECT_EQ(names(c.pull_places("h/ab", "v1", "")), "h/ab! ");
    EXPECT_EQ(names(c.pull_places("h/a/b", "v2", "")), "x/y/b ");
    EXPECT_EQ(names(c.pull_places("h/a/b", "v1", "")), "z/b ");
    EXPECT_EQ(names(c.pull_places("h:5000/a", "v1", "")), "h:5000/a ");
    EXPECT_EQ(names(c.pull_places("a.example.com/x", "v1", "")), "proxy/cache/x ");
    EXPECT_EQ(names(c.pull_places("example.com/x", "v1", "")), "example.com/x ");
    EXPECT_EQ(c.push_place("h/a/c", "v1").name, "h/a/c");
}

TEST(RegistriesConfTest, MirrorsComeFirstAndAsTheyAreMeant) {
    const RegistriesConf c = conf(R"(
[[registry]]
prefix = "docker.io/library"
location = "docker.io/library"
[[registry.mirror]]
location = "m1:5000/lib"
insecure = true
[[registry.mirror]]
location = "m2"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "m3"
pull-from-mirror = "tag-only"
[[registry]]
location = "d"
mirror-by-digest-only = true
[[registry.mirror]]
location = "m4"
)");
    EXPECT_EQ(names(c.pull_places("docker.io/library/alpine", "3", "")),
              "m1:5000/lib/alpine!* m3/alpine* docker.io/library/alpine ");
    EXPECT_EQ(names(c.pull_places("docker.io/library/alpine", "", kDigest)),
              "m1:5000/lib/alpine!* m2/alpine* docker.io/library/alpine ");
    EXPECT_EQ(names(c.pull_places("d/x", "1", "")), "d/x ");
    EXPECT_EQ(names(c.pull_places("d/x", "", kDigest)), "m4/x* d/x ");
}

TEST(RegistriesConfTest, WhatIsBlockedIsRefused) {
    const RegistriesConf c = conf("[[registry]]\nprefix=\"bad\"\nblocked=true\n");
    for (const auto& f : {std::function<void()>([&] { c.pull_places("bad/x", "1", ""); }),
                          std::function<void()>([&] { c.push_place("bad/x", "1"); })}) {
        try {
            f();
            ADD_FAILURE();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::untrusted);
        }
    }
}

TEST(RegistriesConfTest, DockerIoHasThreeNames) {
    for (const char* name : {"docker.io", "index.docker.io", "registry-1.docker.io"}) {
        const RegistriesConf c =
            conf(concat("[[registry]]\nprefix=\"", name,
                        "\"\n[[registry.mirror]]\nlocation=\"m/hub\"\n[[registry]]\nprefix=\"", name,
                        "/bad\"\nblocked=true\n"));
        EXPECT_EQ(names(c.pull_places("docker.io/library/alpine", "3", "")),
                  "m/hub/library/alpine* docker.io/library/alpine ")
            << name;
        EXPECT_THROW(c.pull_places("docker.io/bad/x", "1", ""), Error) << name;
    }
    const RegistriesConf both =
        conf("[[registry]]\nlocation=\"docker.io\"\n[[registry]]\nlocation=\"index.docker.io\"\n");
    EXPECT_NE(both.find("docker.io/x/y:1"), nullptr);
    EXPECT_EQ(conf("[[registry]]\nlocation=\"index.docker.io.evil\"\n").find("docker.io/x/y:1"), nullptr);
}

TEST(RegistriesConfTest, Version1) {
    const RegistriesConf c = conf(R"(
[registries.search]
registries = ["docker.io", "quay.io"]
[registries.insecure]
registries = ["h:5000", "both/", ""]
[registries.block]
registries = ["bad", "both", "https://no.name", 7]
)");
    EXPECT_EQ(names(c.pull_places("h:5000/a", "v1", "")), "h:5000/a! ");
    EXPECT_EQ(names(c.pull_places("quay.io/a", "v1", "")), "quay.io/a ");
    EXPECT_EQ(c.push_place("h:5000/a", "v1").insecure, true);
    for (const char* name : {"bad/x", "both/x"}) EXPECT_THROW(c.pull_places(name, "1", ""), Error) << name;
    // Beside version 2, empty, or of a shape that nobody wrote.
    for (const char* text : {"[registries]\n", "[registries.insecure]\n", "registries = 5",
                             "[registries]\ninsecure = 5", "[registries.insecure]\nregistries = \"h\""}) {
        EXPECT_EQ(names(conf(concat(text, "\n[[registry]]\nlocation=\"h\"\ninsecure=true\n"))
                            .pull_places("h/x", "1", "")),
                  "h/x! ")
            << text;
    }
}

TEST(RegistriesConfTest, OfTwoEqualPrefixesTheFirstCounts) {
    const RegistriesConf c = conf(
        "[[registry]]\nlocation=\"x\"\n[[registry.mirror]]\nlocation=\"m\"\n"
        "[[registry]]\nlocation=\"x\"\n");
    EXPECT_EQ(c.pull_places("x/a", "1", "").size(), 2U);
}

TEST(RegistriesConfTest, MalformedFilesAreRefused) {
    for (const char* text :
         {"[[registry]", "registry = 5", "registry = [5]", "[[registry]]\ninsecure=true",
          "[[registry]]\nlocation=5", "[[registry]]\nlocation=\"https://x\"",
          "[[registry]]\nlocation=\"x\"\nblocked=\"yes\"", "[[registry]]\nprefix=\"*.x/y\"\nlocation=\"z\"",
          "[[registry]]\nprefix=\"a*.x\"",
          "[[registry]]\nlocation=\"x\"\n[[registry]]\nlocation=\"x\"\nblocked=true",
          "[[registry]]\nlocation=\"x\"\n[[registry.mirror]]\ninsecure=true",
          "[[registry]]\nlocation=\"x\"\n[[registry.mirror]]\nlocation=\"m\"\npull-from-mirror=\"some\"",
          "[[registry]]\nlocation=\"x\\ny\"", "a = 1\na = 2", "\xff"}) {
        EXPECT_THROW(conf(text), Error) << text;
    }
    EXPECT_THROW(conf(std::string("\0[\0[", 4)), Error);
}

class FilesTest : public ::testing::Test {
  protected:
    void write(const std::string& name, const std::string& content) {
        const std::string path = directory / name;
        std::filesystem::create_directories(std::filesystem::path(path).parent_path());
        std::ofstream(path, std::ios::binary) << content;
    }
    test::TempDirectory directory;
};

TEST_F(FilesTest, DropInsReplaceByPrefix) {
    write("registries.conf", "[[registry]]\nlocation=\"a\"\n[[registry]]\nlocation=\"b\"\ninsecure=true\n");
    write("d/10.conf", "[[registry]]\nprefix=\"a\"\nlocation=\"first\"\n");
    write("d/20.conf", "[[registry]]\nprefix=\"a\"\nlocation=\"second\"\n");
    write("d/30.txt", "nonsense = [");
    const RegistriesConf c =
        RegistriesConf::load(directory / "registries.conf", {directory / "d", directory / "none"});
    EXPECT_EQ(names(c.pull_places("a/x", "", "")), "second/x ");
    EXPECT_EQ(names(c.pull_places("b/x", "", "")), "b/x! ");
    EXPECT_EQ(names(RegistriesConf::load(directory / "none", {}).pull_places("b/x", "", "")), "b/x ");
}

TEST_F(FilesTest, TheLastFileThatSetsHelpersCounts) {
    write("registries.conf", "credential-helpers = ['containers-auth.json', 'one']\n");
    write("d/10.conf", "credential-helpers = ['two']\n");
    write("d/20.conf", "credential-helpers = []\n");
    write("bad.conf", "credential-helpers = [1]\n");
    const RegistriesConf c = RegistriesConf::load(directory / "registries.conf", {directory / "d"});
    EXPECT_EQ(c.credential_helpers(), (std::vector<std::string>{"two"}));
    EXPECT_TRUE(RegistriesConf::load(directory / "none", {}).credential_helpers().empty());
    EXPECT_THROW(RegistriesConf::load(directory / "bad.conf", {}), Error);
}

const std::string kPem = "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n";

TEST_F(FilesTest, CertificatesOfAHostAndPort) {
    write("one/h:5000/a.crt", kPem);
    write("one/h:5000/b.crt", kPem);
    write("one/h:5000/me.cert", kPem);
    write("one/h:5000/me.key", "key");
    write("one/h:5000/README", "");
    write("two/h:5000/bad.key", "");
    const std::vector<std::string> directories = {directory / "none", directory / "one", directory / "two"};
    const auto found = load_certs_d("h:5000", directories);
    EXPECT_EQ(found->ca_pem, kPem + "\n" + kPem + "\n");
    EXPECT_TRUE(found->client_cert_path.ends_with("one/h:5000/me.cert"));
    EXPECT_TRUE(found->client_key_path.ends_with("one/h:5000/me.key"));
    EXPECT_TRUE(found->verify);
    EXPECT_EQ(load_certs_d("h", directories)->ca_pem, "");
}

TEST_F(FilesTest, FilesWithoutACertificateTakeNoneAway) {
    write("d/h/a.crt", "");
    write("d/h/b.crt", kPem);
    write("d/h/c.crt", "\x30\x82\x01");
    std::filesystem::create_symlink("nowhere", directory / "d/h/d.crt");
    EXPECT_EQ(load_certs_d("h", {directory / "d"})->ca_pem, kPem + "\n");
}

TEST_F(FilesTest, HalvesAndWhatCannotBeReadAreErrors) {
    write("d/cert/me.cert", kPem);
    write("d/key/me.key", "");
    write("d/other/me.cert", kPem);
    write("d/other/you.key", "");
    write("d/directory/a.crt/x", "");
    write("d/huge/a.crt", std::string(2UL << 20U, 'x'));
    for (const char* host : {"cert", "key", "other", "directory", "huge"}) {
        EXPECT_THROW(load_certs_d(host, {directory / "d"}), Error) << host;
    }
}

}  // namespace
}  // namespace osb::registry
