#include "system/reset/factory_reset.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <exception>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/free_space.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "image/deployment/origin.hh"
#include "image/disk/byte_size.hh"
#include "ostree/sysroot/remove_tree.hh"
#include "ostree/sysroot/stateroot.hh"
#include "system/deploy/settle_reset.hh"
#include "system/etc/etc_apply.hh"
#include "system/extension/usr_mount.hh"
#include "system/origin/disk_space.hh"
#include "system/reset/installed_state.hh"
#include "system/reset/logins.hh"
#include "system/trial/trial_support.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

constexpr int kOpenPlace = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr const char* kFactoryVar =
    "usr/share/factory/var/";  // in a deployment; the service osb-var copies it
// The service osb-var skips a deployment of this name. The names of two stateroots' deployments may be the
// same.
constexpr const char* kFactoryStamp = "lib/osb/factory-of";

std::string var_of(const Sysroot& sysroot, const std::string& stateroot) {
    return sysroot.path_of(ostree::stateroot_path(stateroot) + "/var");
}

SystemPlaces places_of(const Sysroot& sysroot, const Deployment& deployment) {
    return {.root = sysroot.path_of(deployment.id.path()), .var = var_of(sysroot, deployment.id.stateroot)};
}

// The number of the present one is skipped even if its directory is gone: records of trials may name it.
std::string new_stateroot(const Sysroot& sysroot, const std::string& present) {
    unsigned number = reset_number(present) + 1;
    while (ostree::has_stateroot(sysroot, reset_name(present, number))) ++number;
    return reset_name(present, number);
}

// A /var on a filesystem of its own would stay as it is, with all data of the former owner.
void check_var(const Sysroot& sysroot, const Deployment& base) {
    if (!base.booted) return;
    struct stat running {};
    struct stat own {};
    const std::string var = var_of(sysroot, base.id.stateroot);
    if (::stat("/var", &running) != 0 || ::stat(var.c_str(), &own) != 0) throw_errno("cannot read /var");
    if (running.st_dev == own.st_dev && running.st_ino == own.st_ino) return;
    throw Error(ErrorKind::refused, concat("/var is a filesystem of its own, not ", quoted(var)))
        .code("var_elsewhere")
        .hint("a reset could not replace its data: empty it by hand");
}

