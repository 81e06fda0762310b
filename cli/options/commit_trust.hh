// Options for signatures of commits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/options/arguments.hh"
#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_objects.hh"
#include "ostree/objects/commit_signers.hh"
#include "ostree/objects/repository.hh"

namespace osb::cli {

// --remote NAME, whose keys verify the commit inside an image.
Argument commit_remote_argument(std::string& remote);

// Opens a repository. Creates it if it is missing, unless `remote` is not "": a new repository has no
// remotes.
ostree::Repository open_repository(const std::string& path, const std::string& remote);

// Verifies the image's commit with the keys of the remote, and returns it; nullopt if `remote` is "". Throws
// as ostree::verify_held_commit(). Its commit is to be required, and its signatures are to be stored with
// store_verified(): another way to the same commit may bring other signatures, or none.
std::optional<ostree::Encapsulated> verified_commit(const ostree::Repository& repository,
                                                    const std::string& remote, const oci::Image& image);

// Stores the signatures that were verified, after the commit. Throws as ostree::store_detached_metadata().
void store_verified(ostree::Repository& repository, const std::optional<ostree::Encapsulated>& verified);

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
