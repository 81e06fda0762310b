// A commit fetched from a remote ostree repository, by libostree.
#pragma once

#include <string>

#include "base/progress.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct RemotePullOptions {
    std::string name;  // of the remote
    std::string url;   // http://, https:// or file://
    RefName ref;
    std::string gpg_key;  // path of a file with the keys that its commits are signed with; "": not checked
};

struct RemotePullResult {
    CommitId commit;
    // The remote, as it stands in a repository's configuration file.
    std::string config;
};

// Adds the remote to `repository` and pulls the ref with all that belongs to it. Reports no bytes: their
// total is not known before the end. Throws Error: usage for a name or URL that libostree does not take;
// unavailable when the server cannot be reached, untrusted for a commit without a good signature, not_found
// for a ref that the remote lacks; Interrupted.
RemotePullResult pull_remote(Repository& repository, const RemotePullOptions& options, Progress& progress);

// Pulls a ref of a remote that the repository's configuration names, as that says; returns the commit. Throws
// as pull_remote().
CommitId pull_configured(Repository& repository, const std::string& remote, const RefName& ref,
                         Progress& progress);

// The commit that the remote's summary says the ref names now; nothing is stored. Throws as pull_remote();
// not_found for a ref that the summary lacks, and for a remote that has no summary.
CommitId remote_commit(const Repository& repository, const std::string& remote, const RefName& ref);

}  // namespace osb::ostree
