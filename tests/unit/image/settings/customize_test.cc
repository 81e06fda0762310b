// What --config changes in a deployment's /etc and /var.
#include "image/settings/customize.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "base/error.hh"
#include "image/settings/config_file.hh"
#include "ostree/tree/commit_walk.hh"
#include "tests/support/golden_commit.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/test_layout.hh"

namespace osb::test {
namespace {

using image::Attributes;
using image::Content;
using image::Customizations;
using image::Inode;
using image::InodeKind;
using image::SysrootLayout;

constexpr const char* kImagePasswd =
    "root:x:0:0:root:/root:/bin/ash\nguest:x:1000:1000:Guest:/home/guest:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"
    "bin:x:1:1:bin:/:/sbin/nologin\nlp:x:4:7:lp::/sbin/nologin\n";
constexpr const char* kImageGroup = "root:x:0:root\nwheel:x:10:root\nguest:x:1000:\nnobody:x:65534:\n";
constexpr const char* kImageShadow = "root:*::0:::::\nguest:!::0:::::\nnobody:!::0:::::\n";

std::size_t count(const std::string& text, char what) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), what));
}

class Customize : public testing::Test {
  protected:
    // Most tests need no object; making a repository takes a while.
    static void SetUpTestSuite() {
        directory_ = std::make_unique<TempDirectory>();
        repository_ = std::make_unique<ostree::Repository>(
            ostree::Repository::create(*directory_ / "repo", ostree::RepoMode::archive));
    }
    static void TearDownTestSuite() {
        repository_.reset();
        directory_.reset();
    }

    Customize() {
        add_file(layout_, "etc/passwd", kImagePasswd);
        add_file(layout_, "etc/group", kImageGroup);
        add_file(layout_, "etc/shadow", kImageShadow, {.mode = 0640, .gid = 42});
        add_file(layout_, "usr/share/zoneinfo/Europe/Berlin", "TZif");
    }

    void apply(const Customizations& wanted) { image::customize(layout_, wanted, *repository_, kTime); }
    void apply(std::string_view toml) { apply(image::parse_config(toml, "test.toml")); }

    // The message of the error.
    template<typename Wanted>
    std::string refused(const Wanted& wanted) {
        try {
            apply(wanted);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::invalid);
            return error.message();
        }
        ADD_FAILURE() << "taken";
        return {};
    }

    bool has_line(std::string_view path, const std::string& line) const {
        return ('\n' + text_at(layout_, path)).find('\n' + line + '\n') != std::string::npos;
    }

    void expect_inode(std::string_view path, InodeKind kind, std::uint32_t mode, std::uint32_t uid,
                      std::uint32_t gid) const {
        const Inode& inode = inode_at(layout_, path);
        EXPECT_EQ(inode.kind, kind) << path;
        EXPECT_EQ(inode.attributes.mode, mode) << path;
        EXPECT_EQ(inode.attributes.uid, uid) << path;
        EXPECT_EQ(inode.attributes.gid, gid) << path;
        EXPECT_EQ(inode.attributes.mtime, kTime) << path;
    }

    static inline std::unique_ptr<TempDirectory> directory_;
    static inline std::unique_ptr<ostree::Repository> repository_;
    SysrootLayout layout_ = test_layout();
};

TEST_F(Customize, NothingWantedNothingChanged) {
    const std::size_t before = layout_.root.inodes().size();
    apply("");
    EXPECT_EQ(layout_.root.inodes().size(), before);
    EXPECT_EQ(text_at(layout_, "etc/passwd"), kImagePasswd);
    EXPECT_EQ(inode_at(layout_, "etc/passwd").attributes.mtime, 0);
}

