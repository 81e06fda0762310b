// How large BOOT and ROOT of a disk are to be.
//
// A machine that upgrades holds three deployments for a while: the one that runs, the one to fall back to,
// and the next. Three that have nothing in common have to fit.
#pragma once

#include <cstdint>

#include "image/ext4/file_tree.hh"

namespace osb::image {

// All in bytes, multiples of 1 MiB, for the trees of one deployment as they are to be written.

// Of BOOT: holds three kernels with their initramfs that are a quarter larger. `kernel_size` is that of one.
std::uint64_t least_boot_size(const FileTree& boot, std::uint64_t kernel_size);
// The size that is chosen where nothing else is said: 256 MiB or more.
std::uint64_t usual_boot_size(const FileTree& boot, std::uint64_t kernel_size);

// Of ROOT: one system runs in it.
std::uint64_t least_root_size(const FileTree& root);
// Three systems that differ in every file, a quarter of one for what ostree and ext4 keep free, and 32 MiB.
std::uint64_t upgradable_root_size(const FileTree& root);
// The same with 256 MiB for the machine's own data.
std::uint64_t usual_root_size(const FileTree& root);

}  // namespace osb::image
