#include "system/deploy.hh"

#include <algorithm>
#include <set>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "image/kernel.hh"
#include "image/origin.hh"
#include "ostree/commit_walk.hh"
#include "system/disk_space.hh"
#include "system/origin.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

constexpr std::uint64_t kMiB = 1024UL * 1024;

// What a deployment takes: its directories and its own /etc are new, its files are links to objects.
std::uint64_t root_need(const ostree::CommitWalk& commit) {
    constexpr std::uint64_t kDirectory = 4096;
    constexpr std::uint64_t kMargin = 16 * kMiB;
    std::uint64_t etc = 0;
    for (const ostree::WalkedFile& file : commit.files) {
        for (const std::string& path : file.paths) etc += path.starts_with("usr/etc/") ? 1 : 0;
    }
    return (commit.directories.size() + etc * 2) * kDirectory + kMargin;
}

std::uint64_t boot_need(const Sysroot& sysroot, const std::string& stateroot, const image::Kernel& kernel) {
    constexpr std::uint64_t kMargin = kMiB;  // directories, entries, the menu
    for (const Deployment& deployment : sysroot.deployments()) {
        // Its files in BOOT serve both.
        if (deployment.boot_checksum == kernel.checksum && deployment.stateroot == stateroot) return kMargin;
    }
    std::uint64_t out = kernel.image.size + kernel.initramfs.size + kMargin;
    for (const image::KernelFile& file : kernel.others) out += file.size;
    return out;
}

// The list in order: the first is the bootloader's default.
std::vector<Deployment> list_of(const Roles& roles, const std::vector<Deployment>& others) {
    std::vector<Deployment> out;
    const auto add = [&](const std::optional<Deployment>& deployment) {
        if (deployment && std::find(out.begin(), out.end(), *deployment) == out.end())
            out.push_back(*deployment);
    };
    // During a trial the current system is the one that is not the default.
    const bool tried_now = roles.current && roles.on_trial && *roles.current == *roles.on_trial;
    if (!tried_now) add(roles.current);
    add(roles.rollback);
    add(roles.on_trial);
    for (const Deployment& deployment : roles.pinned) add(deployment);
    for (const Deployment& deployment : others) add(deployment);
    return out;
}

bool has_kernel_of(const Sysroot& sysroot, const std::string& commit) {
    return std::any_of(sysroot.deployments().begin(), sysroot.deployments().end(),
                       [&](const Deployment& deployment) { return deployment.commit == commit; });
}

// The refs of images that no deployment follows.
std::vector<std::string> unused_image_refs(const Sysroot& sysroot) {
    std::set<std::string> used;
    for (const Deployment& deployment : sysroot.deployments()) {
        try {
            const Origin origin = parse_origin(deployment.origin);
            if (const auto* image = std::get_if<ImageOrigin>(&origin))
                used.insert(image::image_ref(image->value));
        } catch (const Error& error) {
            // Not knowing what it follows is a reason to delete nothing.
            log_debug(concat("refs of images are kept: ", error.message()));
            return {};
        }
    }
    std::vector<std::string> out = sysroot.repository().refs(std::string(image::kImageRefPrefix));
    std::erase_if(out, [&](const std::string& ref) { return used.contains(ref); });
    return out;
}

}  // namespace

Roles roles_of(const Sysroot& sysroot) {
    Roles roles;
    const std::vector<Deployment>& all = sysroot.deployments();
    if (all.empty()) return roles;
    roles.current = sysroot.booted().value_or(all.front());
    const std::optional<Trial> trial = read_trial(sysroot);
    const std::vector<FailedTrial> failures = read_failed(sysroot);
    const auto failed = [&](const Deployment& deployment) {
        return std::any_of(failures.begin(), failures.end(),
                           [&](const FailedTrial& failure) { return failure.is_of(deployment); });
    };
    for (const Deployment& deployment : all) {
        if (trial && trial->is_of(deployment)) {
            roles.on_trial = deployment;
        } else if (deployment == *roles.current) {
            continue;
        } else if (!roles.rollback && !failed(deployment) &&
                   deployment.stateroot == roles.current->stateroot && !deployment.staged) {
            roles.rollback = deployment;
        } else if (deployment.pinned || deployment.stateroot != roles.current->stateroot) {
            roles.pinned.push_back(deployment);  // another system's are not ours to remove
        } else {
            roles.others.push_back(deployment);
        }
    }
    return roles;
}

