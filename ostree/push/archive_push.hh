// A commit and its history sent to an archive repository: one in a directory, or one on a server behind SSH.
// What readers of it over HTTP see is whole at every moment (docs/push.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/progress.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"
#include "ostree/push/ssh_target.hh"

namespace osb::ostree {

struct ArchivePushOptions {
    std::optional<RefName> ref;  // its name in the destination; nothing: the ref that the revision names
    bool force = false;          // also when the destination's ref would lose commits by it
    unsigned jobs = 0;           // threads that work; 0: one a core
};

struct ArchivePushResult {
    CommitId commit;  // that was pushed
    RefName ref;      // its name in the destination
    // The commit that this ref names there now; nothing when the server does not tell. Over SSH it is a copy
    // of ours, made by the server (docs/push.md).
    std::optional<CommitId> destination;
    std::size_t commits = 0;  // that the destination lacked
    std::uint64_t objects_sent = 0;
    std::uint64_t objects_present = 0;  // of those commits' objects, which the destination had already
    std::uint64_t bytes_sent = 0;       // as stored; objects that share their blocks with ours included
    bool unchanged = false;             // the ref named this commit, or over SSH its tree, already
};

// The directory of a URL "file:///srv/repo" (also file:/srv/repo and file://localhost/srv/repo), %XX decoded.
// Throws Error{usage}.
std::string parse_file_url(std::string_view url);

// Stores the commit that `rev` names, and its ancestors as far as `source` has them, with their detached
// metadata (signatures) in the archive repository at `path`, which is created when it is missing; only
// objects that it lacks. Then sets the ref, then brings the summary up to date, each at once. A run that ends
// at any moment leaves a good repository; several may run at once. Throws Error: not_found for a revision
// that is not there; usage when it names no ref and the options do not either; invalid when the ref names a
// commit that is no ancestor, and force is not set; unsupported for a repository in another mode; no_space.
ArchivePushResult push_to_directory(const Repository& source, const std::string& rev, const std::string& path,
                                    const ArchivePushOptions& options, Progress& progress);

// The same through the user's `ssh` program and the server's ostree-receive (of the package ostree-push),
// into a repository that exists there. ssh asks no questions: keys come from files or an agent, the host must
// be known. The server stores each commit under a new checksum, as a child of what its ref names, and takes
// only what is newer; its ref then names the copy. Throws Error as above, and: unavailable when the server
// cannot be reached, refuses us, or its ostree-receive fails; untrusted when it is not the host that is
// known.
ArchivePushResult push_over_ssh(const Repository& source, const std::string& rev, const SshTarget& target,
                                const ArchivePushOptions& options, Progress& progress);

}  // namespace osb::ostree
