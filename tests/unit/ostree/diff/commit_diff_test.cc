#include "ostree/diff/commit_diff.hh"

#include <ostree.h>

#include <filesystem>

#include "ostree/objects/glib.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/commit_walk.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

using ostree::CommitDiff;
using ostree::CommitId;
using ostree::DiffCounts;
using ostree::Repository;

// "PATH:c" and the like: + and - for added and removed paths, else the first letters of what differs; a
// directory ends in a slash.
std::string summary_of(const CommitDiff& diff) {
    std::string out;
    for (const ostree::DiffEntry& entry : diff.entries) {
        out +=
            concat(out.empty() ? "" : " ", entry.path, entry.is_directory && entry.path != "/" ? "/:" : ":");
        if (entry.change == ostree::EntryChange::added) out += '+';
        if (entry.change == ostree::EntryChange::removed) out += '-';
        const ostree::EntryAspects& what = entry.what;
        for (const auto& [differs, letter] :
             {std::pair(what.content, 'c'), std::pair(what.mode, 'm'), std::pair(what.owner, 'o'),
              std::pair(what.xattrs, 'x'), std::pair(what.type, 't'), std::pair(what.target, 'l')}) {
            if (differs) out += letter;
        }
    }
    return out;
}

class CommitDiffTest : public ImportTest {
  protected:
    static constexpr std::size_t kMostEntries = 5000;

    CommitId commit_of(const TarBuilder& layer) {
        plain({layer});
        return result_->commit;
    }

    CommitDiff diff(const CommitId& a, const CommitId& b, unsigned threads = 0) {
        const Repository repository = Repository::open(repo_path());
        return ostree::diff_commits({.repository = repository, .commit = a},
                                    {.repository = repository, .commit = b}, threads, kMostEntries);
    }
    CommitDiff diff(const TarBuilder& a, const TarBuilder& b) {
        const CommitId before = commit_of(a);
        return diff(before, commit_of(b));
    }
    std::string summary(const TarBuilder& a, const TarBuilder& b) { return summary_of(diff(a, b)); }

    // Removes the object of a path, as `ostree ls -C` names it.
    void remove_object(const Sha256& checksum, ostree::ObjectType type) const {
        ASSERT_TRUE(
            std::filesystem::remove(repo_path() + "/objects/" + ostree::loose_path(checksum, type, true)));
    }
    Sha256 file_object(const CommitId& commit, const std::string& path) const {
        for (const ostree::WalkedFile& file :
             ostree::walk_commit(Repository::open(repo_path()), commit).files) {
            if (file.paths.front() == path) return file.checksum;
        }
        throw Error(ErrorKind::not_found, path);
    }
    Sha256 tree_object(const CommitId& commit, const std::string& path) const {
        const auto walk = ostree::walk_commit(Repository::open(repo_path()), commit);
        return ostree::find_directory(walk, path)->tree;
    }

    ErrorKind failure(const CommitId& a, const CommitId& b) {
        try {
            const CommitDiff found = diff(a, b);
            ADD_FAILURE() << "compared: " << summary_of(found);
        } catch (const Error& error) {
            return error.kind();
        }
        return ErrorKind::internal;
    }
};

TarMember member(const std::string& name, const std::string& content, std::uint64_t mode = 0644,
                 std::int64_t uid = 0) {
    TarMember out{.name = name, .content = content, .mode = mode, .uid = uid};
    return out;
}

TEST_F(CommitDiffTest, EqualTrees) {
    const TarBuilder tree = TarBuilder().directory("d").file("d/f", "1");
    const CommitDiff found = diff(tree, tree);
    EXPECT_TRUE(found.entries.empty());
    EXPECT_EQ(found.files, DiffCounts{});
}

TEST_F(CommitDiffTest, EachAspect) {
    TarBuilder before;
    TarBuilder after;
    before.add(member("content", "1")).add(member("mode", "1")).add(member("owner", "1"));
    after.add(member("content", "2")).add(member("mode", "1", 0600)).add(member("owner", "1", 0644, 7));
    before.add(member("longer", "1")).add(member("three", "12")).symlink("link", "a").symlink("same", "a");
    after.add(member("longer", "12"))
        .add(member("three", "21", 0600, 7))
        .symlink("link", "b")
        .symlink("same", "a");
    before.file("zero", "").symlink("to-file", "x");
    after.file("zero", "", 0600).file("to-file", "x");
    before.pax({{"SCHILY.xattr.user.x", "1"}}).file("xattrs", "1");
    after.pax({{"SCHILY.xattr.user.x", "2"}}).file("xattrs", "1");
    EXPECT_EQ(summary(before, after),
              "/content:c /link:l /longer:c /mode:m /owner:o /three:cmo /to-file:t /xattrs:x /zero:m");
}

TEST_F(CommitDiffTest, MetadataOfDirectories) {
    EXPECT_EQ(summary(TarBuilder().directory("d").directory("e").file("e/f", ""),
                      TarBuilder().directory("d", 0700).directory("e", 0700).file("e/g", "")),
              "/d/:m /e/:m /e/f:- /e/g:+");
}

