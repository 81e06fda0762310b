// The superblock of deltas that libostree made, and of malformed ones.
#include "ostree/delta/delta_superblock.hh"

#include "tests/support/thrown_kind.hh"
#include "tests/unit/ostree/delta/delta_fixture.hh"

namespace osb::test {
namespace {

class DeltaSuperblockTest : public DeltaTest {};

TEST_F(DeltaSuperblockTest, NamesTheCommitsAndAllNewObjects) {
    make_commits();
    const ostree::DeltaFiles files = make();
    const ostree::DeltaSuperblock& content = files.content();
    EXPECT_EQ(content.from, from());
    EXPECT_EQ(content.to, to());
    EXPECT_EQ(content.detached, "");
    std::size_t files_made = 0;
    for (const ostree::DeltaPartInfo& part : content.parts) {
        files_made += static_cast<std::size_t>(std::count_if(
            part.targets.begin(), part.targets.end(),
            [](const ostree::DeltaTarget& target) { return target.type == ostree::ObjectType::file; }));
    }
    EXPECT_EQ(files_made, 7U);  // app, big.so, text, new, empty, suid, and a link
}

TEST_F(DeltaSuperblockTest, KeepsDetachedMetadata) {
    make_commits();
    ostree::Repository repository = ostree::Repository::open(repo_path());
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&builder, "{sv}", "key", g_variant_new_string("value"));
    const ostree::GVariantPtr detached = ostree::take(g_variant_builder_end(&builder));
    ostree::GErrorSlot error;
    error.check(ostree_repo_write_commit_detached_metadata(repository.handle().repo.get(), to_.c_str(),
                                                           detached.get(), nullptr, error.out()) != 0,
                "x");
    EXPECT_EQ(make().content().detached, as_text(ostree::bytes_of(detached.get())));
}

TEST_F(DeltaSuperblockTest, EveryCutIsRefused) {
    make_commits();
    const ostree::DeltaFiles files = make();
    const std::string bytes = read_file(files.superblock_path());
    for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 200) {
        EXPECT_ANY_THROW(ostree::parse_superblock(as_bytes(bytes).first(size))) << size;
    }
}

TEST_F(DeltaSuperblockTest, ACommitObjectWithAnotherChecksumIsRefused) {
    make_commits();
    std::string bytes = read_file(make().superblock_path());
    const std::size_t at = bytes.find("osb.import.layout");
    ASSERT_NE(at, std::string::npos);
    bytes[at] = 'X';
    EXPECT_EQ(thrown_kind([&] { ostree::parse_superblock(as_bytes(bytes)); }), ErrorKind::digest_mismatch);
}

TEST_F(DeltaSuperblockTest, ACommitThatIsMissingIsNotFound) {
    make_commits();
    const ostree::CommitId unknown = ostree::CommitId::parse(std::string(64, 'a'));
    const ostree::Repository repository = ostree::Repository::open(repo_path());
    EXPECT_EQ(thrown_kind([&] { ostree::make_delta(repository, unknown, to()); }), ErrorKind::not_found);
}

}  // namespace
}  // namespace osb::test
