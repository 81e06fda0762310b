// GPG signatures of commits, through libostree, which starts gpg.
#pragma once

#include <string>
#include <string_view>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Signs the commit, which may be one that a transaction writes. Returns false, and changes nothing, if the
// key has signed it before. `key`: any name that gpg takes. homedir: "" for that of the user. Throws
// Error{io} if gpg does not sign.
bool sign_with_gpg(const Repository& repository, const CommitId& commit, const std::string& key,
                   const std::string& homedir);

// "" if it is a good signature of the commit by a key of the remote; else why not.
std::string gpg_problem(const Repository& repository, const std::string& remote,
                        std::string_view commit_object, std::string_view signature);

// Writes detached metadata as they are.
void replace_detached_metadata(const Repository& repository, const CommitId& commit,
                               std::string_view detached);

}  // namespace osb::ostree
