// The rules of layer.md, each as a small image whose commit libostree lists.
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

using OverlayTest = ImportTest;

TEST_F(OverlayTest, LaterLayerReplacesFile) {
    const Listing tree = plain({TarBuilder().file("a/x", "old"), TarBuilder().file("a/x", "new", 0755)});
    EXPECT_EQ(content(tree, "/a/x"), "new");
    EXPECT_EQ(tree.at("/a/x").mode, 0755U);
}

TEST_F(OverlayTest, WhiteoutHidesFileAndTree) {
    const Listing tree = plain(
        {TarBuilder().directory("d").file("d/a", "1").directory("d/s").file("d/s/b", "2").file("k", "3"),
         TarBuilder().file("d/.wh.s", "").file(".wh.k", "")});
    EXPECT_EQ(content(tree, "/d/a"), "1");
    EXPECT_EQ(type(tree, "/d/s"), '-');
    EXPECT_EQ(type(tree, "/k"), '-');
    EXPECT_EQ(type(tree, "/d/.wh.s"), '-');
}

TEST_F(OverlayTest, WhiteoutHidesLowerLayersOnly) {
    // '-foo' sorts before '.wh.-foo', and stands before or after it: the layer's own file stays.
    for (const bool whiteout_first : {true, false}) {
        TarBuilder upper;
        if (whiteout_first) upper.file(".wh.-foo", "").file("-foo", "new");
        if (!whiteout_first) upper.file("-foo", "new").file(".wh.-foo", "");
        const Listing tree = plain({TarBuilder().file("-foo", "old"), upper});
        EXPECT_EQ(content(tree, "/-foo"), "new") << whiteout_first;
    }
}

TEST_F(OverlayTest, WhiteoutThenDirectoryOfTheSameLayer) {
    const Listing tree = plain({TarBuilder().directory("d").file("d/old", "1"),
                                TarBuilder().directory("d", 0700).file("d/new", "2").file(".wh.d", "")});
    EXPECT_EQ(type(tree, "/d/old"), '-');
    EXPECT_EQ(content(tree, "/d/new"), "2");
    EXPECT_EQ(tree.at("/d").mode, 0700U);
}

TEST_F(OverlayTest, WhiteoutOfWhatIsNotThere) {
    const Listing tree =
        plain({TarBuilder().file("a", "1"), TarBuilder().file(".wh.zz", "").file("no/such/.wh.x", "")});
    EXPECT_EQ(content(tree, "/a"), "1");
}

TEST_F(OverlayTest, WhiteoutOfLinkKeepsItsTarget) {
    const Listing tree =
        plain({TarBuilder().file("t", "1").symlink("l", "t"), TarBuilder().file(".wh.l", "")});
    EXPECT_EQ(type(tree, "/l"), '-');
    EXPECT_EQ(content(tree, "/t"), "1");
}

TEST_F(OverlayTest, OpaqueHidesLowerLayersInAnyOrder) {
    for (const bool opaque_first : {true, false}) {
        TarBuilder upper;
        upper.directory("d");
        if (opaque_first) upper.file("d/.wh..wh..opq", "");
        upper.file("d/new", "n");
        if (!opaque_first) upper.file("d/.wh..wh..opq", "");
        const Listing tree = plain(
            {TarBuilder().directory("d").file("d/old", "o").directory("d/s").file("d/s/x", "x"), upper});
        EXPECT_EQ(type(tree, "/d/old"), '-');
        EXPECT_EQ(type(tree, "/d/s"), '-');
        EXPECT_EQ(content(tree, "/d/new"), "n");
    }
}

TEST_F(OverlayTest, OpaqueDoesNotHideASymlinksTargetElsewhere) {
    const Listing tree = plain({TarBuilder().directory("real").file("real/a", "1").symlink("d", "real"),
                                TarBuilder().file("d/.wh..wh..opq", "").file("d/b", "2")});
    EXPECT_EQ(type(tree, "/real/a"), '-');  // the marker counts where the link leads, inside the root
    EXPECT_EQ(content(tree, "/real/b"), "2");
    EXPECT_EQ(type(tree, "/d"), 'l');
}

