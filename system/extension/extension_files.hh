// The files of extensions: SYSROOT/ostree/osb-oci/extensions/COMMIT has /usr of a commit, as hard links to
// the repository. The refs osb/extension/NAME keep the commits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ostree/objects/ref_name.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

inline constexpr std::string_view kExtensionRefs = "osb/extension";

// The ref of an extension.
ostree::RefName extension_ref(std::string_view name);

// The directory of the files of that commit, which may not exist.
std::string extension_directory(const ostree::Sysroot& sysroot, const ostree::CommitId& commit);

// Checks the files out. Idempotent and atomic. The sysroot must be locked. Throws as ostree::check_out().
void check_out_extension(const ostree::Sysroot& sysroot, const ostree::CommitId& commit);

// A summary of the files of an extension, compared with a system.
struct ExtensionContent {
    std::size_t files = 0;                // with links
    std::uint64_t bytes = 0;              // of regular files
    std::size_t replaced = 0;             // files that the system has with other content
    std::size_t changed_directories = 0;  // directories that the system has with another owner or mode
    std::vector<std::string> privileged;  // programs with setuid, setgid or capabilities; paths below /usr,
                                          // escaped; at most kMaxPrivilegedShown
    std::size_t privileged_count = 0;
};
inline constexpr std::size_t kMaxPrivilegedShown = 8;

// Compares the directory of an extension with the directory /usr of a deployment. Throws Error{io}.
ExtensionContent read_extension_content(const std::string& directory, const std::string& usr);

// Returns the refs of extensions that no stateroot lists. Returns nothing if a list cannot be read.
std::vector<std::string> unused_extension_refs(const ostree::Sysroot& sysroot);

// Removes the files of extensions that no stateroot lists and that are not merged now, and leftovers of
// interrupted runs. Removes nothing if a list cannot be read. Idempotent. The sysroot must be locked.
void remove_unused_extension_files(const ostree::Sysroot& sysroot);

}  // namespace osb::system
