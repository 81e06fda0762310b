#include "ostree/sysroot/deployment_id.hh"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace osb::ostree {
namespace {

const std::string kCommit = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

DeploymentId some(int serial) {
    return {.stateroot = "default", .commit = CommitId::parse(kCommit), .serial = serial};
}

TEST(DeploymentId, IsPrintedAndReadAgain) {
    const DeploymentId id = some(12);
    EXPECT_EQ(id.to_string(), kCommit + ".12");
    EXPECT_EQ(id.short_text(), "0123456789ab.12");
    EXPECT_EQ(id.path(), "ostree/deploy/default/deploy/" + kCommit + ".12");
    EXPECT_TRUE(DeploymentId::try_parse("default", id.to_string()) == id);
    EXPECT_FALSE(DeploymentId::try_parse("other", id.to_string()) == id);
    EXPECT_FALSE(id == some(1));
}

TEST(DeploymentId, NoOtherTextIsRead) {
    for (const char* text : {"", ".", ".0", ".00", ".-1", ".+1", ".1x", ". 1", ".0.origin", ".4294967296"}) {
        const bool read = DeploymentId::try_parse("default", kCommit + text).has_value();
        EXPECT_EQ(read, std::string(text) == ".0") << text;
    }
    EXPECT_FALSE(DeploymentId::try_parse("default", "0123.0"));
}

TEST(DeploymentId, PeopleNameItByABeginning) {
    const DeploymentId id = some(1);
    for (const char* text : {"0123", "0123456789ab.1", ""}) EXPECT_TRUE(id.is_named_by(text)) << text;
    EXPECT_TRUE(id.is_named_by(kCommit + ".1"));
    for (const char* text : {"1", "0123.0", "0123.01", "0123.", "0123.1 "})
        EXPECT_FALSE(id.is_named_by(text)) << text;
}

}  // namespace
}  // namespace osb::ostree
