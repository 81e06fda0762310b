#include "oci/documents/platform.hh"

#include <gtest/gtest.h>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

TEST(Platform, Parses) {
    const Platform platform = Platform::parse("linux/arm/v6");
    EXPECT_EQ(platform, (Platform{.os = "linux", .architecture = "arm", .variant = "v6"}));
    EXPECT_EQ(platform.to_string(), "linux/arm/v6");
    EXPECT_EQ(Platform::parse("linux/amd64").to_string(), "linux/amd64");
}

TEST(Platform, DefaultVariantsAndOtherNamesAreOne) {
    EXPECT_EQ(Platform::parse("linux/arm64/v8"), Platform::parse("linux/aarch64"));
    EXPECT_EQ(Platform::parse("linux/arm/v7"), Platform::parse("linux/arm"));
    EXPECT_EQ(Platform::parse("linux/x86_64"), Platform::parse("linux/amd64"));
    EXPECT_NE(Platform::parse("linux/arm/v6"), Platform::parse("linux/arm"));
}

TEST(Platform, RefusesWhatIsNone) {
    for (const char* text : {"", "/", "linux", "linux/", "/amd64", "linux/amd64/", "linux/arm/v6/x",
                             "linux/AMD 64", "linux/\x1b[2J", "-/-/\n"}) {
        expect_error(ErrorKind::usage, [text] { Platform::parse(text); });
    }
    expect_error(ErrorKind::usage, [] { Platform::parse("linux/" + std::string(1000, 'a')); });
}

TEST(Platform, HostIsComplete) {
    const Platform host = Platform::host();
    EXPECT_EQ(host.os, "linux");
    EXPECT_EQ(Platform::parse(host.to_string()), host);
}

TEST(Platform, MachineNames) {
    EXPECT_EQ(machine_name(Platform::parse("linux/amd64")), "x86_64");
    EXPECT_EQ(machine_name(Platform::parse("linux/arm64")), "aarch64");
    EXPECT_EQ(machine_name(Platform::parse("linux/386")), "x86");
    EXPECT_EQ(machine_name(Platform::parse("linux/arm")), "armv7");
    EXPECT_EQ(machine_name(Platform::parse("linux/arm/v6")), "armhf");
    EXPECT_EQ(machine_name(Platform::parse("linux/riscv64")), "riscv64");
    EXPECT_EQ(machine_name({}), machine_name(Platform::host()));
}

}  // namespace
}  // namespace osb::oci
