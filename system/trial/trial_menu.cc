#include "system/trial/trial_menu.hh"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <system_error>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/state_file.hh"
#include "image/deployment/command_line.hh"
#include "image/deployment/origin.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_records.hh"

namespace osb::system {
namespace {

// Returns the deployment that an entry's `ostree=` points to: an ostree link below the sysroot. "" if the
// link is broken.
std::filesystem::path deployment_of(const std::string& sysroot, const std::string& options) {
    constexpr std::string_view kOstree = "ostree=/";
    std::string_view rest = options;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find(' '), rest.size());
        const std::string_view word = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (!word.starts_with(kOstree)) continue;
        std::error_code error;
        std::filesystem::path found =
            std::filesystem::canonical(concat(sysroot, '/', word.substr(kOstree.size())), error);
        return error ? std::filesystem::path() : found;
    }
    return {};
}

// Parses the path of a deployment, COMMIT.SERIAL in a stateroot. Returns nothing for other files.
std::optional<ostree::DeploymentId> id_of(const std::filesystem::path& deployment) {
    const std::string name = deployment.filename();
    const std::size_t dot = name.find('.');
    const auto commit = ostree::CommitId::try_parse(name.substr(0, std::min(dot, name.size())));
    int serial = 0;
    if (!commit || dot == std::string::npos) return std::nullopt;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + dot + 1, end, serial);
    if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
    return ostree::DeploymentId{
        .stateroot = deployment.parent_path().parent_path().filename(), .commit = *commit, .serial = serial};
}

bool is_untried(const std::filesystem::path& deployment) {
    constexpr std::size_t kMaxOrigin = 64UL * 1024;
    try {
        const std::string text =
            read_regular_file(AT_FDCWD, concat(deployment.string(), ".origin"), kMaxOrigin);
        return image::Origin::parse_or_empty(text).is_untried();
    } catch (const Error& error) {
        return error.kind() != ErrorKind::not_found;  // a file that cannot be read is not known to be proven
    }
}

std::optional<ostree::DeploymentId> id_of(const std::string& sysroot, const image::BootEntry& entry) {
    const std::filesystem::path deployment = deployment_of(sysroot, entry.options);
    return deployment.empty() ? std::nullopt : id_of(deployment);
}

// Returns true if the entry is in the default's stateroot, has not failed, does not wait for its trial, and
// is not marked as untried.
bool is_fallback(const std::string& sysroot, const image::BootEntry& entry,
                 const image::BootEntry& default_entry) {
    const std::optional<ostree::DeploymentId> id = id_of(sysroot, entry);
    const std::optional<ostree::DeploymentId> of = id_of(sysroot, default_entry);
    if (!id || !of || id->stateroot != of->stateroot || is_untried(deployment_of(sysroot, entry.options)))
        return false;
    const TrialRecords records(sysroot);
    const std::optional<Trial> trial = records.trial();
    if (trial && trial->deployment == *id) return false;
    return !has_failed(records.failed(), *id);
}

}  // namespace

image::TrialMenu trial_menu(const std::string& sysroot) {
    image::TrialMenu out;
    out.is_fallback = [sysroot](const image::BootEntry& entry, const image::BootEntry& default_entry) {
        return is_fallback(sysroot, entry, default_entry);
    };
    const std::optional<Trial> trial = TrialRecords(sysroot).trial();
    // A deployment that passed is about to become the default, and is started as such.
    if (!trial || trial->state == TrialState::passed) return out;
    std::error_code error;
    const std::filesystem::path wanted =
        std::filesystem::canonical(concat(sysroot, '/', trial->deployment.path()), error);
    if (error) return out;
    out.is_on_trial = [sysroot, wanted](const image::BootEntry& entry) {
        return deployment_of(sysroot, entry.options) == wanted;
    };
    out.arguments = image::trial_arguments(trial->id);
    return out;
}

}  // namespace osb::system
