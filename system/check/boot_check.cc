#include "system/check/boot_check.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/one_line.hh"
#include "base/state_file.hh"
#include "image/boot/boot_menu.hh"
#include "image/deployment/origin.hh"
#include "oci/documents/json.hh"
#include "system/deploy/settle_reset.hh"
#include "system/etc/etc_merge.hh"
#include "system/etc/etc_record.hh"
#include "system/trial/boot_count.hh"
#include "system/trial/boot_once.hh"
#include "system/trial/panic_record.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_observation.hh"
#include "system/trial/trial_records.hh"

namespace osb::system {
namespace {

using oci::Json;
using ostree::Deployment;
using ostree::Sysroot;

constexpr std::size_t kMaxProblemFile = 1024UL * 1024;
constexpr const char* kProblemFile = "boot-problem";  // of the initramfs
constexpr std::size_t kMaxProblem = 500;

// The role of the running system in a trial.
struct BootedTrial {
    bool is_on_trial = false;
    bool has_other = false;  // another deployment comes first in the boot entries
    std::string boot;        // BOOT's directory
};

BootedTrial booted_trial(const Sysroot& sysroot, const Deployment& booted,
                         const std::optional<Trial>& trial) {
    const bool is_on_trial = trial && trial->is_of(booted);
    return {.is_on_trial = is_on_trial,
            .has_other = is_on_trial && trial->state != TrialState::passed &&
                         !(sysroot.deployments().front() == booted),
            .boot = sysroot.boot()};
}

// Returns true if the bootloader starts its default next. Clears the boot-once label if the bootloader did
// not clear it itself.
bool starts_default(const std::string& boot) {
    try {
        if (read_boot_once(boot) != image::kTrialLabel) return true;
    } catch (const Error&) {
        return true;  // a label that cannot be read was not set either
    }
    try {
        clear_boot_once(boot, image::kTrialLabel);
        return true;
    } catch (const Error&) {
        return false;
    }
}

bool is_settled(const Sysroot& sysroot) {
    return observe_trial(sysroot, sysroot.booted(), {}).is_settled() && !has_fallen_back(sysroot) &&
           !has_boot_count(sysroot);
}

// The trial has passed, or there was none: from now on the deployment's /etc is its own, and nothing is
// merged into it. An error here never fails the check.
void end_etc_merge(const Sysroot& sysroot, const Deployment& booted, CheckReport& report) {
    try {
        if (!forget_etc_merge(sysroot, booted.id)) return;
        report.warnings.push_back(
            "changes of /etc that the old system made before the restart are missing: osb-etc did not run, "
            "or "
            "could not merge them");
    } catch (const Error& error) {
        report.warnings.push_back(concat("cannot end the merge of /etc: ", error.message()));
    }
}

// An error here says nothing about the running system: the next boot tries again.
void end_reset(Sysroot& sysroot, BootCheckOutcome& out) {
    try {
        settle_reset(sysroot, out.report.healthy());
    } catch (const Error& error) {
        out.report.warnings.push_back(concat("cannot end the factory reset: ", error.message()));
    }
}

void settle_locked(const BootCheckOptions& options, BootCheckOutcome& out) {
    const bool has_etc_merge = find_etc_merge(options.sysroot, out.booted->id).has_value();
    {
        const Sysroot now = Sysroot::open(options.sysroot);
        const bool has_reset =
            pending_reset_step(now, out.report.healthy()).value_or(ResetStep::wait) != ResetStep::wait;
        if (!has_etc_merge && !has_reset && is_settled(now)) return;
    }
    Sysroot sysroot = Sysroot::open_locked(options.sysroot);
    // (In the mount namespace that this process has entered.)
    TrialOutcome settled = settle_boot(sysroot, {.running = sysroot.booted().value_or(*out.booted),
                                                 .failure = out.report.failure(),
                                                 .panic = read_panic_record()});
    out.trial = settled.verdict;
    out.reason = std::move(settled.reason);
    out.restart = settled.restart;
    if (has_etc_merge && !out.restart) end_etc_merge(sysroot, *out.booted, out.report);
    if (!out.restart) end_reset(sysroot, out);
}

// A full or read-only disk is one of the faults that a trial must find. It must not keep the machine in the
// faulty system.
void settle_booted(const BootCheckOptions& options, const BootedTrial& booted, BootCheckOutcome& out) {
    try {
        settle_locked(options, out);
    } catch (Error& error) {
        if (!booted.is_on_trial || ::geteuid() != 0) throw;
        if (out.report.healthy()) {
            error.add_context("the checks passed, but osb-oci cannot end the trial");
            error.hint("'osb-oci boot-check' ends it later; a restart before that boots the old system");
            throw;
        }
        if (!booted.has_other || !starts_default(booted.boot)) throw;
        out.trial = TrialVerdict::failed;
        out.reason = out.report.failure();
        out.restart = true;
        // The old system detects automatically that this trial ended without a verdict.
        out.report.warnings.push_back(concat("cannot record the failure of the trial: ", error.message()));
    }
}

void write_result(const std::string& run_directory, const BootCheckOutcome& outcome) {
    Json checks = Json::array();
    for (const CheckResult& result : outcome.report.results) {
        checks.push_back({{"name", result.name},
                          {"required", result.required},
                          {"ok", result.ok},
                          {"message", result.message},
                          {"milliseconds", result.duration.count()}});
    }
    const Json json{{"schema", 1},
                    {"time", static_cast<std::int64_t>(std::time(nullptr))},
                    {"healthy", outcome.report.healthy()},
                    {"failure", outcome.report.failure()},
                    {"trial", to_string(outcome.trial)},
                    {"reason", outcome.reason},
                    {"checks", std::move(checks)},
                    {"warnings", outcome.report.warnings}};
    const Fd directory = open_state_directory(run_directory);
    replace_file(directory.get(), kBootCheckFile,
                 json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n');
}

// Tells the old system how far this one came, in case it never reaches a verdict. The note is optional: it is
// written only if the sysroot is writable.
void note_stage(const TrialRecords& records, const std::string& id, const std::string& check) {
    try {
        const std::optional<TrialStage> stage = records.stage();
        if (stage && stage->id == id && stage->name == "repeated") return;
        records.set_stage({.id = id, .name = "checking", .boot_id = current_boot_id(), .detail = check});
    } catch (const Error& error) {
        log_debug(error.message());
    }
}

}  // namespace

bool BootCheckOutcome::healthy() const {
    return report.healthy() && !restart;
}

TrialOutcome settle_boot(Sysroot& sysroot, const TrialInput& input) {
    const TrialEvent event = input.failure.empty() ? TrialEvent::green : TrialEvent::red;
    TrialOutcome out;
    try {
        out = advance_trial(sysroot, event, input);
    } catch (const Error& error) {
        // A waiting trial that cannot be armed is not a fault of the running system: the next boot-check, or
        // upgrade, tries again.
        const std::optional<Trial> trial = read_trial(sysroot);
        if (!trial || !input.running || trial->is_of(*input.running) || trial->state != TrialState::prepared)
            throw;
        log_warning(concat("cannot prepare the trial of a new system: ", error.message()));
        out.verdict = TrialVerdict::to_come;
    }
    // There is no verdict: the deployment had been removed before.
    if (out.verdict == TrialVerdict::withdrawn) out.verdict = TrialVerdict::none;
    reset_boot_count(sysroot);
    if (event != TrialEvent::green) return out;  // no better than what it came for
    const std::string fallback = settle_fallback(sysroot, *input.running);
    if (!fallback.empty()) log_warning(fallback);
    return out;
}

BootCheckOutcome check_boot(const BootCheckOptions& options) {
    BootCheckOutcome out;
    CheckOptions checks = options.checks;
    BootedTrial booted;
    {
        const Sysroot sysroot = Sysroot::open(options.sysroot);
        out.booted = sysroot.booted();
        if (!out.booted) {
            throw Error(ErrorKind::not_found, "this system was not started from a deployment");
        }
        // This start reached its checks, whatever their result and duration.
        reset_boot_count(sysroot);
        const std::optional<Trial> trial = read_trial(sysroot);
        booted = booted_trial(sysroot, *out.booted, trial);
        if (booted.is_on_trial) {
            checks.on_start = [records = TrialRecords(options.sysroot), id = trial->id,
                               also = options.checks.on_start](const std::string& name) {
                note_stage(records, id, name);
                if (also) also(name);
            };
        }
    }
    out.report = run_checks(checks);
    // The next steps may wait for a program that holds the lock. That is not a fault of this system.
    if (booted.is_on_trial && out.report.healthy()) stop_watchdog(options.run_directory);
    settle_booted(options, booted, out);
    try {
        write_result(options.run_directory, out);
    } catch (const Error& error) {
        // Only `status` reads it.
        out.report.warnings.push_back(concat("cannot store the result: ", error.message()));
    }
    return out;
}

void stop_watchdog(const std::string& run_directory) {
    const std::string path = concat(run_directory, "/watchdog");
    const Fd pipe(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!pipe || ::fstat(pipe.get(), &info) != 0 || !S_ISFIFO(info.st_mode)) return;
    write_all(pipe.get(), as_bytes("stop\n"), path);
    ::unlink(path.c_str());
    ::unlink(concat(run_directory, "/watchdog.pid").c_str());
}

std::string read_boot_problem(const std::string& run_directory, const std::string& boot) {
    if (::access(concat(boot, "/loader").c_str(), F_OK) == 0) return {};
    try {
        return escape(
            one_line(read_regular_file(AT_FDCWD, concat(run_directory, '/', kProblemFile), kMaxProblemFile),
                     kMaxProblem));
    } catch (const Error&) {
        return {};
    }
}

}  // namespace osb::system
