// The extended attributes of a layer that become part of a commit. docs/import.md lists them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "oci/tar/tar_reader.hh"

namespace osb::ostree {

inline constexpr std::size_t kMaxXattrBytes =
    1024UL * 1024;  // names and values of one entry, as in ostree-ext

inline constexpr std::size_t kMaxXattrName = 255;     // Linux's XATTR_NAME_MAX
inline constexpr std::size_t kMaxXattrValue = 65536;  // Linux's XATTR_SIZE_MAX

// True if an attribute is kept: security.capability, security.ima and user.*, except user.ostreemeta
// (libostree's own) and user.overlay.* (the builder's). Labels, ACLs and trusted.* belong to the machine that
// built the layer, not to the image.
bool keeps_xattr(std::string_view name) noexcept;

// True if a name can be written to an archive and a table of contents again. It must not have a '=', which
// ends the keyword of a PAX record, and must be UTF-8 for JSON.
bool is_portable(std::string_view name) noexcept;

// The attributes of an entry that are kept. None are kept for a symbolic link, because Linux does not support
// them. Attributes without a value, which libostree ignores, and those with a name that is not portable are
// not kept. Adds the names of dropped attributes to `dropped`. Throws Error{too_large} above the limits of
// Linux for a name or a value, and above 64 KiB in all: a bare-user repository keeps all of them in one
// value, so the file could not be checked out.
std::vector<std::pair<std::string, std::string>> select_xattrs(const oci::TarEntry& entry,
                                                               std::vector<std::string>& dropped);

}  // namespace osb::ostree
