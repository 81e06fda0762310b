// The detached metadata of a commit, which are mostly signatures.
#pragma once

#include <string>
#include <string_view>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The precedence if both sides have a value that is not a list to merge.
enum class Preferred { present, added };

// Merges the detached metadata `added` into `present`. The result has every key of both. Lists of byte
// strings (signatures) are joined, and win over a value of another type: such a value can neither remove
// signatures nor keep them out. Elements without the form of a signature (has_signature_form()) are dropped
// where lists are joined, and so are those of `added` above kMaxCommitSignatures. For other values the
// preferred side wins. All are serialised a{sv}, "" for none. If nothing is added, the result has the same
// bytes as `present`. Throws Error{invalid} if `added` is malformed, Error{too_large} above the limit of
// libostree. Malformed present metadata are replaced.
std::string join_detached_metadata(std::string_view present, std::string_view added, Preferred preferred);

// Merges detached metadata into those of a commit in the repository, whose values win. Durable on return.
// Writes nothing if nothing is added. Throws likewise.
void store_detached_metadata(Repository& repository, const CommitId& commit, std::string_view added);

}  // namespace osb::ostree
