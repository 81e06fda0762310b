// The objects of a layer from its table of contents, and the plan of ranges.
#include "ostree/import/layer_objects.hh"

#include <gtest/gtest.h>

#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

using ostree::LayerObjects;

std::string object_path(char digit, const std::string& suffix) {
    const std::string digits(64, digit);
    return "sysroot/ostree/repo/objects/" + digits.substr(0, 2) + '/' + digits.substr(2) + '.' + suffix;
}

// A table whose files lie one after the other in the blob, with `gap` bytes between them.
class TableBuilder {
  public:
    explicit TableBuilder(std::uint64_t gap = 10) : gap_(gap) {}

    TableBuilder& file(const std::string& path, std::uint64_t size) {
        oci::TocEntry& entry = add(path, oci::TarType::file);
        entry.tar.size = size;
        if (size == 0) return *this;
        at_ += gap_;
        entry.chunks.push_back({.offset = at_, .end_offset = at_ + size, .content_offset = 0, .size = size});
        at_ += size;
        return *this;
    }
    TableBuilder& object(char digit, std::uint64_t size) {
        file(object_path(digit, "file-xattrs-link"), 0);
        return file(object_path(digit, "file"), size);
    }
    TableBuilder& link(const std::string& path, const std::string& target,
                       oci::TarType type = oci::TarType::hardlink) {
        add(path, type).tar.link_target = target;
        return *this;
    }
    oci::TocEntry& last() { return table_.entries.back(); }
    LayerObjects objects(bool holds_commit = false) const {
        return ostree::find_layer_objects(std::make_shared<oci::Toc>(table_), holds_commit);
    }

  private:
    oci::TocEntry& add(const std::string& path, oci::TarType type) {
        oci::TocEntry& entry = table_.entries.emplace_back();
        entry.tar.path = path;
        entry.tar.type = type;
        return entry;
    }

    oci::Toc table_;
    std::uint64_t gap_;
    std::uint64_t at_ = 0;
};

ostree::LayerPlan plan_all(const LayerObjects& objects, std::uint64_t max_gap = ostree::kMaxGap) {
    return ostree::plan_layer(
        objects, [](const ostree::LayerObject&) { return true; }, max_gap);
}

ErrorKind refusal(const TableBuilder& table, bool holds_commit = false) {
    return thrown_kind([&] { table.objects(holds_commit); });
}

TEST(LayerObjects, FindsObjectsAndTheirNames) {
    TableBuilder table;
    table.object('a', 5).link("usr/bin/x", object_path('a', "file"));
    table.link(object_path('b', "file"), "target", oci::TarType::symlink);
    table.file(object_path('b', "file-xattrs-link"), 0).file("etc/empty", 0);
    const LayerObjects out = table.objects();
    ASSERT_EQ(out.objects.size(), 2U);
    EXPECT_EQ(out.objects[0].name.checksum, std::string(64, 'a'));
    ASSERT_NE(out.objects[1].xattrs, nullptr);  // in any order
    ASSERT_EQ(out.names.size(), 1U);
    EXPECT_EQ(out.names[0].entry->tar.path, "usr/bin/x");
    EXPECT_EQ(out.names[0].checksum, std::string(64, 'a'));
}

TEST(LayerObjects, SharedAttributes) {
    TableBuilder table;
    table.file("sysroot/ostree/repo/xattrs/1234", 7);
    table.link(object_path('a', "file-xattrs"), "../../xattrs/1234").file(object_path('a', "file"), 5);
    const LayerObjects out = table.objects();
    ASSERT_EQ(out.objects.size(), 1U);
    const ostree::LayerPlan plan = plan_all(out);
    ASSERT_EQ(plan.xattrs.size(), 1U);
    EXPECT_EQ(plan.bytes, 12U);
}

