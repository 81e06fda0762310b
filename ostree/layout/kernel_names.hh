// What distributions call kernels and what belongs to them. Internal to the bootable layout.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ostree/tree/tree.hh"

namespace osb::ostree {

inline constexpr std::string_view kModules = "usr/lib/modules";

// The names of the directories in a directory; none of anything else.
std::vector<std::string> names_of_directories(const Node* node);

// "vmlinuz-virt" -> "virt"; nothing when it is no kernel's name. "vmlinuz" alone has the flavour "".
std::optional<std::string> kernel_flavour(std::string_view name);

// The release of the kernel that /boot calls `flavour`, told from the directories of modules: that of the
// very kernel, if it is in one of them; "6.1.0-9-amd64" is its own; "virt" is that of "6.6.54-0-virt"; and an
// only one serves for any. What an earlier kernel has left behind (updates/dkms) counts when there is nothing
// better. Throws Error{invalid} when it could be that of several. `modules` may be null.
std::string release_of(const std::string& flavour, const Sha256& kernel, const Node* modules);

// Whether a file of /boot is the initramfs of the kernel.
bool is_initramfs_of(std::string_view name, const std::string& flavour, const std::string& release);

// "initramfs-lts.img" -> "lts", and so for all names of an initramfs; "" for one without a flavour. Nothing
// for what is none, and for those that are not for starting the system (fallback, rescue, kdump).
std::optional<std::string> initramfs_flavour(std::string_view name);

}  // namespace osb::ostree
