#include "image/lint/commit_tree.hh"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {
namespace {

constexpr std::uint32_t kPermissions = 07777;

// Runs f. An object that cannot be read is a fault of the repository, and not of the image that it holds.
template<typename F>
auto as_damage(F&& f) {
    try {
        return f();
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::invalid) throw;
        throw Error(ErrorKind::digest_mismatch, error.message())
            .hint("run 'ostree fsck' to find all damaged objects of the repository");
    }
}

LintEntry entry_of(const ostree::Repository& repository, const ostree::WalkedFile& file) {
    const ostree::ContentObject object =
        as_damage([&] { return ostree::read_object_header(repository, file.checksum); });
    return {.kind = S_ISLNK(object.mode) ? LintKind::symlink : LintKind::file,
            .mode = object.mode & kPermissions,
            .uid = object.uid,
            .gid = object.gid,
            .size = object.size,
            .target = object.target,
            .content = file.checksum};
}

class ObjectSource final : public Source {
  public:
    explicit ObjectSource(std::unique_ptr<Source> content) : content_(std::move(content)) {}

    std::size_t read(MutableBytes buffer) override {
        return as_damage([&] { return content_->read(buffer); });
    }

  private:
    std::unique_ptr<Source> content_;
};

}  // namespace

CommitTree::CommitTree(const ostree::Repository& repository, const ostree::CommitId& commit)
    : repository_(repository) {
    const ostree::CommitWalk walk = ostree::walk_commit(repository, commit);
    for (const ostree::WalkedDirectory& directory : walk.directories) {
        entries_.emplace(directory.path, LintEntry{.kind = LintKind::directory,
                                                   .mode = directory.mode & kPermissions,
                                                   .uid = directory.uid,
                                                   .gid = directory.gid,
                                                   .size = 0,
                                                   .target = {}});
    }
    for (const ostree::WalkedFile& file : walk.files) {
        check_interrupt();
        const LintEntry entry = entry_of(repository, file);
        for (const std::string& path : file.paths) entries_.emplace(path, entry);
        if (entries_.size() > kMaxLintEntries) {
            throw Error(ErrorKind::too_large,
                        concat("the commit has more than ", kMaxLintEntries, " files and directories"));
        }
    }
}

std::unique_ptr<Source> CommitTree::open(const std::string& path) const {
    const LintEntry* const entry = at(path);
    if (entry == nullptr || entry->kind != LintKind::file) {
        throw Error(ErrorKind::internal, concat("not a file of the commit: ", quoted(path)));
    }
    return as_damage([&] {
        return std::make_unique<ObjectSource>(ostree::open_object(repository_, entry->content).content);
    });
}

}  // namespace osb::image
