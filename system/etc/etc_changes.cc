#include "system/etc/etc_changes.hh"

#include <sys/stat.h>

#include <map>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/fd.hh"
#include "system/etc/etc_apply.hh"
#include "system/etc/etc_directories.hh"

namespace osb::system {
namespace {

using ostree::EntryAspects;
using ostree::EntryChange;

std::string path_in_etc(const std::string& path) {
    return path.empty() ? "/etc" : concat("/etc/", path);
}

EntryAspects etc_aspects(const EtcEntry& image, const EtcEntry& local) {
    EntryAspects out;
    if (image.type != local.type) {
        out.type = true;
        return out;
    }
    out.content = image.size != local.size || image.digest != local.digest || image.device != local.device;
    out.target = image.target != local.target;
    out.mode = image.type != EtcType::symlink && image.mode != local.mode;
    out.owner = image.uid != local.uid || image.gid != local.gid;
    EtcEntry other = image;
    other.mode = local.mode;
    other.uid = local.uid;
    other.gid = local.gid;
    out.xattrs = !same_metadata(other, local);
    return out;
}

// Finds the fate of entries in a plan.
class FateFinder {
  public:
    explicit FateFinder(const EtcPlan& plan) : plan_(plan) {
        for (const auto& [path, step] : plan.result) {
            if (step.action == EtcAction::keep_as) renamed_.emplace(step.source, path);
        }
    }

    void set(EtcChange& change, const std::string& path) const {
        const auto renamed = renamed_.find(path);
        if (renamed != renamed_.end()) {
            change.fate = EtcFate::renamed;
            change.new_path = path_in_etc(renamed->second);
            return;
        }
        const auto found = plan_.result.find(path);
        const bool is_in_plan = found != plan_.result.end();
        if (change.change == EntryChange::removed) {
            change.fate = is_in_plan ? EtcFate::dropped : EtcFate::kept;
        } else if (is_in_plan && found->second.action == EtcAction::join) {
            change.fate = EtcFate::joined;
        } else {
            const bool is_kept = is_in_plan && found->second.action == EtcAction::local;
            change.fate = is_kept ? EtcFate::kept : EtcFate::dropped;
        }
    }

  private:
    const EtcPlan& plan_;
    std::map<std::string, std::string> renamed_;  // path in the result, by path in the machine's /etc
};

}  // namespace

EtcChanges compare_etc(const EtcSide& image, const EtcSide& local, const EtcSide& new_default) {
    EtcChanges out;
    EtcPlan plan = plan_merge(image, local, new_default);
    const FateFinder fates(plan);
    const auto add = [&](const std::string& path, EntryChange change, const EntryAspects& what) {
        EtcChange& added = out.changes.emplace_back(
            EtcChange{.path = path_in_etc(path), .change = change, .what = what, .new_path = {}});
        fates.set(added, path);
    };
    auto old = image.tree.begin();
    auto now = local.tree.begin();
    while (old != image.tree.end() || now != local.tree.end()) {
        if (now == local.tree.end() || (old != image.tree.end() && old->first < now->first)) {
            add((old++)->first, EntryChange::removed, {});
        } else if (old == image.tree.end() || now->first < old->first) {
            add((now++)->first, EntryChange::added, {});
        } else {
            const EntryAspects what = etc_aspects(old->second, now->second);
            if (what.any()) add(now->first, EntryChange::changed, what);
            ++old;
            ++now;
        }
    }
    out.notes = std::move(plan.notes);
    out.notes.insert(out.notes.end(), local.left_out.begin(), local.left_out.end());
    return out;
}

EtcChanges etc_changes(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment,
                       const std::optional<ostree::DeploymentId>& next) {
    // Files come and go in the /etc of a running system.
    constexpr int kTries = 5;
    for (int tries = 1;; ++tries) {
        try {
            const EtcSide image = read_etc_side(open_default_etc(sysroot, deployment).get());
            const EtcSide local = read_etc_side(open_etc(sysroot, deployment).get());
            if (!next) return compare_etc(image, local, image);
            return compare_etc(image, local, read_etc_side(open_default_etc(sysroot, *next).get()));
        } catch (Error& error) {
            if (error.kind() == ErrorKind::not_found && tries < kTries) continue;
            error.add_context(concat("cannot compare /etc of ", deployment.short_text()));
            throw;
        }
    }
}

}  // namespace osb::system
