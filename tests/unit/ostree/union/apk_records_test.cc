#include "ostree/union/apk_records.hh"

#include <gtest/gtest.h>

#include "base/error.hh"
#include "ostree/union/apk_version.hh"
#include "tests/support/compress.hh"
#include "tests/support/tar_builder.hh"

namespace osb::ostree {
namespace {

const std::string kTwoPackages =
    "C:Q1aaa=\nP:one\nV:1.0-r0\nA:x86_64\no:source\nr:two<2 "
    "three\nq:7\nF:\nF:etc\nM:0:0:750\nR:conf\na:0:0:600\n"
    "Z:Q1xyz=\nR:other\nF:usr/bin\n\nC:Q1bbb=\nP:two\nV:2.0-r1\nx:unknown\n\n";

TEST(ApkRecords, AreWrittenWithTheSameBytes) {
    const auto packages = parse_installed(kTwoPackages);
    ASSERT_EQ(packages.size(), 2U);
    EXPECT_EQ(installed_text(packages), kTwoPackages);
    const ApkPackage& one = packages[0];
    EXPECT_EQ(one.name, "one");
    EXPECT_EQ(one.version, "1.0-r0");
    EXPECT_EQ(one.checksum, "Q1aaa=");
    EXPECT_EQ(one.origin, "source");
    EXPECT_EQ(one.replaces, (std::vector<std::string>{"two<2", "three"}));
    EXPECT_EQ(one.replaces_priority, 7);
    ASSERT_EQ(one.directories.size(), 3U);
    EXPECT_EQ(one.directories[1].name, "etc");
    ASSERT_EQ(one.directories[1].files.size(), 2U);
    EXPECT_EQ(one.directories[1].files[0].lines, "R:conf\na:0:0:600\nZ:Q1xyz=\n");
    EXPECT_TRUE(parse_installed("").empty());
    EXPECT_TRUE(parse_installed("\n\n").empty());
}

TEST(ApkRecords, RefusesMalformedOnes) {
    for (const std::string text :
         {"P", "no field\n\n", "V:1\n\n", "P:a\n\nP:a\n\n", "P:a\nR:x\n\n", "P:a\nF:../x\n\n",
          "P:a\nF:x\nR:../y\n\n", "P:a\nF:x\nR:\n\n", "P:a\nF:x\nR:a/b\n\n", "P:a\nF:x\nR:..\n\n"}) {
        SCOPED_TRACE(text);
        EXPECT_THROW(parse_installed(text), Error);
    }
}

TEST(ApkRecords, TriggersAndScriptsBelongToPackages) {
    auto packages = parse_installed(kTwoPackages);
    add_triggers(packages, "Q1bbb= /usr/bin /etc/*\nQ1none= /x\n\n");
    EXPECT_EQ(packages[0].trigger, "");
    EXPECT_EQ(triggers_text(packages), "Q1bbb= /usr/bin /etc/*\n");
    test::TarBuilder tar;
    tar.file("two-2.0-r1.Q1bbb=.post-install", "2")
        .file("one-1.0-r0.Q1a/b+c=.trigger", "1")
        .file("three-1.Q1c=.pre-install", "3")
        .file("x", "");
    add_scripts(packages, tar.finish());
    ASSERT_EQ(packages[0].scripts.size(), 1U);
    EXPECT_EQ(packages[0].scripts[0].content, "1");
    ASSERT_EQ(packages[1].scripts.size(), 1U);
    const std::string written = scripts_archive(packages);
    auto again = parse_installed(kTwoPackages);
    add_scripts(again, written);
    EXPECT_EQ(scripts_archive(again), written);
    EXPECT_NE(written.find("one-1.0-r0.Q1a/b+c=.trigger"), std::string::npos);
    EXPECT_EQ(written.find("three"), std::string::npos);
    EXPECT_THROW(add_scripts(packages, "not a tar archive"), Error);
}

TEST(ApkRecords, LimitsWhatScriptsUnpackTo) {
    auto packages = parse_installed(kTwoPackages);
    test::TarBuilder tar;  // of members that belong to no package
    for (const char* name : {"a", "b"}) tar.file(name, std::string(kMaxScripts / 2, '\0'));
    try {
        add_scripts(packages, test::gzip(tar.finish(), 1));
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::too_large);
    }
}

TEST(ApkWorld, OneLinePerNameSorted) {
    EXPECT_EQ(join_worlds("busybox\nalpine-base  zlib\n", "!curl\nbusybox>=1.36\n"),
              "alpine-base\nbusybox>=1.36\n!curl\nzlib\n");
    EXPECT_EQ(join_worlds("", ""), "");
    EXPECT_EQ(join_worlds("a@edge", "a"), "a\n");
}

ApkPackage package_of(const std::string& name, const std::string& fields = "") {
    return parse_installed("P:" + name + "\nV:1.0-r0\n" + fields + "\n").front();
}

// The rules of apk_pkg_replaces_file().
TEST(ApkOwner, FollowsReplacesAndOrigin) {
    const ApkPackage plain = package_of("b");
    EXPECT_EQ(decide_owner(package_of("a"), plain), FileOwner::conflict);
    EXPECT_EQ(decide_owner(package_of("a"), package_of("a")), FileOwner::fresh_one);
    EXPECT_EQ(decide_owner(package_of("a"), package_of("b", "r:a\n")), FileOwner::fresh_one);
    EXPECT_EQ(decide_owner(package_of("a", "r:b\n"), plain), FileOwner::old_one);
    EXPECT_EQ(decide_owner(package_of("a", "r:b\nq:5\n"), package_of("b", "r:a\nq:4\n")), FileOwner::old_one);
    EXPECT_EQ(decide_owner(package_of("a", "r:b\nq:5\n"), package_of("b", "r:a\nq:5\n")),
              FileOwner::fresh_one);
    EXPECT_EQ(decide_owner(package_of("a"), package_of("b", "r:a<1.0\n")), FileOwner::conflict);
    EXPECT_EQ(decide_owner(package_of("a"), package_of("b", "r:a<1.1\n")), FileOwner::fresh_one);
    EXPECT_EQ(decide_owner(package_of("a", "o:s\n"), package_of("b", "o:s\n")), FileOwner::fresh_one);
    EXPECT_EQ(decide_owner(package_of("a", "o:s\n"), package_of("b", "o:t\n")), FileOwner::conflict);
}

// In ascending order; from the tests of apk-tools and its documentation.
TEST(ApkVersion, Order) {
    const std::vector<std::string> ascending{
        "0.1",    "1.0_alpha", "1.0_alpha2",      "1.0_beta", "1.0_pre1", "1.0_rc1", "1.0_rc1-r1", "1.0",
        "1.0-r1", "1.0-r10",   "1.0_git20200101", "1.0_p1",   "1.0_p2",   "1.0a",    "1.0b",       "1.0.1",
        "1.0.10", "1.1",       "1.2.3-r4",        "2",        "10.0"};
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        for (std::size_t j = 0; j < ascending.size(); ++j) {
            const int result = compare_apk_versions(ascending[i], ascending[j]);
            EXPECT_EQ(result < 0, i < j) << ascending[i] << ' ' << ascending[j];
            EXPECT_EQ(result > 0, i > j) << ascending[i] << ' ' << ascending[j];
        }
    }
    EXPECT_LT(compare_apk_versions("1.01", "1.1"), 0);
    EXPECT_EQ(compare_apk_versions("1.0~abc-r1", "1.0-r1"), 0);
    EXPECT_EQ(compare_apk_versions("1.99999999999999999998", "1.999999999999999999999999"), 0);
    EXPECT_NE(compare_apk_versions("x", "y"), 0);
}

TEST(ApkVersion, Dependencies) {
    EXPECT_EQ(dependency_name("!busybox>=1.36@edge"), "busybox");
    EXPECT_TRUE(satisfies("a", "a", "1"));
    EXPECT_FALSE(satisfies("!a", "a", "1"));
    EXPECT_FALSE(satisfies("a", "ab", "1"));
    EXPECT_TRUE(satisfies("a>=1.2", "a", "1.2-r0"));
    EXPECT_FALSE(satisfies("a>1.2-r0", "a", "1.2-r0"));
    EXPECT_TRUE(satisfies("a=1.2-r0", "a", "1.2-r0"));
    EXPECT_FALSE(satisfies("a<1.2", "a", "1.10"));
    EXPECT_TRUE(satisfies("a~1.2", "a", "1.2.5-r1"));
    EXPECT_FALSE(satisfies("a~1.2", "a", "1.20"));
    EXPECT_TRUE(satisfies("a~=1.2", "a", "1.2"));
    EXPECT_TRUE(satisfies("a@edge>=1", "a", "1"));
}

}  // namespace
}  // namespace osb::ostree
