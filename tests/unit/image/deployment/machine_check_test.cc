#include "image/deployment/machine_check.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::test {
namespace {

using image::runs_on;
using oci::Platform;

TEST(MachineCheck, SystemAndArchitectureDecide) {
    const Platform machine = Platform::parse("linux/amd64");
    EXPECT_TRUE(runs_on(Platform::parse("linux/amd64"), machine));
    EXPECT_TRUE(runs_on(Platform::parse("linux/x86_64"), machine));
    EXPECT_FALSE(runs_on(Platform::parse("linux/arm64"), machine));
    EXPECT_FALSE(runs_on(Platform::parse("linux/386"), machine));
    EXPECT_FALSE(runs_on(Platform::parse("windows/amd64"), machine));
}

TEST(MachineCheck, VariantsWhereBothAreKnown) {
    EXPECT_TRUE(runs_on(Platform::parse("linux/arm64/v8"), Platform::parse("linux/arm64")));
    EXPECT_TRUE(runs_on(Platform::parse("linux/arm"), Platform::parse("linux/arm/v6")));
    EXPECT_FALSE(runs_on(Platform::parse("linux/arm/v5"), Platform::parse("linux/arm/v6")));
}

TEST(MachineCheck, WhatIsNotSaidIsTakenAsRight) {
    EXPECT_TRUE(runs_on({}, Platform::parse("linux/amd64")));
    EXPECT_TRUE(runs_on({.os = "", .architecture = "amd64", .variant = ""}, Platform::parse("linux/amd64")));
    EXPECT_FALSE(runs_on({.os = "", .architecture = "arm64", .variant = ""}, Platform::parse("linux/amd64")));
}

TEST(MachineCheck, TheRefusalNamesBoth) {
    try {
        image::check_disk_platform(Platform::parse("linux/arm64"), Platform::parse("linux/amd64"));
        FAIL() << "was taken";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::unsupported);
        EXPECT_NE(error.message().find("linux/arm64"), std::string::npos);
        EXPECT_NE(error.message().find("linux/amd64"), std::string::npos);
        EXPECT_NE(error.hint().find("--platform linux/arm64"), std::string::npos);
    }
}

}  // namespace
}  // namespace osb::test
