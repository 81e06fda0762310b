#include "system/reset/installed_state.hh"

#include <fcntl.h>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/state_file.hh"
#include "image/install/installed_record.hh"
#include "system/etc/etc_apply.hh"

namespace osb::system {
namespace {

constexpr int kOpenPart = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr std::size_t kMaxPlannedFile = 16UL * 1024 * 1024;

void add_files(std::vector<std::string>& out, const std::string& prefix, int directory) {
    for (const auto& [path, entry] : read_etc_tree(directory, EtcContent::unread)) {
        if (!entry.is_directory()) out.push_back(prefix + path);
    }
}

}  // namespace

std::optional<InstalledState> open_installed_state(const ostree::Sysroot& sysroot) {
    Fd top;
    try {
        top = open_at(AT_FDCWD, sysroot.path_of(image::kInstalledDirectory), kOpenPart);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::not_found) return std::nullopt;
        throw;
    }
    return InstalledState{.default_etc = open_at(top.get(), image::kInstalledDefaultEtc, kOpenPart),
                          .etc = open_at(top.get(), image::kInstalledEtc, kOpenPart),
                          .var = open_at(top.get(), image::kInstalledVar, kOpenPart)};
}

FreshEtc plan_fresh_etc(const std::string& deployment, const std::optional<InstalledState>& state) {
    const Fd root = open_at(AT_FDCWD, deployment, kOpenPart);
    const Fd usr = open_at(root.get(), "usr", kOpenPart);
    FreshEtc out{.image = open_at(usr.get(), "etc", kOpenPart), .local = {}, .plan = {}};
    const EtcSide image = read_etc_side(out.image.get());
    if (!state) {
        out.plan = plan_merge(image, image, image);
        return out;
    }
    out.local = open_at(state->etc.get(), ".", O_RDONLY | O_DIRECTORY);
    out.plan = plan_merge(read_etc_side(state->default_etc.get()), read_etc_side(out.local.get()), image);
    return out;
}

std::string read_planned(const FreshEtc& fresh, const std::string& name) {
    const auto found = fresh.plan.result.find(name);
    if (found == fresh.plan.result.end() || found->second.entry.type != EtcType::file) return {};
    const EtcStep& step = found->second;
    if (step.action == EtcAction::join) return step.text;
    const int root = step.action == EtcAction::image ? fresh.image.get() : fresh.local.get();
    const EtcPosition position = find_position(root, step.source);
    return read_regular_file(position.directory.get(), position.name, kMaxPlannedFile);
}

std::vector<std::string> list_installed(const InstalledState& state) {
    std::vector<std::string> out;
    add_files(out, "/etc/", state.etc.get());
    add_files(out, "/var/", state.var.get());
    return out;
}

}  // namespace osb::system