TEST_F(OverlayTest, NothingIsHiddenWhereAReplacedLinkLed) {
    // `rm link; mkdir link` in a container gives such a layer: an opaque directory where a link was.
    const TarBuilder lower =
        TarBuilder().directory("b").file("b/keep1", "1").file("b/keep2", "2").symlink("a", "b");
    for (const char* marker : {"a/.wh..wh..opq", "a/.wh.keep1"}) {
        const Listing tree = plain({lower, TarBuilder().directory("a").file(marker, "").file("a/new", "n")});
        EXPECT_EQ(content(tree, "/b/keep1"), "1") << marker;
        EXPECT_EQ(content(tree, "/b/keep2"), "2") << marker;
        EXPECT_EQ(content(tree, "/a/new"), "n") << marker;
    }
}

TEST_F(OverlayTest, DirectoryMetadataOfLaterLayerCounts) {
    TarMember dir{.name = "d/", .type = '5', .mode = 01700, .uid = 7, .gid = 8};
    const Listing tree = plain({TarBuilder().directory("d", 0755).file("d/a", "1"), TarBuilder().add(dir)});
    EXPECT_EQ(tree.at("/d").mode, 01700U);
    EXPECT_EQ(tree.at("/d").uid, 7U);
    EXPECT_EQ(tree.at("/d").gid, 8U);
    EXPECT_EQ(content(tree, "/d/a"), "1");
}

TEST_F(OverlayTest, ImpliedDirectoryDoesNotChangeMetadata) {
    const Listing tree =
        plain({TarBuilder().directory("d", 0700), TarBuilder().file("d/a", "1").file("e/f/g", "2")});
    EXPECT_EQ(tree.at("/d").mode, 0700U);
    EXPECT_EQ(tree.at("/e/f").mode, 0755U);
}

TEST_F(OverlayTest, RootEntrySetsRootMetadata) {
    TarMember root{.name = "./", .type = '5', .mode = 0711, .uid = 3, .gid = 4};
    const Listing tree = plain({TarBuilder().add(root).file("./a", "1")});
    EXPECT_EQ(tree.at("/").mode, 0711U);
    EXPECT_EQ(tree.at("/").uid, 3U);
    EXPECT_EQ(content(tree, "/a"), "1");
}

TEST_F(OverlayTest, TypesReplaceEachOther) {
    const TarBuilder lower = TarBuilder()
                                 .directory("d2f")
                                 .file("d2f/x", "x")
                                 .file("f2d", "f")
                                 .symlink("l2f", "f2d")
                                 .directory("d2l")
                                 .file("d2l/y", "y")
                                 .file("f2l", "f")
                                 .symlink("l2d", "nowhere");
    const TarBuilder upper = TarBuilder()
                                 .file("d2f", "F")
                                 .directory("f2d")
                                 .file("f2d/n", "n")
                                 .file("l2f", "L")
                                 .symlink("d2l", "t")
                                 .symlink("f2l", "u")
                                 .directory("l2d");
    const Listing tree = plain({lower, upper});
    EXPECT_EQ(content(tree, "/d2f"), "F");
    EXPECT_EQ(type(tree, "/d2f/x"), '-');
    EXPECT_EQ(content(tree, "/f2d/n"), "n");
    EXPECT_EQ(type(tree, "/l2f"), 'f');
    EXPECT_EQ(content(tree, "/d2l"), "t");
    EXPECT_EQ(type(tree, "/d2l/y"), '-');
    EXPECT_EQ(content(tree, "/f2l"), "u");
    EXPECT_EQ(type(tree, "/l2d"), 'd');
}

