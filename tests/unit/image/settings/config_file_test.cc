#include "image/settings/config_file.hh"

#include <gtest/gtest.h>

#include "base/error.hh"
#include "image/deployment/origin.hh"
#include "image/deployment/os_release.hh"
#include "image/disk/byte_size.hh"
#include "image/disk/uuid.hh"
#include "image/settings/unsupported_settings.hh"

namespace osb::test {
namespace {

using image::Customizations;
using image::parse_config;

constexpr const char* kToml = R"(
[customizations]
hostname = "edge-1"
timezone = { timezone = "Europe/Berlin", ntpservers = ["ntp.example", "192.0.2.1"] }
[customizations.kernel]
append = "panic=10 x=\"a b\""
[[customizations.user]]
name = "core"
password = "$6$salt$hash"
key = "ssh-ed25519 A\nssh-ed25519 B\n"
groups = ["wheel", "audio"]
uid = 1234
[[customizations.group]]
name = "audio"
gid = 18
[[customizations.files]]
path = "/etc/motd"
data = "hello\n"
mode = "0600"
user = 7
[[customizations.directories]]
path = "/etc/app"
ensure_parents = true
[[customizations.filesystem]]
mountpoint = "/"
minsize = "10 GiB"
)";
constexpr const char* kJson = R"({"customizations": {"hostname": "edge-1",
 "timezone": {"timezone": "Europe/Berlin", "ntpservers": ["ntp.example", "192.0.2.1"]},
 "kernel": {"append": "panic=10 x=\"a b\""},
 "user": [{"name": "core", "password": "$6$salt$hash", "key": "ssh-ed25519 A\nssh-ed25519 B\n",
           "groups": ["wheel", "audio"], "uid": 1234}],
 "group": [{"name": "audio", "gid": 18}],
 "files": [{"path": "/etc/motd", "data": "hello\n", "mode": 384, "user": 7}],
 "directories": [{"path": "/etc/app", "ensure_parents": true}],
 "filesystem": [{"mountpoint": "/", "minsize": 10737418240}]}})";

TEST(Config, BothLanguagesSayTheSame) {
    for (const auto& [text, name] : {std::pair(kToml, "a.toml"), std::pair(kJson, "a.json")}) {
        const Customizations out = parse_config(text, name);
        EXPECT_EQ(out.hostname, "edge-1");
        EXPECT_EQ(out.timezone, "Europe/Berlin");
        const std::vector<std::string> servers{"ntp.example", "192.0.2.1"};
        EXPECT_EQ(out.ntp_servers, servers);
        const std::vector<std::string> arguments{"panic=10", "x=\"a b\""};
        EXPECT_EQ(out.kernel_arguments, arguments);
        ASSERT_EQ(out.users.size(), 1U);
        EXPECT_EQ(out.users[0].password, "$6$salt$hash");
        EXPECT_EQ(out.users[0].keys.size(), 2U);
        EXPECT_EQ(out.users[0].groups.size(), 2U);
        EXPECT_EQ(out.users[0].uid, 1234U);
        EXPECT_EQ(out.groups.at(0).gid, 18U);
        ASSERT_EQ(out.files.size(), 2U);
        EXPECT_TRUE(out.files[0].is_directory);
        EXPECT_TRUE(out.files[0].ensure_parents);
        EXPECT_EQ(out.files[1].mode, 0600U);
        EXPECT_EQ(out.files[1].user, "7");
        EXPECT_EQ(out.filesystems.at(0).min_size, 10ULL << 30);
    }
    EXPECT_TRUE(parse_config("", "a.toml").users.empty());
    EXPECT_EQ(parse_config("customizations.timezone = 'UTC'", "a.toml").timezone, "UTC");
    EXPECT_EQ(parse_config("customizations.timezone.ntpservers = ['a']", "a.toml").timezone, "");
}

