// The report of a comparison, made of data alone.
#include "cli/reports/diff_report.hh"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/reports/packages_report.hh"

namespace osb::cli {
namespace {

using ostree::EntryChange;

system::SystemDiff sample_diff() {
    system::SystemDiff out;
    out.packages.changes = {{.name = "musl", .before = "1.2.4-r0", .after = "1.2.5-r0"},
                            {.name = "new", .before = "", .after = "1"},
                            {.name = "old\x1b", .before = "2", .after = ""}};
    out.tree.entries = {{.path = "/", .what = {.mode = true}, .is_directory = true},
                        {.path = "/a", .what = {.content = true, .owner = true}},
                        {.path = "/b\n\x1b", .change = EntryChange::added, .what = {}, .is_directory = true},
                        {.path = "/c\xff", .change = EntryChange::removed, .what = {}}};
    out.tree.files = {.added = 1, .removed = 2, .changed = 3, .bytes_added = 2048, .bytes_removed = 5};
    return out;
}

TEST(DescribeDiff, NumbersThenPaths) {
    const std::string head =
        "packages: 1 added, 1 removed, 1 changed\n"
        "    musl     1.2.4-r0 -> 1.2.5-r0\n"
        "  + new      1\n"
        "  - old\\x1b  2\n"
        "files: 1 added, 2 removed, 3 changed; 2.0 KiB added, 5 B removed\n";
    EXPECT_EQ(describe_diff(sample_diff(), false), head);
    EXPECT_EQ(describe_diff(sample_diff(), true), head +
                                                      "    /  mode\n"
                                                      "    /a  content, owner\n"
                                                      "  + /b\\x0a\\x1b/\n"
                                                      "  - /c\\xff\n");
}

TEST(DescribeDiff, NoPathIsCut) {
    system::SystemDiff diff;
    diff.tree.entries = {{.path = '/' + std::string(3000, '\x01'), .what = {.content = true}}};
    EXPECT_EQ(describe_diff(diff, true).find("..."), std::string::npos);
}

TEST(DescribeDiff, WithoutADatabase) {
    system::SystemDiff diff;
    diff.packages.unknown = "'a' has no apk database";
    EXPECT_EQ(describe_diff(diff, true), "packages: unknown ('a' has no apk database)\nfiles: the same\n");
    EXPECT_TRUE(OrderedJson::parse(diff_document("a", "b", diff))["packages"].is_null());
}

TEST(DiffDocument, Members) {
    const std::string text = diff_document("x\x1b", "y", sample_diff());
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(OrderedJson::parse(text), OrderedJson::parse(R"({
        "schema": 1, "a": "x\u001b", "b": "y",
        "packages": {"added": [{"name": "new", "version": "1"}], "removed": [{"name": "old\u001b", "version": "2"}],
                     "changed": [{"name": "musl", "from": "1.2.4-r0", "to": "1.2.5-r0"}]},
        "packages_unknown": null,
        "files": {"added": 1, "removed": 2, "changed": 3, "bytes_added": 2048, "bytes_removed": 5},
        "entries": [{"path": "/", "change": "changed", "what": ["mode"]},
                    {"path": "/a", "change": "changed", "what": ["content", "owner"]},
                    {"path": "/b\n\u001b", "change": "added", "what": []},
                    {"path": "/c\ufffd", "change": "removed", "what": []}]})"));
}

}  // namespace
}  // namespace osb::cli