TEST(LayerObjects, RefusesWhatNoLayerHas) {
    EXPECT_EQ(refusal(TableBuilder().file(object_path('a', "file"), 5)), ErrorKind::invalid);  // attributes
    EXPECT_EQ(refusal(TableBuilder().object('a', 5).object('a', 5)), ErrorKind::invalid);
    EXPECT_EQ(refusal(TableBuilder().file(object_path('a', "dirtree"), 5)), ErrorKind::invalid);
    EXPECT_EQ(refusal(TableBuilder().file(object_path('a', "dirtree"), 11UL << 20), true),
              ErrorKind::invalid);
    EXPECT_EQ(refusal(TableBuilder().file(object_path('a', "something"), 5), true), ErrorKind::invalid);
    EXPECT_EQ(refusal(TableBuilder().file("sysroot/ostree/repo/objects/zz/x.file", 5)), ErrorKind::invalid);
    EXPECT_EQ(refusal(TableBuilder().link(object_path('a', "dirtree"), "x", oci::TarType::symlink), true),
              ErrorKind::invalid);
    EXPECT_EQ(refusal(TableBuilder().file(object_path('a', "file-xattrs-link"), 2UL << 20)),
              ErrorKind::invalid);
    const std::string shared = "sysroot/ostree/repo/xattrs/1234";
    EXPECT_EQ(refusal(TableBuilder().file(shared, 2UL << 20)), ErrorKind::invalid);
    EXPECT_EQ(refusal(TableBuilder().link(shared, "x", oci::TarType::symlink)), ErrorKind::invalid);
    TableBuilder metadata;
    for (const char* suffix : {"commit", "dirtree", "dirmeta"}) metadata.file(object_path('a', suffix), 5);
    EXPECT_EQ(metadata.objects(/*holds_commit=*/true).objects.size(), 3U);
    EXPECT_EQ(refusal(metadata.file(object_path('b', "commit"), 5), true), ErrorKind::invalid);
    EXPECT_EQ(refusal(TableBuilder().file(object_path('a', "dirtree"), 5), true), ErrorKind::invalid);
}

TEST(LayerPlan, NeighboursAreOneRange) {
    TableBuilder table(/*gap=*/100);
    table.object('a', 1000).object('b', 2000).object('c', 0).object('d', 3000);
    const LayerObjects objects = table.objects();
    ostree::LayerPlan plan = plan_all(objects, 100);
    EXPECT_EQ(plan.wanted.size(), 4U);
    ASSERT_EQ(plan.content.size(), 1U);
    EXPECT_EQ(plan.content[0].parts.size(), 3U);
    EXPECT_EQ(plan.bytes, 6200U);
    EXPECT_EQ(plan.requests(), 1U);
    plan = plan_all(objects, 99);
    EXPECT_EQ(plan.content.size(), 3U);
    EXPECT_EQ(plan.bytes, 6000U);
    const auto only_d = [](const ostree::LayerObject& object) { return object.name.checksum[0] == 'd'; };
    plan = ostree::plan_layer(objects, only_d);
    EXPECT_EQ(plan.bytes, 3000U);
}

TEST(LayerPlan, ALongRunOfNeighboursIsSeveralRanges) {
    constexpr std::uint64_t kSize = ostree::kMaxRange / 4;
    TableBuilder table(/*gap=*/0);
    for (const char digit : {'a', 'b', 'c', 'd', 'e', 'f'}) table.object(digit, kSize);
    const ostree::LayerPlan plan = plan_all(table.objects());
    ASSERT_EQ(plan.content.size(), 2U);
    EXPECT_EQ(plan.content[0].parts.size(), 4U);
    EXPECT_EQ(plan.bytes, 6 * kSize);
    // A single object is not cut.
    EXPECT_EQ(plan_all(TableBuilder().object('a', 3 * ostree::kMaxRange).objects()).content.size(), 1U);
}

TEST(LayerPlan, RefusesFilesThatOverlap) {
    TableBuilder table;
    table.object('a', 1000).object('b', 1000);
    table.last().chunks[0].offset -= 500;
    EXPECT_EQ(thrown_kind([&] { plan_all(table.objects()); }), ErrorKind::invalid);
    TableBuilder chunks;
    chunks.object('a', 1000);
    oci::TocChunk second = chunks.last().chunks[0];
    second.offset -= 1;
    chunks.last().chunks.push_back(second);
    EXPECT_EQ(thrown_kind([&] { plan_all(chunks.objects()); }), ErrorKind::invalid);
}

TEST(LayerObjectsTest, TheSumsOfSizesDoNotWrapAround) {
    TableBuilder table;
    for (const char digit : {'a', 'b', 'c'}) table.object(digit, 1).last().tar.size = 1ULL << 63U;
    const ostree::LayerObjects objects = table.objects(false);
    const ostree::LayerPlan plan =
        ostree::plan_layer(objects, [](const ostree::LayerObject&) { return true; });
    EXPECT_EQ(plan.unpacked, UINT64_MAX);
}

TEST(MaxGap, IsWhatTheLinkTransfersWhileARequestWaits) {
    EXPECT_EQ(ostree::max_gap({}, 6), ostree::kMaxGap) << "nothing is known";
    EXPECT_EQ(ostree::max_gap({.bytes_per_wait = 60'000}, 6), 10'000U) << "six requests wait at once";
    EXPECT_EQ(ostree::max_gap({.bytes_per_wait = 600}, 6), ostree::kMinGap);
    EXPECT_EQ(ostree::max_gap({.bytes_per_wait = 100'000'000}, 6), ostree::kMaxGap);
    EXPECT_EQ(ostree::max_gap({.bytes_per_wait = 10'000}, 0), 10'000U);
}

}  // namespace
}  // namespace osb::test
