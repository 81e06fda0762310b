// Commits sent to archive repositories in directories.
#include "ostree/push/archive_push.hh"

#include <sys/stat.h>

#include <functional>

#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/summary.hh"
#include "ostree/push/object_closure.hh"
#include "ostree/push/push_source.hh"
#include "ostree/tree/commit_info.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;

class ArchivePushThreads : public ImportTest {
  protected:
    // A commit of the source whose files hold `text`; the one before is its parent.
    std::string commit(const std::string& text, const std::string& ref = "os/test") {
        TarBuilder layer;
        layer.file("usr/same", "the same in every commit")
            .file("usr/changing", text)
            .file("usr/large", std::string(2'500'000, 'l') + text)
            .symlink("usr/link", "same")
            .directory("usr/empty");
        return concat(import(image_of({layer}).image,
                             {.ref = ostree::RefName::parse(ref), .layout = ostree::Layout::plain})
                          .commit);
    }

    std::string target() const { return directory_ / "target"; }

    void make_target() { make_quick(target()); }

    ostree::ArchivePushResult push(const std::string& rev, ostree::ArchivePushOptions options = {}) {
        make_target();
        return push_from(repo_path(), rev, std::move(options));
    }

    ostree::ArchivePushResult push_from(const std::string& source, const std::string& rev,
                                        ostree::ArchivePushOptions options = {}) const {
        const ostree::Repository repository = ostree::Repository::open(source);
        NoProgress progress;
        return ostree::push_to_directory(repository, rev, target(), options, progress);
    }

    // The message of the Error that this ends with, which must be of that kind.
    static std::string refusal(ErrorKind kind, const std::function<void()>& action) {
        try {
            action();
        } catch (const Error& error) {
            EXPECT_EQ(to_string(error.kind()), to_string(kind)) << error.message();
            return error.message();
        }
        ADD_FAILURE() << "was not refused";
        return {};
    }

    std::map<std::string, ostree::CommitId> refs() const {
        return ostree::local_refs(ostree::Repository::open(target()));
    }

    bool summary_is_current() const { return ostree::is_summary_current(ostree::Repository::open(target())); }

    bool has(const std::string& checksum) const {
        return ostree::has_whole_commit(ostree::Repository::open(target()),
                                        ostree::CommitId::parse(checksum));
    }

    std::string object(const std::string& repo, const std::string& checksum,
                       const std::string& suffix) const {
        return concat(repo, "/objects/", checksum.substr(0, 2), '/', checksum.substr(2), '.', suffix);
    }

    std::vector<ostree::ObjectName> objects_of(const std::string& checksum) const {
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        ostree::ObjectClosure closure(repository);
        const std::string bytes =
            ostree::read_metadata(repository, ostree::ObjectType::commit, parse_sha256(checksum));
        closure.add(ostree::root_of(as_bytes(bytes)));
        return closure.objects();
    }

    // Gives a commit detached metadata: {KEY: [SIGNATURES]}.
    static void sign(const std::string& repo, const std::string& checksum, const std::string& key,
                     const std::vector<std::string>& signatures) {
        const ostree::Repository repository = ostree::Repository::open(repo);
        GVariantBuilder list;
        g_variant_builder_init(&list, G_VARIANT_TYPE("aay"));
        for (const std::string& signature : signatures)
            g_variant_builder_add_value(&list, ostree::byte_array(as_bytes(signature)));
        GVariantBuilder dict;
        g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
        g_variant_builder_add(&dict, "{sv}", key.c_str(), g_variant_builder_end(&list));
        const ostree::GVariantPtr metadata = ostree::take(g_variant_builder_end(&dict));
        ostree::GErrorSlot error;
        error.check(
            ostree_repo_write_commit_detached_metadata(repository.handle().repo.get(), checksum.c_str(),
                                                       metadata.get(), nullptr, error.out()) != 0,
            "sign");
    }

    static std::string detached(const std::string& repo, const std::string& checksum) {
        return ostree::read_detached_metadata(ostree::Repository::open(repo),
                                              ostree::CommitId::parse(checksum));
    }
};

