// Fetches commits from a remote ostree repository, through libostree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
    // A directory with a copy of the remote's repository, which is read instead; "": the URL is read.
    std::string copy;
};

// The amount of data that a pull fetched, counted as `ostree pull` does: metadata includes signatures and
// other detached metadata, and requests for those that the server does not have.
struct FetchedObjects {
    std::uint64_t metadata = 0;
    std::uint64_t content = 0;
    std::uint64_t delta_parts = 0;        // of static deltas, which hold many objects
    std::uint64_t bytes_transferred = 0;  // as sent, which is compressed; also those of the summary

    friend bool operator==(const FetchedObjects&, const FetchedObjects&) = default;
};

// A pulled commit. `fetched` is nothing for file://, where libostree links or copies objects and counts none.
struct PulledCommit {
    CommitId commit;
    std::optional<FetchedObjects> fetched;
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

// Pulls a ref of a remote in the repository's configuration, with its settings. Throws as pull_remote().
PulledCommit pull_configured(Repository& repository, const std::string& remote, const RefName& ref,
                             Progress& progress);

// The current commit of the ref in the remote's summary. Stores nothing. Throws as pull_remote(); not_found
// if the summary does not have the ref, and if the remote has no summary.
CommitId remote_commit(const Repository& repository, const std::string& remote, const RefName& ref);

// Fetches a commit object and the files of some directories (absolute paths; missing ones are ignored) into
// the empty repository `scratch`. `repository` has the remote, with the settings of its signatures, and
// becomes the parent of `scratch`: objects that it has are not fetched. Throws as pull_remote().
void pull_directories(Repository& scratch, const Repository& repository, const std::string& remote,
                      const CommitId& commit, const std::vector<std::string>& directories);

// The content of a regular file of a commit that pull_directories() fetched; nothing if the commit has no
// such file, or if it was not fetched. `path` is relative to the root. Throws Error: too_large above `limit`
// bytes; digest_mismatch for a damaged object.
std::optional<std::string> read_pulled_file(const Repository& scratch, const CommitId& commit,
                                            const std::string& path, std::size_t limit);

// The configuration of a remote, to copy it into another repository.
struct RemoteConfig {
    std::string text;     // a group of the repository's config; begins with an empty line
    std::string keyring;  // of GPG keys; "" for none. Its file is keyring_name()
};

// Reads the location of a remote and all that verifies its commits. Throws Error{not_found} if the repository
// does not have the remote.
RemoteConfig read_remote_config(const Repository& repository, const std::string& remote);

}  // namespace osb::ostree