// The directory takes the place of the very link that its path goes through.
// opencontainers/umoci#546
TEST_F(OverlayTest, ADirectoryInPlaceOfAFileOfALowerLayer) {
    const Listing tree =
        plain({TarBuilder()
                   .file("f", "1")
                   .device("d", '3', 1, 3)
                   .directory("real")
                   .symlink("l", "real")
                   .file("real/f", "1"),
               TarBuilder().file("f/a/child", "2").file("f/b", "3").file("d/x", "4").file("l/f/x", "5")});
    EXPECT_EQ(content(tree, "/f/a/child"), "2");
    EXPECT_EQ(content(tree, "/f/b"), "3");
    EXPECT_EQ(tree.at("/f").mode, 0755U);
    EXPECT_EQ(content(tree, "/d/x"), "4");
    EXPECT_EQ(content(tree, "/real/f/x"), "5");
}

TEST_F(OverlayTest, ADirectoryInPlaceOfTheLinkOnItsOwnPath) {
    Listing tree = plain({TarBuilder().symlink("e", ".").directory("e/e", 0700)});
    EXPECT_EQ(type(tree, "/e"), 'd');
    EXPECT_EQ(tree.at("/e").mode, 0700U);
    EXPECT_EQ(tree.size(), 2U);
    tree = plain({TarBuilder().directory("a").symlink("a/b", "../a").directory("a/b/b").file("a/b/c", "c")});
    EXPECT_EQ(content(tree, "/a/b/c"), "c");
    EXPECT_EQ(type(tree, "/a/c"), '-');
}

// As umoci and the others have it: what is missing is made, so ".." behind it is taken by the letter.
TEST_F(OverlayTest, LinksThroughWhatIsNotThereAndUpAgain) {
    const Listing tree =
        plain({TarBuilder().directory("d").symlink("d/l", "no/../a").file("d/l/x", "1"),
               TarBuilder().file("d/l/.wh.x", "").file("d/a/y", "2").hardlink("h", "d/l/y")});
    EXPECT_EQ(content(tree, "/h"), "2");
    EXPECT_EQ(type(tree, "/d/no"), '-');
    EXPECT_EQ(type(tree, "/d/a/x"), '-');
    EXPECT_EQ(content(tree, "/d/a/y"), "2");
}

TEST_F(OverlayTest, HardLinksWithinAndAcrossLayers) {
    const Listing tree =
        plain({TarBuilder().file("a", "one", 0640).hardlink("b", "a").symlink("s", "a").hardlink("sl", "s"),
               TarBuilder().hardlink("c", "/a").file("a", "two"), TarBuilder().hardlink("d", "./b")});
    EXPECT_EQ(content(tree, "/a"), "two");
    EXPECT_EQ(content(tree, "/b"), "one");
    EXPECT_EQ(content(tree, "/c"), "one");
    EXPECT_EQ(content(tree, "/d"), "one");
    EXPECT_EQ(tree.at("/c").mode, 0640U);
    EXPECT_EQ(type(tree, "/sl"), 'l');  // a link to the link, not to its target
}

TEST_F(OverlayTest, HardLinkModeDoesNotTouchTheTarget) {
    TarMember link{.name = "b", .type = '1', .link_name = "a", .mode = 04777};
    const Listing tree = plain({TarBuilder().file("a", "one", 0600).add(link)});
    EXPECT_EQ(tree.at("/a").mode, 0600U);
    EXPECT_EQ(tree.at("/b").mode, 0600U);
}

TEST_F(OverlayTest, DuplicateEntriesLastWins) {
    const Listing tree = plain({TarBuilder()
                                    .file("a", "1")
                                    .file("a", "2")
                                    .file("b", "f")
                                    .directory("b")
                                    .file("b/x", "x")
                                    .symlink("c", "t")
                                    .file("c", "file")});
    EXPECT_EQ(content(tree, "/a"), "2");
    EXPECT_EQ(content(tree, "/b/x"), "x");
    EXPECT_EQ(content(tree, "/c"), "file");
}