TEST_F(Customize, NewUser) {
    apply(
        "[[customizations.group]]\nname = 'app'\ngid = 900\n"
        "[[customizations.user]]\nname = 'core'\npassword = '$6$salt$hash'\ngroups = ['wheel', 'app']\n"
        "description = 'A user'\nshell = '/bin/ash'\nkey = 'ssh-ed25519 A'\n");
    EXPECT_TRUE(has_line("etc/passwd", "core:x:1001:1001:A user:/home/core:/bin/ash"));
    EXPECT_TRUE(has_line("etc/group", "core:x:1001:"));
    EXPECT_TRUE(has_line("etc/group", "wheel:x:10:root,core"));
    EXPECT_TRUE(has_line("etc/group", "app:x:900:core"));
    EXPECT_TRUE(has_line("etc/shadow", "core:$6$salt$hash::0:99999:7:::"));
    // Lines of others, owner and mode stay.
    EXPECT_TRUE(text_at(layout_, "etc/passwd").starts_with(kImagePasswd));
    EXPECT_TRUE(text_at(layout_, "etc/shadow").starts_with(kImageShadow));
    expect_inode("etc/shadow", InodeKind::file, 0640, 0, 42);
    expect_inode("/var/home", InodeKind::directory, 0755, 0, 0);
    expect_inode("/var/home/core", InodeKind::directory, 0700, 1001, 1001);
    expect_inode("/var/home/core/.ssh", InodeKind::directory, 0700, 1001, 1001);
    expect_inode("/var/home/core/.ssh/authorized_keys", InodeKind::file, 0600, 1001, 1001);
    EXPECT_EQ(text_at(layout_, "/var/home/core/.ssh/authorized_keys"), "ssh-ed25519 A\n");
    // The commit's own files are as they were.
    EXPECT_FALSE(is_there(layout_, "usr/etc/passwd"));
    EXPECT_FALSE(is_there(layout_, "var/home"));
}

TEST_F(Customize, HomesElsewhere) {
    apply(
        "[[customizations.user]]\nname = 'a'\nhome = '/var/lib/a'\n"
        "[[customizations.user]]\nname = 'b'\nhome = '/usr/local/b'\n");
    expect_inode("/var/lib/a", InodeKind::directory, 0700, 1001, 1001);
    expect_inode("/var/usrlocal/b", InodeKind::directory, 0700, 1002, 1002);
    EXPECT_NE(refused("[[customizations.user]]\nname = 'c'\nhome = '/usr/c'").find("home of the user 'c'"),
              std::string::npos);
    // One that is there belongs to whom it belongs.
    add_directory(layout_, "etc/d", {.mode = 0711, .uid = 7});
    apply("[[customizations.user]]\nname = 'd'\nhome = '/etc/d'\n");
    EXPECT_EQ(inode_at(layout_, "etc/d").attributes.mode, 0711U);
    EXPECT_EQ(inode_at(layout_, "etc/d").attributes.uid, 7U);
}

TEST_F(Customize, ExistingUsers) {
    apply(
        "[[customizations.user]]\nname = 'root'\npassword = '$6$r$h'\nkey = 'ssh-rsa R'\n"
        "[[customizations.user]]\nname = 'guest'\nshell = '/bin/ash'\ngroups = ['wheel']\n"
        "[[customizations.user]]\nname = 'nobody'\ndescription = 'N'\n");
    EXPECT_TRUE(has_line("etc/shadow", "root:$6$r$h::0:::::"));
    EXPECT_TRUE(has_line("etc/passwd", "root:x:0:0:root:/root:/bin/ash"));
    expect_inode("/var/roothome", InodeKind::directory, 0700, 0, 0);
    EXPECT_EQ(text_at(layout_, "/var/roothome/.ssh/authorized_keys"), "ssh-rsa R\n");
    EXPECT_TRUE(has_line("etc/passwd", "guest:x:1000:1000:Guest:/home/guest:/bin/ash"));
    EXPECT_TRUE(has_line("etc/shadow", "guest:!::0:::::"));
    EXPECT_TRUE(has_line("etc/group", "wheel:x:10:root,guest"));
    // Their homes are the image's matter; that of nobody cannot even be made.
    EXPECT_FALSE(is_there(layout_, "/var/home"));
    EXPECT_TRUE(has_line("etc/passwd", "nobody:x:65534:65534:N:/nonexistent:/sbin/nologin"));
    EXPECT_NE(
        refused("[[customizations.user]]\nname = 'nobody'\nkey = 'ssh-rsa K'\n").find("home of the user"),
        std::string::npos);
    for (const std::string user : {"bin", "lp"}) {  // whose home is none
        const std::string key = "customizations.sshkey = [{user = '" + user + "', key = 'ssh-rsa K'}]";
        EXPECT_NE(refused(key).find("'" + user + "' cannot have a key: the home is "), std::string::npos);
    }
    // A home that is given is made.
    apply("[[customizations.user]]\nname = 'guest'\nhome = '/home/other'\n");
    expect_inode("/var/home/other", InodeKind::directory, 0700, 1000, 1000);
}

