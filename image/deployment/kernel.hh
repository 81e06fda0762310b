// The kernel that a commit boots, as libostree finds it (usr/lib/modules/RELEASE).
#pragma once

#include <string>
#include <vector>

#include "base/hash.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {

struct KernelFile {
    std::string name;  // in BOOT
    Sha256 object{};
    std::uint64_t size = 0;  // in bytes
};

struct Kernel {
    std::string release;
    KernelFile image;
    KernelFile initramfs;
    std::vector<KernelFile> others;  // that belong beside them
    std::string checksum;            // over kernel and initramfs: libostree's name for the pair
};

// Throws Error{invalid} with advice: no kernel, more than one, no initramfs, no init program, or not laid out
// as ostree deploys it.
Kernel find_kernel(const ostree::Repository& repository, const ostree::CommitWalk& commit);

}  // namespace osb::image