TEST_F(OverlayTest, WritesThroughSymlinkOfLowerLayer) {
    const Listing tree =
        plain({TarBuilder().directory("usr/lib", 0711).symlink("lib", "usr/lib").symlink("abs", "/usr/lib"),
               TarBuilder().file("lib/a", "1").file("abs/b", "2").hardlink("lib/c", "abs/b")});
    EXPECT_EQ(type(tree, "/lib"), 'l');
    EXPECT_EQ(content(tree, "/usr/lib/a"), "1");
    EXPECT_EQ(content(tree, "/usr/lib/b"), "2");
    EXPECT_EQ(content(tree, "/usr/lib/c"), "2");
    EXPECT_EQ(tree.at("/usr/lib").mode, 0711U);
}

TEST_F(OverlayTest, LinksThatLeadOutStayInside) {
    const Listing tree =
        plain({TarBuilder().symlink("up", "../../../..").symlink("abs", "/etc").symlink("chain", "up/abs"),
               TarBuilder().file("up/etc/x", "1").file("abs/y", "2").file("chain/z", "3")});
    EXPECT_EQ(content(tree, "/etc/x"), "1");
    EXPECT_EQ(content(tree, "/etc/y"), "2");
    EXPECT_EQ(content(tree, "/etc/z"), "3");
}

TEST_F(OverlayTest, WhiteoutThroughLinkStaysInside) {
    const Listing tree = plain(
        {TarBuilder().directory("etc").file("etc/passwd", "p").file("etc/k", "k").symlink("bad", "../../etc"),
         TarBuilder().file("bad/.wh.passwd", "")});
    EXPECT_EQ(type(tree, "/etc/passwd"), '-');
    EXPECT_EQ(content(tree, "/etc/k"), "k");
}

TEST_F(OverlayTest, NamesThatSortStrangelyAreKept) {
    const Listing tree = plain({TarBuilder()
                                    .file("a-b", "1")
                                    .directory("a")
                                    .file("a/c", "2")
                                    .file("a.b", "3")
                                    .file("\xc3\xa9", "4")
                                    .file("e\xcc\x81", "5")
                                    .file("A", "6")
                                    .file("line\nfeed\x1b[2J", "7")});
    EXPECT_EQ(content(tree, "/a-b"), "1");
    EXPECT_EQ(content(tree, "/\xc3\xa9"), "4");
    EXPECT_EQ(content(tree, "/e\xcc\x81"), "5");
    EXPECT_EQ(content(tree, "/A"), "6");
    EXPECT_EQ(content(tree, "/line\nfeed\x1b[2J"), "7");
    EXPECT_GT(verify_all_objects(repo_path()), 8U);
}

TEST_F(OverlayTest, RefusesHostilePaths) {
    EXPECT_NE(refusal({TarBuilder().file("../../etc/passwd", "x")}).find("'..'"), std::string::npos);
    refusal({TarBuilder().file("a/../../b", "x")});
    refusal({TarBuilder().file("a/..", "x")});
    refusal({TarBuilder().file("./../x", "x")});
    refusal({TarBuilder().directory("..")});
    refusal({TarBuilder().hardlink("l", "../../../etc/shadow")});
    refusal({TarBuilder().file(std::string(300, 'n'), "x")});
    refusal({TarBuilder().file(".", "x")});
    EXPECT_NE(refusal({TarBuilder().file("bad\xff", "x")}).find("UTF-8"), std::string::npos);
    EXPECT_NE(refusal({TarBuilder().file("over\xc0\xaf", "x")}).find("\\xc0"), std::string::npos);
    std::string deep;
    for (int i = 0; i < 3000; ++i) deep += "d/";
    refusal({TarBuilder().file(deep + "x", "x")});
}

