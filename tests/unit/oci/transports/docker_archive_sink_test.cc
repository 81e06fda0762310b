#include "oci/transports/docker_archive_sink.hh"

#include <gtest/gtest.h>

#include "oci/transports/archive_index.hh"
#include "oci/transports/docker_archive_source.hh"
#include "oci/transports/image.hh"
#include "tests/unit/oci/image_writing.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

TEST(DockerArchiveSink, WhatIsWrittenIsReadBack) {
    const TempDirectory directory;
    const std::string path = directory / "a.tar";
    for (const std::string format : {"none", "gzip"}) {
        SCOPED_TRACE(format);
        const std::string raw = put_test_image(*create_docker_archive_sink(path, "os:1"), "text", format);
        const Manifest written = Manifest::parse(raw, kMediaTypeManifest, HashAlgorithm::sha256);
        for (const char* tag : {"", "os:1", "docker.io/library/os:1"}) {
            const Image image = open_image(open_docker_archive(path, tag), std::nullopt);
            EXPECT_EQ(image.manifest.config.digest, written.config.digest);
            LayerBlob layer = image.source->open_layer(image.manifest, image.config, 0);
            VerifiedSource bytes(std::move(layer.bytes), layer.digest, layer.size);
            EXPECT_NE(read_all(bytes, 1UL << 20U, "layer").find("text"), std::string::npos);
            bytes.finish();
        }
        expect_error(ErrorKind::not_found, [&] { open_docker_archive(path, "os:2"); });
    }
    EXPECT_EQ(test_names_in(directory.path()), (std::vector<std::string>{"a.tar"}));
}

TEST(DockerArchiveSink, NamesAreCompleteOrMissing) {
    const TempDirectory directory;
    const std::string path = directory / "a.tar";
    const auto tags = [&path] {
        const ArchiveIndex index(path);
        return Json::parse(read_all(*index.open("manifest.json"), 10'000, "manifest"))[0]["RepoTags"].dump();
    };
    put_test_image(*create_docker_archive_sink(path, "me/os"), "x");
    EXPECT_EQ(tags(), R"(["docker.io/me/os:latest"])");
    put_test_image(*create_docker_archive_sink(path, ""), "x");
    EXPECT_EQ(tags(), "[]");
    expect_error(ErrorKind::usage, [&] { create_docker_archive_sink(path, "UPPER"); });
}

TEST(DockerArchiveSink, TheSameImageGivesTheSameBytes) {
    TextSink one;
    TextSink two;
    put_test_image(*create_docker_archive_sink(one, "os:1"), "x");
    put_test_image(*create_docker_archive_sink(two, "os:1"), "x");
    EXPECT_EQ(one.text, two.text);
    MemorySource stream(as_bytes(one.text));
    EXPECT_EQ(open_image(read_docker_archive(stream, "stream"), std::nullopt).manifest.layers.size(), 1U);
}

TEST(DockerArchiveSink, ZstdIsRefused) {
    const TempDirectory directory;
    const std::string path = directory / "a.tar";
    expect_error(ErrorKind::unsupported,
                 [&] { put_test_image(*create_docker_archive_sink(path, ""), "x", "zstd"); });
    EXPECT_TRUE(test_names_in(directory.path()).empty());
}

}  // namespace
}  // namespace osb::oci
