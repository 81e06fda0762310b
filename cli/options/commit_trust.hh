// Options for signatures of commits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options/arguments.hh"
#include "oci/transports/image.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/commit_signers.hh"
#include "ostree/objects/repository.hh"

namespace osb::cli {

// --remote NAME, whose keys verify the commit inside an image.
Argument commit_remote_argument(std::string& remote);

// Opens a repository. Creates it if it is missing, unless `remote` is not "": a new repository has no
// remotes.
ostree::Repository open_repository(const std::string& path, const std::string& remote);

// Verifies the image's commit with the keys of the remote, and returns it; nullopt if `remote` is "". Throws
// as ostree::verify_held_commit().
std::optional<ostree::CommitId> required_commit(const ostree::Repository& repository,
                                                const std::string& remote, const oci::Image& image);

// The options for the keys that sign a commit.
struct SignFlags {
    std::vector<std::string> keys;
    std::string passphrase;
    std::vector<std::string> gpg_keys;
    std::string gpg_homedir;

    void declare(Arguments& arguments);
    // Reads the keys. Throws as read_commit_key() and ostree::check_signers().
    ostree::CommitSigners signers() const;
};

}  // namespace osb::cli
