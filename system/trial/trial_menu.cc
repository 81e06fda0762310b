#include "system/trial/trial_menu.hh"

#include <algorithm>
#include <filesystem>

#include "base/bytes.hh"
#include "image/deployment/command_line.hh"
#include "system/trial/trial_records.hh"

namespace osb::system {
namespace {

// The deployment that an entry's `ostree=` names: a link of ostree's below the sysroot, "" when it leads
// nowhere.
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

}  // namespace

image::TrialMenu trial_menu(const std::string& sysroot) {
    const std::optional<Trial> trial = TrialRecords(sysroot).trial();
    // One that has passed is about to become the default, and is started as such.
    if (!trial || trial->state == TrialState::passed) return {};
    std::error_code error;
    const std::filesystem::path wanted =
        std::filesystem::canonical(concat(sysroot, '/', trial->deployment.path()), error);
    if (error) return {};
    return {.is_on_trial =
                [sysroot, wanted](const image::BootEntry& entry) {
                    return deployment_of(sysroot, entry.options) == wanted;
                },
            .arguments = image::trial_arguments(trial->id)};
}

}  // namespace osb::system