ErrorKind refused_config(const std::string& toml) {
    try {
        parse_config(toml, "a.toml");
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("a.toml"), std::string::npos) << error.message();
        return error.kind();
    }
    ADD_FAILURE() << "taken: " << toml;
    return ErrorKind::internal;
}

TEST(Config, WhatIsNotKnownIsNotPassedOver) {
    EXPECT_EQ(refused_config("[customizations.firewall]\nports = []"), ErrorKind::unsupported);
    EXPECT_EQ(refused_config("[[customizations.user]]\nname = 'a'\nexpires = 1"), ErrorKind::unsupported);
    EXPECT_EQ(refused_config("blueprints = 1"), ErrorKind::unsupported);
    EXPECT_EQ(refused_config("customizations.locale.languages = ['de', 'en']"), ErrorKind::unsupported);
    EXPECT_EQ(refused_config("customizations.services.started = ['a']"), ErrorKind::unsupported);
    EXPECT_EQ(refused_config("customizations.timezone.ntp = ['a']"), ErrorKind::unsupported);
    EXPECT_EQ(refused_config("[[customizations.filesystem]]\nmountpoint = '/var/data'\nminsize = 1"),
              ErrorKind::unsupported);
}

TEST(Config, ABlueprintMayBeWrapped) {
    const std::string plain = kJson;
    const Customizations one = parse_config(plain, "a.json");
    const Customizations wrapped = parse_config("{\"blueprint\": " + plain + "}", "a.json");
    EXPECT_EQ(wrapped.text, one.text);
    ASSERT_EQ(wrapped.users.size(), 1U);
    EXPECT_EQ(wrapped.users[0].name, "core");
    EXPECT_EQ(parse_config("blueprint.customizations.hostname = 'a'", "a.toml").hostname, "a");
    EXPECT_EQ(refused_config("blueprint = 1"), ErrorKind::invalid);
    EXPECT_EQ(refused_config("blueprint.blueprint.name = 'a'"), ErrorKind::unsupported);
    // Settings outside would be lost.
    EXPECT_EQ(refused_config("customizations.hostname = 'a'\nblueprint.name = 'a'"), ErrorKind::unsupported);
}

TEST(Config, ABlueprintHasAName) {
    // As a program writes it: empty lists for what is not there.
    const Customizations out =
        parse_config(R"({"name": "edge", "description": "a", "version": "1.0.0", "distro": "",
                         "packages": [], "modules": [], "enabled_modules": [], "groups": [], "containers": [],
                         "customizations": {"hostname": "a"}})",
                     "a.json");
    EXPECT_EQ(out.hostname, "a");
    EXPECT_EQ(refused_config("name = 1"), ErrorKind::invalid);
    EXPECT_EQ(refused_config("packages = 1"), ErrorKind::invalid);
    EXPECT_EQ(refused_config("[[packages]]\nname = 'nginx'"), ErrorKind::unsupported);
    EXPECT_EQ(refused_config("distro = 'fedora-41'"), ErrorKind::unsupported);
}

// The customizations of osbuild's blueprints that are not read (pkg/blueprint/customizations.go).
TEST(Config, OtherSettingsOfBlueprintsAreRefusedWithAReason) {
    for (const std::string setting : {"bootloader",
                                      "cacerts",
                                      "containers-storage",
                                      "disk",
                                      "dnf",
                                      "fdo",
                                      "fips",
                                      "firewall",
                                      "firstboot",
                                      "ignition",
                                      "installation_device",
                                      "installer",
                                      "iso",
                                      "kernel.name",
                                      "openscap",
                                      "partitioning_mode",
                                      "repositories",
                                      "rhsm",
                                      "rpm",
                                      "sshd"}) {
        try {
            parse_config("customizations." + setting + ".x = 1", "a.toml");
            ADD_FAILURE() << "taken: " << setting;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::unsupported) << setting;
            EXPECT_NE(error.message().find("customizations." + setting + " is not supported"),
                      std::string::npos)
                << error.message();
            EXPECT_NE(error.hint(), "") << setting;
        }
    }
    EXPECT_NE(image::unsupported_reason("customizations.files.uri"), "");
    EXPECT_EQ(image::unsupported_reason("customizations.nonsense"), "");
}

