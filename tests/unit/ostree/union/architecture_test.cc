// Trees of different architectures.
#include "ostree/union/architecture.hh"

#include <gtest/gtest.h>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::ostree {
namespace {

std::vector<ApkPackage> packages_for(std::initializer_list<const char*> architectures) {
    std::string text;
    for (const char* one : architectures) text += concat("C:Q1\nP:of-", one, "\nV:1\nA:", one, "\n\n");
    return parse_installed(text);
}

std::optional<oci::Platform> platform_named(const char* text) {
    return oci::Platform::parse(text);
}

void expect_refused(ArchitectureCheck& check, const std::optional<oci::Platform>& of,
                    const std::vector<ApkPackage>& packages, std::string_view named) {
    try {
        check.add("later", of, packages);
        FAIL() << named;
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::invalid);
        EXPECT_NE(error.message().find(named), std::string::npos) << error.message();
    }
}

TEST(ArchitectureCheck, ComparesPackages) {
    ArchitectureCheck check;
    check.add("none", std::nullopt, packages_for({"noarch"}));
    check.add("base", std::nullopt, packages_for({"x86_64", "noarch", "x86"}));
    check.add("addon", std::nullopt, packages_for({"x86"}));
    check.add("text", std::nullopt, packages_for({"noarch"}));
    check.add("unknown", std::nullopt, parse_installed("C:Q1\nP:a\nV:1\n\n"));
    expect_refused(check, std::nullopt, packages_for({"x86_64", "aarch64"}),
                   "'later: of-aarch64' is for aarch64");
}

TEST(ArchitectureCheck, ComparesPlatforms) {
    ArchitectureCheck check;
    check.add("without", std::nullopt, {});
    check.add("base", platform_named("linux/amd64"), {});
    check.add("empty", oci::Platform{}, {});
    check.add("newer", platform_named("linux/amd64/v2"), {});
    expect_refused(check, platform_named("linux/arm64"), {},
                   "'later' is for linux/aarch64, and 'base' is for linux/x86_64");
}

}  // namespace
}  // namespace osb::ostree