TEST_F(CommitDiffTest, DirectoriesThatComeGoAndBecomeFiles) {
    const CommitDiff found =
        diff(TarBuilder().directory("a").file("a/x", "12").directory("c").file("c/y", "345").file("d", "6"),
             TarBuilder().directory("b").file("b/x", "1").file("c", "7").directory("d").file("d/z", "89"));
    EXPECT_EQ(summary_of(found), "/a/:- /a/x:- /b/:+ /b/x:+ /c:t /c/y:- /d:t /d/z:+");
    EXPECT_EQ(found.files,
              (DiffCounts{.added = 2, .removed = 2, .changed = 2, .bytes_added = 4, .bytes_removed = 6}));
}

TEST_F(CommitDiffTest, OnlyChangedContentCountsInBytes) {
    const CommitDiff found = diff(TarBuilder().file("a", "1234").file("b", "12"),
                                  TarBuilder().file("a", "1234", 0600).file("b", "123", 0600));
    EXPECT_EQ(found.files, (DiffCounts{.changed = 2, .bytes_added = 3, .bytes_removed = 2}));
}

TEST_F(CommitDiffTest, ADirectoryPrecedesItsContentAndItsSiblings) {
    EXPECT_EQ(
        summary(TarBuilder().directory("z"),
                TarBuilder().directory("z").file("a.b", "").directory("a").file("a/x", "").file("a-b", "")),
        "/a/:+ /a/x:+ /a-b:+ /a.b:+");
}

TEST_F(CommitDiffTest, RepositoriesOfTwoModes) {
    const CommitId before = commit_of(TarBuilder().file("a", "1").file("b", "1").symlink("c", "1"));
    const std::string other = directory_ / "other";
    Repository::create(other, ostree::RepoMode::bare_user);
    NoProgress progress;
    Repository repository = Repository::open(other);
    const CommitId after =
        ostree::import_image(
            repository, image_of({TarBuilder().file("a", "1").file("b", "1", 0600).symlink("c", "2")}).image,
            {.ref = ostree::RefName::parse("os/test"), .layout = ostree::Layout::plain}, progress)
            .commit;
    const Repository first = Repository::open(repo_path());
    EXPECT_EQ(summary_of(ostree::diff_commits({.repository = first, .commit = before},
                                              {.repository = repository, .commit = after})),
              "/b:m /c:l");
    EXPECT_EQ(summary_of(ostree::diff_commits({.repository = repository, .commit = after},
                                              {.repository = first, .commit = before})),
              "/b:m /c:l");
}

TEST_F(CommitDiffTest, WhatIsEqualIsNotRead) {
    const CommitId a =
        commit_of(TarBuilder().directory("same").file("same/f", "0").file("f", "0").file("g", "1"));
    const CommitId b =
        commit_of(TarBuilder().directory("same").file("same/f", "0").file("f", "0").file("g", "2"));
    const Sha256 same = file_object(a, "f");
    remove_object(tree_object(a, "same"), ostree::ObjectType::dirtree);
    remove_object(same, ostree::ObjectType::file);
    EXPECT_EQ(summary_of(diff(a, b)), "/g:c");
}

TEST_F(CommitDiffTest, AMissingObjectIsAnError) {
    const TarBuilder old = TarBuilder().directory("d").file("d/f", "1");
    const CommitId a = commit_of(old);
    const CommitId b = commit_of(TarBuilder().directory("d").file("d/f", "2"));
    remove_object(file_object(b, "d/f"), ostree::ObjectType::file);
    EXPECT_EQ(failure(a, b), ErrorKind::not_found);
    EXPECT_EQ(failure(b, a), ErrorKind::not_found);
    remove_object(tree_object(a, "d"), ostree::ObjectType::dirtree);
    EXPECT_EQ(failure(a, b), ErrorKind::not_found);
    EXPECT_EQ(failure(a, CommitId::parse(std::string(64, '0'))), ErrorKind::not_found);
}

TEST_F(CommitDiffTest, ADamagedObjectIsAnError) {
    const CommitId a = commit_of(TarBuilder().symlink("link", "first").file("f", "old!"));
    const CommitId b = commit_of(TarBuilder().symlink("link", "other").file("f", "new!", 0600));
    const auto path = [&](const std::string& name) {
        return repo_path() + "/objects/" +
               ostree::loose_path(file_object(b, name), ostree::ObjectType::file, true);
    };
    const std::string good_link = path("link");
    std::filesystem::rename(good_link, good_link + ".away");
    std::filesystem::copy_file(repo_path() + "/objects/" +
                                   ostree::loose_path(file_object(a, "link"), ostree::ObjectType::file, true),
                               good_link);
    EXPECT_EQ(failure(a, b), ErrorKind::digest_mismatch);
    std::filesystem::rename(good_link + ".away", good_link);
    EXPECT_EQ(summary_of(diff(a, b)), "/f:cm /link:l");
    std::filesystem::resize_file(path("f"), 20);
    EXPECT_EQ(failure(a, b), ErrorKind::invalid);
}

