// The table of checks: names, documentation, and which checks run.
#include "image/lint/lint.hh"

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "base/error.hh"
#include "tests/unit/image/lint/memory_tree.hh"

namespace osb::test {
namespace {

TEST(LintTable, NamesAreUniqueAndShort) {
    std::set<std::string_view> names;
    for (const image::LintCheck& check : image::lint_checks()) {
        EXPECT_TRUE(names.insert(check.name).second) << check.name;
        EXPECT_LE(check.name.size(), 17U);
        EXPECT_EQ(check.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos)
            << check.name;
        EXPECT_FALSE(check.description.ends_with('.')) << check.name;
    }
}

TEST(LintTable, IsThatOfTheDocumentation) {
    std::string table = "| check | finds |\n| --- | --- |\n";
    for (const image::LintCheck& check : image::lint_checks()) {
        table += concat("| `", check.name, "` | ", check.description, " |\n");
    }
    std::ifstream file(std::string(OSB_SOURCE_DIR) + "/docs/lint.md");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    EXPECT_NE(text.find(table + "\n"), std::string::npos) << "docs/lint.md must have this table:\n" << table;
}

TEST(LintTable, SkippedChecksDoNotRun) {
    MemoryTree tree;
    make_good(tree);
    tree.file("etc/x", "x", 0666).file("var/log/x", "x");
    const image::LintSubject subject{
        .tree = tree, .platform = std::nullopt, .version = std::nullopt, .dropped = {}};
    const image::LintReport all = image::lint(subject, {});
    const image::LintReport some = image::lint(subject, {"logs"});
    EXPECT_EQ(summary_of(all.findings), "warning logs /var/log\nwarning world-writable /etc/x\n");
    EXPECT_EQ(summary_of(some.findings), "warning world-writable /etc/x\n");
    EXPECT_EQ(all.checks, image::lint_checks().size());
    EXPECT_EQ(some.checks, all.checks - 1);
}

TEST(LintTable, SuggestsTheNearestName) {
    EXPECT_NO_THROW(image::check_names_of_checks({"kernel", "logs"}));
    try {
        image::check_names_of_checks({"kernl"});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::usage);
        EXPECT_EQ(error.hint(), "did you mean 'kernel'?");
    }
}

TEST(LintTable, CountsFindings) {
    const image::Finding error{.check = "a", .path = {}, .message = {}, .fix = {}};
    const image::Finding warning{
        .check = "a", .severity = image::Severity::warning, .path = {}, .message = {}, .fix = {}};
    EXPECT_EQ(image::count_findings({}), "");
    EXPECT_EQ(image::count_findings({error}), "1 error");
    EXPECT_EQ(image::count_findings({warning, warning}), "2 warnings");
    EXPECT_EQ(image::count_findings({error, warning, error}), "2 errors, 1 warning");
}

TEST(LintTable, MarksWhatImportWarnsOf) {
    Linted linted;
    make_good(linted.tree);
    linted.tree.remove("boot").remove("sbin").file("etc/x", "x", 0666);
    const std::vector<image::Finding> findings = linted.findings();
    ASSERT_EQ(summary_of(findings), "error kernel \nerror init /sbin/init\nwarning world-writable /etc/x\n");
    for (const image::Finding& finding : findings) {
        EXPECT_EQ(finding.import_warns_of_it, finding.check != "world-writable") << finding.check;
    }
}

}  // namespace
}  // namespace osb::test
