// The names that distributions give to kernels and initramfs in /boot.
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class KernelNamesTest : public ImportTest {};

// Without and with genkernel.
TEST_F(KernelNamesTest, GentooAndBooster) {
    for (const auto& [kernel, initramfs] :
         {std::pair{"kernel-6.6.30-gentoo", "initramfs-6.6.30-gentoo.img"},
          std::pair{"kernel-genkernel-x86_64-6.6.30-gentoo", "initramfs-genkernel-x86_64-6.6.30-gentoo"},
          std::pair{"vmlinuz-linux", "booster-linux.img"}}) {
        const Listing tree = bootable({TarBuilder()
                                           .file(std::string("boot/") + kernel, "k")
                                           .file(std::string("boot/") + initramfs, "i")
                                           .file("lib/modules/6.6.30-gentoo/modules.order", "")});
        EXPECT_EQ(result_->kernel, "6.6.30-gentoo") << kernel;
        EXPECT_EQ(content(tree, "/usr/lib/modules/6.6.30-gentoo/vmlinuz"), "k") << kernel;
        EXPECT_EQ(content(tree, "/usr/lib/modules/6.6.30-gentoo/initramfs.img"), "i") << initramfs;
    }
}

}  // namespace
}  // namespace osb::test
