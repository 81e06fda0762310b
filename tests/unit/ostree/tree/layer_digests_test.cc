// The list of known contents of a layer.
#include "ostree/tree/layer_digests.hh"

#include <gtest/gtest.h>

#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

using ostree::KnownContent;

std::vector<KnownContent> parsed(std::string_view bytes) {
    std::vector<KnownContent> out;
    ostree::parse_digests(bytes, [&out](const KnownContent& content) { out.push_back(content); });
    return out;
}

TEST(LayerDigestsTest, AreSortedAndEachObjectIsListedOnce) {
    ostree::Layer layer(oci::Digest::of({}));
    for (const std::uint8_t digit : std::vector<std::uint8_t>{9, 3, 9, 3}) {
        ostree::LayerEntry& entry = layer.entries().emplace_back();
        entry.checksum.fill(digit);
        ostree::FileDigest& file = layer.digests().emplace_back();
        file.digest.fill(static_cast<std::uint8_t>(digit + 1));
        file.size = digit;
        file.entry = &entry;
    }
    const std::string bytes = ostree::serialize_digests(layer);
    const auto found = parsed(bytes);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].digest[5], 4);
    EXPECT_EQ(found[0].object[5], 3);
    EXPECT_EQ(found[0].size, 3U);
    EXPECT_EQ(found[1].digest[5], 10);
}

TEST(LayerDigestsTest, WhatIsNotSuchAListIsRefused) {
    const std::string magic = "osb-layer-digests 1\n";
    const std::string record =
        std::string(32, 'd') + std::string("\1\0\0\0\0\0\0\0", 8) + std::string(32, 'o');
    EXPECT_EQ(parsed(magic).size(), 0U);
    EXPECT_EQ(parsed(magic + record).size(), 1U);
    const std::string empty_file = std::string(32, 'd') + std::string(8, '\0') + std::string(32, 'o');
    for (const std::string& bytes :
         {std::string(), record, magic + record.substr(1), magic + record + record, magic + empty_file})
        EXPECT_EQ(thrown_kind([&] { parsed(bytes); }), ErrorKind::invalid) << bytes.size();
}

}  // namespace
}  // namespace osb::test
