// Brings the system to install into a repository.
#pragma once

#include <optional>
#include <string>

#include "base/progress.hh"
#include "base/sandbox.hh"
#include "image/install/install.hh"
#include "oci/documents/platform.hh"
#include "ostree/import/object_fetch.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::image {

// In these functions `target_imgref` is the image to follow, in a form that Origin::of_image() accepts; ""
// for none.

// Selects a commit of an existing repository. `rev` is a ref or a checksum. The result borrows `repository`.
// If the image to follow names an ostree remote, the commit must have the signatures that the remote of
// `repository` requires, and the configuration of the remote is copied. Throws Error{not_found, untrusted}.
InstallSource source_of_commit(const ostree::Repository& repository, const std::string& rev,
                               const std::string& target_imgref);

// The image to import, and how to reach it.
struct ImageSourceOptions {
    std::string image;                      // as oci::Reference::parse() takes it
    std::optional<oci::Platform> platform;  // of the machine; nothing means this machine's
    registry::RegistryOptions registry;
    std::string target_imgref;  // "" means `image`, if it is in a registry
    ostree::FetchWay fetch = ostree::FetchWay::automatic;
    unsigned jobs = 0;
    SandboxMode sandbox = SandboxMode::off;  // of the process that reads the image
};

// Imports an image into `repository`. If the image only wraps a commit, the result is that commit. Throws as
// ostree::import_image(), and before it is fetched: Error{unsupported} for an image for another machine, and
// Error{untrusted} if the image to follow names an ostree remote, because `repository` has no remotes. With a
// sandbox, all of it happens in a process of its own (base/sandboxed_call.hh), which can change only the
// repository.
InstallSource source_of_image(ostree::Repository& repository, const ImageSourceOptions& options,
                              Progress& progress);

// The remote repository to pull from.
struct RemoteSourceOptions {
    std::string url;
    ostree::RefName ref;
    std::string remote = "origin";  // its name on the disk
    std::string gpg_key;            // path of the keyring that verifies its commits; "" for none
    std::string copy;               // path of a repository to read instead of the URL; "" for none
    std::string target_imgref;
};

// Pulls a commit from a remote repository, as `ostree pull` does. The installed system follows that ref.
InstallSource source_of_remote(ostree::Repository& repository, const RemoteSourceOptions& options,
                               Progress& progress);

}  // namespace osb::image
