// A system goes onto a disk: docs/install.md.
//
// Everything is written by this process, into a file or a device, without mounting anything and without
// privileges: the filesystems through libext2fs, the bootloader by placing its files. So it works in a
// container as it does on a machine, and the same input gives the same disk.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hh"
#include "image/deployment/origin.hh"
#include "image/disk/partition_table.hh"
#include "image/settings/customizations.hh"
#include "oci/documents/platform.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

enum class DiskFormat { raw, qcow2 };

// What is installed: a commit of a repository, and what the system is to know of where it came from.
struct InstallSource {
    const ostree::Repository* repository = nullptr;  // borrowed
    ostree::CommitId commit;
    Origin origin;
    // Below refs/; all of these are put on the disk.
    std::map<std::string, ostree::CommitId> refs;
    std::string remote_config;  // of a remote, as it stands in a repository's configuration
};

struct InstallOptions {
    std::string target;
    std::optional<std::uint64_t> size;       // of the disk, in bytes; else a device's, or what fits
    std::optional<std::uint64_t> boot_size;  // of BOOT, in bytes
    PartitionTableKind partition_table = PartitionTableKind::mbr;
    DiskFormat format = DiskFormat::raw;
    std::string stateroot = "default";
    std::vector<std::string> kernel_arguments;
    // Of the machine that the disk is for; nothing: of this one.
    std::optional<oci::Platform> platform;
    Customizations customizations;
    bool wipe = false;
    unsigned jobs = 0;  // threads that work; 0: one a core
    // Seconds since 1970 that stand for now, kLastExt4Time at the most; then all that is else random depends
    // on nothing but the input. 0 is written as 1: libostree cannot read a sysroot with times of 0.
    std::optional<std::int64_t> source_date_epoch;
};

struct InstallResult {
    ostree::CommitId commit;
    std::string stateroot;
    std::string kernel;      // release
    std::uint64_t size = 0;  // of the disk, in bytes
    std::string boot_uuid;
    std::string root_uuid;
    std::string deployment;  // path below the sysroot
    std::uint64_t bytes_written = 0;
};

class Installation {
  public:
    // Looks at the target and at the tools that are needed. Nothing is changed. Throws Error as DiskTarget's
    // constructor does; not_found when the bootloader is not installed here.
    explicit Installation(InstallOptions options);
    ~Installation();
    Installation(const Installation&) = delete;
    Installation& operator=(const Installation&) = delete;

    // Where temporary files that are as large as the system belong; "" for the usual place.
    std::string scratch_parent() const;

    // Installs. When it throws, a file that is the target is as it was, and a device looks empty; a warning
    // says which. Throws Error: invalid for a system that would not boot; unsupported for one that is for
    // another machine; too_large for a kernel command line that the kernel would not read to its end;
    // no_space when it does not fit; io for a target that does not read as what was written. A disk without
    // room for three systems is made, with a warning.
    InstallResult run(const InstallSource& source, Progress& progress);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb::image