TEST(Config, AccountsMayExpire) {
    const std::string user = "[[customizations.user]]\nname = 'a'\n";
    const Customizations out = parse_config(
        user + "expiredate = 20000\nforce_password_reset = true\nhome = '/var/home/a/'", "a.toml");
    EXPECT_EQ(out.users.at(0).expiration_day, 20000U);
    EXPECT_TRUE(out.users.at(0).must_change_password);
    EXPECT_EQ(out.users.at(0).home, "/var/home/a");
    for (const char* text : {"expiredate = -1", "expiredate = 2932897", "expiredate = '2030-01-01'",
                             "force_password_reset = 1", "home = '/'", "home = '//'", "home = ''"}) {
        EXPECT_EQ(refused_config(user + text), ErrorKind::invalid) << text;
    }
}

TEST(Config, PasswordsMayBeLocked) {
    for (const std::string password : {"!", "!!", "*", "!*", "!$6$salt$hash", "!!$6$salt$hash"}) {
        const auto out =
            parse_config("[[customizations.user]]\nname = 'a'\npassword = '" + password + "'", "a.toml");
        EXPECT_EQ(out.users.at(0).password, password);
    }
}

TEST(Config, MalformedAndHostileValuesAreRefused) {
    for (const char* text : {"[customizations",
                             "customizations = 1",
                             "[[customizations.user]]\nkey = 'x'",
                             "[[customizations.user]]\nname = 'a:b'",
                             "[[customizations.user]]\nname = ''",
                             "[[customizations.user]]\nname = 'a'\npassword = 'plain'",
                             "[[customizations.user]]\nname = 'a'\npassword = \"$6$x\\nroot::0\"",
                             "[[customizations.user]]\nname = 'a'\npassword = ''",
                             "[[customizations.user]]\nname = 'a'\npassword = '$'",
                             "[[customizations.user]]\nname = 'a'\npassword = '!plain'",
                             "[[customizations.user]]\nname = 'a'\nkey = 'hello'",
                             "[[customizations.sshkey]]\nuser = 'a'\nkey = 'hello'",
                             "[[customizations.sshkey]]\nuser = 'a'",
                             "[[customizations.sshkey]]\nkey = 'ssh-rsa A'",
                             "customizations.services.enabled = 'a'",
                             "customizations.services = { enabled = ['a'], masked = ['a'] }",
                             "customizations.locale.languages = 'de'",
                             "[[customizations.user]]\nname = 'a'\nshell = '/bin/sh:x'",
                             "[[customizations.user]]\nname = 'a'\nhome = 'home'",
                             "[[customizations.user]]\nname = 'a'\nhome = '/home/../etc'",
                             "[[customizations.user]]\nname = 'a'\nuid = -1",
                             "[[customizations.user]]\nname = 'a'\nuid = 4294967295",
                             "[[customizations.user]]\nname = 'a'\ngroups = 'wheel'",
                             "customizations.hostname = 'a b'",
                             "customizations.timezone = '../../x'",
                             "customizations.timezone = ''",
                             "customizations.timezone.timezone = ''",
                             "customizations.timezone.ntpservers = ['a b']",
                             "customizations.kernel.append = \"a\\nb\"",
                             "customizations.kernel.append = 'a\"b'",
                             "[[customizations.files]]\npath = 'etc/x'\ndata = ''",
                             "[[customizations.files]]\npath = '/etc/x'\nmode = '9'",
                             "[[customizations.files]]\npath = '/etc/x'\nmode = 1979-05-27",
                             "[[customizations.filesystem]]\nmountpoint = '/'\nminsize = 'big'"}) {
        EXPECT_EQ(refused_config(text), ErrorKind::invalid) << text;
    }
}

