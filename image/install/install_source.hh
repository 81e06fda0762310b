// Where the system to install comes from, brought into a repository.
#pragma once

#include <optional>
#include <string>

#include "base/progress.hh"
#include "image/install/install.hh"
#include "oci/documents/platform.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::image {

// `target_imgref`: the image to follow, in a form that Origin::of_image() takes; "" for none.

// A commit of a repository that is there: `rev` is a ref or a checksum. `repository` is borrowed by the
// result. Throws Error{not_found}.
InstallSource source_of_commit(const ostree::Repository& repository, const std::string& rev,
                               const std::string& target_imgref);

struct ImageSourceOptions {
    std::string image;                      // as oci::Reference::parse() takes it
    std::optional<oci::Platform> platform;  // of the machine; nothing: of this one
    registry::RegistryOptions registry;
    std::string target_imgref;  // "": `image`, when that is in a registry
    unsigned jobs = 0;
};

// Imports an image into `repository`; of one that holds a commit and no more the result is that commit.
// Throws as ostree::import_image(); Error{unsupported} for one that is for another machine, before it is
// fetched.
InstallSource source_of_image(ostree::Repository& repository, const ImageSourceOptions& options,
                              Progress& progress);

struct RemoteSourceOptions {
    std::string url;
    ostree::RefName ref;
    std::string remote = "origin";  // its name on the disk
    std::string gpg_key;            // path of a keyring that its commits are checked against; "" for none
    std::string target_imgref;
};

// Pulls a commit from a remote repository, as `ostree pull` does. The system follows the ref there.
InstallSource source_of_remote(ostree::Repository& repository, const RemoteSourceOptions& options,
                               Progress& progress);

}  // namespace osb::image
