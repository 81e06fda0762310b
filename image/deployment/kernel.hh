// The kernel that a commit boots, located as libostree does (usr/lib/modules/RELEASE).
#pragma once

#include <string>
#include <vector>

#include "base/hash.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {

// A file of the kernel in BOOT, and its object in the repository.
struct KernelFile {
    std::string name;  // in BOOT
    Sha256 object{};
    std::uint64_t size = 0;  // in bytes
};

// A kernel release with its files.
struct Kernel {
    std::string release;
    KernelFile image;
    KernelFile initramfs;
    std::vector<KernelFile> others;  // other files that belong beside them
    std::string checksum;            // of kernel and initramfs: libostree's name for the pair
};

// Finds the kernel of a commit. Throws Error{invalid} with advice if there is no kernel, more than one
// kernel, no initramfs or no init program, or if the tree is not laid out as ostree deploys it.
Kernel find_kernel(const ostree::Repository& repository, const ostree::CommitWalk& commit);

}  // namespace osb::image
