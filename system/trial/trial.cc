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
#include "system/trial/trial_state.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

std::int64_t now() {
    return static_cast<std::int64_t>(std::time(nullptr));
}

std::optional<Deployment> deployment_of(const Sysroot& sysroot, const Trial& trial) {
    for (const Deployment& deployment : sysroot.deployments()) {
        if (trial.is_of(deployment)) return deployment;
    }
    return std::nullopt;
}

// The bootloader starts the trial's label once.
void arm(const Sysroot& sysroot, const TrialRecords& records, Trial trial) {
    write_menu(sysroot);
    set_boot_once(sysroot.boot(), image::kTrialLabel);
    trial.state = TrialState::armed;
    trial.boot_id = current_boot_id();
    records.set_trial(trial);
}

// A boot-once that cannot be cleared is no reason to keep a trial that is over: without its record the label
// starts the default.
void disarm(const Sysroot& sysroot) {
    try {
        clear_boot_once(sysroot.boot(), image::kTrialLabel);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::invalid) return;
        log_warning(error.message());
    }
}

void forget_failures(const TrialRecords& records, const Trial& trial) {
    std::vector<FailedTrial> failed = records.failed();
    const std::size_t before = failed.size();
    std::erase_if(failed, [&](const FailedTrial& failure) {
        return failure.deployment.commit == trial.deployment.commit ||
               (!trial.subject.digest.empty() && failure.subject.digest == trial.subject.digest);
    });
    if (failed.size() != before) records.set_failed(std::move(failed));
}

void put_first(Sysroot& sysroot, const Deployment& first) {
    if (sysroot.deployments().front() == first) return;
    std::vector<Deployment> order{first};
    for (const Deployment& deployment : sysroot.deployments()) {
        if (!(deployment == first)) order.push_back(deployment);
    }
    write_deployments(sysroot, order);
}

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
        // Where only kernel arguments were tried, the commit may be as good as ever.
        const bool is_image = !failure.subject.image.empty();
        if ((!digest.empty() && failure.subject.digest == digest) ||
            (commit && is_image && failure.deployment.commit == *commit)) {
            out = std::move(failure);
        }
    }
    return out;
}

bool has_failed(const std::vector<FailedTrial>& failures, const Deployment& deployment) {
    return std::any_of(failures.begin(), failures.end(),
                       [&](const FailedTrial& failure) { return failure.is_of(deployment); });
}

TrialSupport trial_support(const Sysroot& sysroot) {
    if (!image::menu_is_ours(sysroot.boot())) {
        return {.supported = false, .reason = "the bootloader's menu does not include osb-oci's entries"};
    }
    try {
        static_cast<void>(read_boot_once(sysroot.boot()));
    } catch (const Error& error) {
        return {.supported = false,
                .reason = concat("the bootloader does not support trials: ", error.message())};
    }
    return {.supported = true, .reason = {}};
}

TrialSupport can_pass_trial(const Sysroot& sysroot, const Deployment& deployment) {
    namespace fs = std::filesystem;
    const fs::path root = sysroot.path_of(deployment.id.path());
    std::error_code error;
    // Links are not followed: those of a system that does not run lead out of it.
    const auto there = [&](const fs::path& path) {
        return fs::exists(fs::symlink_status(root / path, error));
    };
    if (!there("usr/bin/osb-oci"))
        return {.supported = false, .reason = "the new system does not contain osb-oci"};
    for (fs::directory_iterator level(root / "etc/runlevels", error), end; !error && level != end;
         level.increment(error)) {
        if (there(fs::path("etc/runlevels") / level->path().filename() / "osb-boot-check")) {
            return {.supported = true, .reason = {}};
        }
    }
    return {.supported = false, .reason = "no runlevel of the new system has the service osb-boot-check"};
}

void prepare_trial(Sysroot& sysroot, const Deployment& deployment, const TrialSubject& subject) {
    cancel_trial(sysroot);
    const TrialRecords records(sysroot.path());
    unlink_failures(sysroot, deployment);
    records.set_trial({.id = random_hex(8), .deployment = deployment.id, .subject = subject, .time = now()});
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

void resume_trial(Sysroot& sysroot) {
    const TrialRecords records(sysroot.path());
    const std::optional<Trial> trial = records.trial();
    if (!trial) return;
    if (trial->state == TrialState::passed) {
        pass_trial(sysroot);
        return;
    }
    const std::optional<Deployment> deployment = deployment_of(sysroot, *trial);
    if (!deployment) {
        cancel_trial(sysroot);
    } else if (!deployment->booted) {
        arm(sysroot, records, *trial);
    }
}

void disarm_trial(Sysroot& sysroot) {
    const TrialRecords records(sysroot.path());
    std::optional<Trial> trial = records.trial();
    // When power fails between the two steps that follow, this is no trial that has failed.
    if (trial && trial->state == TrialState::armed) {
        trial->state = TrialState::prepared;
        records.set_trial(*trial);
    }
    disarm(sysroot);
}

void cancel_trial(Sysroot& sysroot) {
    const TrialRecords records(sysroot.path());
    const bool is_known = records.trial().has_value();
    disarm_trial(sysroot);
    records.remove_trial();
    if (is_known) write_menu(sysroot);
}

void pass_trial(Sysroot& sysroot) {
    const TrialRecords records(sysroot.path());
    std::optional<Trial> trial = records.trial();
    if (!trial) return;
    const std::optional<Deployment> deployment = deployment_of(sysroot, *trial);
    if (!deployment) {
        cancel_trial(sysroot);
        return;
    }
    if (trial->state != TrialState::passed) {
        trial->state = TrialState::passed;
        records.set_trial(*trial);
    }
    put_first(sysroot, *deployment);
    write_menu(sysroot);
    const auto origin = image::Origin::parse_or_empty(deployment->origin);
    if (origin.is_untried()) sysroot.set_origin(*deployment, origin.with_untried(false).text());
    disarm(sysroot);
    forget_failures(records, *trial);
    records.remove_trial();
}

void fail_trial(Sysroot& sysroot, const std::string& reason) {
    const TrialRecords records(sysroot.path());
    const std::optional<Trial> trial = records.trial();
    if (!trial) return;
    std::vector<FailedTrial> failed = records.failed();
    // When power failed after this was written, the first reason is the true one.
    const bool known = std::any_of(failed.begin(), failed.end(), [&](const FailedTrial& failure) {
        return !failure.is_id_reused && failure.deployment == trial->deployment &&
               failure.time >= trial->time;
    });
    if (!known) {
        failed.push_back({.deployment = trial->deployment,
                          .subject = trial->subject,
                          .reason = escape(reason),
                          .time = std::max(now(), trial->time)});  // a clock may go back
        records.set_failed(std::move(failed));
    }
    disarm(sysroot);
    // Somebody may have made it the default by hand.
    const std::vector<Deployment>& all = sysroot.deployments();
    if (all.size() > 1 && trial->is_of(all.front())) put_first(sysroot, Deployment(all[1]));
    records.remove_trial();
    write_menu(sysroot);
}

void write_deployments(Sysroot& sysroot, const std::vector<Deployment>& deployments) {
    sysroot.write(deployments, [&sysroot] { write_menu(sysroot); });
}

void write_menu(const Sysroot& sysroot) {
    if (!image::menu_is_ours(sysroot.boot())) return;
    image::update_boot_menu(sysroot.boot(), trial_menu(sysroot.path()));
}

}  // namespace osb::system
