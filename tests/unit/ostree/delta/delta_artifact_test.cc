// Deltas as artifacts of a registry.
#include "ostree/delta/delta_artifact.hh"

#include <gtest/gtest.h>

#include "oci/documents/manifest_writer.hh"
#include "ostree/delta/delta_superblock.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

ostree::DeltaArtifact example() {
    return {.facts = {.from = ostree::CommitId::parse(std::string(64, 'a')),
                      .to = ostree::CommitId::parse(std::string(64, 'b')),
                      .objects_size = 100,
                      .unpacked_size = 500},
            .superblock = oci::describe(ostree::kDeltaSuperblockType, "superblock"),
            .parts = {oci::describe(ostree::kDeltaPartType, "part 0"),
                      oci::describe(ostree::kDeltaPartType, "the next part")}};
}

oci::Artifact artifact() {
    return ostree::make_delta_artifact(example(), oci::describe(oci::kMediaTypeManifest, "the image"));
}

TEST(DeltaArtifact, IsReadAsItWasMade) {
    const ostree::DeltaArtifact out =
        ostree::parse_delta_artifact(oci::Artifact::parse(artifact().write(), ""));
    EXPECT_EQ(out.facts.from.text(), std::string(64, 'a'));
    EXPECT_EQ(out.facts.to.text(), std::string(64, 'b'));
    EXPECT_EQ(out.facts.size, 10U + 6U + 13U);
    EXPECT_EQ(out.facts.objects_size, 100U);
    EXPECT_EQ(out.facts.unpacked_size, 500U);
    ASSERT_EQ(out.parts.size(), 2U);
    EXPECT_EQ(out.parts[1].digest, oci::Digest::of(as_bytes("the next part")));
}

TEST(DeltaArtifact, WrongOnesAreRefused) {
    const auto kind_of = [](const auto& change) {
        oci::Artifact one = artifact();
        change(one);
        return thrown_kind([&] { ostree::parse_delta_artifact(one); });
    };
    EXPECT_EQ(kind_of([](oci::Artifact& one) { one.type = "application/x"; }), ErrorKind::invalid);
    EXPECT_EQ(kind_of([](oci::Artifact& one) { one.layers.clear(); }), ErrorKind::invalid);
    EXPECT_EQ(kind_of([](oci::Artifact& one) { one.layers.erase(one.layers.begin()); }), ErrorKind::invalid);
    EXPECT_EQ(kind_of([](oci::Artifact& one) { one.layers.pop_back(); }), ErrorKind::invalid);
    EXPECT_EQ(kind_of([](oci::Artifact& one) { one.layers[1].media_type = "application/x"; }),
              ErrorKind::invalid);
    EXPECT_EQ(kind_of([](oci::Artifact& one) { one.layers[1].size = 1; }), ErrorKind::invalid);
    EXPECT_EQ(kind_of([](oci::Artifact& one) { one.layers[0].size = ostree::kMaxSuperblock + 1; }),
              ErrorKind::too_large);
    EXPECT_EQ(kind_of([](oci::Artifact& one) { one.layers[1].size = one.layers[2].size = INT64_MAX; }),
              ErrorKind::too_large);
    for (const char* key : {"osb.delta.from", "osb.delta.to"}) {
        for (const char* text : {"", "a", "AAAA", "../etc"}) {
            EXPECT_EQ(kind_of([&](oci::Artifact& one) { one.annotations[key] = text; }), ErrorKind::invalid);
        }
    }
    for (const char* text : {"-1", "1x", " 1", "99999999999999999999", "0x1"}) {
        EXPECT_EQ(kind_of([&](oci::Artifact& one) { one.annotations["osb.delta.objects-size"] = text; }),
                  ErrorKind::invalid)
            << text;
    }
}

}  // namespace
}  // namespace osb::test