TEST_F(Customize, ConflictsOfUsersAreRefused) {
    const std::string twice = "[[customizations.user]]\nname = 'core'\nkey = 'ssh-rsa K'\n";
    EXPECT_NE(refused(twice + twice).find("already has authorized_keys"), std::string::npos);
    EXPECT_NE(refused("[[customizations.user]]\nname = 'x'\nuid = 1000\n").find("already in use"),
              std::string::npos);
    EXPECT_NE(refused("[[customizations.user]]\nname = 'x'\ngroups = ['none']\n").find("'none'"),
              std::string::npos);
    EXPECT_NE(refused("[[customizations.group]]\nname = 'x'\ngid = 10\n").find("already in use"),
              std::string::npos);
}

TEST_F(Customize, SkeletonOfANewHome) {
    add_file(layout_, "etc/skel/.profile", "export A=1\n", {.mode = 0640});
    add_file(layout_, "etc/skel/.config/deep/file", "x", {.mode = 0400, .uid = 5});
    add_directory(layout_, "etc/skel/empty", {.mode = 0711});
    add_symlink(layout_, "etc/skel/link", "../target");
    apply(
        "[[customizations.user]]\nname = 'core'\nkey = 'ssh-rsa K'\n"
        "[[customizations.user]]\nname = 'guest'\nhome = '/home/g'\n"
        "[[customizations.user]]\nname = 'root'\nkey = 'ssh-rsa K'\n");
    expect_inode("/var/home/core/.profile", InodeKind::file, 0640, 1001, 1001);
    EXPECT_EQ(text_at(layout_, "/var/home/core/.profile"), "export A=1\n");
    expect_inode("/var/home/core/.config/deep", InodeKind::directory, 0755, 1001, 1001);
    expect_inode("/var/home/core/.config/deep/file", InodeKind::file, 0400, 1001, 1001);
    expect_inode("/var/home/core/empty", InodeKind::directory, 0711, 1001, 1001);
    expect_inode("/var/home/core/link", InodeKind::symlink, 0777, 1001, 1001);
    EXPECT_EQ(text_at(layout_, "/var/home/core/link"), "../target");
    EXPECT_TRUE(is_there(layout_, "/var/home/core/.ssh/authorized_keys"));
    // Copies, not other names.
    EXPECT_EQ(inode_at(layout_, "etc/skel/.profile").links, 1U);
    EXPECT_EQ(inode_at(layout_, "etc/skel/.profile").attributes.uid, 0U);
    // Users that the image has are not new.
    EXPECT_FALSE(is_there(layout_, "/var/home/g/.profile"));
    EXPECT_FALSE(is_there(layout_, "/var/roothome/.profile"));
}

TEST_F(Customize, SkeletonWithKeys) {
    add_file(layout_, "etc/skel/.ssh/authorized_keys", "site key\n", {.mode = 0644});
    apply("[[customizations.user]]\nname = 'core'\nkey = 'ssh-rsa own'\n");
    EXPECT_EQ(text_at(layout_, "/var/home/core/.ssh/authorized_keys"), "site key\nssh-rsa own\n");
    EXPECT_EQ(inode_at(layout_, "/var/home/core/.ssh/authorized_keys").attributes.uid, 1001U);
}

