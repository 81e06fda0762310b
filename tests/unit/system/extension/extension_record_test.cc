#include "system/extension/extension_record.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

Extension extension(const std::string& name, char digit = 'a') {
    return {.name = name,
            .commit = ostree::CommitId::parse(std::string(64, digit)),
            .image = "docker://registry.example/" + name + ":1",
            .digest = "sha256:" + std::string(64, digit),
            .version = "1.2",
            .is_forced = digit == 'b',
            .release = {{"ID", "alpine"}, {"VERSION_ID", "3.20.3"}}};
}

TEST(ExtensionRecord, NamesAreSafeInPaths) {
    for (const char* good : {"a", "0", "strace", "debug-tools_2.1", "a..b"})
        EXPECT_TRUE(is_extension_name(good)) << good;
    for (const char* bad : {"", ".", "..", ".a", "-a", "_a", "A", "a/b", "a b", "a\n", "\xc3\xa4"})
        EXPECT_FALSE(is_extension_name(bad)) << bad;
    EXPECT_TRUE(is_extension_name(std::string(kMaxExtensionName, 'a')));
    EXPECT_FALSE(is_extension_name(std::string(kMaxExtensionName + 1, 'a')));
}

TEST(ExtensionRecord, TextIsReadAsItWasWritten) {
    const std::vector<Extension> written{extension("b", 'b'), extension("a")};
    const std::vector<Extension> read = parse_extensions(extensions_text(written));
    ASSERT_EQ(read.size(), 2U);
    EXPECT_EQ(read[0].name, "a");
    EXPECT_EQ(read[1].name, "b");
    EXPECT_EQ(read[1].commit, written[0].commit);
    EXPECT_EQ(read[1].image, written[0].image);
    EXPECT_EQ(read[1].digest, written[0].digest);
    EXPECT_EQ(read[1].version, "1.2");
    EXPECT_TRUE(read[1].is_forced);
    EXPECT_FALSE(read[0].is_forced);
    EXPECT_EQ(read[0].release, written[1].release);
}

TEST(ExtensionRecord, MalformedTextIsRefused) {
    const std::string good = extensions_text({extension("a")});
    EXPECT_EQ(parse_extensions(good).size(), 1U);
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        return text;
    };
    for (const std::string& text :
         {std::string(), std::string("[]"), std::string("{}"), with("\"schema\": 1", "\"schema\": 2"),
          with("\"name\": \"a\"", "\"name\": \"../a\""), with("\"name\": \"a\"", "\"name\": 1"),
          with(std::string(64, 'a'), "abc"), with("\"forced\": false", "\"forced\": 0"),
          extensions_text({extension("a"), extension("a")}),
          extensions_text(std::vector<Extension>(kMaxExtensions + 1, extension("a")))}) {
        EXPECT_THROW(parse_extensions(text), Error) << text;
    }
}

TEST(ExtensionRecord, OnlyDecidingFieldsAreKept) {
    const image::OsRelease kept =
        deciding_fields({{"ID", "x"}, {"NAME", "y"}, {"ARCHITECTURE", std::string(10000, 'z')}});
    EXPECT_EQ(kept.size(), 2U);
    EXPECT_LT(kept.at("ARCHITECTURE").size(), 1000U);
}

TEST(ExtensionRecord, ListOfAStateroot) {
    if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
    const test::TestSysroot disk;
    static_cast<void>(disk.install(disk.add_commit("1"), test::kImageOrigin));
    const ostree::Sysroot sysroot = ostree::Sysroot::open_locked(disk.path());
    EXPECT_TRUE(read_extensions(sysroot, test::TestSysroot::kStateroot).empty());
    write_extensions(sysroot, test::TestSysroot::kStateroot, {extension("a")});
    EXPECT_EQ(read_extensions(sysroot, test::TestSysroot::kStateroot).size(), 1U);
    EXPECT_NE(disk.read("ostree/deploy/default/var/lib/osb/extensions.json"), "");
    write_extensions(sysroot, test::TestSysroot::kStateroot, {});
    EXPECT_EQ(disk.read("ostree/deploy/default/var/lib/osb/extensions.json"), "");
    disk.write("ostree/deploy/default/var/lib/osb/extensions.json", "{");
    EXPECT_THROW(read_extensions(sysroot, test::TestSysroot::kStateroot), Error);
}

}  // namespace
}  // namespace osb::system
