// Words for a shell.
#include "base/shell_word.hh"

#include <gtest/gtest.h>

namespace osb::test {
namespace {

TEST(ShellQuoted, Words) {
    EXPECT_EQ(shell_quoted("/srv/repo-1.x"), "/srv/repo-1.x");
    EXPECT_EQ(shell_quoted(""), "''");
    EXPECT_EQ(shell_quoted("a b"), "'a b'");
    EXPECT_EQ(shell_quoted("$(id)"), "'$(id)'");
    EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
    EXPECT_EQ(shell_quoted("~"), "'~'");
}

}  // namespace
}  // namespace osb::test