TEST_F(ArchivePushThreads, ACommitWithItsHistory) {
    const std::string first = commit("1");
    const std::string second = commit("2");
    const auto result = push("os/test");
    EXPECT_EQ(result.commit, second);
    EXPECT_EQ(result.destination, second);
    EXPECT_EQ(result.ref, "os/test");
    EXPECT_EQ(result.commits, 2U);
    EXPECT_EQ(result.objects_present, 0U);
    EXPECT_FALSE(result.unchanged);
    EXPECT_TRUE(has(first));
    EXPECT_EQ(refs(),
              (std::map<std::string, ostree::CommitId>{{"os/test", ostree::CommitId::parse(second)}}));
    EXPECT_TRUE(summary_is_current());
    EXPECT_EQ(list_commit(target(), "os/test"), list_commit(repo_path(), "os/test"));
    EXPECT_EQ(list_commit(target(), first), list_commit(repo_path(), first));
    EXPECT_EQ(verify_all_objects(target()), result.objects_sent);
    EXPECT_TRUE(fs::is_empty(target() + "/tmp/") || !fs::exists(target() + "/tmp/osb-import-x"));
}

TEST_F(ArchivePushThreads, OnlyWhatIsMissing) {
    commit("1");
    push("os/test");
    const auto again = push("os/test");
    EXPECT_TRUE(again.unchanged);
    EXPECT_EQ(again.commits, 0U);
    EXPECT_EQ(again.objects_sent, 0U);
    EXPECT_EQ(again.bytes_sent, 0U);
    commit("2");
    const auto next = push("os/test");
    EXPECT_EQ(next.commits, 1U);
    // Two files, their directory, the root and the commit.
    EXPECT_EQ(next.objects_sent, 5U);
    EXPECT_GE(next.objects_present, 3U);
    EXPECT_GT(verify_all_objects(target()), next.objects_sent);
}

TEST_F(ArchivePushThreads, TheDestinationIsMade) {
    const std::string checksum = commit("1");
    // As --repo does; with all that is durable, once.
    const auto result = push_from(repo_path(), "os/test");
    EXPECT_EQ(result.commit, checksum);
    EXPECT_EQ(ostree::Repository::open(target()).mode(), ostree::RepoMode::archive);
    EXPECT_EQ(refs().at("os/test"), checksum);
}

