// Which extended attributes of a layer become part of a commit. docs/import.md lists them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "oci/tar/tar_reader.hh"

namespace osb::ostree {

inline constexpr std::size_t kMaxXattrBytes =
    1024UL * 1024;  // names and values of one entry, as ostree-ext has it

inline constexpr std::size_t kMaxXattrName = 255;     // Linux's XATTR_NAME_MAX
inline constexpr std::size_t kMaxXattrValue = 65536;  // Linux's XATTR_SIZE_MAX

// Whether an attribute is kept: security.capability, security.ima and user.*, without user.ostreemeta
// (libostree's own) and user.overlay.* (the builder's). Labels, ACLs and trusted.* belong to the machine that
// built the layer, not to the image.
bool keeps_xattr(std::string_view name) noexcept;

// Whether a name can be written to an archive and a table of contents again: not with a '=', at which the
// keyword of a PAX record ends, and not without being UTF-8, which JSON is.
bool is_portable(std::string_view name) noexcept;

// The attributes of an entry that are kept. None for a symbolic link: Linux does not let them be set there;
// none without a value, which libostree does not see, and none whose name is not portable. The names of those
// that are dropped are added to `dropped`. Throws Error{too_large}, also for a name or a value that Linux
// does not let be set, and for more than 64 KiB in all, which a bare-user repository keeps in one value: no
// file could be checked out.
std::vector<std::pair<std::string, std::string>> select_xattrs(const oci::TarEntry& entry,
                                                               std::vector<std::string>& dropped);

}  // namespace osb::ostree
