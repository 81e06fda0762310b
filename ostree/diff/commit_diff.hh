// The difference of two commits: which paths were added, removed and changed, and in what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// A commit to compare. The repository is borrowed.
struct DiffSide {
    const Repository& repository;
    CommitId commit;
};

enum class EntryChange { added, removed, changed };

// The differing properties of a path that both commits have.
struct EntryAspects {
    bool content = false;  // of a file
    bool mode = false;     // permission bits
    bool owner = false;    // user or group
    bool xattrs = false;
    bool type = false;    // file, symbolic link or directory; then nothing else is compared
    bool target = false;  // of a symbolic link

    bool any() const noexcept { return content || mode || owner || xattrs || type || target; }
    bool operator==(const EntryAspects&) const = default;
};

// One path that differs.
struct DiffEntry {
    std::string path;  // starts with '/'; not escaped
    EntryChange change = EntryChange::changed;
    EntryAspects what;          // nothing for an added or removed path
    bool is_directory = false;  // on both sides, or on the only one
};

// Numbers of paths that are a file or a symbolic link on at least one side. Directories do not count.
struct DiffCounts {
    std::uint64_t added = 0;
    std::uint64_t removed = 0;
    std::uint64_t changed = 0;
    // The sizes, in bytes, of added files and of changed files after and before the change. A changed file
    // counts only if its content or type differs.
    std::uint64_t bytes_added = 0;
    std::uint64_t bytes_removed = 0;

    bool operator==(const DiffCounts&) const = default;
};

// The maximum number of entries, and the maximum total size of their paths in bytes.
inline constexpr std::size_t kMaxDiffEntries = 2'000'000;
inline constexpr std::size_t kMaxDiffBytes = 128UL * 1024 * 1024;

struct CommitDiff {
    std::vector<DiffEntry> entries;  // a directory precedes its content; siblings are sorted by bytes
    DiffCounts files;
};

// Compares two commits, which may be in different repositories of any mode. `threads`: 0 means one per core.
//
// Subtrees with equal checksums are skipped without being read. For other files, only the headers of the
// content objects are read, with one exception: if two files of the same size differ in metadata, the content
// of one is hashed, because nothing else shows whether the contents are equal. The sizes in headers are not
// verified.
//
// Throws Error: not_found if an object that must be read is missing, or if a commit is incomplete;
// digest_mismatch and invalid if one is damaged; too_large above `max_entries` or kMaxDiffBytes, and for
// paths that are longer or deeper than check_tree_place() allows. Throws Interrupted. Changes nothing.
CommitDiff diff_commits(const DiffSide& a, const DiffSide& b, unsigned threads = 0,
                        std::size_t max_entries = kMaxDiffEntries);

}  // namespace osb::ostree
