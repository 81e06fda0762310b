// Objects of a repository by their content.
#include "ostree/import/content_index.hh"

#include "ostree/import/content_objects.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/thrown_kind.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class ContentIndexThreads : public ImportTest {};

TEST_F(ContentIndexThreads, KeepsSomeObjectsOfAContent) {
    TarBuilder layer;
    for (unsigned i = 0; i < ostree::kMaxSameContent + 10; ++i) layer.file(concat("usr/", i), "same", i);
    import(image_of({layer.file("usr/b", "b").file("usr/other", "other")}).image,
           {.layout = ostree::Layout::plain});
    const auto table = std::make_shared<ostree::FileTable>();
    for (const char* content : {"same", "b", "absent"})
        table->toc.entries.emplace_back().digest = sha256(as_bytes(std::string(content)));
    const ostree::ContentIndex index(ostree::Repository::open(repo_path()), {table});
    EXPECT_EQ(index.size(), ostree::kMaxSameContent + 1);
    const auto find = [&index](const std::string& content, std::uint64_t size) {
        return index.find(sha256(as_bytes(content)), size).size();
    };
    EXPECT_EQ(find("same", 4), ostree::kMaxSameContent);
    EXPECT_EQ(find("same", 5), 0U);
    EXPECT_EQ(find("b", 1), 1U);
    EXPECT_EQ(find("absent", 6) + find("other", 5), 0U);
}

TEST(ContentObjectsTest, FindsAnObjectByItsMetadata) {
    ostree::ContentObjects objects(2);
    EXPECT_FALSE(objects.has(0));
    EXPECT_EQ(thrown_kind([&] { objects.first(0); }), ErrorKind::not_found);
    const auto meta = [](std::uint32_t mode) { return ostree::ObjectMeta{.mode = mode, .xattrs = {}}; };
    const auto object = [](std::uint8_t byte) {
        Sha256 out{};
        out.fill(byte);
        return out;
    };
    objects.add(0, meta(0644), object(1));
    objects.add(0, meta(0755), object(2));
    objects.add(0, meta(0755), object(3));
    EXPECT_EQ(objects.first(0), object(1));
    EXPECT_EQ(objects.find(0, meta(0755)), object(2));
    EXPECT_EQ(objects.find(0, meta(0600)), std::nullopt);
    EXPECT_EQ(objects.find(1, meta(0644)), std::nullopt);
    EXPECT_FALSE(objects.has(1));
}

}  // namespace
}  // namespace osb::test
