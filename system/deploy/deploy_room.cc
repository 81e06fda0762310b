#include "system/deploy/deploy_room.hh"

#include <sys/stat.h>

#include <optional>
#include <set>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/hash.hh"
#include "base/log.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/deploy/deploy.hh"
#include "system/deploy/deploy_space.hh"
#include "system/deploy/rollback.hh"
#include "system/trial/boot_check_summary.hh"

namespace osb::system {
namespace {

bool has_space(const ostree::Sysroot& sysroot, const std::string& stateroot, const Deployable& deployable,
               const std::vector<ostree::Deployment>& leaving) {
    try {
        check_space(sysroot, stateroot, deployable, leaving);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::no_space) return false;
        throw;
    }
    return true;
}

void remove_for_room(ostree::Sysroot& sysroot, const ostree::Deployment& rollback) {
    log_warning(concat("there is no room for another system: the rollback deployment ",
                       rollback.id.short_text(), " is removed ('osb-oci pin' prevents that)"));
    drop_rollback(sysroot);
}

// Returns the space that only this deployment uses: its own files, and the content objects that no other
// deployment has.
FreeSpace freed_by(const ostree::Sysroot& sysroot, const ostree::Deployment& leaving) {
    const ostree::Repository repository = sysroot.repository();
    std::set<Sha256> kept;
    for (const ostree::Deployment& deployment : sysroot.deployments()) {
        if (deployment == leaving) continue;
        for (const ostree::WalkedFile& file : ostree::walk_commit(repository, deployment.id.commit).files)
            kept.insert(file.checksum);
    }
    const ostree::CommitWalk walk = ostree::walk_commit(repository, leaving.id.commit);
    FreeSpace out{.bytes = 0, .files = inodes_of_deployment(walk)};
    constexpr std::uint64_t kBlock = 512;  // of st_blocks
    for (const ostree::WalkedFile& file : walk.files) {
        if (kept.contains(file.checksum)) continue;
        const std::string name = to_hex(file.checksum);
        struct stat info {};
        const std::string path =
            sysroot.path_of(concat("ostree/repo/objects/", name.substr(0, 2), '/', name.substr(2), ".file"));
        if (::lstat(path.c_str(), &info) != 0) continue;
        out.bytes += static_cast<std::uint64_t>(info.st_blocks) * kBlock;
        out.files += 1;
    }
    return out;
}

// Returns true if the latest health check of the running system failed. A missing result counts as healthy.
bool is_unhealthy(const ostree::Sysroot& sysroot) {
    if (!sysroot.booted()) return false;
    const std::optional<BootCheckSummary> checked = read_boot_check();
    return checked && !checked->healthy;
}

bool is_enough(const FreeSpace& there, const FreeSpace& needed) {
    return there.bytes >= needed.bytes && there.files >= needed.files;
}

}  // namespace

std::optional<ostree::Deployment> expendable_rollback(const ostree::Sysroot& sysroot) {
    const Roles roles = roles_of(sysroot);
    const bool is_expendable = roles.rollback && !roles.rollback->pinned && roles.current_is_proven &&
                               !roles.runs_on_trial() && sysroot.deployments().front() == *roles.current &&
                               !is_unhealthy(sysroot);
    return is_expendable ? roles.rollback : std::nullopt;
}

void make_room(ostree::Sysroot& sysroot, const std::string& stateroot, const Deployable& deployable,
               const std::vector<ostree::Deployment>& leaving) {
    if (has_space(sysroot, stateroot, deployable, leaving)) return;
    if (const auto rollback = expendable_rollback(sysroot)) {
        std::vector<ostree::Deployment> without = leaving;
        without.push_back(*rollback);
        if (has_space(sysroot, stateroot, deployable, without)) remove_for_room(sysroot, *rollback);
    }
    check_space(sysroot, stateroot, deployable, leaving);
}

void make_room_on_root(ostree::Sysroot& sysroot, const FreeSpace& needed) {
    const FreeSpace there = free_space(sysroot.path_of("ostree/repo"));
    const auto rollback = expendable_rollback(sysroot);
    if (is_enough(there, needed) || !rollback) return;
    try {
        FreeSpace then = freed_by(sysroot, *rollback);
        then.bytes += there.bytes;
        then.files += there.files;
        if (!is_enough(then, needed)) return;
    } catch (const Error& error) {
        log_debug(concat("cannot measure the rollback: ", error.message()));
        return;
    }
    remove_for_room(sysroot, *rollback);
    keep_proven(sysroot);
}

}  // namespace osb::system
