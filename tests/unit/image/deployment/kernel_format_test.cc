#include "image/deployment/kernel_format.hh"

#include <gtest/gtest.h>

#include <string>

namespace osb::image {
namespace {

std::string file_with(std::size_t at, std::string_view bytes) {
    std::string out(kKernelHeaderSize, '\0');
    return out.replace(at, bytes.size(), bytes);
}

TEST(KernelFormat, IsReadFromTheHeader) {
    EXPECT_EQ(kernel_format(""), KernelFormat::unknown);
    EXPECT_EQ(kernel_format(std::string(kKernelHeaderSize, 'x')), KernelFormat::unknown);
    EXPECT_EQ(kernel_format(std::string(kKernelHeaderSize - 1, 'x')), KernelFormat::unknown);
    EXPECT_EQ(kernel_format(file_with(0x38, "ARM\x64")), KernelFormat::arm64);
    EXPECT_EQ(kernel_format(file_with(0, std::string_view("MZ\0\0zimg", 8))), KernelFormat::efi_zboot);
    std::string bzimage = file_with(0x202, "HdrS");
    EXPECT_EQ(kernel_format(bzimage), KernelFormat::x86_32);
    bzimage[0x236] = 0x01;
    EXPECT_EQ(kernel_format(bzimage), KernelFormat::x86_32) << "before version 2.12 the flags mean nothing";
    bzimage[0x206] = 0x0c;
    bzimage[0x207] = 0x02;
    EXPECT_EQ(kernel_format(bzimage), KernelFormat::x86_64);
    bzimage[0x236] = 0x02;
    EXPECT_EQ(kernel_format(bzimage), KernelFormat::x86_32);
}

}  // namespace
}  // namespace osb::image
