#include "system/trial/boot_count.hh"

#include <fcntl.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "image/deployment/origin.hh"
#include "ostree/tree/commit_info.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_records.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

constexpr const char* kDirectory = "ostree/osb-oci";
constexpr const char* kReason = "three starts in a row did not reach the health check";

std::optional<std::string> read_note(const Sysroot& sysroot, const char* name) {
    constexpr std::size_t kMaxNote = 1024;
    try {
        return read_regular_file(AT_FDCWD, concat(sysroot.path_of(kDirectory), '/', name), kMaxNote);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return std::nullopt;
        if (error.kind() != ErrorKind::invalid && error.kind() != ErrorKind::too_large) throw;
        log_warning(concat(name, " is ignored: ", error.message()));
        return std::string();
    }
}

void remove_note(const Sysroot& sysroot, const char* name) {
    Fd directory;
    try {
        directory = open_at(AT_FDCWD, sysroot.path_of(kDirectory), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return;
        throw;
    }
    remove_file(directory.get(), name);
}

// Returns true if the same system is also deployed with other kernel arguments: its image then has not
// failed.
bool is_elsewhere(const Sysroot& sysroot, const Deployment& deployment) {
    const std::vector<Deployment>& all = sysroot.deployments();
    return std::any_of(all.begin(), all.end(), [&](const Deployment& other) {
        return other.id.commit == deployment.id.commit && !(other == deployment);
    });
}

// Returns the name of the directory, COMMIT.SERIAL, by which the initramfs identifies a deployment.
std::string directory_name(const Deployment& deployment) {
    return concat(deployment.id.commit, '.', deployment.id.serial);
}

TrialSubject subject_of(const Sysroot& sysroot, const Deployment& deployment) {
    TrialSubject out;
    try {
        const image::OriginTarget target = image::Origin::parse(deployment.origin).target();
        out.image = to_string(target);
        if (const auto* image = std::get_if<image::ImageOrigin>(&target)) out.digest = image->manifest_digest;
        out.version = ostree::read_commit_info(sysroot.repository(), deployment.id.commit).version;
    } catch (const Error& error) {
        log_debug(error.message());
    }
    return out;
}

void record_failure(const Sysroot& sysroot, const Deployment& given_up) {
    const TrialRecords records(sysroot.path());
    std::vector<FailedTrial> failed = records.failed();
    if (has_failed(failed, given_up)) return;
    failed.push_back(
        {.deployment = given_up.id,
         .subject = is_elsewhere(sysroot, given_up) ? TrialSubject{} : subject_of(sysroot, given_up),
         .reason = kReason,
         .time = static_cast<std::int64_t>(std::time(nullptr))});
    records.set_failed(std::move(failed));
}

void make_default(Sysroot& sysroot, const Deployment& running) {
    if (sysroot.deployments().front() == running) return;
    std::vector<Deployment> order = sysroot.deployments();
    std::stable_partition(order.begin(), order.end(), [&](const Deployment& one) { return one == running; });
    write_deployments(sysroot, order);
}

}  // namespace

void reset_boot_count(const Sysroot& sysroot) {
    try {
        remove_note(sysroot, kStartsFile);
    } catch (const Error& error) {
        log_debug(error.message());
    }
}

bool has_boot_count(const Sysroot& sysroot) {
    return read_note(sysroot, kStartsFile).has_value();
}

bool has_fallen_back(const Sysroot& sysroot) {
    return read_note(sysroot, kFallbackFile).has_value();
}

std::string settle_fallback(Sysroot& sysroot, const Deployment& running) {
    const std::optional<std::string> note = read_note(sysroot, kFallbackFile);
    if (!note) return {};
    const std::string name = note->substr(0, note->find(' '));
    std::string reason;
    // A system that was chosen in the menu may fail too. That says nothing about the default.
    const Deployment first = sysroot.deployments().front();
    if (directory_name(first) == name && !(first == running)) {
        record_failure(sysroot, first);
        make_default(sysroot, running);
        write_menu(sysroot);
        reason = concat("deployment ", name.substr(0, 8), " was given up: ", kReason);
    }
    remove_note(sysroot, kFallbackFile);
    return reason;
}

}  // namespace osb::system