TEST(Config, AccountFilesHaveOneWriter) {
    const std::string user = "[[customizations.user]]\nname = 'a'\n";
    const std::string group = "[[customizations.group]]\nname = 'a'\n";
    const std::string key = "[[customizations.sshkey]]\nuser = 'a'\nkey = 'ssh-rsa A'\n";
    for (const std::string path :
         {"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc//passwd", "/etc/./group"}) {
        const std::string file = "[[customizations.files]]\npath = '" + path + "'\n";
        EXPECT_NO_THROW(parse_config(file, "a.toml"));
        for (const std::string& more : {user, group, key}) {
            EXPECT_EQ(refused_config(file + more), ErrorKind::invalid) << path;
        }
    }
    EXPECT_NO_THROW(parse_config("[[customizations.files]]\npath = '/etc/passwd-'\n" + user, "a.toml"));
}

// By it the identifiers of disks are told apart.
TEST(Config, TextIsThatOfTheSettings) {
    const std::string one =
        parse_config("customizations = { hostname = 'a', timezone = 'UTC' }", "a.toml").text;
    EXPECT_EQ(one,
              parse_config(R"({"customizations": {"timezone": "UTC", "hostname": "a"}})", "b.json").text);
    EXPECT_NE(one, parse_config("customizations = { hostname = 'b', timezone = 'UTC' }", "a.toml").text);
    EXPECT_EQ(parse_config("", "a.toml").text, "");
}

TEST(ByteSize, UnitsAndLimits) {
    EXPECT_EQ(image::parse_byte_size("4096"), 4096U);
    EXPECT_EQ(image::parse_byte_size("2G"), 2ULL << 30);
    EXPECT_EQ(image::parse_byte_size("10 GiB"), 10ULL << 30);
    EXPECT_EQ(image::parse_byte_size("1KB"), 1000U);
    EXPECT_EQ(image::parse_byte_size("3k"), 3072U);
    for (const char* text : {"", "G", "-1", "1.5G", "1 X", "1GiBx", "99999999999T", "18446744073709551615"}) {
        EXPECT_EQ(image::parse_byte_size(text), std::nullopt) << text;
    }
}

TEST(OsRelease, ShellQuoting) {
    const image::OsRelease out = image::parse_os_release(
        "# c\nPRETTY_NAME=\"Alpine \\\"x\\\" v3\"\nID='a b'\nVERSION=1\\ 2\nnonsense\n=x\n");
    EXPECT_EQ(out.at("PRETTY_NAME"), "Alpine \"x\" v3");
    EXPECT_EQ(out.at("ID"), "a b");
    EXPECT_EQ(out.at("VERSION"), "1 2");
    EXPECT_EQ(out.size(), 3U);
    EXPECT_EQ(image::deployment_title(out, "7", 1), "Alpine \"x\" v3 7 (ostree:1)");
    EXPECT_EQ(image::deployment_title(out, "v3", 0), "Alpine \"x\" v3 (ostree:0)");
    EXPECT_EQ(image::deployment_title({}, "", 0), "Linux (ostree:0)");
}

TEST(Uuid, DerivedOnesDependOnEverything) {
    const auto one = image::derived_uuid("seed", "a");
    EXPECT_EQ(one, image::derived_uuid("seed", "a"));
    EXPECT_NE(one, image::derived_uuid("seed", "b"));
    EXPECT_NE(one, image::derived_uuid("seed2", "a"));
    EXPECT_NE(image::derived_uuid("a", "bc"), image::derived_uuid("ab", "c"));
    EXPECT_NE(image::random_uuid(), image::random_uuid());
    EXPECT_EQ(image::to_string(one).size(), 36U);
    EXPECT_EQ(image::to_string(one)[14], '8');
}

}  // namespace
}  // namespace osb::test
