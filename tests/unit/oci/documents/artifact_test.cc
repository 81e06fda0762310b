// Manifests of artifacts.
#include "oci/documents/artifact.hh"

#include <gtest/gtest.h>

#include "oci/documents/manifest_writer.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

oci::Artifact example() {
    return {.type = "application/vnd.example.v1",
            .layers = {oci::describe("application/vnd.example.part", "one"),
                       oci::describe("application/vnd.example.part", "two")},
            .subject = oci::describe(oci::kMediaTypeManifest, "the image"),
            .annotations = {{"key", "value"}}};
}

TEST(Artifact, IsReadAsItWasWritten) {
    const oci::Artifact out = oci::Artifact::parse(example().write(), oci::kMediaTypeManifest);
    EXPECT_EQ(out.type, "application/vnd.example.v1");
    ASSERT_EQ(out.layers.size(), 2U);
    EXPECT_EQ(out.layers[1].digest, oci::Digest::of(as_bytes("two")));
    ASSERT_TRUE(out.subject);
    EXPECT_EQ(out.subject->digest, oci::Digest::of(as_bytes("the image")));
    EXPECT_EQ(out.annotations, (std::map<std::string, std::string>{{"key", "value"}}));
}

// manifest.md: "If the artifact type is not set, it is the media type of the config."
TEST(Artifact, TheTypeMayBeThatOfTheConfig) {
    const std::string text =
        R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.x","size":2,"digest":")" +
        oci::Digest::of(as_bytes("{}")).to_string() + R"("},"layers":[]})";
    EXPECT_EQ(oci::Artifact::parse(text, "").type, "application/vnd.x");
}

TEST(Artifact, OtherDocumentsAreRefused) {
    for (const char* text :
         {"", "[]", "{}", R"({"schemaVersion":2,"manifests":[]})", R"({"schemaVersion":2,"layers":{}})",
          R"({"schemaVersion":2,"layers":[{}]})", R"({"schemaVersion":2,"layers":[],"subject":"x"})"}) {
        EXPECT_EQ(thrown_kind([&] { oci::Artifact::parse(text, ""); }), ErrorKind::invalid) << text;
    }
    EXPECT_EQ(thrown_kind([&] { oci::Artifact::parse(example().write(), oci::kMediaTypeIndex); }),
              ErrorKind::invalid);
}

}  // namespace
}  // namespace osb::test