TEST_F(ArchivePushThreads, ObjectsOfOneOwnerOnOneFilesystemAreShared) {
    const std::string checksum = commit("1");
    push("os/test");
    const auto files = fs::recursive_directory_iterator(target() + "/objects");
    std::size_t shared = 0;
    for (const auto& entry : files) shared += entry.is_regular_file() && entry.hard_link_count() == 2 ? 1 : 0;
    EXPECT_EQ(shared, verify_all_objects(target()) - 1);  // the commit is written
    // What an owner made private, or others own, is copied.
    fs::remove_all(target());
    for (const auto& entry : fs::recursive_directory_iterator(repo_path() + "/objects"))
        if (entry.is_regular_file()) fs::permissions(entry.path(), fs::perms::owner_read);
    push("os/test");
    for (const auto& entry : fs::recursive_directory_iterator(target() + "/objects")) {
        if (!entry.is_regular_file()) continue;
        EXPECT_EQ(entry.hard_link_count(), 1U) << entry.path();
        struct stat st {};
        EXPECT_EQ(::stat(entry.path().c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 0777U, 0644U) << entry.path();
    }
    EXPECT_EQ(list_commit(target(), checksum), list_commit(repo_path(), checksum));
    verify_all_objects(target());
}

TEST_F(ArchivePushThreads, BareSourcesAreCompressed) {
    for (const auto mode : {ostree::RepoMode::bare_user, ostree::RepoMode::bare_user_only}) {
        fs::remove_all(repo_path());
        fs::remove_all(target());
        ostree::Repository::create(repo_path(), mode);
        commit("1");
        const std::string second = commit("2");
        const auto result = push("os/test", {.jobs = 3});
        EXPECT_EQ(result.commits, 2U);
        EXPECT_EQ(verify_all_objects(target()), result.objects_sent);
        EXPECT_EQ(list_commit(target(), second), list_commit(repo_path(), second));
        EXPECT_EQ(push("os/test").objects_sent, 0U);
    }
}

TEST_F(ArchivePushThreads, NamesInTheDestination) {
    const std::string first = commit("1");
    const std::string second = commit("2");
    refusal(ErrorKind::usage, [&] { push(second); });
    refusal(ErrorKind::usage, [&] { push("os/test^"); });
    for (const char* bad : {"../x", "a//b", ".x", "-x", "a:b", "a b", "ostree/container/blob/x"})
        refusal(ErrorKind::usage, [&] { push("os/test", {.ref = ostree::RefName::parse(bad)}); });
    refusal(ErrorKind::not_found, [&] { push("os/other"); });
    refusal(ErrorKind::not_found, [&] { push(std::string(64, 'a')); });
    EXPECT_FALSE(fs::exists(target() + "/summary"));
    EXPECT_EQ(push("os/test^", {.ref = ostree::RefName::parse("os/old")}).commit, first);
    EXPECT_EQ(push(second, {.ref = ostree::RefName::parse("os/new")}).ref, "os/new");
    EXPECT_EQ(refs(), (std::map<std::string, ostree::CommitId>{{"os/new", ostree::CommitId::parse(second)},
                                                               {"os/old", ostree::CommitId::parse(first)}}));
    EXPECT_TRUE(summary_is_current());
}

TEST_F(ArchivePushThreads, ARefGoesForward) {
    const std::string first = commit("1");
    const std::string second = commit("2");
    push("os/test");
    const std::string message =
        refusal(ErrorKind::invalid, [&] { push(first, {.ref = ostree::RefName::parse("os/test")}); });
    EXPECT_NE(message.find(second), std::string::npos) << message;
    EXPECT_EQ(refs().at("os/test"), second);
    // A commit without a common ancestor.
    const std::string other = commit("other", "os/other");
    refusal(ErrorKind::invalid, [&] { push("os/other", {.ref = ostree::RefName::parse("os/test")}); });
    EXPECT_FALSE(has(other)) << "was sent in vain";
    EXPECT_EQ(push("os/other", {.ref = ostree::RefName::parse("os/test"), .force = true}).commit, other);
    EXPECT_EQ(refs().at("os/test"), other);
    EXPECT_TRUE(summary_is_current());
}

TEST_F(ArchivePushThreads, HistoryThatTheSourceHasInPart) {
    const std::string first = commit("1");
    push("os/test");
    const std::string second = commit("2");
    const std::string third = commit("3");
    // As after `ostree prune` or a pull without history: the second is gone, and then only marked as partial.
    const std::string path = object(repo_path(), second, "commit");
    fs::rename(path, path + ".away");
    refusal(ErrorKind::invalid, [&] { push("os/test"); });
    fs::rename(path + ".away", path);
    std::ofstream(repo_path() + "/state/" + second + ".commitpartial") << "";
    refusal(ErrorKind::invalid, [&] { push("os/test"); });
    const auto result = push("os/test", {.force = true});
    EXPECT_EQ(result.commits, 1U);
    EXPECT_TRUE(has(third));
    EXPECT_FALSE(has(second));
    // With what it lacked, the same push completes it.
    fs::remove(repo_path() + "/state/" + second + ".commitpartial");
    EXPECT_EQ(push("os/test").commits, 1U);
    EXPECT_TRUE(has(second));
    // The commit itself in part is none to push.
    std::ofstream(repo_path() + "/state/" + third + ".commitpartial") << "";
    refusal(ErrorKind::not_found, [&] { push("os/test"); });
    // The destination knows what lies before: its own history makes it an ancestor.
    fs::remove(repo_path() + "/state/" + third + ".commitpartial");
    fs::remove(path);
    push(first, {.ref = ostree::RefName::parse("os/test"), .force = true});
    EXPECT_EQ(push("os/test").commits, 0U);
    EXPECT_EQ(refs().at("os/test"), third);
}

TEST_F(ArchivePushThreads, ACommitThatTheDestinationHasInPart) {
    const std::string checksum = commit("1");
    push("os/test");
    // Objects that fsck removed, with its mark.
    std::size_t removed = 0;
    for (const auto& entry : fs::recursive_directory_iterator(target() + "/objects"))
        if (entry.path().extension() == ".filez") removed += fs::remove(entry.path()) ? 1 : 0;
    std::ofstream(target() + "/state/" + checksum + ".commitpartial") << "";
    const auto result = push("os/test");
    EXPECT_TRUE(result.unchanged);
    EXPECT_EQ(result.objects_sent, removed + 1);
    EXPECT_TRUE(has(checksum));
    EXPECT_EQ(list_commit(target(), checksum), list_commit(repo_path(), checksum));
}

TEST_F(ArchivePushThreads, SignaturesAreJoined) {
    const std::string first = commit("1");
    const std::string second = commit("2");
    const std::string ours = "ours" + std::string(60, '.');
    const std::string later = "later" + std::string(59, '.');
    sign(repo_path(), first, "ostree.sign.ed25519", {ours});
    sign(repo_path(), second, "ostree.sign.ed25519", {ours});
    push("os/test");
    EXPECT_EQ(detached(target(), first), detached(repo_path(), first));
    EXPECT_EQ(detached(target(), second), detached(repo_path(), second));
    // One more, of a commit that is there already; and one that the server made.
    sign(repo_path(), first, "ostree.sign.ed25519", {ours, later});
    sign(target(), second, "ostree.gpgsigs", {"\x88theirs"});
    push("os/test");
    EXPECT_EQ(detached(target(), first), detached(repo_path(), first));
    const std::string both = detached(target(), second);
    for (const char* part : {"ostree.sign.ed25519", "ostree.gpgsigs", "ours", "theirs"})
        EXPECT_NE(both.find(part), std::string::npos) << part;
    // Now nothing is new.
    const auto time = fs::last_write_time(object(target(), second, "commitmeta"));
    EXPECT_EQ(push("os/test").objects_sent, 0U);
    EXPECT_EQ(fs::last_write_time(object(target(), second, "commitmeta")), time);
}

TEST_F(ArchivePushThreads, DamagedSourcesMoveNoRef) {
    const std::string checksum = commit("1");
    std::vector<fs::path> trees;
    std::vector<fs::path> files;
    for (const ostree::ObjectName& name : objects_of(checksum)) {
        const fs::path path = repo_path() + "/objects/" + ostree::loose_path(name.checksum, name.type, true);
        if (name.type == ostree::ObjectType::dirtree) trees.push_back(path);
        if (name.type == ostree::ObjectType::file) files.push_back(path);
    }
    ASSERT_EQ(trees.size(), 3U);
    fs::rename(files.front(), directory_ / "file");
    refusal(ErrorKind::not_found, [&] { push("os/test"); });
    fs::rename(directory_ / "file", files.front());
    for (const fs::path& tree : trees) {
        fs::copy(tree, directory_ / "tree");
        std::ofstream(tree, std::ios::app) << "x";
        const std::string message = refusal(ErrorKind::digest_mismatch, [&] { push("os/test"); });
        EXPECT_NE(message.find(checksum), std::string::npos) << message;
        fs::remove(tree);
        fs::rename(directory_ / "tree", tree);
    }
    EXPECT_TRUE(refs().empty());
    EXPECT_FALSE(has(checksum));
    push("os/test");
    EXPECT_TRUE(has(checksum));
}

TEST_F(ArchivePushThreads, DamagedFilesOfBareSourcesAreNoticed) {
    ostree::Repository::create(repo_path(), ostree::RepoMode::bare_user_only);
    commit("1");
    for (const auto& entry : fs::recursive_directory_iterator(repo_path() + "/objects"))
        if (entry.path().extension() == ".file" && entry.is_regular_file() && !entry.is_symlink())
            std::ofstream(entry.path(), std::ios::app) << "damage";
    refusal(ErrorKind::digest_mismatch, [&] { push("os/test"); });
    EXPECT_TRUE(refs().empty());
}

TEST_F(ArchivePushThreads, OnlyArchiveRepositories) {
    commit("1");
    ostree::Repository::create(target(), ostree::RepoMode::bare_user_only);
    const std::string message = refusal(ErrorKind::unsupported, [&] { push_from(repo_path(), "os/test"); });
    EXPECT_NE(message.find("bare-user-only"), std::string::npos) << message;
    fs::remove_all(target());
    make_target();
    std::ofstream(target() + "/config", std::ios::app) << "parent=" << repo_path() << "\n";
    refusal(ErrorKind::unsupported, [&] { push_from(repo_path(), "os/test"); });
    fs::remove_all(target());
    fs::create_directory(target());
    std::ofstream(target() + "/file") << "not a repository";
    refusal(ErrorKind::not_found, [&] { push_from(repo_path(), "os/test"); });
}

TEST_F(ArchivePushThreads, TheSummaryIsMendedAndItsSignatureGone) {
    commit("1");
    push("os/test");
    fs::remove(target() + "/summary");
    std::ofstream(target() + "/summary.sig") << "signature";
    push("os/test");
    EXPECT_TRUE(summary_is_current());
    EXPECT_FALSE(fs::exists(target() + "/summary.sig"));
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_[0].find("signature"), std::string::npos);
    // One that is right, with its signature, is left alone.
    std::ofstream(target() + "/summary.sig") << "signature";
    push("os/test");
    EXPECT_TRUE(fs::exists(target() + "/summary.sig"));
    std::ofstream(target() + "/summary") << "garbage";
    push("os/test");
    EXPECT_TRUE(summary_is_current());
}

