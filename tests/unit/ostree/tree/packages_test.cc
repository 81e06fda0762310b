#include "ostree/tree/packages.hh"

#include <gtest/gtest.h>

#include "ostree/tree/apk_database.hh"

namespace osb::ostree {
namespace {

std::string text(const std::vector<PackageChange>& changes) {
    std::string out;
    for (const PackageChange& change : changes)
        out += change.name + ':' + change.before + '>' + change.after + ' ';
    return out;
}

TEST(PackageVersions, AreRead) {
    const auto versions = package_versions(
        "C:Q1abc=\nP:musl\nV:1.2.5-r0\nA:x86_64\nF:lib\nR:ld.so\n\nP:none\n\nV:1\n\nC:Q1\nV:3\nP:late\nV:"
        "4\n\nP:last\nV:9");
    EXPECT_EQ(versions, (Packages{{"musl", "1.2.5-r0"}, {"late", "4"}, {"last", "9"}}));
    EXPECT_TRUE(package_versions("").empty());
    EXPECT_TRUE(package_versions("rubbish\nP\n:\n\n\n").empty());
}

TEST(PackageChanges, AddedRemovedChanged) {
    EXPECT_EQ(text(package_changes({{"a", "1"}, {"b", "1"}, {"d", "1"}, {"z", "1"}},
                                   {{"b", "2"}, {"c", "1"}, {"d", "1"}, {"zz", "1"}})),
              "a:1> b:1>2 c:>1 z:1> zz:>1 ");
    EXPECT_EQ(text(package_changes({}, {})), "");
    EXPECT_EQ(text(package_changes({{"a", "1"}}, {})), "a:1> ");
    EXPECT_EQ(text(package_changes({}, {{"a", "1"}})), "a:>1 ");
    EXPECT_EQ(text(package_changes({{"a", "1"}}, {{"a", "1"}})), "");
}

}  // namespace
}  // namespace osb::ostree
