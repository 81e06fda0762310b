// Computes the sizes of BOOT and ROOT.
//
// During an upgrade a machine holds three deployments: the running one, the rollback, and the new one. All
// three must fit even if they share no files.
#pragma once

#include <cstdint>

#include "image/ext4/file_tree.hh"

namespace osb::image {

// All sizes are in bytes, and multiples of 1 MiB. The trees are those of one deployment.

// The smallest BOOT that holds three kernels with their initramfs, each a quarter larger than now.
// `kernel_size` is the size of one such pair.
std::uint64_t least_boot_size(const FileTree& boot, std::uint64_t kernel_size);
// The default size of BOOT: at least 256 MiB.
std::uint64_t usual_boot_size(const FileTree& boot, std::uint64_t kernel_size);

// The smallest ROOT in which one system runs.
std::uint64_t least_root_size(const FileTree& root);
// The smallest ROOT that holds three systems without shared files, a quarter of a system for the space that
// ostree and ext4 keep free, and 32 MiB.
std::uint64_t upgradable_root_size(const FileTree& root);
// The default size of ROOT: as upgradable_root_size(), with 256 MiB instead of 32 MiB for the machine's own
// data.
std::uint64_t usual_root_size(const FileTree& root);

}  // namespace osb::image
