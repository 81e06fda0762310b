#include "system/extension/extension_release.hh"

#include <gtest/gtest.h>

namespace osb::system {
namespace {

constexpr const char* kSystem = "ID=alpine\nVERSION_ID=3.20.3\n";

std::string unfit(const char* extension, const char* system = kSystem) {
    return why_unfit(image::parse_os_release(extension), image::parse_os_release(system), "x86-64");
}

TEST(ExtensionRelease, SameSystemFits) {
    EXPECT_EQ(unfit("ID=alpine\nVERSION_ID=3.20.3\n"), "");
    EXPECT_EQ(unfit("ID=\"alpine\"\nVERSION_ID='3.20.3'\n"), "");
    EXPECT_EQ(unfit("ID=_any\n"), "");
    EXPECT_EQ(unfit("ID=_any\nVERSION_ID=1\n"), "");
}

TEST(ExtensionRelease, OtherSystemDoesNot) {
    EXPECT_EQ(unfit("ID=alpine\nVERSION_ID=3.21.0\n"),
              "it is for VERSION_ID '3.21.0', and the system has '3.20.3'");
    EXPECT_EQ(unfit("ID=debian\nVERSION_ID=3.20.3\n"), "it is for ID 'debian', and the system has 'alpine'");
    EXPECT_NE(unfit("VERSION_ID=3.20.3\n"), "");
    EXPECT_NE(unfit("ID=\nVERSION_ID=3.20.3\n"), "");
    EXPECT_NE(unfit("ID=alpine\n"), "");
    EXPECT_NE(unfit(""), "");
    EXPECT_NE(unfit("ID=alpine\nVERSION_ID=3.20.3\n", ""), "");
}

TEST(ExtensionRelease, LevelsReplaceVersionsIfBothHaveOne) {
    constexpr const char* kLevelled = "ID=alpine\nVERSION_ID=3.20.3\nSYSEXT_LEVEL=2\n";
    EXPECT_EQ(unfit("ID=alpine\nSYSEXT_LEVEL=2\n", kLevelled), "");
    EXPECT_EQ(unfit("ID=alpine\nSYSEXT_LEVEL=2\nVERSION_ID=1\n", kLevelled), "");
    EXPECT_EQ(unfit("ID=alpine\nSYSEXT_LEVEL=1\nVERSION_ID=3.20.3\n", kLevelled),
              "it is for SYSEXT_LEVEL '1', and the system has '2'");
    EXPECT_EQ(unfit("ID=alpine\nVERSION_ID=3.20.3\n", kLevelled), "");
    EXPECT_NE(unfit("ID=alpine\nSYSEXT_LEVEL=2\n"), "");
}

TEST(ExtensionRelease, RollingSystemsFitEveryVersion) {
    EXPECT_EQ(unfit("ID=arch\n", "ID=arch\n"), "");
    EXPECT_EQ(unfit("ID=arch\nVERSION_ID=1\n", "ID=arch\n"), "");
    EXPECT_NE(unfit("ID=arch\n", "ID=arch\nSYSEXT_LEVEL=1\n"), "");
}

TEST(ExtensionRelease, ArchitectureAndScope) {
    EXPECT_EQ(unfit("ID=_any\nARCHITECTURE=x86-64\n"), "");
    EXPECT_EQ(unfit("ID=_any\nARCHITECTURE=_any\n"), "");
    EXPECT_EQ(unfit("ID=_any\nARCHITECTURE=arm64\n"),
              "it is for ARCHITECTURE 'arm64', and the system has 'x86-64'");
    EXPECT_EQ(unfit("ID=_any\nSYSEXT_SCOPE=\"system portable\"\n"), "");
    EXPECT_NE(unfit("ID=_any\nSYSEXT_SCOPE=initrd\n"), "");
    EXPECT_NE(unfit("ID=_any\nSYSEXT_SCOPE=systems\n"), "");
}

TEST(ExtensionRelease, NamesOfArchitectures) {
    EXPECT_EQ(systemd_architecture("amd64"), "x86-64");
    EXPECT_EQ(systemd_architecture("386"), "x86");
    EXPECT_EQ(systemd_architecture("arm64"), "arm64");
    EXPECT_EQ(systemd_architecture(""), "");
}

TEST(ExtensionRelease, ReasonsAreEscaped) {
    EXPECT_EQ(unfit("ID=\x1b[31m\n").find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace osb::system
