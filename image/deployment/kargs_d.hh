// The kernel arguments that an image brings: usr/lib/bootc/kargs.d/*.toml, in the form that bootc defined.
//
//     kargs = ["console=ttyS0,115200", "mitigations=auto"]
//     match-architectures = ["x86_64"]      # optional: on which machines it holds
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/platform.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {

using KernelArguments = std::vector<std::string>;

// The arguments of one file for `architecture` (uname -m: "x86_64"; Go's names are taken, too). `name` is for
// messages. Throws Error{invalid} for what is not TOML, a value of the wrong kind, an argument that no
// command line can hold, one that says which system is started (root=, ostree=, initrd=, ...), and "--",
// at which the kernel stops.
KernelArguments parse_kargs(std::string_view text, const std::string& name, std::string_view architecture);

// Those of a commit for machines of that platform: its files in the order of their names. Throws as
// parse_kargs(); Error{too_large} for a file beyond 1 MiB.
KernelArguments read_kargs(const ostree::Repository& repository, const ostree::CommitWalk& commit,
                           const oci::Platform& platform);

// The command line `current` of a system whose image brought `before`, for one whose image brings `after`:
// without what the image brings no more, and with what is new in it at the end. All else stays as it is.
KernelArguments merge_kargs(const KernelArguments& current, const KernelArguments& before,
                            const KernelArguments& after);

}  // namespace osb::image
