#include "system/deploy/deploy_space.hh"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <set>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/free_space.hh"
#include "base/log.hh"
#include "image/deployment/kernel.hh"
#include "image/disk/byte_size.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/origin/disk_space.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;
using ostree::Deployment;
using ostree::Sysroot;

bool contains(const std::vector<Deployment>& list, const Deployment& deployment) {
    return std::find(list.begin(), list.end(), deployment) != list.end();
}

std::uint64_t files_in_etc(const ostree::CommitWalk& commit) {
    std::uint64_t out = 0;
    for (const ostree::WalkedFile& file : commit.files) {
        for (const std::string& path : file.paths) out += path.starts_with("usr/etc/") ? 1 : 0;
    }
    return out;
}

std::uint64_t inodes_in_etc(const ostree::CommitWalk& commit) {
    const auto is_in_etc = [](const ostree::WalkedDirectory& directory) {
        return directory.path == "usr/etc" || directory.path.starts_with("usr/etc/");
    };
    const auto directories = std::count_if(commit.directories.begin(), commit.directories.end(), is_in_etc);
    return static_cast<std::uint64_t>(directories) + files_in_etc(commit);
}

struct Taken {
    std::uint64_t bytes = 0;
    std::uint64_t inodes = 0;
};

// Returns the space that a deployment takes: its directories and its own /etc are new, its files are hard
// links to objects.
Taken size_on_root(const ostree::CommitWalk& commit) {
    constexpr std::uint64_t kBlock = 4096;
    return {.bytes = (commit.directories.size() + files_in_etc(commit) * 2) * kBlock,
            .inodes = inodes_of_deployment(commit)};
}

Taken freed_on_root(const Sysroot& sysroot, const std::vector<Deployment>& leaving) {
    const ostree::Repository repository = sysroot.repository();
    Taken out;
    for (const Deployment& deployment : leaving) {
        try {
            const Taken one = size_on_root(ostree::walk_commit(repository, deployment.id.commit));
            out.bytes += one.bytes;
            out.inodes += one.inodes;
        } catch (const Error& error) {
            log_debug(concat("cannot measure ", deployment.id.to_string(), ": ", error.message()));
        }
    }
    return out;
}

void check_root(const Sysroot& sysroot, const ostree::CommitWalk& commit,
                const std::vector<Deployment>& leaving) {
    constexpr std::uint64_t kMargin = 16 * image::kMebibyte;
    constexpr std::uint64_t kInodeMargin = 64;  // for libostree and the records
    const std::string repository = sysroot.path_of("ostree/repo");
    Taken need = size_on_root(commit);
    need.bytes += kMargin;
    // The merge makes a second /etc before it removes the first.
    need.inodes += kInodeMargin + inodes_in_etc(commit);
    const FreeSpace free = free_space(repository);
    Taken there{.bytes = free.bytes, .inodes = free.files};
    if (there.bytes < need.bytes || there.inodes < need.inodes) {
        const Taken freed = freed_on_root(sysroot, leaving);
        there.bytes += freed.bytes;
        there.inodes += freed.inodes;
    }
    constexpr const char* kHint =
        "'osb-oci cleanup' removes deployments and objects that are no longer needed";
    if (there.bytes < need.bytes) {
        throw Error(ErrorKind::no_space, concat("the root filesystem has ", in_mib(there.bytes),
                                                " left, and the deployment requires ", in_mib(need.bytes)))
            .hint(kHint);
    }
    if (there.inodes < need.inodes) {
        throw Error(ErrorKind::no_space, concat("the root filesystem has ", there.inodes,
                                                " inodes left, and the deployment requires ", need.inodes))
            .hint(kHint);
    }
}

// BOOT/ostree/STATEROOT-CHECKSUM serves all deployments with that kernel and initramfs.
std::string boot_directory(const std::string& stateroot, const std::string& checksum) {
    return concat(stateroot, '-', checksum);
}

std::uint64_t freed_on_boot(const Sysroot& sysroot, const std::vector<Deployment>& leaving) {
    std::set<std::string> freed;
    for (const Deployment& one : leaving) freed.insert(boot_directory(one.id.stateroot, one.boot_checksum));
    for (const Deployment& one : sysroot.deployments()) {
        if (!contains(leaving, one)) freed.erase(boot_directory(one.id.stateroot, one.boot_checksum));
    }
    std::uint64_t out = 0;
    for (const std::string& directory : freed) {
        std::error_code error;
        for (fs::directory_iterator file(concat(sysroot.boot(), "/ostree/", directory), error), end;
             !error && file != end; file.increment(error)) {
            const std::uint64_t size =
                fs::is_regular_file(file->symlink_status()) ? file->file_size(error) : 0;
            if (!error) out += size;
        }
    }
    return out;
}

bool stays_on_boot(const Sysroot& sysroot, const std::string& stateroot, const std::string& checksum,
                   const std::vector<Deployment>& leaving) {
    return std::any_of(
        sysroot.deployments().begin(), sysroot.deployments().end(), [&](const Deployment& one) {
            return one.id.stateroot == stateroot && one.boot_checksum == checksum && !contains(leaving, one);
        });
}

void check_boot_partition(const Sysroot& sysroot, const std::string& stateroot, const image::Kernel& kernel,
                          const std::vector<Deployment>& leaving) {
    std::uint64_t need = image::kMebibyte;  // directories, entries, the menu
    if (!stays_on_boot(sysroot, stateroot, kernel.checksum, leaving)) {
        need += kernel.image.size + kernel.initramfs.size;
        for (const image::KernelFile& file : kernel.others) need += file.size;
    }
    std::uint64_t there = free_space(sysroot.boot()).bytes;
    if (there < need) there += freed_on_boot(sysroot, leaving);
    if (there >= need) return;
    throw Error(ErrorKind::no_space,
                concat("BOOT has ", in_mib(there), " left, and the kernel with its initramfs requires ",
                       in_mib(need)))
        .hint(
            "'osb-oci cleanup' removes unused deployments, and 'osb-oci cleanup --rollback' also removes the "
            "rollback");
}

}  // namespace

std::uint64_t inodes_of_deployment(const ostree::CommitWalk& commit) {
    return commit.directories.size() + inodes_in_etc(commit);
}

void check_space(const Sysroot& sysroot, const std::string& stateroot, const Deployable& deployable,
                 const std::vector<Deployment>& leaving) {
    check_root(sysroot, deployable.walk, leaving);
    check_boot_partition(sysroot, stateroot, deployable.kernel, leaving);
}

}  // namespace osb::system