TEST_F(Customize, SkeletonGoesIntoNewHomesOnly) {
    add_file(layout_, "etc/skel/.profile", "x");
    add_directory(layout_, "etc/home");
    apply("[[customizations.user]]\nname = 'core'\nhome = '/etc/home'\n");
    EXPECT_FALSE(is_there(layout_, "etc/home/.profile"));
}

TEST_F(Customize, SkeletonThatIsNone) {
    add_file(layout_, "etc/skel", "x");
    EXPECT_NE(refused("[[customizations.user]]\nname = 'core'\n").find("/etc/skel"), std::string::npos);
}

// Whatever a value holds, the number of lines and fields is that of what was meant.
TEST_F(Customize, HostileValuesAddNoLinesAndNoFields) {
    const std::string user = "[[customizations.user]]\nname = ";
    for (const std::string field : {"description", "password", "home", "shell"}) {
        for (const char* value :
             {"$6$a\\nroot2::0:0::/:/bin/sh", "/a:0:0", "/a\\u0000b", "/a\\rb", "/a\\u007f"}) {
            const std::string text = concat(user, "'u'\n", field, " = \"", value, "\"\n");
            EXPECT_NE(refused(text).find(concat("user.", field)), std::string::npos) << text;
        }
    }
    for (const char* name : {"a:b", "a\\nb", "-a", "../a", "a b", "a,b", "a\\u0000", "é", ".", "0"}) {
        EXPECT_NE(refused(concat(user, '"', name, "\"\n")).find("not a name"), std::string::npos) << name;
        EXPECT_NE(refused(concat(user, "'u'\ngroups = [\"", name, "\"]\n")).find("not a name"),
                  std::string::npos);
        EXPECT_NE(refused(concat("[[customizations.group]]\nname = \"", name, "\"\n")).find("not a name"),
                  std::string::npos);
    }
    for (const char* name : {"a\\nb", "a b", "-a", "", "a/b"}) {
        EXPECT_NE(refused(concat("customizations.hostname = \"", name, "\"\n")).find("host"),
                  std::string::npos);
    }
    // Lines of keys are lines; none can hold what a terminal obeys.
    EXPECT_NE(refused(user + "'u'\nkey = \"k\\u001b[2J\"").find("user.key"), std::string::npos);
    apply(user + "'u'\nkey = \"ssh-rsa one\\r\\n\\n\\nssh-rsa two\"\n");
    EXPECT_EQ(text_at(layout_, "/var/home/u/.ssh/authorized_keys"), "ssh-rsa one\nssh-rsa two\n");
    EXPECT_EQ(count(text_at(layout_, "etc/passwd"), '\n'), 6U);
    EXPECT_EQ(count(text_at(layout_, "etc/passwd"), ':'), 6U * 6);
    EXPECT_EQ(count(text_at(layout_, "etc/shadow"), '\n'), 4U);
    EXPECT_EQ(count(text_at(layout_, "etc/shadow"), ':'), 4U * 8);
}

TEST_F(Customize, Hostname) {
    add_file(layout_, "etc/hostname", "localhost\n", {.mode = 0600, .uid = 3});
    apply("customizations.hostname = 'edge-1.example'");
    EXPECT_EQ(text_at(layout_, "etc/hostname"), "edge-1.example\n");
    expect_inode("etc/hostname", InodeKind::file, 0600, 3, 0);
}

TEST_F(Customize, SystemFilesThatAreLinksAreNotFollowed) {
    add_symlink(layout_, "etc/hostname", "/usr/share/hostname");
    EXPECT_NE(refused("customizations.hostname = 'a'").find("'/etc/hostname' is not a file"),
              std::string::npos);
}