TEST_F(OverlayTest, RefusesWhatLinuxCouldNotHold) {
    refusal({TarBuilder().pax({{"SCHILY.xattr.user." + std::string(300, 'n'), "v"}}).file("a", "1")});
    refusal({TarBuilder().pax({{"SCHILY.xattr.user.big", std::string(70000, 'v')}}).file("a", "1")});
    // All of a file's attributes are one value in a bare-user repository.
    refusal({TarBuilder().pax({{"SCHILY.xattr.user.big", std::string(65536, 'v')}}).file("a", "1")});
    PaxRecords many;
    for (int i = 0; i < 7; ++i) many.emplace_back(concat("SCHILY.xattr.user.", i), std::string(10000, 'v'));
    refusal({TarBuilder().pax(many).file("a", "1")});
    refusal({TarBuilder().pax(many).directory("a")});
    EXPECT_NE(refusal({TarBuilder().pax({{"linkpath", std::string(4096, 't')}}).symlink("l", "t")})
                  .find("4096 bytes"),
              std::string::npos);
    EXPECT_EQ(
        content(plain({TarBuilder().pax({{"linkpath", std::string(4095, 't')}}).symlink("l", "t")}), "/l")
            .size(),
        4095U);
    plain({TarBuilder().pax({{"SCHILY.xattr.user.", "v"}}).file("a", "1")});
    ASSERT_EQ(warnings_.size(), 1U);
}

TEST_F(OverlayTest, DepthHasABound) {
    std::string path = "d";
    for (int i = 1; i < 250; ++i) path += "/d";
    EXPECT_EQ(plain({TarBuilder().file(path + "/f", "x")}).size(), 252U);
    // Through links a path of few parts is a deep one.
    TarBuilder deep = TarBuilder().symlink("l", path);
    refusal({deep.file("l/l2/l3/l4/l5/l6/l7/l8/f", "x")});
}

TEST_F(OverlayTest, LinksThroughLinksHaveABound) {
    TarBuilder layer;
    std::string target = "x";
    for (int i = 0; i < 1500; ++i) target += "/.././x";
    layer.directory("x");
    for (int i = 0; i < 10; ++i)
        layer.symlink(concat("l", i),
                      i == 0 ? target.substr(0, 4000) : concat("l", i - 1, "/", target.substr(0, 4000)));
    EXPECT_NE(refusal({layer.file("l9/f", "1")}).find("4096 parts"), std::string::npos);
}

TEST_F(OverlayTest, WhatIsBelowNamesOfAufsIsDropped) {
    const Listing tree =
        plain({TarBuilder().directory(".wh..wh.plnk").file(".wh..wh.plnk/1.2", "x").file("a", "1")});
    EXPECT_EQ(tree.size(), 2U);
    EXPECT_EQ(warnings_.size(), 1U);
}

TEST_F(OverlayTest, RefusesHostileLinks) {
    EXPECT_NE(refusal({TarBuilder().symlink("a", "b").symlink("b", "a").file("a/x", "1")}).find("40"),
              std::string::npos);
    EXPECT_NE(refusal({TarBuilder().hardlink("l", "nothing")}).find("does not exist"), std::string::npos);
    EXPECT_NE(refusal({TarBuilder().directory("d").hardlink("l", "d")}).find("directory"), std::string::npos);
    EXPECT_NE(refusal({TarBuilder().file("f", "1").file("f/child", "2")}).find("not a directory"),
              std::string::npos);
    EXPECT_NE(refusal({TarBuilder().file("f", "0"), TarBuilder().file("f/child", "2").file("f", "1"),
                       TarBuilder().file("f", "1").file("f/child", "2")})
                  .find("layer 2 of 3"),
              std::string::npos);
}