void check_not_on_trial(const Roles& roles) {
    if (!roles.current || !roles.on_trial || *roles.current != *roles.on_trial) return;
    throw Error(ErrorKind::io, "the system that runs is on trial, and has not passed its health check yet")
        .hint("wait for it, run 'osb-oci boot-check', or go back with 'osb-oci rollback'");
}

void make_room(Sysroot& sysroot, const std::string& stateroot, const std::string& commit) {
    const ostree::CommitWalk walk = ostree::walk_commit(sysroot.repository(), commit);
    const std::uint64_t root = root_need(walk);
    if (const std::uint64_t there = free_bytes(sysroot.path_of("ostree/repo")); there < root) {
        throw Error(ErrorKind::no_space, concat("the root filesystem has ", in_mib(there),
                                                " left, and the deployment takes ", in_mib(root)))
            .hint("'osb-oci cleanup' frees what is no longer needed");
    }
    if (has_kernel_of(sysroot, commit)) return;
    const image::Kernel kernel = image::find_kernel(sysroot.repository(), walk);
    std::vector<Deployment> left = roles_of(sysroot).others;
    for (;;) {
        const std::uint64_t need = boot_need(sysroot, stateroot, kernel);
        const std::uint64_t there = free_bytes(sysroot.boot());
        if (there >= need) return;
        if (left.empty()) {
            throw Error(ErrorKind::no_space,
                        concat("BOOT has ", in_mib(there), " left, and the kernel with its initramfs takes ",
                               in_mib(need)))
                .hint("'osb-oci cleanup --rollback' gives up the system that a rollback would lead to");
        }
        const Deployment oldest = left.back();
        left.pop_back();
        log_info(concat("BOOT is too small for all: deployment ", oldest.id(), " is removed"));
        sysroot.write(list_of(roles_of(sysroot), left));
        write_menu(sysroot);
    }
}

DeployOutcome deploy_next(Sysroot& sysroot, const ostree::NewDeployment& deployment,
                          const TrialSubject& subject) {
    Roles roles = roles_of(sysroot);
    check_not_on_trial(roles);
    // What was to be tried is not any more: it counts as left over from here on.
    if (roles.on_trial) cancel_trial(sysroot);
    if (roles.on_trial || !roles.others.empty()) {
        if (roles.on_trial && roles.on_trial->pinned) roles.pinned.push_back(*roles.on_trial);
        roles.on_trial.reset();
        sysroot.write(list_of(roles, {}));
        write_menu(sysroot);
    }
    make_room(sysroot, deployment.stateroot, deployment.commit);
    const Deployment made = sysroot.deploy(deployment);
    TrialSupport support = trial_support(sysroot);
    if (support.supported) support = can_pass_trial(sysroot, made);
    std::vector<Deployment> list = list_of(roles, {});
    DeployOutcome out{
        .deployment = made,
        .result = support.supported && !list.empty() ? DeployResult::on_trial : DeployResult::is_default};
    const bool tried = out.result == DeployResult::on_trial;
    if (tried) prepare_trial(sysroot, made, subject);
    // A proven one is the default until the new one is.
    list.insert(tried ? list.begin() + 1 : list.begin(), made);
    sysroot.write(list);
    out.deployment = sysroot.find(made).value_or(made);
    if (tried) {
        resume_trial(sysroot);
    } else {
        write_menu(sysroot);
        if (!support.supported) log_info(concat("no trial: ", support.reason));
    }
    return out;
}

std::uint64_t keep_proven(Sysroot& sysroot) {
    const Roles roles = roles_of(sysroot);
    if (!roles.others.empty()) {
        // In the order that it has: after a rollback the first is not the current one.
        std::vector<Deployment> kept = sysroot.deployments();
        std::erase_if(kept, [&](const Deployment& deployment) {
            return std::find(roles.others.begin(), roles.others.end(), deployment) != roles.others.end();
        });
        sysroot.write(kept);
    }
    write_menu(sysroot);
    return sysroot.cleanup(unused_image_refs(sysroot));
}

}  // namespace osb::system