TEST_F(Customize, Timezone) {
    add_file(layout_, "etc/localtime", "UTC");
    apply("customizations.timezone = 'Europe/Berlin'");
    EXPECT_EQ(inode_at(layout_, "etc/localtime").kind, InodeKind::symlink);
    EXPECT_EQ(text_at(layout_, "etc/localtime"), "../usr/share/zoneinfo/Europe/Berlin");
    EXPECT_EQ(text_at(layout_, "etc/timezone"), "Europe/Berlin\n");
    expect_inode("etc/timezone", InodeKind::file, 0644, 0, 0);
    for (const char* zone : {"Europe", "Mars/Base", "Europe/Berlin/x"}) {
        EXPECT_NE(refused(concat("customizations.timezone = '", zone, "'")).find("not have the time zone"),
                  std::string::npos)
            << zone;
    }
}

TEST_F(Customize, TimeServersOfChrony) {
    add_file(layout_, "etc/chrony/chrony.conf", "pool pool.ntp.org iburst\nrtcsync\n", {.mode = 0640});
    apply("[customizations.timezone]\ntimezone = 'Europe/Berlin'\nntpservers = ['ntp.example', '::1']\n");
    EXPECT_EQ(text_at(layout_, "etc/chrony/chrony.conf"),
              "rtcsync\nserver ntp.example iburst\nserver ::1 iburst\n");
    EXPECT_EQ(inode_at(layout_, "etc/chrony/chrony.conf").attributes.mode, 0640U);
    EXPECT_EQ(text_at(layout_, "etc/timezone"), "Europe/Berlin\n");
    // Not OpenRC: there are no runlevels, and none are made.
    EXPECT_FALSE(is_there(layout_, "etc/runlevels"));
}

TEST_F(Customize, TimeServersOfBusybox) {
    add_file(layout_, "etc/init.d/ntpd", "#!/sbin/openrc-run\n");
    add_file(layout_, "etc/conf.d/ntpd", "NTPD_OPTS=\"-N -p pool.ntp.org\"\n");
    add_directory(layout_, "etc/runlevels/default");
    const std::string wanted = "customizations.timezone.ntpservers = ['ntp.example']\n";
    // Another program of that name has other options.
    EXPECT_NE(refused(wanted).find("time servers"), std::string::npos);
    EXPECT_EQ(text_at(layout_, "etc/conf.d/ntpd"), "NTPD_OPTS=\"-N -p pool.ntp.org\"\n");
    add_symlink(layout_, "usr/sbin/ntpd", "/bin/busybox");
    apply(wanted);
    EXPECT_EQ(text_at(layout_, "etc/conf.d/ntpd"), "NTPD_OPTS=\"-N -p ntp.example\"\n");
    // It did not run.
    EXPECT_EQ(text_at(layout_, "etc/runlevels/default/ntpd"), "/etc/init.d/ntpd");
    EXPECT_FALSE(is_there(layout_, "etc/timezone"));
}

TEST_F(Customize, TimeServiceThatRunsAlready) {
    add_file(layout_, "etc/init.d/ntpd", "");
    add_file(layout_, "etc/init.d/chronyd", "");
    add_file(layout_, "etc/chrony/chrony.conf", "");
    add_symlink(layout_, "usr/sbin/ntpd", "../bin/busybox");
    add_symlink(layout_, "etc/runlevels/boot/ntpd", "/etc/init.d/ntpd");
    add_directory(layout_, "etc/runlevels/default");
    apply("customizations.timezone.ntpservers = ['ntp.example']\n");
    EXPECT_FALSE(is_there(layout_, "etc/runlevels/default/chronyd"));
    // All that may run ask the same servers.
    EXPECT_EQ(text_at(layout_, "etc/conf.d/ntpd"), "NTPD_OPTS=\"-N -p ntp.example\"\n");
    EXPECT_EQ(text_at(layout_, "etc/chrony/chrony.conf"), "server ntp.example iburst\n");
}

