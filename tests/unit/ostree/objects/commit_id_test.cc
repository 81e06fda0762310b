#include "ostree/objects/commit_id.hh"

#include <gtest/gtest.h>

#include <optional>
#include <set>
#include <string>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::ostree {
namespace {

const std::string kText = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(CommitId, IsReadAndPrinted) {
    const CommitId id = CommitId::parse(kText);
    EXPECT_EQ(id.text(), kText);
    EXPECT_EQ(id.c_str(), kText);
    EXPECT_EQ(id.short_text(), "0123456789ab");
    EXPECT_EQ(concat("commit ", id, '.', 0), "commit " + kText + ".0");
    EXPECT_EQ(id, kText);
    EXPECT_EQ(id, CommitId(id.checksum()));
    EXPECT_EQ(to_hex(id.checksum()), kText);
}

TEST(CommitId, AnythingElseIsRefused) {
    for (const std::string& text :
         {std::string(), kText.substr(1), kText + "0", std::string(64, 'g'), std::string(64, 'A'),
          std::string(64, '\0'), "../" + kText.substr(3), kText.substr(1) + "\n"}) {
        EXPECT_EQ(CommitId::try_parse(text), std::nullopt);
        try {
            static_cast<void>(CommitId::parse(text));
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::invalid);
            EXPECT_EQ(error.message().find('\n'), std::string::npos);
        }
    }
}

TEST(CommitId, IsComparedAndOrderedByItsDigits) {
    const CommitId a = CommitId::parse(std::string(64, 'a'));
    const CommitId b = CommitId::parse(std::string(64, 'b'));
    EXPECT_LT(a, b);
    EXPECT_NE(a, b);
    EXPECT_EQ(*std::set<CommitId>({b, a}).begin(), a);
    EXPECT_EQ(text_or_empty(a), a.text());
    EXPECT_EQ(text_or_empty(std::nullopt), "");
}

}  // namespace
}  // namespace osb::ostree
