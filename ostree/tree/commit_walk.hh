// Everything that a commit consists of, in a fixed order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

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

// Whether path `a` comes before `b` in a walk: a directory before what is in it, siblings by their bytes.
bool before_in_tree(const std::string& a, const std::string& b) noexcept;

// The most entries of a tree, and bytes of all their paths.
inline constexpr std::size_t kMaxWalkEntries = 4'000'000;
inline constexpr std::size_t kMaxWalkBytes = 512UL * 1024 * 1024;

struct CommitWalk {
    std::optional<CommitId> commit;            // nothing for a tree that no commit names
    std::vector<WalkedDirectory> directories;  // sorted by before_in_tree()
    std::vector<WalkedFile> files;             // by their first path
};

// The directory at `path`; nullptr when the walk has none.
const WalkedDirectory* find_directory(const CommitWalk& walk, const std::string& path);

// Throws Error: not_found when an object of the commit is missing, digest_mismatch when one is damaged,
// invalid when one is malformed or a tree is more than kMaxDepth deep; too_large beyond the limits above.
CommitWalk walk_commit(const Repository& repository, const CommitId& commit);

// The same for a tree that no commit of the repository names yet.
CommitWalk walk_tree(const Repository& repository, const Sha256& tree, const Sha256& meta);

// The checksums of the root's dirtree and dirmeta objects in a commit object's bytes. Throws Error{invalid}.
struct RootChecksums {
    Sha256 tree{};
    Sha256 meta{};
    bool operator==(const RootChecksums&) const = default;
};
RootChecksums root_of(ByteView commit_object);

// The same of a commit in the repository. Throws Error: not_found, digest_mismatch, invalid.
RootChecksums read_root(const Repository& repository, const CommitId& commit);

}  // namespace osb::ostree