TEST_F(OverlayTest, RefusesHostileWhiteouts) {
    refusal({TarBuilder().file(".wh.", "")});
    refusal({TarBuilder().file("a/.wh.", "")});
    refusal({TarBuilder().file(".wh...", "")});
    refusal({TarBuilder().file(".wh..", "")});
    refusal({TarBuilder().file("a/../.wh.x", "")});
    refusal({TarBuilder().directory(".wh.x")});
    refusal({TarBuilder().symlink(".wh.x", "y")});
    refusal({TarBuilder().file(".wh.x", "data")});
    refusal({TarBuilder().file(".wh.d/x", "1")});
}

TEST_F(OverlayTest, DropsWhatOstreeCannotHoldWithAWarning) {
    const Listing tree = plain({TarBuilder()
                                    .directory("dev")
                                    .device("dev/sda", '4', 8, 0)
                                    .device("dev/null", '3', 1, 3)
                                    .device("whiteout", '3', 0, 0)
                                    .fifo("pipe")
                                    .file(".wh..wh.plnk", "")
                                    .file("a", "1")});
    EXPECT_EQ(tree.size(), 3U);  // the root, dev and a
    ASSERT_EQ(warnings_.size(), 3U);
    EXPECT_NE(warnings_[0].find("FIFOs"), std::string::npos);
    EXPECT_NE(warnings_[1].find("devices"), std::string::npos);
    EXPECT_NE(warnings_[1].find("dev/null"), std::string::npos);
    EXPECT_NE(warnings_[2].find("AUFS"), std::string::npos);
}

// ostree cannot hold them, and what they replaced is gone all the same.
TEST_F(OverlayTest, DevicesTakeTheirPlaceAndAreDropped) {
    const Listing tree =
        plain({TarBuilder()
                   .file("file", "old")
                   .directory("tree")
                   .file("tree/in", "old")
                   .file("other", "old")
                   .file("back", "old")
                   .file("kept", "k"),
               TarBuilder()
                   .device("file", '3', 0, 0)
                   .fifo("tree")
                   .device("other", '4', 8, 1)
                   .hardlink("link", "other")
                   .fifo("new/pipe")
                   .fifo("back"),
               TarBuilder().file("back", "new").file("link", "a file").hardlink("again", "tree")});
    EXPECT_EQ(tree.size(), 5U);  // the root, new, and:
    EXPECT_EQ(content(tree, "/kept"), "k");
    EXPECT_EQ(content(tree, "/back"), "new");
    EXPECT_EQ(content(tree, "/link"), "a file");
    EXPECT_EQ(type(tree, "/new"), 'd');
    EXPECT_EQ(result_->dropped, (std::vector<std::string>{"again", "file", "new/pipe", "other", "tree"}));
    refusal({TarBuilder().fifo("p").file("p/below", "x")});
}

TEST_F(OverlayTest, DevicesOfKnownLayersAreKnown) {
    const std::vector<TarBuilder> layers{TarBuilder().file("a", "old").file("b", "b"),
                                         TarBuilder().fifo("a")};
    const Listing first = plain(layers);
    const ostree::ImportResult again = import(
        image_of(layers).image, {.ref = ostree::RefName::parse("os/again"), .layout = ostree::Layout::plain});
    EXPECT_EQ(again.layers_reused, 2U);
    EXPECT_EQ(list_commit(repo_path(), "os/again"), first);
}

// AUFS kept the content of hard links there, and made whiteouts hard links.
TEST_F(OverlayTest, HardLinksAsAufsHasThem) {
    const Listing tree =
        plain({TarBuilder().file("d/a", "a").file("d/b", "b").file("d/c", "c").file("kept", "k"),
               TarBuilder()
                   .file(".wh..wh.aufs", "")
                   .directory(".wh..wh.plnk")
                   .file(".wh..wh.plnk/1.2", "linked")
                   .hardlink("x", ".wh..wh.plnk/1.2")
                   .hardlink("y", "./.wh..wh.plnk/1.2")
                   .file("d/.wh.a", "")
                   .hardlink("d/.wh.b", "d/.wh.a")
                   .hardlink("d/.wh.c", ".wh..wh.aufs")});
    EXPECT_EQ(content(tree, "/x"), "linked");
    EXPECT_EQ(content(tree, "/y"), "linked");
    EXPECT_EQ(tree.size(), 5U);  // the root, d, kept, x and y
    // They are the layer's own.
    refusal({TarBuilder().file(".wh..wh.plnk/1.2", "x"), TarBuilder().hardlink("x", ".wh..wh.plnk/1.2")});
    // No whiteout is one more name of a file with content.
    refusal({TarBuilder().file("d/a", "a").file("d/b", "b"), TarBuilder().hardlink("d/.wh.a", "d/b")});
    refusal({TarBuilder().file("d/a", "a"), TarBuilder().hardlink("d/.wh.a", "../.wh.b")});
}

