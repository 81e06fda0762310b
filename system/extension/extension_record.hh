// The list of the extensions of a stateroot: var/lib/osb/extensions.json. It is in /var, so that a machine
// that is reset loses its extensions, too. /run/osb/extensions.json lists those that are merged now.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "image/deployment/os_release.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/extension/usr_mount.hh"

namespace osb::system {

inline constexpr std::size_t kMaxExtensions = kMaxUsrLayers;
inline constexpr std::size_t kMaxExtensionName = 64;

// A recorded extension.
struct Extension {
    std::string name;
    ostree::CommitId commit;
    std::string image;         // TRANSPORT:NAME, as it was added
    std::string digest;        // of the manifest
    std::string version;       // of the image; "" if it has none
    bool is_forced = false;    // merged even if it does not fit
    image::OsRelease release;  // the fields of its extension-release that decide whether it fits
};

// An extension on /usr now.
struct MergedExtension {
    std::string name;
    ostree::CommitId commit;

    friend bool operator==(const MergedExtension&, const MergedExtension&) = default;
};

// True for a name that is safe in paths and refs: [a-z0-9][a-z0-9._-]*, at most kMaxExtensionName bytes.
bool is_extension_name(std::string_view name) noexcept;

// Keeps the fields of an extension-release that decide whether it fits, cut to a length that can be stored.
image::OsRelease deciding_fields(const image::OsRelease& release);

// The JSON text of a list, and its parser. Parsing throws Error{invalid, too_large} for text that is
// malformed, has a name twice or has more than kMaxExtensions. The result is sorted by name.
std::string extensions_text(const std::vector<Extension>& extensions);
std::vector<Extension> parse_extensions(const std::string& text);

// Reads the list of a stateroot; empty if there is none. Throws as parse_extensions(), and Error{io}.
std::vector<Extension> read_extensions(const ostree::Sysroot& sysroot, const std::string& stateroot);

// Writes the list, atomically and durably. The sysroot must be locked. Throws Error{io, no_space}.
void write_extensions(const ostree::Sysroot& sysroot, const std::string& stateroot,
                      const std::vector<Extension>& extensions);

// The extensions on /usr of the running system, sorted by name. Empty if the record or the mount is missing.
std::vector<MergedExtension> read_merged(std::string_view mountinfo = read_mountinfo());
// Writes the record. Throws Error{io}.
void write_merged(const std::vector<MergedExtension>& merged);

}  // namespace osb::system
