// The warning of a password that the system's C library cannot check.
#include <gtest/gtest.h>

#include <string>

#include "base/bytes.hh"
#include "base/log.hh"
#include "image/settings/config_file.hh"
#include "image/settings/customize.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/test_layout.hh"

namespace osb::test {
namespace {

TEST(PasswordScheme, MuslDoesNotKnowYescrypt) {
    const TempDirectory directory;
    const auto repository = ostree::Repository::create(directory / "repo", ostree::RepoMode::archive);
    image::SysrootLayout layout = test_layout();
    add_file(layout, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
    add_file(layout, "etc/group", "root:x:0:\n");
    add_file(layout, "etc/shadow", "root:*::0:::::\n");
    std::string seen;
    set_log_sink([&](LogLevel, const std::string& line) { seen += line; });
    const auto set = [&](const std::string& hash) {
        const std::string config =
            concat("[[customizations.user]]\nname = 'root'\npassword = '", hash, "'\n");
        image::customize(layout, image::parse_config(config, "test.toml"), repository, kTime);
    };
    set("$y$j9T$salt$hash");
    EXPECT_EQ(seen, "") << "not musl";
    add_file(layout, "usr/lib/ld-musl-x86_64.so.1", "");
    set("$6$salt$hash");
    EXPECT_EQ(seen, "");
    set("$y$j9T$salt$hash");
    set_log_sink({});
    EXPECT_NE(seen.find("musl does not know the scheme $y$"), std::string::npos) << seen;
    EXPECT_NE(text_at(layout, "etc/shadow").find("root:$y$j9T$salt$hash:"), std::string::npos);
}

}  // namespace
}  // namespace osb::test
