// Builds the trees that libostree would create when it deploys a commit on an empty disk: the repository with
// its objects, the deployment whose files are hard links to them, and the boot entry ("OSTree deployments" in
// the libostree manual). `ostree admin` must accept the result and continue from it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "image/deployment/boot_entry.hh"
#include "image/deployment/kernel.hh"
#include "image/deployment/origin.hh"
#include "image/ext4/file_tree.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {

// The input of lay_out_sysroot(), besides the commit.
struct DeploymentSpec {
    std::string stateroot;
    std::vector<std::string> kernel_arguments;  // without ostree=, which lay_out_sysroot() adds
    Origin origin;
    // The name below refs/, for example "heads/os/main", and the commit. The disk gets all of these refs.
    std::map<std::string, ostree::CommitId> refs;
    std::string repository_config;  // lines that follow [core] in the repository's configuration
    std::map<std::string, std::string> repository_files;  // name and content of more files in the repository
    std::int64_t time = 0;                                // of new inodes, in seconds since 1970
};

// The trees of the root filesystem and of BOOT, and the boot entry.
struct SysrootLayout {
    FileTree root;
    FileTree boot;
    BootEntry entry;
    // Directories in `root`: the deployment, its /etc, and its /var.
    InodeId deployment = 0;
    InodeId etc = 0;
    InodeId var = 0;
};

// Lays out the sysroot. Throws Error that names the object or path. `jobs` is the number of threads that read
// objects; 0 means one per core.
SysrootLayout lay_out_sysroot(const ostree::Repository& repository, const ostree::CommitWalk& walk,
                              const Kernel& kernel, const DeploymentSpec& spec, unsigned jobs);

}  // namespace osb::image
