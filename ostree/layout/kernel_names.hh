// The names of kernels and initramfs files in distributions. Private to the bootable layout.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ostree/tree/tree.hh"

namespace osb::ostree {

inline constexpr std::string_view kModules = "usr/lib/modules";

// The names of the subdirectories of a directory; empty if `node` is not a directory.
std::vector<std::string> names_of_directories(const Node* node);

// "vmlinuz-virt" -> "virt"; nullopt if it is not the name of a kernel. "vmlinuz" has the flavour "".
std::optional<std::string> kernel_flavour(std::string_view name);

// The release of the kernel with `flavour` in /boot, derived from the directories of modules. The identical
// kernel in one of them decides. Otherwise "6.1.0-9-amd64" is a release itself, "virt" belongs to
// "6.6.54-0-virt", and a single directory matches any flavour. Remains of an earlier kernel (updates/dkms)
// count only if there is no better match. Throws Error{invalid} if several releases match. `modules` may be
// null.
std::string release_of(const std::string& flavour, const Sha256& kernel, const Node* modules);

// True if a file in /boot is the initramfs of the kernel.
bool is_initramfs_of(std::string_view name, const std::string& flavour, const std::string& release);

// "initramfs-lts.img" -> "lts", for all common names of an initramfs; "" for one without a flavour. Returns
// nullopt for other files, and for an initramfs that does not start the system (fallback, rescue, kdump).
std::optional<std::string> initramfs_flavour(std::string_view name);

}  // namespace osb::ostree
