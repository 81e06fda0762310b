// Compares content objects by their headers, on all cores.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ostree/diff/commit_diff.hh"

namespace osb::ostree {

// Two content objects to compare, or one whose size is wanted. At least one is set.
struct ObjectPair {
    std::size_t entry = 0;  // index of its path in CommitDiff::entries
    std::optional<Sha256> a;
    std::optional<Sha256> b;
};

// Sets `what` of the entries that have two objects, and adds up the counts. The two objects of a pair must
// have different checksums. Throws Error as diff_commits(), with the path as context.
void compare_objects(const Repository& a, const Repository& b, const std::vector<ObjectPair>& pairs,
                     unsigned threads, CommitDiff& out);

}  // namespace osb::ostree