TEST_F(Customize, TimeServersThatNobodyAsks) {
    const std::string wanted = "customizations.timezone.ntpservers = ['ntp.example']\n";
    EXPECT_NE(refused(wanted).find("time servers"), std::string::npos);
    // With OpenRC, a configuration alone starts nothing.
    add_file(layout_, "etc/chrony.conf", "");
    add_directory(layout_, "etc/runlevels/default");
    EXPECT_NE(refused(wanted).find("no service 'chronyd'"), std::string::npos);
    add_file(layout_, "etc/init.d/chronyd", "");
    apply(wanted);
    EXPECT_EQ(text_at(layout_, "etc/runlevels/default/chronyd"), "/etc/init.d/chronyd");
    // An empty list wants nothing.
    apply("customizations.timezone.ntpservers = []\n");
    for (const char* server :
         {"a b", "a\\nb", "", "-a", "a;b", "$(a)", "a\\\"", "`a`", "a'b", "a#b", "a/b"}) {
        EXPECT_NE(
            refused(concat("customizations.timezone.ntpservers = [\"", server, "\"]\n")).find("ntpservers"),
            std::string::npos)
            << server;
    }
    EXPECT_NE(refused("customizations.timezone.ntpservers = 'a'\n").find("must be a list"),
              std::string::npos);
}

TEST_F(Customize, KeysOfUsersThatAreThere) {
    apply(
        "[[customizations.sshkey]]\nuser = 'root'\nkey = 'ssh-rsa R'\n"
        "[[customizations.user]]\nname = 'core'\nkey = 'ssh-rsa A'\n"
        "[[customizations.sshkey]]\nuser = 'core'\nkey = 'ssh-rsa B'\n"
        "[[customizations.sshkey]]\nuser = 'root'\nkey = 'ssh-rsa S'\n");
    EXPECT_EQ(text_at(layout_, "/var/roothome/.ssh/authorized_keys"), "ssh-rsa R\nssh-rsa S\n");
    EXPECT_EQ(text_at(layout_, "/var/home/core/.ssh/authorized_keys"), "ssh-rsa A\nssh-rsa B\n");
    EXPECT_NE(refused("[[customizations.sshkey]]\nuser = 'none'\nkey = 'ssh-rsa R'\n").find("no user 'none'"),
              std::string::npos);
}

TEST_F(Customize, Services) {
    const std::string enable = "customizations.services.enabled = ['sshd']\n";
    EXPECT_NE(refused(enable).find("runlevels"), std::string::npos);
    add_directory(layout_, "etc/runlevels/default");
    EXPECT_NE(refused(enable).find("no service 'sshd'"), std::string::npos);
    for (const char* name : {"sshd", "chronyd", "crond", "syslog"}) {
        add_file(layout_, concat("etc/init.d/", name), "#!/sbin/openrc-run\n");
    }
    add_symlink(layout_, "etc/runlevels/boot/syslog", "/etc/init.d/syslog");
    add_symlink(layout_, "etc/runlevels/default/crond", "/etc/init.d/crond");
    add_symlink(layout_, "etc/runlevels/boot/crond", "/etc/init.d/crond");
    add_symlink(layout_, "etc/runlevels/default/chronyd", "/etc/init.d/chronyd");
    apply(
        "[customizations.services]\nenabled = ['sshd', 'syslog']\ndisabled = ['crond']\n"
        "masked = ['chronyd']\n");
    EXPECT_EQ(text_at(layout_, "etc/runlevels/default/sshd"), "/etc/init.d/sshd");
    EXPECT_FALSE(is_there(layout_, "etc/runlevels/default/syslog"));
    EXPECT_TRUE(is_there(layout_, "etc/runlevels/boot/syslog"));
    for (const char* gone : {"default/crond", "boot/crond", "default/chronyd"}) {
        EXPECT_FALSE(is_there(layout_, concat("etc/runlevels/", gone))) << gone;
    }
    EXPECT_NE(refused("customizations.services.disabled = ['sshd', 'none']\n").find("no service 'none'"),
              std::string::npos);
    EXPECT_TRUE(is_there(layout_, "etc/runlevels/default/sshd"));
    for (const char* name : {"../x", "a b", "", ".x", "-x"}) {
        EXPECT_NE(
            refused(concat("customizations.services.enabled = ['", name, "']")).find("services.enabled"),
            std::string::npos);
    }
}

