// The complete content of a commit, in a fixed order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// A directory of the commit.
struct WalkedDirectory {
    std::string path;  // without leading '/'; "" for the root
    Sha256 tree{};
    Sha256 meta{};
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t mode = 0;  // permission bits
};

// A content object and all its names in the commit.
struct WalkedFile {
    Sha256 checksum{};
    std::vector<std::string> paths;  // sorted; without leading '/'
};

// True if path `a` precedes `b` in a walk: a directory precedes its content, and siblings are sorted by
// bytes.
bool before_in_tree(const std::string& a, const std::string& b) noexcept;

// The maximum number of entries of a tree, and the maximum total size of their paths in bytes.
inline constexpr std::size_t kMaxWalkEntries = 4'000'000;
inline constexpr std::size_t kMaxWalkBytes = 512UL * 1024 * 1024;

// The directories and files of a tree.
struct CommitWalk {
    std::optional<CommitId> commit;            // nullopt for a tree without a commit
    std::vector<WalkedDirectory> directories;  // sorted by before_in_tree()
    std::vector<WalkedFile> files;             // by their first path
};

// The directory at `path`; nullptr if the walk does not have it.
const WalkedDirectory* find_directory(const CommitWalk& walk, const std::string& path);

// Walks a commit. Throws Error: not_found if an object is missing; digest_mismatch if one is damaged; invalid
// if one is malformed or the tree is deeper than kMaxDepth; too_large above the limits.
CommitWalk walk_commit(const Repository& repository, const CommitId& commit);

// The same for a tree that no commit of the repository names yet.
CommitWalk walk_tree(const Repository& repository, const Sha256& tree, const Sha256& meta);

// The checksums of the root's dirtree and dirmeta objects.
struct RootChecksums {
    Sha256 tree{};
    Sha256 meta{};
    bool operator==(const RootChecksums&) const = default;
};
// Reads them from the bytes of a commit object. Throws Error{invalid}.
RootChecksums root_of(ByteView commit_object);

// Reads them for a commit in the repository. Throws Error: not_found, digest_mismatch, invalid.
RootChecksums read_root(const Repository& repository, const CommitId& commit);
// The same, but also throws Error{not_found} if the repository has the commit only partially.
RootChecksums read_complete_root(const Repository& repository, const CommitId& commit);

}  // namespace osb::ostree
