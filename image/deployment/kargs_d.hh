// The kernel arguments of an image: usr/lib/bootc/kargs.d/*.toml, in the format that bootc defines.
//
//     kargs = ["console=ttyS0,115200", "mitigations=auto"]
//     match-architectures = ["x86_64"]      # optional: the machines to which it applies
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/platform.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {

using KernelArguments = std::vector<std::string>;

// Parses one file and returns its arguments for `architecture` (as `uname -m` prints it, "x86_64"; Go's names
// are accepted too). `name` appears in error messages.
// Throws Error{invalid} for
// - text that is not TOML, and a value of the wrong type,
// - an argument that a command line cannot hold,
// - an argument that selects the system to start (root=, ostree=, initrd=, ...),
// - "--", at which the kernel stops parsing.
KernelArguments parse_kargs(std::string_view text, const std::string& name, std::string_view architecture);

// Returns the arguments of a commit for machines of `platform`. Reads the files in the order of their names.
// Throws as parse_kargs(), and Error{too_large} for a file of more than 1 MiB.
KernelArguments read_kargs(const ostree::Repository& repository, const ostree::CommitWalk& commit,
                           const oci::Platform& platform);

// Updates the command line `current` from an image with the arguments `before` to an image with the arguments
// `after`. Removes arguments that the image dropped, adds the new ones, and keeps all others as they are.
// Copies count: an argument that the machine has itself and the image adds occurs twice then, and once after
// the image dropped it.
KernelArguments merge_kargs(const KernelArguments& current, const KernelArguments& before,
                            const KernelArguments& after);

}  // namespace osb::image