TEST_F(OverlayTest, KeepsCapabilitiesAndUserAttributesOnly) {
    const std::string capability(
        "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
    TarBuilder layer;
    layer
        .pax({{"SCHILY.xattr.security.capability", capability},
              {"SCHILY.xattr.user.mime", "x"},
              {"SCHILY.xattr.user.ostreemeta", "evil"},
              {"SCHILY.xattr.security.selinux", "label"},
              {"SCHILY.xattr.trusted.overlay.opaque", "y"}})
        .file("ping", "elf", 0755);
    layer.pax({{"SCHILY.xattr.user.color", "red"}}).directory("d");
    layer.pax({{"SCHILY.xattr.user.color", "red"}}).symlink("l", "ping");
    const Listing tree = plain({layer});
    const std::map<std::string, std::string> kept{{"security.capability", capability}, {"user.mime", "x"}};
    EXPECT_EQ(tree.at("/ping").xattrs, kept);
    EXPECT_EQ(tree.at("/d").xattrs.at("user.color"), "red");
    EXPECT_TRUE(tree.at("/l").xattrs.empty());
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_[0].find("extended attributes dropped: 4 (security.selinux of ping"),
              std::string::npos)
        << warnings_[0];
}

// No archive could carry them on.
TEST_F(OverlayTest, DropsAttributesWhoseNamesAreNotPortable) {
    const Listing tree =
        plain({TarBuilder()
                   .pax({{"SCHILY.xattr.user.a\xff", "1"}, {"SCHILY.xattr.user.\xc3\xa4", "2"}})
                   .file("a", "1")});
    EXPECT_EQ(tree.at("/a").xattrs, (std::map<std::string, std::string>{{"user.\xc3\xa4", "2"}}));
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_[0].find("user.a\\xff of a"), std::string::npos) << warnings_[0];
}

TEST_F(OverlayTest, KeepsModesOwnersAndLargeIds) {
    TarMember file{.name = "su", .content = "x", .mode = 06755, .uid = 3'000'000'000, .gid = 4'294'967'294};
    TarMember link{.name = "l", .type = '2', .link_name = "su", .uid = 5, .gid = 6};
    const Listing tree = plain({TarBuilder().add(file).add(link).directory("t", 01777)});
    EXPECT_EQ(tree.at("/su").mode, 06755U);
    EXPECT_EQ(tree.at("/su").uid, 3'000'000'000U);
    EXPECT_EQ(tree.at("/su").gid, 4'294'967'294U);
    EXPECT_EQ(tree.at("/l").uid, 5U);
    EXPECT_EQ(tree.at("/t").mode, 01777U);
}

TEST_F(OverlayTest, ImagesWithoutLayersAreEmpty) {
    const Listing tree = plain({});
    EXPECT_EQ(tree.size(), 1U);
    EXPECT_EQ(type(tree, "/"), 'd');
}

TEST_F(OverlayTest, EmptyLayersAreLayers) {
    const Listing tree = plain({TarBuilder(), TarBuilder().file("a", "1"), TarBuilder()});
    EXPECT_EQ(tree.size(), 2U);
}

}  // namespace
}  // namespace osb::test
