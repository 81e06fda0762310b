// The small formats: object headers, refs, paths.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/error.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/tree/layer_path.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {
namespace {

TEST(ObjectFormat, KnownChecksums) {
    // Values that every ostree repository has: 0:0 0755 without attributes, and the empty directory.
    EXPECT_EQ(to_hex(sha256(as_bytes(dirmeta({.mode = S_IFDIR | 0755U})))),
              "446a0ef11b7cc167f3b603e585c7eeeeb675faa412d5ec73f62988eb0b6c5488");
    EXPECT_EQ(to_hex(sha256(as_bytes(dirtree({}, {})))),
              "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST(ObjectFormat, XattrsSurvive) {
    const std::vector<std::pair<std::string, std::string>> xattrs{
        {"security.capability", std::string("\0\1\2", 3)}, {"user.empty", ""}};
    EXPECT_EQ(parse_xattrs(serialize_xattrs(xattrs)), xattrs);
    EXPECT_EQ(serialize_xattrs({}), "");
}

TEST(ObjectFormat, LoosePaths) {
    Sha256 checksum{};
    checksum[0] = 0xab;
    EXPECT_EQ(loose_path(checksum, ObjectType::file, true), "ab/" + std::string(62, '0') + ".filez");
    EXPECT_EQ(loose_path(checksum, ObjectType::file, false), "ab/" + std::string(62, '0') + ".file");
    EXPECT_EQ(loose_path(checksum, ObjectType::dirtree, true), "ab/" + std::string(62, '0') + ".dirtree");
}

TEST(RefName, VectorsOfOstreeExt) {
    EXPECT_EQ(escape_ref("registry:quay.io/coreos/fedora:latest"),
              "registry_3A_quay_2E_io/coreos/fedora_3A_latest");
    EXPECT_EQ(escape_ref("localhost:5000/foo:latest"), "localhost_3A_5000/foo_3A_latest");
    EXPECT_EQ(escape_ref("foo/bar/baz-blah/foo"), "foo/bar/baz-blah/foo");
    EXPECT_EQ(escape_ref("docker://quay.io/exampleos/blah:latest"),
              "docker_3A__2F__2F_quay_2E_io/exampleos/blah_3A_latest");
    EXPECT_EQ(escape_ref("fedora/x86_64/coreos"), "fedora/x86__64/coreos");
    EXPECT_EQ(escape_ref("/foo/"), "_2F_foo_2F_");
    EXPECT_EQ(escape_ref("blah/"), "blah_2F_");
    EXPECT_THROW(escape_ref(""), Error);
    EXPECT_THROW(escape_ref("\xff"), Error);
}

TEST(LayerPath, Normal) {
    EXPECT_EQ(normalize_path("/etc//passwd"), "etc/passwd");
    EXPECT_EQ(normalize_path("././/x/"), "x");
    EXPECT_EQ(normalize_path("."), "");
    EXPECT_EQ(normalize_path("/"), "");
    EXPECT_EQ(normalize_path("a/...b/..c"), "a/...b/..c");
    for (const char* bad : {"", "..", "a/..", "../a", "a/../b", "\xc0\xaf"})
        EXPECT_THROW(normalize_path(bad), Error) << bad;
    EXPECT_NO_THROW(normalize_path(std::string(255, 'x')));
    EXPECT_THROW(normalize_path(std::string(256, 'x')), Error);
}

TEST(LayerPath, Whiteouts) {
    EXPECT_EQ(classify("a/.wh.b").path, "a/b");
    EXPECT_EQ(classify(".wh.b").path, "b");
    EXPECT_EQ(classify("a/.wh..wh..opq").path, "a");
    EXPECT_EQ(classify("a/.wh..wh..opq").kind, NameKind::opaque);
    EXPECT_EQ(classify(".wh..wh..opq").path, "");
    EXPECT_EQ(classify(".wh..wh.aufs").kind, NameKind::ignored);
    EXPECT_EQ(classify("a/b.wh.c").kind, NameKind::ordinary);
}

TEST(Tree, ResolvesAsInAChroot) {
    ImageBudget budget;
    Node root = Node::directory();
    make_directories(root, "usr/lib/x", budget);
    root.child("usr")->child("lib")->set_child("f", Node::file({}));
    root.set_child("lib", Node::symlink({}, "usr/lib"));
    root.set_child("up", Node::symlink({}, "../../../usr"));
    root.set_child("abs", Node::symlink({}, "/lib/f"));
    root.child("usr")->set_child("rel", Node::symlink({}, "lib/../../lib/x"));
    EXPECT_EQ(resolve(root, "lib/f", LastLink::follow, budget).canonical, "usr/lib/f");
    EXPECT_EQ(resolve(root, "abs", LastLink::follow, budget).canonical, "usr/lib/f");
    EXPECT_EQ(resolve(root, "abs", LastLink::keep, budget).canonical, "abs");
    EXPECT_EQ(resolve(root, "up/lib/../rel", LastLink::follow, budget).canonical, "usr/lib/x");
    EXPECT_EQ(resolve(root, "../../lib/none", LastLink::follow, budget).node, nullptr);
    EXPECT_EQ(resolve(root, "../../lib/none", LastLink::follow, budget).canonical, "usr/lib/none");
    EXPECT_EQ(resolve(root, "usr/lib/f/below", LastLink::follow, budget).node, nullptr);
    EXPECT_THROW(make_directories(root, "lib/f/below", budget), Error);
    root.set_child("loop", Node::symlink({}, "loop"));
    EXPECT_THROW(resolve(root, "loop/x", LastLink::follow, budget), Error);
    EXPECT_EQ(resolve(root, "loop", LastLink::keep, budget).canonical, "loop");
}

}  // namespace
}  // namespace osb::ostree
