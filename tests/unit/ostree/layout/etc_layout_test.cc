// The bootable layout of an image whose /etc is a link to /usr/etc.
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

using EtcLayoutTest = ImportTest;

TEST_F(EtcLayoutTest, EtcMayBeALinkToUsrEtc) {
    for (const char* const target : {"usr/etc", "/usr/etc", "./usr/../usr/etc/"}) {
        const Listing tree = bootable({TarBuilder().symlink("etc", target).file("usr/etc/passwd", "p")});
        EXPECT_EQ(content(tree, "/usr/etc/passwd"), "p") << target;
        EXPECT_EQ(type(tree, "/etc"), '-');
    }
}

TEST_F(EtcLayoutTest, OtherLinksAreRefused) {
    refusal({TarBuilder().symlink("etc", "usr/share").file("usr/share/passwd", "p")},
            ostree::Layout::bootable);
    refusal({TarBuilder().symlink("etc", "usr/etc")}, ostree::Layout::bootable);
}

}  // namespace
}  // namespace osb::test
