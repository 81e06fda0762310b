// Two commits and the delta between them.
#pragma once

#include <fcntl.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/fd.hh"
#include "base/state_file.hh"
#include "ostree/delta/apply_delta.hh"
#include "ostree/delta/make_delta.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {

// Bytes that do not compress.
inline std::string noise(std::size_t size, unsigned seed) {
    std::mt19937 random(seed);
    std::string out(size, '\0');
    for (char& c : out) c = static_cast<char>(random());
    return out;
}

class DeltaTest : public ImportTest {
  protected:
    static TarBuilder old_version() {
        TarBuilder layer;
        layer.file("usr/bin/app", noise(300'000, 1))
            .file("usr/lib/big.so", noise(3'000'000, 2))
            .file("usr/share/text", std::string(50'000, 't'))
            .file("usr/share/same", noise(10'000, 3))
            .symlink("usr/bin/link", "app");
        return layer;
    }

    // Every kind of change: bytes inside files, a moved block, new files, an empty one, links, a mode.
    static TarBuilder new_version() {
        std::string app = noise(300'000, 1);
        app[1000] = 'x';
        app.insert(200'000, "inserted");
        std::string big = noise(3'000'000, 2);
        big.erase(1'000'000, 70'000);
        big += noise(5000, 4);
        TarBuilder layer;
        layer.file("usr/bin/app", app, 0755)
            .file("usr/lib/big.so", big)
            .file("usr/share/text", std::string(50'000, 't') + "more")
            .file("usr/share/same", noise(10'000, 3))
            .file("usr/share/new", noise(20'000, 5))
            .file("usr/share/empty", "")
            .file("usr/share/suid", "s", 04755)
            .symlink("usr/bin/link", "other")
            .symlink("usr/bin/added", "app")
            .directory("usr/share/directory", 0700);
        return layer;
    }

    // Imports into the repository at `path`, without a parent, so that every repository gets the same commit.
    static ostree::CommitId commit_to(const std::string& path, const TarBuilder& layer) {
        ostree::Repository repository = ostree::Repository::open(path);
        NoProgress progress;
        ostree::ImportOptions options;
        options.ref = ostree::RefName::parse("os/test");
        options.layout = ostree::Layout::plain;
        options.parent = ostree::Parent::none;
        return ostree::import_image(repository, image_of({layer}).image, options, progress).commit;
    }

    void make_commits() {
        make_quick(repo_path());
        from_ = commit_to(repo_path(), old_version()).text();
        to_ = commit_to(repo_path(), new_version()).text();
    }

    ostree::CommitId from() const { return ostree::CommitId::parse(from_); }
    ostree::CommitId to() const { return ostree::CommitId::parse(to_); }

    ostree::DeltaFiles make() const {
        return ostree::make_delta(ostree::Repository::open(repo_path()), from(), to());
    }

    static std::string read_file(const std::string& path) {
        return read_regular_file(AT_FDCWD, path, 64UL << 20U);
    }

    // The bytes of the parts.
    static std::vector<std::string> parts_of(const ostree::DeltaFiles& files) {
        std::vector<std::string> out;
        for (std::size_t i = 0; i < files.content().parts.size(); ++i)
            out.push_back(read_file(files.part_path(i)));
        return out;
    }

    // A repository in this mode that has the old version.
    std::string target_with_old(ostree::RepoMode mode, const std::string& name) {
        const std::string path = directory_ / name;
        ostree::Repository::create(path, mode);
        make_quick(path);
        commit_to(path, old_version());
        return path;
    }

    static void apply(const std::string& target, const ostree::DeltaSuperblock& superblock,
                      const std::vector<std::string>& parts, unsigned threads = 1) {
        ostree::Repository repository = ostree::Repository::open(target);
        ostree::DeltaApplication application(repository, superblock);
        for (std::size_t i = 0; i < parts.size(); ++i) {
            if (!application.needs(i)) continue;
            MemorySource blob(as_bytes(parts[i]));
            application.apply(i, blob, parts[i].size(), threads);
        }
    }

    // Stores the commit object, which the application of a delta leaves to the caller.
    static void write_commit(const std::string& target, const ostree::DeltaSuperblock& superblock) {
        ostree::Repository repository = ostree::Repository::open(target);
        ostree::Transaction transaction(repository);
        transaction.write_commit(superblock.to, superblock.commit_object, superblock.detached,
                                 ostree::Preferred::present);
        transaction.commit();
    }

    std::string from_;
    std::string to_;
};

}  // namespace osb::test
