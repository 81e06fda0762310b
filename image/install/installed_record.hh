// The record of --config on the disk: the files of /etc and /var that the installation wrote beyond the
// image. A factory reset puts them back (system/reset/). Only root can read it, because it has hashes of
// passwords.
#pragma once

#include <map>
#include <string>

#include "image/deployment/sysroot_layout.hh"

namespace osb::image {

// The directory of the record relative to the sysroot, and its parts:
// - default-etc: the image's entries of /etc that were changed or removed, as they were
// - etc: the changed and added entries of /etc, as they are
// - var: the entries that were added to or changed in /var
// Directories above these entries are there, too. The difference of the first two is a change of /etc that
// can be merged into another /etc (system/etc/etc_plan.hh).
inline constexpr const char* kInstalledDirectory = "ostree/osb-oci/installed";
inline constexpr const char* kInstalledDefaultEtc = "default-etc";
inline constexpr const char* kInstalledEtc = "etc";
inline constexpr const char* kInstalledVar = "var";

// Remembers /etc and /var of a layout, and then compares. Holds a copy of their inodes.
class InstalledRecord {
  public:
    // Call this before customize().
    explicit InstalledRecord(const SysrootLayout& layout);

    // Adds the record to the tree of the root filesystem, also if nothing was changed. Call this once, after
    // customize(). `time` is the time of new directories, in seconds since 1970.
    void add_to(SysrootLayout& layout, std::int64_t time) const;

  private:
    // The entries below a directory by path; the directory itself is "".
    using Listing = std::map<std::string, Inode>;
    static Listing list(const FileTree& tree, InodeId directory);
    static void copy(FileTree& tree, InodeId to, const Listing& from, const std::string& path);

    Listing etc_;
    Listing var_;
};

}  // namespace osb::image