TEST_F(CommitDiffTest, LongHeaders) {
    TarBuilder before;
    TarBuilder after;
    const std::string value(5000, 'x');
    before.pax({{"SCHILY.xattr.user.long", value + '1'}}).file("f", "1");
    after.pax({{"SCHILY.xattr.user.long", value + '2'}}).file("f", "1");
    EXPECT_EQ(summary(before, after), "/f:x");
}

class CommitDiffThreads : public CommitDiffTest {};

// Many pairs, so that all threads take some.
TEST_F(CommitDiffThreads, ManyFiles) {
    TarBuilder before;
    TarBuilder after;
    std::string wanted;
    for (int i = 1000; i < 1500; ++i) {
        const std::string name = concat("f", i);
        before.file(name, concat("old ", i));
        after.file(name, concat("new ", i), i % 2 == 0 ? 0644 : 0600);
        wanted += concat(wanted.empty() ? "/" : " /", name, i % 2 == 0 ? ":c" : ":cm");
    }
    const CommitId a = commit_of(before);
    const CommitId b = commit_of(after);
    for (const unsigned threads : {1U, 2U, 8U}) {
        const CommitDiff found = diff(a, b, threads);
        EXPECT_EQ(summary_of(found), wanted);
        EXPECT_EQ(found.files, (DiffCounts{.changed = 500, .bytes_added = 4000, .bytes_removed = 4000}));
    }
    remove_object(file_object(b, "f1300"), ostree::ObjectType::file);
    EXPECT_EQ(failure(a, b), ErrorKind::not_found);
}

// Commits whose dirtrees name each other.
class HugeDiffTest : public CommitDiffTest {
  protected:
    static GVariant* bytes(const Sha256& checksum) {
        return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, checksum.data(), checksum.size(), 1);
    }

    Sha256 write(const Repository& repository, OstreeObjectType type, GVariant* floating) {
        const ostree::GVariantPtr object(g_variant_ref_sink(floating));
        g_autofree guchar* checksum = nullptr;
        EXPECT_TRUE(ostree_repo_write_metadata(repository.handle().repo.get(), type, nullptr, object.get(),
                                               &checksum, nullptr, nullptr));
        Sha256 out{};
        std::copy(checksum, checksum + out.size(), out.begin());
        return out;
    }

    // A commit with 2^levels files, all of which are `file`.
    CommitId bomb(const Repository& repository, const Sha256& meta, const Sha256& file, int levels) {
        GVariantBuilder files;
        g_variant_builder_init(&files, G_VARIANT_TYPE("a(say)"));
        g_variant_builder_add(&files, "(s@ay)", "f", bytes(file));
        Sha256 tree = write(repository, OSTREE_OBJECT_TYPE_DIR_TREE,
                            g_variant_new("(a(say)@a(sayay))", &files,
                                          g_variant_new_array(G_VARIANT_TYPE("(sayay)"), nullptr, 0)));
        for (int i = 0; i < levels; ++i) {
            GVariantBuilder directories;
            g_variant_builder_init(&directories, G_VARIANT_TYPE("a(sayay)"));
            for (const char* name : {"a", "b"})
                g_variant_builder_add(&directories, "(s@ay@ay)", name, bytes(tree), bytes(meta));
            tree =
                write(repository, OSTREE_OBJECT_TYPE_DIR_TREE,
                      g_variant_new("(@a(say)a(sayay))",
                                    g_variant_new_array(G_VARIANT_TYPE("(say)"), nullptr, 0), &directories));
        }
        GVariant* const metadata = g_variant_new_array(G_VARIANT_TYPE("{sv}"), nullptr, 0);
        GVariant* const related = g_variant_new_array(G_VARIANT_TYPE("(say)"), nullptr, 0);
        GVariant* const none = g_variant_new_array(G_VARIANT_TYPE_BYTE, nullptr, 0);
        return CommitId::parse(
            to_hex(write(repository, OSTREE_OBJECT_TYPE_COMMIT,
                         g_variant_new("(@a{sv}@ay@a(say)sst@ay@ay)", metadata, none, related, "", "",
                                       guint64{0}, bytes(tree), bytes(meta)))));
    }
};

TEST_F(HugeDiffTest, AnEndlessTreeIsRefused) {
    const CommitId start = commit_of(TarBuilder().file("x", "1").file("y", "2"));
    const Repository repository = Repository::open(repo_path());
    const Sha256 meta = ostree::walk_commit(repository, start).directories.front().meta;
    const Sha256 x = file_object(start, "x");
    const Sha256 y = file_object(start, "y");
    // All paths differ; the one has nothing, and then other files.
    EXPECT_EQ(diff(bomb(repository, meta, x, 3), bomb(repository, meta, y, 3)).files.changed, 8U);
    const CommitId endless = bomb(repository, meta, x, 60);
    EXPECT_EQ(failure(start, endless), ErrorKind::too_large);
    EXPECT_EQ(failure(bomb(repository, meta, y, 60), endless), ErrorKind::too_large);
    EXPECT_TRUE(diff(endless, endless).entries.empty());
}

}  // namespace
}  // namespace osb::test