// Mount points in /var, as in the running system.
std::vector<std::string> mounts_in_var(const Sysroot& sysroot, const Deployment& base) {
    const std::string var = base.booted ? "/var" : var_of(sysroot, base.id.stateroot);
    std::vector<std::string> out;
    for (const std::string& point : mounts_below(read_mountinfo(), var))
        out.push_back(concat("/var", point.substr(var.size())));
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

std::string read_or_empty(const std::string& path) {
    constexpr std::size_t kMaxRead = 16UL * 1024 * 1024;
    try {
        return read_regular_file(AT_FDCWD, path, kMaxRead);
    } catch (const Error& error) {
        log_debug(error.message());
        return {};
    }
}

class ResetPlanner {
  public:
    ResetPlanner(const Sysroot& sysroot, const ResetOptions& options)
        : sysroot_(sysroot), options_(options), roles_(roles_of(sysroot)) {}

    ResetPlan run() {
        if (!roles_.current) {
            throw Error(ErrorKind::not_found, concat("nothing is deployed in ", quoted(sysroot_.path())));
        }
        check_not_on_trial(roles_);
        ResetPlan plan{.base = base(), .stateroot = {}};
        places_ = places_of(sysroot_, plan.base);
        check_var(sysroot_, plan.base);
        plan.stateroot = new_stateroot(sysroot_, plan.base.id.stateroot);
        kept_ = resolve_kept_paths(places_, options_.keep);
        state_ = open_installed_state(sysroot_);
        plan.has_record = state_.has_value();
        if (state_) plan.restored = list_installed(*state_);
        for (const Deployment& one : sysroot_.deployments()) {
            if (one.id.stateroot == plan.base.id.stateroot) plan.removed.push_back(one);
        }
        plan.left_alone = mounts_in_var(sysroot_, plan.base);
        plan.logins = logins();
        check_logins(plan);
        measure(plan);
        return plan;
    }

  private:
    // While a reset waits in a sysroot that is only mounted, its new system may be the default.
    Deployment base() const {
        if (!roles_.reset_waits) return *roles_.current;
        for (const Deployment& one : sysroot_.deployments()) {
            if (one.id.stateroot == roles_.reset->from) return one;
        }
        return *roles_.current;
    }

    std::string account_file(const FreshEtc& fresh, const std::string& name) const {
        const KeptPath path{.tree = KeptTree::etc, .below = name};
        if (is_kept(kept_, path)) return read_or_empty(place_of(places_, "etc/" + name));
        return read_planned(fresh, name);
    }

    // Looks where the fresh system gets the file from: kept, put back, or from the image.
    bool has_key(const std::string& home) const {
        const std::string path = resolve_system_path(places_, home + "/.ssh/authorized_keys");
        const std::string var = "var/";
        if (!path.starts_with(var)) return false;
        const KeptPath below{.tree = KeptTree::var, .below = path.substr(var.size())};
        if (is_kept(kept_, below)) return has_authorized_key(read_or_empty(place_of(places_, path)));
        if (state_) {
            const std::string record = concat("/proc/self/fd/", state_->var.get(), '/', below.below);
            if (has_authorized_key(read_or_empty(record))) return true;
        }
        return has_authorized_key(read_or_empty(concat(places_.root, '/', kFactoryVar, below.below)));
    }

    std::vector<std::string> logins() const {
        const FreshEtc fresh = plan_fresh_etc(places_.root, state_);
        return find_logins(account_file(fresh, "passwd"), account_file(fresh, "shadow"),
                           [&](const std::string& home) { return has_key(home); });
    }

    void check_logins(const ResetPlan& plan) const {
        if (!plan.logins.empty() || options_.allow_no_login) return;
        throw Error(ErrorKind::refused,
                    concat("nobody could log in to the fresh system: no user has a password or a key",
                           plan.has_record ? "" : ", and there is no record of how it was installed"))
            .code("no_login")
            .hint(
                "keep users with --keep (/etc/passwd, /etc/shadow, /etc/group and their homes), or accept "
                "this with --allow-no-login");
    }

    void measure(ResetPlan& plan) const {
        TreeSize need;
        const auto add = [&](const TreeSize& size) {
            need.bytes += size.bytes;
            need.inodes += size.inodes;
        };
        for (const KeptPath& path : kept_) {
            const std::string tree = path.tree == KeptTree::etc ? places_.root + "/etc" : places_.var;
            const Fd top = open_at(AT_FDCWD, tree, kOpenPlace);
            plan.kept.push_back({.path = path, .size = measure_tree(top.get(), path.below)});
            add(plan.kept.back().size);
        }
        if (state_) add(measure_tree(state_->var.get(), "."));
        check_room(need);
    }

    void check_room(const TreeSize& need) const {
        constexpr std::uint64_t kSpare = 16 * image::kMebibyte;
        constexpr std::uint64_t kSpareInodes = 256;
        const FreeSpace there = free_space(sysroot_.path_of("ostree/repo"));
        constexpr const char* kHint = "keep less, or free space with 'osb-oci cleanup --rollback'";
        if (there.bytes < need.bytes + kSpare) {
            throw Error(ErrorKind::no_space,
                        concat("the root filesystem has ", in_mib(there.bytes),
                               " left, and the reset requires ", in_mib(need.bytes + kSpare)))
                .hint(kHint);
        }
        if (there.files < need.inodes + kSpareInodes) {
            throw Error(ErrorKind::no_space,
                        concat("the root filesystem has ", there.files,
                               " inodes left, and the reset requires ", need.inodes + kSpareInodes))
                .hint(kHint);
        }
    }

    const Sysroot& sysroot_;
    const ResetOptions& options_;
    Roles roles_;
    SystemPlaces places_;
    std::vector<KeptPath> kept_;
    std::optional<InstalledState> state_;
};

void copy_kept(const ResetPlan& plan, KeptTree tree, int from, int to) {
    TreeCopier copier(from, to);
    for (const KeptData& kept : plan.kept) {
        if (kept.path.tree != tree) continue;
        with_context([&] { return concat("cannot carry over ", quoted(kept.path.text())); },
                     [&] { copier.copy(kept.path.below); });
    }
}

// What install-to-disk wrote comes first, and kept paths replace it.
void fill_var(const Sysroot& sysroot, const ResetPlan& plan) {
    const Fd var = open_at(AT_FDCWD, var_of(sysroot, plan.stateroot), kOpenPlace);
    if (const std::optional<InstalledState> state = open_installed_state(sysroot)) {
        TreeCopier copier(state->var.get(), var.get());
        for (const auto& [path, entry] : read_etc_tree(state->var.get(), EtcContent::unread)) {
            if (path.empty() || path.find('/') != std::string::npos) continue;
            copier.copy(path);
        }
    }
    const Fd old = open_at(AT_FDCWD, var_of(sysroot, plan.base.id.stateroot), kOpenPlace);
    copy_kept(plan, KeptTree::var, old.get(), var.get());
    const std::string stamp = kFactoryStamp;
    try {
        const EtcPosition position = find_position(var.get(), stamp);
        ostree::remove_tree(position.directory.get(), position.name);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) throw;
    }
    if (::syncfs(var.get()) != 0) throw_errno("cannot write the new /var to the disk");
}

