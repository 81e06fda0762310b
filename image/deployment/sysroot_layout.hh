// What libostree makes of a commit when it deploys it on an empty disk, as trees to be written: the
// repository with its objects, the deployment whose files are links to them, and the boot entry ("OSTree
// deployments" in its manual). `ostree admin` is the judge, and goes on from there.
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

struct DeploymentSpec {
    std::string stateroot;
    std::vector<std::string> kernel_arguments;  // without ostree=, which is added
    Origin origin;
    // Name below refs/, e.g. "heads/os/main", and the commit. All of these are put on the disk.
    std::map<std::string, ostree::CommitId> refs;
    std::string repository_config;  // lines that follow those of [core] in the repository's configuration
    std::int64_t time = 0;          // of what is new, in seconds since 1970
};

struct SysrootLayout {
    FileTree root;
    FileTree boot;
    BootEntry entry;
    // In `root`: the deployment, its /etc, and its /var.
    InodeId deployment = 0;
    InodeId etc = 0;
    InodeId var = 0;
};

// Throws Error, with the object or path named. `jobs`: threads that look at objects; 0: one a core.
SysrootLayout lay_out_sysroot(const ostree::Repository& repository, const ostree::CommitWalk& walk,
                              const Kernel& kernel, const DeploymentSpec& spec, unsigned jobs);

}  // namespace osb::image
