// The metadata of a commit. They are in the commit object, so they are read although other objects of the
// commit are missing: a system of which `ostree fsck --delete` has removed a damaged file must remain
// replaceable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/digest.hh"
#include "oci/documents/platform.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// True if the repository has the commit object, completely or in part.
bool has_commit_object(const Repository& repository, const CommitId& commit);
// True if the repository has the commit, and does not mark it as partial.
bool has_whole_commit(const Repository& repository, const CommitId& commit);

// Selected metadata of a commit.
struct CommitInfo {
    std::string version;          // metadata key "version"; "" for none
    std::string manifest_digest;  // of the image from which it was imported; "" for none
    std::uint64_t time = 0;       // seconds since 1970
};

// Throws Error{not_found} if the commit is missing.
CommitInfo read_commit_info(const Repository& repository, const CommitId& commit);

// The same from the bytes of a commit object, such as one whose signature was verified and that is not stored
// yet. Throws Error{invalid} for malformed bytes.
CommitInfo parse_commit_info(std::string_view commit_object);

// The platform of the commit, from the image from which it was imported, or from the metadata key
// "ostree.architecture"; nullopt without either. Throws as read_commit_info().
std::optional<oci::Platform> read_commit_platform(const Repository& repository, const CommitId& commit);

// The diffIDs of the image with this manifest digest, lowest first, if the commit's metadata have its
// manifest and config; otherwise empty. The digest proves them: whoever made the commit may have written
// anything. Throws as read_commit_info().
std::vector<oci::Digest> read_commit_layers(const Repository& repository, const CommitId& commit,
                                            const std::string& manifest_digest);

}  // namespace osb::ostree