void fill_etc(const Sysroot& sysroot, const ResetPlan& plan, const Deployment& made) {
    const std::string root = sysroot.path_of(made.id.path());
    const std::optional<InstalledState> state = open_installed_state(sysroot);
    if (state) {
        const FreshEtc fresh = plan_fresh_etc(root, state);
        for (const std::string& note : fresh.plan.notes) log_warning(note);
        replace_etc(open_at(AT_FDCWD, root, kOpenPlace).get(), fresh.plan, fresh.sources());
    }
    const Fd old = open_at(AT_FDCWD, sysroot.path_of(plan.base.id.path()) + "/etc", kOpenPlace);
    const Fd etc = open_at(AT_FDCWD, root + "/etc", kOpenPlace);
    copy_kept(plan, KeptTree::etc, old.get(), etc.get());
    if (::syncfs(etc.get()) != 0) throw_errno("cannot write the new /etc to the disk");
}

// The present arguments: they are known to start this machine. If two deployments have the same kernel and
// the same arguments, libostree changes their order without writing the boot entries again; these name the
// stateroot, and would be wrong. So the arguments must differ. The kernel ignores this one.
std::vector<std::string> arguments_for(const ResetPlan& plan) {
    constexpr std::string_view kResetArgument = "osb.reset=";
    std::vector<std::string> out = plan.base.kernel_options;
    std::erase_if(out, [&](const std::string& word) { return word.starts_with(kResetArgument); });
    out.push_back(concat(kResetArgument, reset_number(plan.stateroot)));
    return out;
}

// Removes what an earlier reset has left, so that there is one at a time. Returns true if there was one.
bool end_earlier(Sysroot& sysroot) {
    if (!read_reset(sysroot.path())) return false;
    settle_reset(sysroot, true);
    const std::optional<ResetRecord> record = read_reset(sysroot.path());
    if (record) cancel_reset(sysroot, *record);
    return true;
}

// Only a failure to remove the remains is reported here: the next run tries again.
void discard_new(const Sysroot& before) {
    try {
        Sysroot sysroot = Sysroot::open(before.path());
        settle_reset(sysroot, false);
    } catch (const std::exception& error) {
        log_warning(concat("cannot remove the remains of the reset: ", error.what()));
    }
}

void warn(const ResetPlan& plan) {
    if (!plan.has_record) {
        log_warning(
            "this system has no record of its installation: users, keys, the host name and other settings of "
            "'install-to-disk --config' are not put back");
    }
    for (const std::string& point : plan.left_alone)
        log_warning(concat(quoted(point), " is a filesystem of its own: its data stays as it is"));
    if (plan.logins.empty()) log_warning("nobody can log in to the fresh system");
}

}  // namespace

ResetPlan plan_reset(const Sysroot& sysroot, const ResetOptions& options) {
    if (::geteuid() != 0) throw Error(ErrorKind::refused, "only root may reset a system").code("not_root");
    return ResetPlanner(sysroot, options).run();
}

ResetOutcome factory_reset(Sysroot& sysroot, const ResetOptions& options) {
    // Before anything is changed.
    ResetPlan first = plan_reset(sysroot, options);
    // The removal of an earlier reset may change it.
    const bool is_changed = end_earlier(sysroot);
    ResetOutcome out{.plan = is_changed ? plan_reset(sysroot, options) : std::move(first),
                     .deployed = {.deployment = *roles_of(sysroot).current}};
    const ResetPlan& plan = out.plan;
    warn(plan);
    write_reset(sysroot.path(), {.from = plan.base.id.stateroot,
                                 .to = plan.stateroot,
                                 .is_tried = trial_support(sysroot).supported,
                                 .time = static_cast<std::int64_t>(std::time(nullptr))});
    try {
        ostree::make_stateroot(sysroot, plan.stateroot);
        fill_var(sysroot, plan);
        const ostree::NewDeployment next{
            .stateroot = plan.stateroot,
            .commit = plan.base.id.commit,
            .origin = image::Origin::parse(plan.base.origin).without_state().text(),
            .kernel_options = arguments_for(plan),
            .merge = std::nullopt};
        // Without an image: a failure says nothing about the commit, which is running.
        out.deployed = deploy_next(sysroot, next, TrialSubject{},
                                   [&](const Deployment& made) { fill_etc(sysroot, plan, made); });
    } catch (...) {
        discard_new(sysroot);
        throw;
    }
    return out;
}

}  // namespace osb::system
