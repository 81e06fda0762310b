#include "oci/documents/artifact.hh"

#include <gtest/gtest.h>

#include "oci/documents/manifest_writer.hh"
#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

Json good_artifact() {
    return {{"schemaVersion", 2},
            {"mediaType", kMediaTypeManifest},
            {"artifactType", "a/b"},
            {"config", descriptor_json(kMediaTypeEmpty, "{}")},
            {"layers", {descriptor_json("c/d", "x")}},
            {"subject", descriptor_json(kMediaTypeManifest, "image")}};
}

Artifact parsed_artifact(const Json& json, std::string_view media_type = kMediaTypeManifest) {
    return Artifact::parse(json.dump(), media_type);
}

TEST(Artifact, Parses) {
    const Artifact manifest = parsed_artifact(good_artifact());
    EXPECT_EQ(manifest.type, "a/b");
    ASSERT_EQ(manifest.layers.size(), 1U);
    EXPECT_EQ(manifest.layers[0].media_type, "c/d");
    ASSERT_TRUE(manifest.subject);
    EXPECT_EQ(manifest.subject->digest, Digest::of(as_bytes("image")));
}

TEST(Artifact, IsReadAsItWasWritten) {
    const Artifact written{.type = "a/b",
                           .layers = {describe("c/d", "one"), describe("c/d", "two")},
                           .subject = describe(kMediaTypeManifest, "the image"),
                           .annotations = {{"key", "value"}}};
    const Artifact out = Artifact::parse(written.write(), kMediaTypeManifest);
    EXPECT_EQ(out.type, "a/b");
    ASSERT_EQ(out.layers.size(), 2U);
    EXPECT_EQ(out.layers[1].digest, Digest::of(as_bytes("two")));
    ASSERT_TRUE(out.subject);
    EXPECT_EQ(out.subject->digest, Digest::of(as_bytes("the image")));
    EXPECT_EQ(out.annotations, written.annotations);
}

TEST(Artifact, TheConfigHasTheTypeIfNothingElse) {
    Json json = good_artifact();
    json.erase("artifactType");
    EXPECT_EQ(parsed_artifact(json).type, kMediaTypeEmpty);
    json.erase("subject");
    EXPECT_FALSE(parsed_artifact(json).subject);
    json.erase("config");
    EXPECT_EQ(parsed_artifact(json, "").type, "");
}

TEST(Artifact, RefusesOtherDocuments) {
    const auto refused = [](const char* member, const Json& value) {
        Json json = good_artifact();
        json[member] = value;
        expect_error(ErrorKind::invalid, [&] { parsed_artifact(json, ""); });
    };
    refused("schemaVersion", 3);
    refused("manifests", Json::array());
    refused("mediaType", kMediaTypeIndex);
    refused("layers", 1);
    refused("layers", Json::array({1}));
    refused("artifactType", 1);
    refused("subject", {{"digest", "sha256:1"}});
    refused("subject", Json::object());
    refused("subject", 1);
    expect_error(ErrorKind::invalid, [] { Artifact::parse("{", ""); });
    expect_error(ErrorKind::too_large, [] { Artifact::parse(std::string(kMaxDocument + 1, ' '), ""); });
    std::string twice = good_artifact().dump();
    twice.insert(1, R"("artifactType":"x",)");
    expect_error(ErrorKind::invalid, [&] { Artifact::parse(twice, ""); });
}

}  // namespace
}  // namespace osb::oci
