#include "image/deployment/command_line.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::test {
namespace {

using image::BootEntry;
using image::check_command_line;
using image::command_line_size;
using image::kMaxCommandLine;

BootEntry entry(std::string options) {
    BootEntry out;
    out.id = "ostree-1-default";
    out.options = std::move(options);
    out.kernel = "/k";
    return out;
}

// What /proc/cmdline of a machine has that SYSLINUX started.
TEST(CommandLine, IsWhatSyslinuxMakesOfAnEntry) {
    BootEntry out = entry("root=UUID=1 rw");
    EXPECT_EQ(command_line_size(out), std::string("BOOT_IMAGE=/k root=UUID=1 rw").size());
    out.initrds = {"/i"};
    EXPECT_EQ(command_line_size(out), std::string("BOOT_IMAGE=/k root=UUID=1 rw initrd=/i").size());
    out.initrds = {"/i", "/j"};
    EXPECT_EQ(command_line_size(out, "panic=10"),
              std::string("BOOT_IMAGE=/k root=UUID=1 rw panic=10 initrd=/i,/j").size());
}

TEST(CommandLine, OfAnEntryMayHave2047Bytes) {
    const std::size_t rest = kMaxCommandLine - command_line_size(entry(""));
    EXPECT_NO_THROW(check_command_line(entry(std::string(rest, 'x'))));
    try {
        check_command_line(entry(std::string(rest + 1, 'x')));
        FAIL() << "was taken";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::too_large);
        EXPECT_NE(error.message().find("2048 bytes"), std::string::npos) << error.message();
    }
}

TEST(CommandLine, OfADeploymentLeavesRoomForATrial) {
    image::Kernel kernel;
    kernel.release = "6.1";
    kernel.image.name = "vmlinuz-6.1";
    kernel.initramfs.name = "initramfs-6.1.img";
    kernel.checksum = std::string(64, 'c');
    const auto fits = [&](std::size_t size) {
        try {
            check_command_line({"rw", std::string(size, 'x')}, "default", kernel);
            return true;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::too_large);
            EXPECT_FALSE(error.hint().empty());
            return false;
        }
    };
    std::size_t most = 0;
    while (fits(most + 1)) ++most;
    // The entry as libostree would write it, started on trial.
    BootEntry made =
        entry("rw " + std::string(most, 'x') + " ostree=/ostree/boot.1/default/" + kernel.checksum + "/10");
    made.kernel = "/ostree/default-" + kernel.checksum + "/vmlinuz-6.1";
    made.initrds = {"/ostree/default-" + kernel.checksum + "/initramfs-6.1.img"};
    EXPECT_EQ(command_line_size(made, image::trial_arguments(std::string(image::kTrialIdSize, '0'))),
              kMaxCommandLine);
}

}  // namespace
}  // namespace osb::test
