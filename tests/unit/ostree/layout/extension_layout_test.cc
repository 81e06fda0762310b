// The layout of an extension: only /usr is left.
#include "ostree/layout/extension_layout.hh"

#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class ExtensionLayoutTest : public ImportTest {
  protected:
    Listing extension(const std::vector<TarBuilder>& layers) {
        return imported(layers, ostree::Layout::extension);
    }
    bool noted(const std::string& text) const {
        for (const std::string& note : result_->notes) {
            if (note.find(text) != std::string::npos) return true;
        }
        return false;
    }
};

TEST_F(ExtensionLayoutTest, OnlyUsrIsLeft) {
    const Listing tree = extension({TarBuilder()
                                        .directory("usr", 0700)
                                        .file("bin/tool", "t", 0755)
                                        .symlink("usr/bin/link", "../../bin/tool")
                                        .file("lib/libtool.so", "l")
                                        .file("etc/tool.conf", "c")
                                        .file("usr/etc/other.conf", "c")
                                        .file("var/lib/tool", "v")
                                        .file("usr/local/bin/x", "x")
                                        .file("boot/vmlinuz", "k")
                                        .directory("tmp", 01777)});
    EXPECT_EQ(content(tree, "/usr/bin/tool"), "t");
    EXPECT_EQ(content(tree, "/usr/lib/libtool.so"), "l");
    EXPECT_EQ(type(tree, "/usr/bin/link"), 'l');
    for (const char* gone : {"/bin", "/lib", "/etc", "/usr/etc", "/var", "/usr/local", "/boot", "/tmp"})
        EXPECT_EQ(type(tree, gone), '-') << gone;
    EXPECT_EQ(tree.at("/usr").mode, 0755U);
    EXPECT_TRUE(noted("/etc: 1 file"));
    EXPECT_TRUE(noted("/usr/etc: 1 file"));
    EXPECT_TRUE(noted("/usr/local: 1 file"));
    EXPECT_TRUE(noted("/var: 1 file"));
    EXPECT_FALSE(noted("/tmp"));
    EXPECT_TRUE(warnings_.empty());
}

TEST_F(ExtensionLayoutTest, SomethingMustBeLeft) {
    EXPECT_NE(refusal({TarBuilder().file("etc/x", "x")}, ostree::Layout::extension).find("no files in /usr"),
              std::string::npos);
    EXPECT_NE(refusal({TarBuilder().file("usr/etc/x", "x")}, ostree::Layout::extension).find("no files"),
              std::string::npos);
    EXPECT_NE(refusal({TarBuilder().file("usr", "x")}, ostree::Layout::extension), "");
}

TEST_F(ExtensionLayoutTest, TwoFilesForOnePathAreRefused) {
    EXPECT_NE(refusal({TarBuilder().file("bin/x", "1").file("usr/bin/x", "2")}, ostree::Layout::extension),
              "");
}

}  // namespace
}  // namespace osb::test
