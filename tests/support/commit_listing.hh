// What is in an ostree commit, as libostree itself reads it.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/bytes.hh"
#include "ostree/objects/commit_id.hh"

namespace osb::test {

struct Listed {
    char type = '?';  // 'f', 'l' or 'd'
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string content;  // of files; the target of links
    std::map<std::string, std::string> xattrs;

    bool operator==(const Listed&) const = default;
};

// By path, the root as "/".
using Listing = std::map<std::string, Listed>;

Listing list_commit(const std::string& repo, const std::string& rev);
inline Listing list_commit(const std::string& repo, const ostree::CommitId& commit) {
    return list_commit(repo, concat(commit));
}

// A string of the commit's metadata; "" when it is not there.
std::string commit_string(const std::string& repo, const std::string& rev, const std::string& key);
inline std::string commit_string(const std::string& repo, const ostree::CommitId& commit,
                                 const std::string& key) {
    return commit_string(repo, concat(commit), key);
}

// The number of objects in the repository, each of which libostree has verified; throws when one is damaged.
std::size_t verify_all_objects(const std::string& repo);

}  // namespace osb::test