TEST_F(Customize, LanguageAndKeyboard) {
    const std::string language = "customizations.locale.languages = ['de_DE.UTF-8']\n";
    EXPECT_NE(refused(language).find("/etc/profile.d"), std::string::npos);
    add_directory(layout_, "etc/profile.d");
    apply(language);
    EXPECT_EQ(text_at(layout_, "etc/profile.d/10language.sh"), "export LANG=de_DE.UTF-8\n");

    const std::string keyboard = "customizations.locale.keyboard = 'de-latin1'\n";
    EXPECT_NE(refused(keyboard).find("keymap 'de-latin1'"), std::string::npos);
    add_file(layout_, "usr/share/bkeymaps/de/de-latin1.bmap.gz", "x");
    add_file(layout_, "etc/init.d/loadkmap", "x");
    add_file(layout_, "etc/conf.d/loadkmap", "# map\nKEYMAP=/x\n");
    apply(keyboard);
    EXPECT_EQ(text_at(layout_, "etc/conf.d/loadkmap"),
              "# map\nKEYMAP=/usr/share/bkeymaps/de/de-latin1.bmap.gz\n");
    EXPECT_EQ(text_at(layout_, "etc/runlevels/boot/loadkmap"), "/etc/init.d/loadkmap");
    for (const char* name : {"a b", "$(x)", "a;b", "", "-x", "a/b"}) {
        EXPECT_NE(refused(concat("customizations.locale.keyboard = '", name, "'")).find("locale.keyboard"),
                  std::string::npos);
        EXPECT_NE(
            refused(concat("customizations.locale.languages = ['", name, "']")).find("locale.languages"),
            std::string::npos);
    }
}

TEST_F(Customize, FilesWithModesAndOwners) {
    apply(
        "[[customizations.user]]\nname = 'core'\n"
        "[[customizations.files]]\npath = '/etc/app/conf'\ndata = 'text'\nmode = '0600'\nuser = 'core'\n"
        "group = 'wheel'\n"
        "[[customizations.files]]\npath = '/home/core/bin/tool'\nmode = '4755'\nuser = 7\ngroup = 8\n"
        "[[customizations.files]]\npath = '/etc/passwd.d/x'\n"
        "[[customizations.directories]]\npath = '/var/spool/app/in'\nmode = '1777'\nensure_parents = true\n"
        "[[customizations.files]]\npath = '/var/spool/app/in/first'\ndata = '1'\n");
    expect_inode("etc/app", InodeKind::directory, 0755, 0, 0);
    expect_inode("etc/app/conf", InodeKind::file, 0600, 1001, 10);
    EXPECT_EQ(text_at(layout_, "etc/app/conf"), "text");
    expect_inode("/var/home/core/bin/tool", InodeKind::file, 04755, 7, 8);
    expect_inode("etc/passwd.d/x", InodeKind::file, 0644, 0, 0);
    expect_inode("/var/spool/app/in", InodeKind::directory, 01777, 0, 0);
    EXPECT_EQ(text_at(layout_, "/var/spool/app/in/first"), "1");
}

TEST_F(Customize, FilesThatAreThere) {
    add_file(layout_, "etc/motd", "old", {.mode = 0600, .uid = 3, .xattrs = "x", .immutable = true});
    add_directory(layout_, "etc/dir", {.mode = 0700, .uid = 3});
    add_symlink(layout_, "etc/link", "motd");
    apply(
        "[[customizations.files]]\npath = '/etc/motd'\ndata = 'new'\n"
        "[[customizations.directories]]\npath = '/etc/dir'\nmode = '0750'\n");
    EXPECT_EQ(text_at(layout_, "etc/motd"), "new");
    expect_inode("etc/motd", InodeKind::file, 0644, 0, 0);
    EXPECT_TRUE(inode_at(layout_, "etc/motd").attributes.xattrs.empty());
    expect_inode("etc/dir", InodeKind::directory, 0750, 0, 0);
    for (const char* text :
         {"[[customizations.files]]\npath = '/etc/link'\n", "[[customizations.files]]\npath = '/etc/dir'\n",
          "[[customizations.directories]]\npath = '/etc/motd'\n"}) {
        EXPECT_NE(refused(text).find("another type"), std::string::npos) << text;
    }
}

