// Fetches commits from a remote ostree repository, through libostree.
#pragma once

#include <string>

#include "base/progress.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The remote and the ref to pull.
struct RemotePullOptions {
    std::string name;  // of the remote
    std::string url;   // http://, https:// or file://
    RefName ref;
    std::string gpg_key;  // path of a file with the trusted signing keys; "": do not verify signatures
};

// The pulled commit and the configuration of the remote.
struct RemotePullResult {
    CommitId commit;
    // The section of the remote in a repository's configuration file.
    std::string config;
    // The trusted keys of the remote, as libostree stores them in a repository's file keyring_name(); "" if
    // signatures are not verified.
    std::string keyring;
};

// The file in a repository's directory with the trusted keys of a remote.
std::string keyring_name(const std::string& remote);

// Adds the remote to `repository` and pulls the ref with all its objects. Reports no bytes, because their
// total is not known before the end. Throws Error: usage for a name or URL that libostree rejects;
// unavailable if the server cannot be reached; untrusted for a commit without a valid signature; not_found if
// the remote does not have the ref. Throws Interrupted.
RemotePullResult pull_remote(Repository& repository, const RemotePullOptions& options, Progress& progress);

// Pulls a ref of a remote in the repository's configuration, with its settings. Returns the commit. Throws as
// pull_remote().
CommitId pull_configured(Repository& repository, const std::string& remote, const RefName& ref,
                         Progress& progress);

// The current commit of the ref in the remote's summary. Stores nothing. Throws as pull_remote(); not_found
// if the summary does not have the ref, and if the remote has no summary.
CommitId remote_commit(const Repository& repository, const std::string& remote, const RefName& ref);

}  // namespace osb::ostree
