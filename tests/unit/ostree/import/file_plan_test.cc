// The files of an ordinary layer from its table of contents, and the ranges of those that are missing.
#include "ostree/import/file_plan.hh"

#include <gtest/gtest.h>

#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

constexpr std::uint64_t kGapOfFiles = 100;

// A table whose files lie one after the other in the blob.
class FileTable {
  public:
    FileTable& file(const std::string& path, char digit, std::uint64_t size) {
        oci::TocEntry& entry = add(path, oci::TarType::file);
        entry.tar.size = size;
        if (size == 0) return *this;
        entry.digest.emplace().fill(static_cast<std::uint8_t>(digit));
        at_ += kGapOfFiles;
        entry.chunks.push_back({.offset = at_, .end_offset = at_ + size, .content_offset = 0, .size = size});
        at_ += size;
        return *this;
    }
    oci::TocEntry& add(const std::string& path, oci::TarType type) {
        oci::TocEntry& entry = table.entries.emplace_back();
        entry.tar.path = path;
        entry.tar.type = type;
        return entry;
    }

    oci::Toc table;

  private:
    std::uint64_t at_ = 0;
};

ostree::FilePlan plan_missing(const FileTable& table, const std::string& known = "",
                              std::uint64_t max_gap = ostree::kMaxGap) {
    return ostree::plan_files(
        table.table,
        [&](const Sha256& digest, std::uint64_t /*size*/) {
            return known.find(static_cast<char>(digest.front())) != std::string::npos;
        },
        max_gap);
}

TEST(FilePlanTest, EachMissingContentIsFetchedOnce) {
    FileTable table;
    table.file("a", 'a', 10).file("b", 'b', 20).file("c", 'a', 10).file("empty", 'e', 0);
    table.add("dir/", oci::TarType::directory);
    const ostree::FilePlan plan = plan_missing(table, "b", 0);
    ASSERT_EQ(plan.groups.size(), 2U);
    EXPECT_EQ(plan.groups[0].files.size(), 2U);
    EXPECT_TRUE(plan.groups[0].is_missing);
    EXPECT_FALSE(plan.groups[1].is_missing);
    EXPECT_EQ(plan.unpacked, 40U);
    EXPECT_EQ(plan.bytes, 10U);
    ASSERT_EQ(plan.ranges.size(), 1U);
    EXPECT_EQ(plan.ranges[0].begin, kGapOfFiles);
    EXPECT_EQ(plan.ranges[0].parts.front().object, 0U);
    EXPECT_EQ(plan_missing(table, "ab").ranges.size(), 0U);
    EXPECT_EQ(plan_missing(table, "", 0).ranges.size(), 2U);
    EXPECT_EQ(plan_missing(table).ranges.size(), 1U);
}

TEST(FilePlanTest, WhiteoutsAndReservedNamesHaveNoContent) {
    FileTable table;
    table.file(".wh.a", 'a', 10).file(".wh..wh.aufs", 'b', 10).file(".wh..wh.plnk/1", 'c', 10);
    const ostree::FilePlan plan = plan_missing(table);
    ASSERT_EQ(plan.groups.size(), 1U);
    EXPECT_EQ(plan.groups[0].files.front()->tar.path, ".wh..wh.plnk/1");
}

TEST(FilePlanTest, TablesThatALayerCannotHaveAreRefused) {
    const auto kind = [](const FileTable& table) { return thrown_kind([&] { plan_missing(table); }); };
    EXPECT_EQ(kind(FileTable().file("a/../b", 'a', 1)), ErrorKind::invalid);
    EXPECT_EQ(kind(FileTable().file("a", 'a', 1).file("b", 'a', 2)), ErrorKind::invalid);
    FileTable overlapping;
    overlapping.file("a", 'a', 10).file("b", 'b', 10);
    overlapping.table.entries[1].chunks[0].offset = overlapping.table.entries[0].chunks[0].offset;
    EXPECT_EQ(kind(overlapping), ErrorKind::invalid);
}

TEST(FilePlanTest, TheSumOfSizesDoesNotWrapAround) {
    FileTable table;
    for (const char digit : {'a', 'b', 'c'}) {
        table.file(std::string(1, digit), digit, 1);
        table.table.entries.back().tar.size = 1ULL << 63U;
    }
    EXPECT_EQ(plan_missing(table).unpacked, UINT64_MAX);
}

TEST(FilePlanTest, ATextThatMayStandForOtherBytesIsNotUsed) {
    const std::string text = "a\xEF\xBF\xBD";
    FileTable link;
    link.add("link", oci::TarType::symlink).tar.link_target = text;
    FileTable attribute;
    attribute.file("a", 'a', 1);
    attribute.table.entries[0].tar.xattrs = {{"user." + text, "x"}};
    for (const FileTable& table : {FileTable().file(text, 'a', 1), link, attribute})
        EXPECT_EQ(thrown_kind([&] { plan_missing(table); }), ErrorKind::unsupported);
}

}  // namespace
}  // namespace osb::test
