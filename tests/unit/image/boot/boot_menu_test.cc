#include "image/boot/boot_menu.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.hh"
#include "image/deployment/command_line.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/witness.hh"

namespace osb::test {
namespace {

using image::BootEntry;

constexpr const char* kEntry =
    "title Alpine Linux v3.20 1.2 (ostree:0)\nversion 1\n# comment\n"
    "options root=UUID=1234 rw ostree=/ostree/boot.1/alpine/e748/0\n"
    "linux /ostree/alpine-e748/vmlinuz-6.1\ninitrd /ostree/alpine-e748/initramfs-6.1.img\nother x\n";

BootEntry entry(std::string id, std::string version) {
    return {.id = std::move(id), .title = "T", .version = std::move(version), .kernel = "/k"};
}

TEST(BootEntry, IsReadAndWritten) {
    const BootEntry out = image::parse_boot_entry("ostree-1-alpine", kEntry);
    EXPECT_EQ(out.title, "Alpine Linux v3.20 1.2 (ostree:0)");
    EXPECT_EQ(out.options, "root=UUID=1234 rw ostree=/ostree/boot.1/alpine/e748/0");
    EXPECT_EQ(out.kernel, "/ostree/alpine-e748/vmlinuz-6.1");
    ASSERT_EQ(out.initrds.size(), 1U);
    const BootEntry again = image::parse_boot_entry(out.id, to_string(out));
    EXPECT_EQ(to_string(again), to_string(out));
}

TEST(BootEntry, HostileTextIsRefusedOrMadeHarmless) {
    EXPECT_THROW(image::parse_boot_entry("a", "title x\n"), Error);
    EXPECT_THROW(image::parse_boot_entry("a", "linux /a b\n"), Error);
    EXPECT_THROW(image::parse_boot_entry("a", "linux /a\ninitrd /b\x01\n"), Error);
    EXPECT_THROW(image::parse_boot_entry("a", "linux /a\noptions x\x1b[2J\n"), Error);
    EXPECT_THROW(image::parse_boot_entry("a b", "linux /a\n"), Error);
    EXPECT_EQ(image::parse_boot_entry("a", "linux /a\ntitle x\x1b[2Jy\n").title, "x?[2Jy");
}

// SYSLINUX reads lines of 4095 bytes; what is beyond would be the next line.
TEST(BootEntry, TitlesAreCut) {
    const std::string text = "linux /a\ntitle " + std::string(4090, 'x') + " APPEND init=/bin/sh\n";
    const BootEntry out = image::parse_boot_entry("a", text);
    EXPECT_EQ(out.title, std::string(image::kMaxTitle, 'x'));
    EXPECT_EQ(image::menu_entries({out}).find("init="), std::string::npos);
}

TEST(BootMenu, NewestFirstWithDistinctLabels) {
    BootEntry first = image::parse_boot_entry("ostree-2-alpine", kEntry);
    first.version = "10";
    const std::string menu = image::menu_entries({entry("ostree-1-alpine", "9"), first, entry("other", "x")});
    const std::size_t newest = menu.find("LABEL ostree-2-alpine\n");
    const std::size_t older = menu.find("LABEL ostree-1-alpine\n");
    EXPECT_NE(menu.find("DEFAULT ostree-2-alpine\n"), std::string::npos) << menu;
    ASSERT_NE(newest, std::string::npos);
    EXPECT_LT(newest, older);
    EXPECT_LT(older, menu.find("LABEL other\n"));
    EXPECT_NE(menu.find("  MENU LABEL Alpine Linux v3.20 1.2 (ostree:0)\n"
                        "  LINUX /ostree/alpine-e748/vmlinuz-6.1\n"
                        "  INITRD /ostree/alpine-e748/initramfs-6.1.img\n"
                        "  APPEND root=UUID=1234 rw ostree=/ostree/boot.1/alpine/e748/0\n"),
              std::string::npos)
        << menu;
}

TEST(BootMenu, TheHiddenLabelIsTheTrialOrTheDefault) {
    const std::vector<BootEntry> entries{entry("ostree-2-x", "2"), entry("ostree-1-x", "1")};
    const auto hidden = [](const std::string& menu) {
        const std::size_t at = menu.find("LABEL trial\n");
        EXPECT_EQ(menu.find("LABEL trial\n", at + 1), std::string::npos) << menu;
        return at == std::string::npos ? "" : menu.substr(at);
    };
    EXPECT_EQ(hidden(image::menu_entries(entries)), "LABEL trial\n  MENU LABEL T\n  MENU HIDE\n  LINUX /k\n");
    image::TrialMenu trial{.is_on_trial = [](const BootEntry& e) { return e.id == "ostree-1-x"; },
                           .arguments = "panic=10"};
    std::vector<BootEntry> more = entries;
    more[1].kernel = "/other";
    more[1].options = "rw";
    EXPECT_EQ(hidden(image::menu_entries(more, trial)),
              "LABEL trial\n  MENU LABEL T\n  MENU HIDE\n  LINUX /other\n  APPEND rw panic=10\n");
    EXPECT_NE(image::menu_entries(more, trial).find("DEFAULT ostree-2-x\n"), std::string::npos);
    more[1].options.clear();
    EXPECT_NE(hidden(image::menu_entries(more, trial)).find("  APPEND panic=10\n"), std::string::npos);
    trial.is_on_trial = [](const BootEntry&) { return false; };
    EXPECT_EQ(hidden(image::menu_entries(more, trial)).find("panic=10"), std::string::npos);
    EXPECT_EQ(hidden(image::menu_entries({}, trial)), "");
}

TEST(BootMenu, ATrialWhoseArgumentsWouldBeCutIsNotStarted) {
    const std::string arguments = image::trial_arguments("0123456789abcdef");
    std::vector<BootEntry> entries{entry("ostree-2-x", "2"), entry("ostree-1-x", "1")};
    const image::TrialMenu trial{.is_on_trial = [](const BootEntry& e) { return e.id == "ostree-1-x"; },
                                 .arguments = arguments};
    const std::size_t rest = image::kMaxCommandLine - image::command_line_size(entries[1], arguments);
    entries[1].options = std::string(rest, 'x');
    EXPECT_NE(image::menu_entries(entries, trial).find("osb.trial="), std::string::npos);
    entries[1].options += 'x';
    EXPECT_EQ(image::menu_entries(entries, trial).find("osb.trial="), std::string::npos);
}

TEST(BootMenu, AnEntryOfThatNameDoesNotTakeTheLabel) {
    const std::string menu = image::menu_entries({entry("trial", "2")});
    EXPECT_NE(menu.find("DEFAULT trial-entry\n"), std::string::npos) << menu;
    EXPECT_NE(menu.find("LABEL trial-entry\n"), std::string::npos) << menu;
}

// A few hundred bytes each, as with real checksums and UUIDs.
std::vector<BootEntry> long_entries(std::size_t count, std::size_t size) {
    std::vector<BootEntry> out;
    for (std::size_t i = 0; i < count; ++i) {
        out.push_back(entry("ostree-" + std::to_string(i) + "-x", std::to_string(i)));
        out.back().options = std::string(size, 'o');
    }
    return out;
}

TEST(BootMenu, TheFileIsOneBlock) {
    using Ids = std::vector<std::string>;
    const auto small = image::menu_file(long_entries(2, 100));
    EXPECT_EQ(small.text.size(), 4096U);
    EXPECT_TRUE(small.text.starts_with(image::menu_entries(long_entries(2, 100)))) << small.text;
    EXPECT_EQ(small.shown, (Ids{"ostree-1-x", "ostree-0-x"}));

    const auto large = image::menu_file(long_entries(9, 700));
    EXPECT_EQ(large.text.size(), 4096U);
    EXPECT_EQ(large.shown, (Ids{"ostree-8-x", "ostree-7-x", "ostree-6-x", "ostree-5-x"}));
    EXPECT_EQ(large.left_out.size(), 5U);
    EXPECT_NE(large.text.find("\n# Not shown for lack of room: 5 entries, still on the disk.\n"),
              std::string::npos)
        << large.text;
    EXPECT_NE(large.text.find("\nLABEL trial\n"), std::string::npos);
}

// The newest is not the default while it is tried; what comes after it is what `rollback` leads to.
TEST(BootMenu, DefaultTrialAndRollbackAreKept) {
    using Ids = std::vector<std::string>;
    const image::TrialMenu trial{.is_on_trial = [](const BootEntry& e) { return e.id == "ostree-1-x"; },
                                 .arguments = "osb.trial=1"};
    EXPECT_EQ(image::menu_file(long_entries(5, 900), trial).shown,
              (Ids{"ostree-4-x", "ostree-3-x", "ostree-1-x"}));
    EXPECT_EQ(image::menu_file(long_entries(5, 1200), trial).shown, (Ids{"ostree-4-x", "ostree-3-x"}));
    EXPECT_NE(image::menu_file(long_entries(5, 1200), trial).text.find(" osb.trial=1\n"), std::string::npos);
    EXPECT_EQ(image::menu_file(long_entries(5, 1900), trial).shown, Ids{"ostree-4-x"});
    EXPECT_THROW(image::menu_file(long_entries(2, 2020), {trial.is_on_trial, "osb.trial=1"}), Error);
    // Without a trial nothing needs its label.
    const auto alone = image::menu_file(long_entries(1, 2020));
    EXPECT_EQ(alone.shown, Ids{"ostree-0-x"});
    EXPECT_EQ(alone.text.find("LABEL trial\n"), std::string::npos);
}

TEST(BootMenu, TitlesStayOnTheirLine) {
    BootEntry bad = entry("ostree-1-x", "1");
    bad.title = "x\n  APPEND init=/bin/sh\x1b[2J";
    EXPECT_NE(image::menu_entries({bad}).find("  MENU LABEL x?  APPEND init=/bin/sh?[2J\n"),
              std::string::npos);
}

// One byte on the serial line stops TIMEOUT.
TEST(BootMenu, TheDefaultIsStartedInTheEnd) {
    const std::string settings = image::menu_settings("/extlinux/entries.conf");
    EXPECT_NE(settings.find("\nTIMEOUT 30\n"), std::string::npos) << settings;
    EXPECT_NE(settings.find("\nTOTALTIMEOUT 3000\n"), std::string::npos) << settings;
}

class UpdateBootMenu : public testing::Test {
  protected:
    UpdateBootMenu() {
        std::filesystem::create_directories(boot_ / "loader.1/entries");
        std::filesystem::create_directories(boot_ / "extlinux");
        std::filesystem::create_symlink("loader.1", boot_ / "loader");
    }
    TempDirectory boot_;
};

TEST_F(UpdateBootMenu, FollowsTheLoaderLink) {
    write_file(boot_ / "loader.1/entries/ostree-1-alpine.conf", kEntry);
    write_file(boot_ / "loader.1/entries/.hidden.conf", "nonsense");
    write_file(boot_ / "loader.1/entries/README", "nonsense");
    EXPECT_EQ(image::update_boot_menu(boot_.path()), std::vector<std::string>{"ostree-1-alpine"});
    const std::string before = read_file(boot_ / "extlinux/entries.conf");
    EXPECT_NE(before.find("DEFAULT ostree-1-alpine"), std::string::npos);

    std::filesystem::create_directories(boot_ / "loader.0/entries");
    write_file(boot_ / "loader.0/entries/ostree-2-alpine.conf", std::string(kEntry) + "version 2\n");
    write_file(boot_ / "loader.0/entries/ostree-1-alpine.conf", kEntry);
    std::filesystem::remove(boot_ / "loader");
    std::filesystem::create_symlink("loader.0", boot_ / "loader");
    const std::vector<std::string> both{"ostree-2-alpine", "ostree-1-alpine"};
    EXPECT_EQ(image::update_boot_menu(boot_.path()), both);
    EXPECT_NE(read_file(boot_ / "extlinux/entries.conf").find("DEFAULT ostree-2-alpine"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(boot_ / "extlinux/.entries.conf.new"));
}

TEST_F(UpdateBootMenu, AFullMenuIsWrittenOverTheOldOne) {
    const std::string file = boot_ / "extlinux/entries.conf";
    write_file(boot_ / "loader.1/entries/ostree-1-alpine.conf", kEntry);
    image::update_boot_menu(boot_.path());
    struct stat before {};
    ASSERT_EQ(::stat(file.c_str(), &before), 0);
    for (int i = 2; i < 30; ++i) {
        write_file(boot_ / ("loader.1/entries/ostree-" + std::to_string(i) + "-alpine.conf"),
                   std::string(kEntry) + "version " + std::to_string(i) + '\n');
    }
    const std::vector<std::string> shown = image::update_boot_menu(boot_.path());
    EXPECT_EQ(shown.front(), "ostree-29-alpine");
    EXPECT_LT(shown.size(), 29U);
    EXPECT_TRUE(image::menu_is_current(boot_.path()));
    struct stat after {};
    ASSERT_EQ(::stat(file.c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_EQ(after.st_size, 4096);
}

TEST_F(UpdateBootMenu, KnowsWhetherItIsCurrentAndOurs) {
    write_file(boot_ / "loader.1/entries/ostree-1-alpine.conf", kEntry);
    EXPECT_FALSE(image::menu_is_current(boot_.path()));
    image::update_boot_menu(boot_.path());
    EXPECT_TRUE(image::menu_is_current(boot_.path()));
    write_file(boot_ / "loader.1/entries/ostree-1-alpine.conf", std::string(kEntry) + "title x\n");
    EXPECT_FALSE(image::menu_is_current(boot_.path()));

    EXPECT_FALSE(image::menu_is_ours(boot_.path()));
    write_file(boot_ / "extlinux/extlinux.conf", image::menu_settings("/extlinux/entries.conf"));
    EXPECT_TRUE(image::menu_is_ours(boot_.path()));
    write_file(boot_ / "extlinux/extlinux.conf", image::menu_settings("/loader/syslinux.cfg"));
    EXPECT_FALSE(image::menu_is_ours(boot_.path()));
    EXPECT_FALSE(image::menu_is_ours(boot_ / "none"));
}

TEST_F(UpdateBootMenu, LeavesOutWhatTheKernelWouldNotReadToItsEnd) {
    std::string longer = kEntry;
    longer.insert(longer.find("ostree="), std::string(2000, 'x') + ' ');
    write_file(boot_ / "loader.1/entries/ostree-1-alpine.conf", kEntry);
    write_file(boot_ / "loader.1/entries/ostree-2-alpine.conf", longer + "version 2\n");
    EXPECT_THROW(image::check_default_entry(boot_.path()), Error);
    EXPECT_THROW(image::check_entry_of(boot_.path(), "/ostree/boot.1/alpine/e748/0"), Error);
    EXPECT_NO_THROW(image::check_entry_of(boot_.path(), "/ostree/boot.1/alpine/e748/1"));
    EXPECT_EQ(image::update_boot_menu(boot_.path()), std::vector<std::string>{"ostree-1-alpine"});
    EXPECT_TRUE(image::menu_is_current(boot_.path()));
    // One that is not the default is no reason to refuse the others.
    write_file(boot_ / "loader.1/entries/ostree-2-alpine.conf", longer + "version 0\n");
    EXPECT_NO_THROW(image::check_default_entry(boot_.path()));
    // Nothing else is there: the old menu stays.
    std::filesystem::remove(boot_ / "loader.1/entries/ostree-1-alpine.conf");
    EXPECT_THROW(image::update_boot_menu(boot_.path()), Error);
    EXPECT_NE(read_file(boot_ / "extlinux/entries.conf").find("DEFAULT ostree-1-alpine"), std::string::npos);
}

TEST_F(UpdateBootMenu, KeepsTheOldOneWhenAnEntryIsBad) {
    write_file(boot_ / "extlinux/entries.conf", "old");
    EXPECT_THROW(image::update_boot_menu(boot_.path()), Error);  // none
    write_file(boot_ / "loader.1/entries/bad.conf", "title only\n");
    EXPECT_THROW(image::update_boot_menu(boot_.path()), Error);
    std::filesystem::remove(boot_ / "loader.1/entries/bad.conf");
    std::filesystem::create_symlink("/etc/passwd", boot_ / "loader.1/entries/link.conf");
    EXPECT_THROW(image::update_boot_menu(boot_.path()), Error);
    EXPECT_EQ(read_file(boot_ / "extlinux/entries.conf"), "old");
    std::filesystem::remove(boot_ / "loader.1/entries/link.conf");
    write_file(boot_ / "loader.1/entries/ok.conf", kEntry);
    std::filesystem::remove_all(boot_ / "extlinux");
    EXPECT_THROW(image::update_boot_menu(boot_.path()), Error);
}

}  // namespace
}  // namespace osb::test