TEST_F(Customize, FilesThatCannotBe) {
    for (const auto& [path, why] :
         {std::pair("/usr/bin/x", "neither"), std::pair("/etc/none/x/../y", "absolute path"),
          std::pair("/boot/x", "does not exist"), std::pair("/etc/passwd/x", "not a directory"),
          std::pair("/run/x", "neither")}) {
        const std::string message = refused(concat("[[customizations.files]]\npath = '", path, "'\n"));
        EXPECT_NE(message.find(why), std::string::npos) << message;
    }
    const std::string file = "[[customizations.files]]\npath = '/etc/x'\n";
    EXPECT_NE(refused(file + "user = 'none'").find("no user 'none'"), std::string::npos);
    EXPECT_NE(refused(file + "group = 'none'").find("no group 'none'"), std::string::npos);
    EXPECT_NE(refused("[[customizations.directories]]\npath = '/etc/no/dir'\n").find("does not exist"),
              std::string::npos);
    EXPECT_NE(refused(concat("[[customizations.files]]\npath = '/etc/", std::string(256, 'n'), "'\n"))
                  .find("not a file name"),
              std::string::npos);
}

TEST_F(Customize, WithoutAccountFiles) {
    SysrootLayout bare = test_layout();
    image::customize(bare, image::parse_config("[[customizations.user]]\nname = 'core'\n", "a.toml"),
                     *repository_, kTime);
    EXPECT_EQ(text_at(bare, "etc/passwd"), "core:x:1000:1000::/home/core:/bin/sh\n");
    EXPECT_EQ(inode_at(bare, "etc/shadow").attributes.mode, 0640U);
}

// Files of a commit are not in memory.
TEST_F(Customize, FilesOfACommitAreReadFromTheRepository) {
    const GoldenCommits golden = make_golden_repository(*directory_ / "golden");
    const auto repository = ostree::Repository::open(*directory_ / "golden");
    SysrootLayout layout = test_layout();
    for (const ostree::WalkedFile& file :
         ostree::walk_commit(repository, ostree::CommitId::parse(golden.first)).files) {
        if (file.paths.front() != "usr/etc/someconfig.conf") continue;
        layout.root.add_file(layout.etc, "passwd", {.mode = 0644},
                             Content::of_object(ostree::ObjectType::file, file.checksum, 10));
        layout.root.make_directories("skel", {.mode = 0755}, layout.etc);
        layout.root.add_file(*layout.root.find("skel", layout.etc), "conf", {.mode = 0644},
                             Content::of_object(ostree::ObjectType::file, file.checksum, 10));
    }
    const Customizations wanted = image::parse_config("[[customizations.user]]\nname = 'core'\n", "a.toml");
    image::customize(layout, wanted, repository, kTime);
    EXPECT_EQ(text_at(layout, "etc/passwd"), "someconfig\ncore:x:1000:1000::/home/core:/bin/sh\n");
    // What is only copied stays an object.
    EXPECT_TRUE(inode_at(layout, "/var/home/core/conf").content.is_object);
    SysrootLayout lost = test_layout();
    lost.root.add_file(lost.etc, "passwd", {.mode = 0644},
                       Content::of_object(ostree::ObjectType::file, Sha256{}, 10));
    EXPECT_THROW(image::customize(lost, wanted, repository, kTime), Error);
}

}  // namespace
}  // namespace osb::test
