// Push of a commit and its history to an archive repository in a directory, or on a server over SSH. HTTP
// clients of the repository see a consistent state at every moment (docs/push.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"
#include "ostree/push/ssh_target.hh"

namespace osb::ostree {

// The options of a push.
struct ArchivePushOptions {
    std::optional<RefName> ref;  // its name in the destination; nullopt: the ref in the revision
    bool force = false;          // also if the destination's ref would lose commits
    unsigned jobs = 0;           // number of threads; 0: one per core
    // Static deltas to make in a directory: from these commits, which the destination must have, and from
    // this number of commits before the pushed one.
    std::vector<CommitId> delta_from;
    unsigned delta_last = 0;
    bool prune_deltas = false;  // remove those whose origin or target is gone
    // ssh may ask on the terminal for a password, a passphrase or whether to accept a host's key.
    bool ssh_may_ask = false;
};

// The result of a push.
struct ArchivePushResult {
    CommitId commit;  // the pushed commit
    RefName ref;      // its name in the destination
    // The current commit of this ref in the destination; nullopt if the server does not report it. Over SSH
    // it is a copy that the server made (docs/push.md).
    std::optional<CommitId> destination;
    std::size_t commits = 0;  // number of commits that the destination did not have
    std::uint64_t objects_sent = 0;
    std::uint64_t objects_present = 0;  // objects of those commits that the destination had already
    std::uint64_t bytes_sent = 0;       // stored size, including objects that share blocks with ours
    std::vector<CommitId> deltas;       // the origins of the deltas that were made
    std::size_t deltas_pruned = 0;
    bool unchanged = false;  // the ref had this commit, or over SSH its tree, already
};

// The directory of a URL "file:///srv/repo" (also file:/srv/repo and file://localhost/srv/repo), with %XX
// decoded. Throws Error{usage}.
std::string parse_file_url(std::string_view url);

// Stores the commit that `rev` names, and its ancestors that `source` has, with their detached metadata
// (signatures) in the archive repository at `path`. Creates the repository if it is missing. Writes only
// missing objects. Then sets the ref and updates the summary, each atomically. An interrupted run leaves a
// valid repository. Several runs may be concurrent. Throws Error: not_found for an unknown revision; usage if
// neither the revision nor the options name a ref; invalid if the commit of the ref is not an ancestor and
// force is not set; unsupported for a repository in another mode; no_space.
ArchivePushResult push_to_directory(const Repository& source, const std::string& rev, const std::string& path,
                                    const ArchivePushOptions& options, Progress& progress);

// Does the same through the user's `ssh` program and the server's ostree-receive (package ostree-push), into
// an existing repository. Unless the options say otherwise, ssh asks no questions: keys come from files or an
// agent, and the host must be known. The server stores each commit with a new checksum, as a child of the
// commit of its ref, and accepts only newer ones. Its ref then names the copy. Throws Error as
// push_to_directory(), and: unavailable if the server cannot be reached, refuses access, or its
// ostree-receive fails; untrusted if the host key does not match the known one.
ArchivePushResult push_over_ssh(const Repository& source, const std::string& rev, const SshTarget& target,
                                const ArchivePushOptions& options, Progress& progress);

}  // namespace osb::ostree
