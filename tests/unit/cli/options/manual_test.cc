#include "cli/options/manual.hh"

#include <gtest/gtest.h>

#include <sstream>

#include "base/bytes.hh"
#include "cli/options/options.hh"
#include "tests/support/contains.hh"

namespace osb::cli {
namespace {

using test::contains;

TEST(RoffLine, NothingInATextIsARequest) {
    EXPECT_EQ(roff_line(""), "");
    EXPECT_EQ(roff_line("plain text."), "plain text.");
    EXPECT_EQ(roff_line(".TH at the front"), "\\&.TH at the front");
    EXPECT_EQ(roff_line("'br at the front"), "\\&\\(aqbr at the front");
    EXPECT_EQ(roff_line("./file"), "\\&./file");
}

TEST(RoffLine, SpecialCharactersAreShown) {
    EXPECT_EQ(roff_line("--no-reboot"), "\\-\\-no\\-reboot");
    EXPECT_EQ(roff_line("a\\fBb"), "a\\efBb");
    EXPECT_EQ(roff_line("an 'osb' \"x\""), "an \\(aqosb\\(aq \\(dqx\\(dq");
    EXPECT_EQ(roff_line("~/a^b`c`"), "\\(ti/a\\(hab\\(gac\\(ga");
}

std::string undone(std::string text) {
    for (std::size_t at = text.find("\\-"); at != std::string::npos; at = text.find("\\-", at))
        text.erase(at, 1);
    return text;
}

TEST(VerbManual, HasEverySectionAndEveryRow) {
    for (const VerbEntry* entry : verbs()) {
        SCOPED_TRACE(entry->name);
        const std::string page = verb_manual(*entry);
        std::size_t at = 0;
        for (const char* section :
             {".TH ", ".SH NAME\n", ".SH SYNOPSIS\n", ".SH DESCRIPTION\n", ".SH OPTIONS\n",
              ".SH EXIT STATUS\n", ".SH EXAMPLES\n", ".SH SEE ALSO\n"}) {
            const std::size_t next = page.find(section, at);
            ASSERT_NE(next, std::string::npos) << section;
            at = next;
        }
        const VerbTable verb(*entry);
        const std::string plain = undone(page);
        for (const Argument& row : verb.table.rows()) {
            EXPECT_TRUE(contains(plain, concat(row.is_positional() ? "\\fI" : "\\fB", row.name, "\\fR")))
                << row.name;
        }
        EXPECT_EQ(page, verb_manual(*entry));
    }
}

TEST(VerbManual, LinesFit) {
    for (const VerbEntry* entry : verbs()) {
        const std::string page = verb_manual(*entry);
        std::istringstream lines(page.substr(0, page.find(".EX\n")));
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(line.size(), 80U) << line;
            EXPECT_FALSE(line.empty() || line.ends_with(' ')) << entry->name << ": " << line;
        }
    }
}

TEST(ProgramManual, NamesEveryVerb) {
    const std::string page = program_manual();
    for (const VerbEntry* entry : verbs()) {
        const std::string name = roff_line(entry->name);
        EXPECT_TRUE(contains(page, concat("\\fB", name, "\\fR\n"))) << name;
        EXPECT_TRUE(contains(page, concat(".BR osb\\-oci\\-", name, " (1)"))) << name;
    }
}

}  // namespace
}  // namespace osb::cli
