#include "image/deployment/os_release.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::test {
namespace {

using image::check_title;
using image::deployment_title;
using image::parse_os_release;

TEST(OsRelease, QuotesAreTakenAway) {
    const image::OsRelease out =
        parse_os_release("ID=test\n# c\nPRETTY_NAME=\"Test \\\"Linux\\\"\"\n=x\nbad\n");
    EXPECT_EQ(out.at("ID"), "test");
    EXPECT_EQ(out.at("PRETTY_NAME"), "Test \"Linux\"");
    EXPECT_EQ(deployment_title(out, "1.0", 2), "Test \"Linux\" 1.0 (ostree:2)");
}

// libostree writes them into the boot entry as they are.
TEST(OsRelease, WhatIsNoLineOfABootEntryIsRefused) {
    const image::OsRelease release = parse_os_release("PRETTY_NAME=\"Test\"\n");
    EXPECT_NO_THROW(check_title(release, ""));
    EXPECT_NO_THROW(check_title(release, "1.0 beta \xc3\xa4"));
    for (const std::string& version : {std::string("1.0\noptions init=/bin/sh"), std::string("1.0 \x1b[2J"),
                                       std::string("1\r"), std::string(5000, '1')}) {
        try {
            check_title(release, version);
            FAIL() << version;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::invalid);
        }
    }
    EXPECT_THROW(check_title(parse_os_release("PRETTY_NAME=" + std::string(60000, 'x')), "1"), Error);
}

}  // namespace
}  // namespace osb::test
