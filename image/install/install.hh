// Installs a system on a disk: docs/install.md.
//
// This process writes everything into a file or a device itself, without a mount and without privileges: the
// filesystems through libext2fs, the bootloader by placing its files. It works the same in a container and on
// a machine. The same input gives the same disk.
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
#include "ostree/import/fetch_plan.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

enum class DiskFormat { raw, qcow2 };

// The system to install: a commit of a repository, and the origin and refs that the disk gets.
struct InstallSource {
    const ostree::Repository* repository = nullptr;  // borrowed
    ostree::CommitId commit;
    Origin origin;
    // Names below refs/ and their commits. The disk gets all of them.
    std::map<std::string, ostree::CommitId> refs;
    std::string remote_config;  // the section of a remote in a repository's configuration
    // Files of the repository on the disk, by name: the keyring of a remote.
    std::map<std::string, std::string> repository_files;
    std::optional<ostree::Transfer> transfer;  // of an image that was imported now
};

// The target and the options of an installation.
struct InstallOptions {
    std::string target;
    std::optional<std::uint64_t> size;  // of the disk, in bytes; default: the device's size, or what fits
    std::optional<std::uint64_t> boot_size;  // of BOOT, in bytes
    PartitionTableKind partition_table = PartitionTableKind::mbr;
    DiskFormat format = DiskFormat::raw;
    std::string stateroot = "default";
    std::vector<std::string> kernel_arguments;
    // The platform of the target machine; nothing means this machine's.
    std::optional<oci::Platform> platform;
    Customizations customizations;
    bool wipe = false;
    unsigned jobs = 0;  // number of threads; 0 means one per core
    // The time, in seconds since 1970, to use in place of the current time; at most kLastExt4Time. If it is
    // set, all values that are otherwise random derive from the input only. 0 is written as 1, because
    // libostree cannot read a sysroot with times of 0.
    std::optional<std::int64_t> source_date_epoch;
};

// The result of Installation::run().
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

// One installation on one target.
class Installation {
  public:
    // Checks the target and the required tools. Changes nothing. Throws Error as the constructor of
    // DiskTarget, and Error{not_found} if the bootloader is not installed on this machine.
    explicit Installation(InstallOptions options);
    ~Installation();
    Installation(const Installation&) = delete;
    Installation& operator=(const Installation&) = delete;

    // The directory for temporary files that are as large as the system; "" for the default directory.
    std::string scratch_parent() const;

    // Installs the system. If it throws, a target file is unchanged, a target device looks empty, and a
    // warning states which. Throws Error:
    // - invalid for a system that would not boot,
    // - unsupported for a system for another machine,
    // - too_large for a command line that the kernel would truncate,
    // - no_space if the system does not fit,
    // - io if the target does not read back as it was written.
    // If the disk has no room for three systems, it is created with a warning.
    InstallResult run(const InstallSource& source, Progress& progress);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb::image
