#include "system/trial/trial.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/random.hh"
#include "image/boot/boot_menu.hh"
#include "image/deployment/origin.hh"
#include "system/trial/boot_once.hh"
#include "system/trial/trial_menu.hh"
#include "system/trial/trial_records.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

}  // namespace

bool Trial::is_of(const Deployment& other) const {
    return other.id == deployment;
}

bool FailedTrial::is_of(const Deployment& other) const {
    return !is_id_reused && other.id == deployment;
}

std::optional<Trial> read_trial(const Sysroot& sysroot) {
    return TrialRecords(sysroot.path()).trial();
}

std::vector<FailedTrial> read_failed(const Sysroot& sysroot) {
    return TrialRecords(sysroot.path()).failed();
}

std::optional<FailedTrial> find_failed(const Sysroot& sysroot, const std::string& digest,
                                       const std::optional<ostree::CommitId>& commit) {
    std::optional<FailedTrial> out;
    for (FailedTrial& failure : read_failed(sysroot)) {
        // If only kernel arguments were tried, the commit itself may be good.
        const bool is_image = !failure.subject.image.empty();
        if ((!digest.empty() && failure.subject.digest == digest) ||
            (commit && is_image && failure.deployment.commit == *commit)) {
            out = std::move(failure);
        }
    }
    return out;
}

bool has_failed(const std::vector<FailedTrial>& failures, const Deployment& deployment) {
    return has_failed(failures, deployment.id);
}

bool has_failed(const std::vector<FailedTrial>& failures, const ostree::DeploymentId& deployment) {
    return std::any_of(failures.begin(), failures.end(), [&](const FailedTrial& failure) {
        return !failure.is_id_reused && failure.deployment == deployment;
    });
}

std::string new_trial_id() {
    constexpr std::size_t kIdBytes = 8;
    return random_hex(kIdBytes);
}

void unlink_failures(const Sysroot& sysroot, const Deployment& deployment) {
    const TrialRecords records(sysroot.path());
    std::vector<FailedTrial> failed = records.failed();
    bool changed = false;
    for (FailedTrial& failure : failed) {
        if (!failure.is_of(deployment)) continue;
        failure.is_id_reused = true;
        changed = true;
    }
    if (changed) records.set_failed(std::move(failed));
}

void write_deployments(Sysroot& sysroot, const std::vector<Deployment>& deployments) {
    sysroot.write(deployments, [&sysroot] { write_menu(sysroot); });
}

void write_menu(const Sysroot& sysroot) {
    if (!image::menu_is_ours(sysroot.boot())) return;
    image::update_boot_menu(sysroot.boot(), trial_menu(sysroot.path()));
}

}  // namespace osb::system
