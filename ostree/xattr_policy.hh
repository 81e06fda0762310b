// Which extended attributes of a layer become part of a commit. docs/import.md lists them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "oci/tar_reader.hh"

namespace osb::ostree {

inline constexpr std::size_t kMaxXattrBytes =
    1024UL * 1024;  // names and values of one entry, as ostree-ext has it

inline constexpr std::size_t kMaxXattrName = 255;     // Linux's XATTR_NAME_MAX
inline constexpr std::size_t kMaxXattrValue = 65536;  // Linux's XATTR_SIZE_MAX

// Whether an attribute is kept: security.capability, security.ima and user.*, without user.ostreemeta
// (libostree's own) and user.overlay.* (the builder's). Labels, ACLs and trusted.* belong to the machine that
// built the layer, not to the image.
bool keeps_xattr(std::string_view name) noexcept;

// The attributes of an entry that are kept. None for a symbolic link: Linux does not let them be set there;
// and none without a value, which libostree does not see. The names of those that are dropped are added to
// `dropped`. Throws Error{too_large}, also for a name or a value that Linux does not let be set: no file
// could be checked out.
std::vector<std::pair<std::string, std::string>> select_xattrs(const oci::TarEntry& entry,
                                                               std::vector<std::string>& dropped);

}  // namespace osb::ostree
