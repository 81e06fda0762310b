// Contents with a known digest, stored with several owners and modes.
#include "ostree/import/file_store.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

class FileStoreThreads : public ::testing::Test {
  protected:
    // Stores the content, as a producer does, and publishes it.
    void store(const std::string& content, std::uint64_t size, const Sha256& digest) {
        ostree::Transaction transaction(repository_);
        ostree::ObjectWriter writer(repository_);
        TaskPool pool(2);
        pool.add_producer([&] {
            MemorySource source(as_bytes(content));
            checksums_ = ostree::store_content(writer, pool, source, size, digest, metas_);
        });
        pool.run();
        EXPECT_EQ(writer.objects_written(), checksums_.size());
        writer.publish();
        transaction.commit();
    }

    TempDirectory directory_;
    ostree::Repository repository_ = ostree::Repository::open_or_create(directory_ / "repo");
    std::vector<ostree::ObjectMeta> metas_{{.uid = 0, .gid = 0, .mode = S_IFREG | 0644, .xattrs = {}},
                                           {.uid = 1, .gid = 2, .mode = S_IFREG | 04755, .xattrs = {}}};
    std::vector<Sha256> checksums_;
};

TEST_F(FileStoreThreads, SmallAndLargeContentsAreStoredWithEachMetadata) {
    for (const std::size_t size :
         {std::size_t{5}, ostree::FileStream::kPiece, 3 * ostree::FileStream::kPiece + 1}) {
        const std::string content(size, 'x');
        store(content, size, sha256(as_bytes(content)));
        ASSERT_EQ(checksums_.size(), metas_.size());
        for (std::size_t i = 0; i < metas_.size(); ++i) {
            const ostree::ContentObject object = ostree::open_object(repository_, checksums_[i]);
            EXPECT_EQ(object.mode, metas_[i].mode);
            EXPECT_EQ(object.uid, metas_[i].uid);
            EXPECT_EQ(read_all(*object.content, size, "an object"), content);
        }
    }
}

TEST_F(FileStoreThreads, AnotherContentIsNotStored) {
    for (const std::size_t size : {std::size_t{5}, 2 * ostree::FileStream::kPiece}) {
        const std::string content(size, 'x');
        const auto kind = [&](std::uint64_t declared, const Sha256& digest) {
            return thrown_kind([&] { store(content, declared, digest); });
        };
        EXPECT_EQ(kind(size, Sha256{}), ErrorKind::digest_mismatch);
        EXPECT_EQ(kind(size - 1, sha256(as_bytes(content))), ErrorKind::digest_mismatch);
        EXPECT_EQ(kind(size + 1, sha256(as_bytes(content))), ErrorKind::digest_mismatch);
        EXPECT_TRUE(checksums_.empty());
    }
}

TEST_F(FileStoreThreads, TheMetadataIsWhatTheModeCanHold) {
    oci::TarEntry entry;
    entry.mode = 04755;
    entry.uid = 7;
    entry.xattrs = {{"trusted.x", "1"}, {"user.x", "1"}};
    const ostree::ObjectMeta full = ostree::object_meta(entry, ostree::RepoMode::archive);
    EXPECT_EQ(full.uid, 7U);
    EXPECT_EQ(full.mode, S_IFREG | 04755U);
    EXPECT_EQ(full.xattrs, ostree::serialize_xattrs({{"user.x", "1"}}));
    const ostree::ObjectMeta reduced = ostree::object_meta(entry, ostree::RepoMode::bare_user_only);
    EXPECT_EQ(reduced.uid, 0U);
    EXPECT_EQ(reduced.mode, S_IFREG | 0755U);
    EXPECT_EQ(reduced.xattrs, "");
}

}  // namespace
}  // namespace osb::test