TEST_F(ArchivePushThreads, TheReserveIsKept) {
    const std::string checksum = commit("1");
    make_target();
    for (const auto& entry : fs::recursive_directory_iterator(repo_path() + "/objects"))
        if (entry.is_regular_file()) fs::permissions(entry.path(), fs::perms::owner_read);  // no links
    std::ofstream(target() + "/config", std::ios::app) << "min-free-space-size=900TB\n";
    refusal(ErrorKind::no_space, [&] { push("os/test"); });
    EXPECT_FALSE(has(checksum));
}

TEST_F(ArchivePushThreads, LeftoversOfKilledRunsGo) {
    commit("1");
    make_target();
    fs::create_directories(target() + "/tmp/osb-import-0123/ab");
    std::ofstream(target() + "/tmp/osb-import-0123/ab/cd.filez") << "x";
    push("os/test");
    EXPECT_FALSE(fs::exists(target() + "/tmp/osb-import-0123"));
    fs::create_directories(target() + "/tmp/osb-import-0123/ab");
    push("os/test");
    EXPECT_FALSE(fs::exists(target() + "/tmp/osb-import-0123"));
}

TEST(FileUrl, Paths) {
    EXPECT_EQ(ostree::parse_file_url("file:///srv/repo"), "/srv/repo");
    EXPECT_EQ(ostree::parse_file_url("file:/srv/repo"), "/srv/repo");
    EXPECT_EQ(ostree::parse_file_url("file://localhost/srv/repo"), "/srv/repo");
    EXPECT_EQ(ostree::parse_file_url("file:///a%20b/%C3%bc"), "/a b/\xC3\xBC");
    for (const char* bad : {"", "srv", "file:", "file://", "file:srv", "file://host/srv", "file:///a%0",
                            "file:///a%zz", "file:///a%00b", "http:///srv", "file://localhost"})
        EXPECT_THROW(ostree::parse_file_url(bad), Error) << bad;
}

}  // namespace
}  // namespace osb::test
